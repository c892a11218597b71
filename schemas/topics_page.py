"""The part of docs/topics.md that follows from the catalogue: the table, and each topic's rules with an example record.

python -m schemas.topics_page      write it anew; what stands outside the two marks is written by hand
"""

import json
from pathlib import Path
from typing import Any

import msgspec

from schemas.hashing import canonical, hash_of
from schemas.records import CustomerVisit
from schemas.topics import CUSTOMER_VISITS, DAY_MS, PUBLIC, Topic

FILE = Path(__file__).parents[1] / "docs" / "topics.md"
EXAMPLES = Path(__file__).with_name("examples.json")
"""One record of each topic, as JSON, nulls left out. Ids and hashes are a demo's."""
BEGIN, END = "<!-- made by schemas/topics_page.py -->", "<!-- until here -->"
VECTOR = ("<!-- made by schemas/topics_page.py: a vector -->", "<!-- until here: a vector -->")
ORDERED = (("facet_revision",), ("activation", "revision"))
"""Fields that tell which of several records about one thing is the newest."""
WIDTH = 118


def examples() -> dict[str, dict[str, Any]]:
    """Topic -> record, with the hash of its content where it has one, nulls left out."""
    kept: dict[str, dict[str, Any]] = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return {topic.name: _sealed(topic, kept[topic.name]) for topic in PUBLIC}


def _sealed(topic: Topic, record: dict[str, Any]) -> dict[str, Any]:
    if "hash" not in record:
        return record
    assert topic.value is not None
    return record | {"hash": hash_of(msgspec.convert(record, topic.value))}


def text() -> str:
    """The whole page as it has to be now."""
    page = _between(FILE.read_text(encoding="utf-8"), BEGIN, END, f"{_table()}\n{_sections()}")
    return _between(page, *VECTOR, _vector())


def _between(page: str, begin: str, end: str, made: str) -> str:
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{made}{end}{after}"


def _vector() -> str:
    record = msgspec.convert(examples()[CUSTOMER_VISITS.name], CustomerVisit)
    body = canonical(record).decode()
    lines = [body[n : n + WIDTH] for n in range(0, len(body), WIDTH)]
    return (
        f"To try yours on, the example of `{CUSTOMER_VISITS.name}` below, here in lines that it does not have, and\n"
        f"its hash `{record.hash}`:\n\n```\n" + "\n".join(lines) + "\n```\n"
    )


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
    rules = f"Same {_named(topic.identity)}: a repetition."
    newest = next((fields for fields in ORDERED if set(fields) <= set(topic.identity)), None)
    if newest is not None:
        about = tuple(name for name in topic.identity if name not in newest)
        which = newest[0] if len(newest) == 1 else f"({', '.join(newest)})"
        rules += f" Same {_named(about)} and a higher `{which}`: it replaces the lower one."
    return (
        f"### {topic.name}\n\n{topic.why} Key `{topic.key}`, {topic.partitions} partitions, in order per key, kept "
        f"{_kept(topic)}; `schemas/avro/{file}.avsc`.\n{rules}\n\n```json\n{_wrapped(record)}\n```\n\n"
    )


def _named(fields: tuple[str, ...]) -> str:
    names = [f"`{name}`" for name in fields]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


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
