"""The pages of the benchmarks: what is linked is there, and what is measured is a program."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "benchmarks"


def links(page: Path) -> set[str]:
    """What the page links to, beside it."""
    return set(re.findall(r"\]\(([^)#]+)\)", page.read_text()))


def test_every_page_names_a_program_that_is_there() -> None:
    pages = [page for page in PAGES.glob("*.md") if page.name != "README.md"]
    assert pages
    for page in pages:
        assert f"Measured by `python -m tests.bench.{page.stem}" in page.read_text()
        assert (ROOT / "tests" / "bench" / f"{page.stem}.py").exists()


def test_what_a_page_links_to_is_there() -> None:
    for page in PAGES.glob("*.md"):
        assert {link for link in links(page) if not (PAGES / link).exists()} == set()


def test_every_picture_is_on_its_page() -> None:
    linked = {link for page in PAGES.glob("*.md") for link in links(page)}
    assert {picture.name for picture in PAGES.glob("*.png")} - linked == set()


def test_make_bench_runs_programs_that_are_there() -> None:
    found = re.search(r"^BENCHES = (.+)$", (ROOT / "Makefile").read_text(), re.M)
    assert found
    assert [name for name in found[1].split() if not (ROOT / "tests" / "bench" / f"{name}.py").exists()] == []
