"""The audit of the locks: what it finds, and that it never passes in silence."""

from pathlib import Path
from typing import Any

import pytest

from infra.audit import KNOWN_BAD, LOCK, audit, unpinned

ROOT = Path(__file__).parents[2]
GOOD = (
    "httpx==0.28.1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
    "attrs==25.4.0 ; python_version < '4' \\\n    --hash=sha256:cc\n"
)
FOUND = {"name": "requests", "version": "2.19.0", "vulns": [{"id": "PYSEC-2018-28", "fix_versions": ["2.20.0"]}]}
NOTHING = {"name": "httpx", "version": "0.28.1", "vulns": []}
UNKNOWN = {"name": "attrs", "skip_reason": "not found on PyPI"}


class Service:
    """Answers for the known bad version, and for the lock."""

    def __init__(self, *answers: dict[str, Any], works: bool = True) -> None:
        self.answers, self.works, self.asked = list(answers), works, 0

    def __call__(self, requirements: Path) -> list[dict[str, Any]]:
        self.asked += 1
        if requirements.read_text() == f"{KNOWN_BAD}\n":
            return [FOUND] if self.works else [{"name": "requests", "skip_reason": "not found on PyPI"}]
        return self.answers


def run(tmp_path: Path, service: Service, *, lock: str = GOOD, required: bool = False) -> tuple[int, str]:
    path, said = tmp_path / "a.lock", list[str]()
    path.write_text(lock)
    return audit(path, service, said.append, required=required), "\n".join(said)


def test_a_vulnerable_package_is_an_error_that_names_the_version_that_mends_it(tmp_path: Path) -> None:
    code, said = run(tmp_path, Service(NOTHING, FOUND))
    assert code == 1
    assert "requests 2.19.0: PYSEC-2018-28, mended in 2.20.0" in said


def test_a_clean_lock_passes_and_says_what_was_not_known(tmp_path: Path) -> None:
    code, said = run(tmp_path, Service(NOTHING, UNKNOWN))
    assert code == 0
    assert "1 packages audited, 0 vulnerabilities\nnot known to the service: attrs" in said


@pytest.mark.parametrize("required", [False, True])
def test_where_no_service_answers_it_says_so_and_asks_no_further(tmp_path: Path, required: bool) -> None:
    service = Service(NOTHING, works=False)
    code, said = run(tmp_path, service, required=required)
    assert code == int(required)
    assert said.startswith("NOT AUDITED: ")
    assert service.asked == 1


def test_a_requirement_without_version_or_hash_is_an_error(tmp_path: Path) -> None:
    assert unpinned(GOOD) == []
    assert unpinned("httpx==0.28.1\n" + GOOD) == ["httpx==0.28.1"]
    assert unpinned("--index-url https://mirror.example/simple\n" + GOOD) == ["--index-url"]
    assert unpinned("httpx>=0.28 \\\n    --hash=sha256:aa\n") == ["httpx>=0.28"]
    assert run(tmp_path, Service(), lock="httpx>=0.28\n")[0] == 1


def test_our_locks_are_pinned_by_version_and_hash() -> None:
    for lock in (LOCK.name, "base.lock"):
        assert unpinned((ROOT / "requirements" / lock).read_text()) == []
