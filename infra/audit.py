"""`make lint` asks whether a known vulnerability is in the locks: python -m infra.audit

pip-audit takes a service that knows no package for one that knows of no fault. So it is first asked for a version that
is known to be vulnerable; where it does not say so, nothing is audited, and that is said.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

LOCK = Path("requirements/full.lock")
"""base.lock has the same versions, fewer of them."""
KNOWN_BAD = "requests==2.19.0"
"""PYSEC-2018-28, of 2018: whoever does not know this one knows nothing."""
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")
Ask = Callable[[Path], list[dict[str, Any]]]
"""A requirements file -> pip-audit's word on each package."""


def unpinned(lock: str) -> list[str]:
    """Requirements of a lock without an exact version or a hash, and addresses of an index."""
    logical = [" ".join(block.split("\\\n")) for block in re.split(r"\n(?=\S)", lock.strip())]
    bad = [line for line in logical if not PINNED.match(line) or " --hash=sha256:" not in re.sub(r"\s+", " ", line)]
    return [line.split(" ")[0] for line in bad if not line.startswith("#")]


def vulnerable(answers: Sequence[dict[str, Any]]) -> list[str]:
    """name version: ids and the versions that mend it."""
    return [
        f"{one['name']} {one['version']}: {vuln['id']}, mended in {', '.join(vuln['fix_versions']) or 'no version yet'}"
        for one in answers
        for vuln in one.get("vulns", ())
    ]


def audit(lock: Path, ask: Ask, say: Callable[[str], None], *, required: bool) -> int:
    """Exit code: 1 when something is vulnerable or not pinned, or when nobody could be asked and that is required."""
    if bad := unpinned(lock.read_text(encoding="utf-8")):
        say(f"{lock}: not pinned by version and hash: {', '.join(bad[:10])}; run `make lock`")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        bait = Path(folder) / "known-bad.txt"
        bait.write_text(f"{KNOWN_BAD}\n", encoding="utf-8")
        if not vulnerable(ask(bait)):
            say(
                f"NOT AUDITED: no vulnerability service answers here ({KNOWN_BAD} is not known to it as vulnerable). "
                f"{lock} is pinned by version and hash; whether something in it is vulnerable was not asked. "
                "TRACKFOLD_AUDIT=required makes this an error."
            )
            return 1 if required else 0
    answers = ask(lock)
    skipped = [one["name"] for one in answers if "skip_reason" in one]
    found = vulnerable(answers)
    say(f"{lock}: {len(answers) - len(skipped)} packages audited, {len(found)} vulnerabilities")
    if skipped:
        say(f"not known to the service: {', '.join(skipped)}")
    for line in found:
        say(f"  {line}")
    return 1 if found else 0


def pip_audit(requirements: Path) -> list[dict[str, Any]]:
    """Ask; empty when no service is reached."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(requirements), "--no-deps", "--disable-pip"]
    words = ["--format", "json", "--progress-spinner", "off", "--timeout", "10"]
    done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=600, check=False)
    try:
        answers: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
        return answers
    except (ValueError, LookupError):
        return []


if __name__ == "__main__":
    sys.exit(audit(LOCK, pip_audit, print, required=os.environ.get("TRACKFOLD_AUDIT") == "required"))
