"""What a schema may become without breaking anybody who reads its topic. Pure.

Allowed: a new field with a default, a new symbol of an enum, other words in `doc`. All else is said by the name of the
field. That is stricter than FULL_TRANSITIVE, to which the registry holds us: it lets pass what still decodes and means
something else or is lost, as a field that is gone, another default, or the mark `observed`, which decides on hashes.
"""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
RESTED_ON = ("default", "observed")
"""What a field says besides its type that others rest on."""


def breaks(old: Schema, new: Schema) -> list[str]:
    """Each change of a record's schema that readers or records already written do not survive, a line each."""
    return list(_record(old["name"], _whole(old), _whole(new)))


def additions(old: Schema, new: Schema) -> list[str]:
    """The names of new fields and symbols, as the list of changes has to name them."""
    before, after = set(_names(old["name"], _whole(old))), list(_names(new["name"], _whole(new)))
    return [name for name in after if name not in before]


def _whole(schema: Schema) -> Any:
    """With every named type written out where it is used: where it is defined first is of no account."""
    defined: dict[str, Any] = {}

    def walk(node: Any) -> Any:
        if isinstance(node, str):
            return defined.get(node, node)
        if isinstance(node, list):
            return [walk(one) for one in node]
        if node["type"] == "array":
            return node | {"items": walk(node["items"])}
        if node["type"] == "record":
            node = node | {"fields": [field | {"type": walk(field["type"])} for field in node["fields"]]}
        if "name" in node:
            defined[node["name"]] = node
        return node

    return walk(schema)


def _record(where: str, old: Schema, new: Schema) -> Iterator[str]:
    if old["name"] != new["name"]:
        yield f"{where}: renamed to {new['name']}; old readers look for the old name"
    before, after = ({field["name"]: field for field in schema["fields"]} for schema in (old, new))
    for name, field in after.items():
        if name not in before and "default" not in field:
            yield f"{where}.{name}: new and without a default; records that are there cannot be read any more"
    for name, field in before.items():
        if name not in after:
            yield f"{where}.{name}: gone; whoever reads it finds nothing, or a default that is not true"
        else:
            yield from _field(f"{where}.{name}", field, after[name])


def _field(where: str, old: Schema, new: Schema) -> Iterator[str]:
    for what in RESTED_ON:
        if what not in old and what not in new:
            continue
        if (what in old) != (what in new) or old[what] != new[what]:
            was, now = (repr(field[what]) if what in field else "not there" for field in (old, new))
            yield f"{where}: {what} was {was} and is {now}; records that are there change their meaning"
    yield from _type(where, old["type"], new["type"])


def _type(where: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for one, other in zip(old, new, strict=True):
            yield from _type(where, one, other)
    elif _kind(old) != _kind(new):
        yield f"{where}: was {_kind(old)} and is {_kind(new)}; add a field beside it instead"
    elif _kind(old) == "record":
        yield from _record(where, old, new)
    elif _kind(old) == "array":
        yield from _type(f"{where}[]", old["items"], new["items"])
    elif _kind(old) == "enum":
        if (old["name"], old["default"]) != (new["name"], new["default"]):
            yield f"{where}: the enum's name or default is another"
        for symbol in old["symbols"]:
            if symbol not in new["symbols"]:
                yield f"{where}: the symbol {symbol} is gone; records that have it read as {new['default']}"


def _kind(of: Any) -> str:
    if isinstance(of, list):
        return " or ".join(map(_kind, of))
    return str(of if isinstance(of, str) else of["type"])


def _names(where: str, of: Any) -> Iterator[str]:
    if isinstance(of, list):
        for one in of:
            yield from _names(where, one)
    elif isinstance(of, dict) and of["type"] == "record":
        for field in of["fields"]:
            yield f"{where}.{field['name']}"
            yield from _names(f"{where}.{field['name']}", field["type"])
    elif isinstance(of, dict) and of["type"] == "array":
        yield from _names(f"{where}[]", of["items"])
    elif isinstance(of, dict):
        yield from (f"{where}={symbol}" for symbol in of.get("symbols", ()))
