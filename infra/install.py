"""Makes the virtual environment that everything runs in; needs nothing but a Python.

usage: python infra/install.py VENV LOCK

Says in one line what is missing (Python version, venv module, disk, make's platform) before anything is downloaded.
The lock is installed whole, with hashes and without resolving, because two of the libraries ask for the GUI build of
OpenCV, which needs system libraries and overwrites the headless one.
"""

import hashlib
import importlib.util
import platform
import shutil
import subprocess
import sys
from pathlib import Path

GB = 1024**3
NEEDS_GB = {"full.lock": 9.0, "base.lock": 2.5}
DETECTOR_NOTE = " (the detector's PyTorch is most of it; DETECTOR=recorded does without)"


def problems(folder: Path, lock: Path) -> list[str]:
    """What keeps us from installing, a line each: what, where, what to do."""
    found = []
    if not (3, 11) <= sys.version_info[:2] < (3, 14):
        found.append(
            f"Python {platform.python_version()} at {sys.executable}: 3.11, 3.12 or 3.13 is needed; "
            "name one with `make PYTHON=python3.12 ...`"
        )
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        found.append(f"{sys.executable} cannot make virtual environments: install its venv package (python3-venv)")
    if platform.system() not in ("Linux", "Darwin"):
        found.append(f"{platform.system()} is not supported: use Linux, macOS 14 or later, or WSL2")
    if platform.system() == "Darwin" and platform.machine() != "arm64":
        found.append("macOS on Intel is not supported: some wheels exist for Apple silicon alone")
    if not lock.exists():
        found.append(f"{lock}: no such lock file; run this in the project's folder")
    elif not folder.exists():
        free, needed = shutil.disk_usage(folder.resolve().parent).free / GB, NEEDS_GB[lock.name]
        if free < needed:
            found.append(f"{free:.1f} GB free at {folder.resolve().parent}, {needed} GB are needed: make room")
    return found


def install(folder: Path, lock: Path) -> None:
    """Bring the environment up to the lock file; does nothing when it is."""
    stamp = folder / "installed"
    wanted = hashlib.sha256(lock.read_bytes() + Path("pyproject.toml").read_bytes()).hexdigest()
    had = stamp.read_text().split() if stamp.exists() else []
    # an environment made from the larger lock serves for the smaller one too
    if wanted in had:
        return
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"making the environment {folder}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    count = sum("==" in line for line in lock.read_text().splitlines())
    note = DETECTOR_NOTE if lock.name == "full.lock" else ""
    print(f"installing {count} packages from {lock}, about {NEEDS_GB[lock.name]} GB on disk{note}", flush=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--require-hashes", "-r", str(lock)], check=True)
    subprocess.run([*pip, "--no-build-isolation", "-e", "."], check=True)
    smaller = lock.with_name("base.lock")
    also = hashlib.sha256(smaller.read_bytes() + Path("pyproject.toml").read_bytes()).hexdigest()
    stamp.write_text(f"{wanted}\n{also}\n")


def main() -> int:
    """Exit code 2 when something is missing, 1 when the installation failed."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    folder, lock = Path(sys.argv[1]), Path(sys.argv[2])
    found = problems(folder, lock)
    for line in found:
        print(f"install: {line}", file=sys.stderr)
    if found:
        return 2
    try:
        install(folder, lock)
    except subprocess.CalledProcessError as error:
        print(f"install: `{' '.join(error.cmd[:6])} ...` failed; is there a network? (see above)", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("install: stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
