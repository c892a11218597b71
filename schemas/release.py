"""The schemas of each release, as others have them: schemas/released/<version>.json, record name -> schema.

    python -m schemas.release          keep today's as those of this version

A version that is kept is never written again: what is out is out. Between releases schemas grow as
schemas/compatibility.py allows, and docs/schema-changes.md names what is new.
"""

import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from schemas.avro import schema_of
from schemas.compatibility import Schema, additions, breaks
from schemas.topics import PUBLIC

FOLDER = Path(__file__).parent / "released"


def current() -> dict[str, Schema]:
    """Record name -> schema, of everything that is on a public topic."""
    records = {topic.value for topic in PUBLIC if topic.value is not None}
    return {record.__name__: schema_of(record) for record in sorted(records, key=lambda record: record.__name__)}


def released() -> dict[str, dict[str, Schema]]:
    """Version -> its schemas, oldest first."""
    files = sorted(FOLDER.glob("*.json"), key=lambda file: [int(part) for part in file.stem.split(".")])
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def broken(now: dict[str, Schema]) -> Iterator[str]:
    """What those of any release would not survive, a line each."""
    for name, schemas in released().items():
        for record, old in schemas.items():
            if record not in now:
                yield f"since {name}: {record} is gone; its topic is still read"
            else:
                yield from (f"since {name}: {line}" for line in breaks(old, now[record]))


def new(now: dict[str, Schema]) -> Iterator[str]:
    """Names of records, fields and symbols that the newest release does not have."""
    newest = list(released().values())[-1]
    for record, schema in now.items():
        yield from additions(newest[record], schema) if record in newest else [record]


def main() -> int:
    """0: kept; 1: not."""
    name, now = version("trackfold"), current()
    target = FOLDER / f"{name}.json"
    if target.exists():
        print(f"{target} is kept already: give the project its next version first")
        return 1
    if wrong := list(broken(now)):
        print("\n".join(wrong))
        return 1
    target.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    print(f"kept {len(now)} schemas in {target}; now head the changes in docs/schema-changes.md with {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
