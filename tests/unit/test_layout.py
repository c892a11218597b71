"""Imports go downward only: command line -> shells -> infra -> pure files -> schemas."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "infra", "inference", "streams", "connectors")
SHELLS_OF_STREAMS = {
    "app",
    "diff_options",
    "diff_picture",
    "figures",
    "folding",
    "history",
    "joining",
    "outbox",
    "published",
    "replay",
    "reread",
    "runtime",
    "store",
    "watchdog",
}
CLOCKS_AND_IO = {"time", "random", "socket", "logging", "requests", "httpx", "boto3", "confluent_kafka", "faust", "os"}


OVER_OTHERS = ("audit", "promote", "console", "erase", "retention")
"""Folders that look at, or act on, what several connectors did."""


def modules() -> dict[str, Path]:
    """Dotted name -> file of every module of ours."""
    found = {"trackfold": ROOT / "trackfold.py"}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[dotted] = path
    return found


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def is_pure(name: str) -> bool:
    """The rules of streams and the plans of the connectors decide; everything else there does."""
    parts = name.split(".")
    if parts[0] == "streams":
        return len(parts) > 1 and parts[1] not in SHELLS_OF_STREAMS
    return parts[0] == "connectors" and parts[-1] == "plan"


def ours(names: set[str]) -> set[str]:
    return {name for name in names if name.split(".")[0] in (*PACKAGES, "trackfold")}


def test_there_is_something_to_check() -> None:
    assert len(modules()) > 40
    assert sum(is_pure(name) for name in modules()) > 10


def test_schemas_import_nothing_of_ours_but_schemas() -> None:
    for name, path in modules().items():
        if name.startswith("schemas"):
            assert {n for n in ours(imports(path)) if not n.startswith("schemas")} == set(), name


def test_infra_imports_no_shell() -> None:
    for name, path in modules().items():
        if name.startswith("infra"):
            above = {n for n in ours(imports(path)) if n.split(".")[0] not in ("infra", "schemas")}
            assert above == set(), name


def test_inference_streams_and_connectors_meet_at_topics_alone() -> None:
    rooms = ("inference", "streams", "connectors")
    for name, path in modules().items():
        room = name.split(".")[0]
        if room in rooms:
            others = {n for n in ours(imports(path)) if n.split(".")[0] in set(rooms) - {room}}
            assert others == set(), name


def test_a_connector_imports_no_other_connectors_folder() -> None:
    for name, path in modules().items():
        parts = name.split(".")
        if (
            parts[0] == "connectors"
            and len(parts) > 2
            and parts[1] not in ("audit", "promote", "console", "erase", "retention")
        ):
            for other in ours(imports(path)):
                there = other.split(".")
                if there[0] == "connectors" and len(there) > 2 and (ROOT / "connectors" / there[1]).is_dir():
                    assert there[1] == parts[1], f"{name} imports {other}"


def test_pure_files_import_only_pure_files_and_schemas_and_no_clock_or_io() -> None:
    for name, path in modules().items():
        if is_pure(name):
            for other in imports(path):
                root = other.split(".")[0]
                assert root not in CLOCKS_AND_IO, f"{name} imports {other}"
                if root in (*PACKAGES, "trackfold") and root != "schemas":
                    assert is_pure(other) or other in ("streams", "connectors") or _is_a_name_in_a_pure_file(other), (
                        f"{name} imports {other}"
                    )


def _is_a_name_in_a_pure_file(dotted: str) -> bool:
    return dotted not in modules() and is_pure(dotted.rpartition(".")[0])


def test_only_the_command_line_imports_everything() -> None:
    for name, path in modules().items():
        if name != "trackfold":
            assert "trackfold" not in {n.split(".")[0] for n in imports(path)}, name


def test_files_stay_small() -> None:
    long = {name: n for name, path in modules().items() if (n := len(path.read_text().splitlines())) > 330}
    assert {name for name in long if name != "schemas.records"} == set(), long
