"""The part of docs/topics.md that follows from the catalogue: the table, and each topic's rules with an example record.

python -m schemas.topics_page      write it anew; what stands outside the two marks is written by hand
"""

import json
from pathlib import Path
from typing import Any

from schemas.topics import DAY_MS, PUBLIC, Topic

FILE = Path(__file__).parents[1] / "docs" / "topics.md"
EXAMPLES = Path(__file__).with_name("examples.json")
"""One record of each topic, as JSON, nulls left out. Ids and hashes are a demo's."""
BEGIN, END = "<!-- made by schemas/topics_page.py -->", "<!-- until here -->"
REVISIONS = {
    "facet_revision": "the highest `facet_revision` is what counts",
    "revision": "the highest `(activation, revision)` is what counts",
}
WIDTH = 118


def examples() -> dict[str, dict[str, Any]]:
    """Topic -> record."""
    found: dict[str, dict[str, Any]] = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return found


def text() -> str:
    """The whole page as it has to be now."""
    page = FILE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{_table()}\n{_sections()}{END}{after}"


def _table() -> str:
    rows = ["| topic | key | record | kept | what it says |", "|---|---|---|---|---|"]
    for topic in PUBLIC:
        assert topic.value is not None
        rows.append(f"| `{topic.name}` | {topic.key} | {topic.value.__name__} | {_kept(topic)} | {topic.why} |")
    return "\n".join(rows) + "\n"


def _sections() -> str:
    shown = examples()
    return "".join(_section(topic, shown[topic.name]) for topic in PUBLIC)


def _section(topic: Topic, record: dict[str, Any]) -> str:
    assert topic.value is not None
    file = "_".join(_words(topic.value.__name__))
    same = ", ".join(f"`{name}`" for name in topic.identity)
    newest = next((said for field, said in REVISIONS.items() if field in topic.identity), None)
    rules = f"Repeated when {same} {'is' if len(topic.identity) == 1 else 'are'} the same"
    rules += f"; of those that differ in nothing else {newest}." if newest else "."
    return (
        f"### {topic.name}\n\n{topic.why} Key `{topic.key}`, {topic.partitions} partitions, in order per key, kept "
        f"{_kept(topic)}; `schemas/avro/{file}.avsc`.\n{rules}\n\n```json\n{_wrapped(record)}\n```\n\n"
    )


def _kept(topic: Topic) -> str:
    return "for ever, compacted" if topic.compacted else f"{(topic.retention_ms or 0) // DAY_MS} days"


def _words(name: str) -> list[str]:
    found: list[str] = []
    for letter in name:
        if letter.isupper():
            found.append("")
        found[-1] += letter.lower()
    return found


def _wrapped(record: dict[str, Any]) -> str:
    """Fields side by side, as many as there is room for."""
    lines = ["{"]
    for number, (name, value) in enumerate(record.items()):
        end = "," if number + 1 < len(record) else "}"
        part = f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}{end}"
        if len(lines[-1]) > 1 and len(lines[-1]) + 1 + len(part) > WIDTH:
            lines.append("")
        lines[-1] += part if lines[-1] in ("", "{") else f" {part}"
    return "\n".join(lines)


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
