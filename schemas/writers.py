"""Which writers' schemas we read: any evolution of ours, and none by which a few bytes fill the memory.

Measured with fastavro: a record of 900 kB whose schema contains itself ends the process (its C stack overflows), and
five bytes that are an array of nulls take all memory there is.
"""

from typing import Any

DEPTH_MAX = 16
NAMED = ("record", "enum", "fixed", "error")


class UnsafeSchema(ValueError):
    """Records of this schema are not read."""


def check(schema: Any) -> None:
    """Raise UnsafeSchema for a schema that contains itself, is nested too deeply, or repeats what takes no bytes."""
    _takes_bytes(schema, {}, (), 0)


def _takes_bytes(schema: Any, known: dict[str, bool], inside: tuple[str, ...], depth: int) -> bool:
    """Does every value of the schema take at least one byte? known: of the names defined so far."""
    if depth > DEPTH_MAX:
        raise UnsafeSchema(f"nested more than {DEPTH_MAX} deep")
    if isinstance(schema, list):
        for branch in schema:
            _takes_bytes(branch, known, inside, depth + 1)
        return True  # its index
    if isinstance(schema, str):
        if schema in inside:
            raise UnsafeSchema(f"{schema} contains itself")
        return known.get(schema, schema != "null")
    kind = schema["type"]
    if isinstance(kind, dict | list):
        return _takes_bytes(kind, known, inside, depth + 1)
    if kind in ("array", "map"):
        items = schema["items" if kind == "array" else "values"]
        if not _takes_bytes(items, known, inside, depth + 1) and kind == "array":
            raise UnsafeSchema("an array of what takes no bytes")
        return True
    if kind not in NAMED:
        return _takes_bytes(kind, known, inside, depth + 1)
    names = {schema["name"], schema["name"].rpartition(".")[2]}
    if "namespace" in schema:
        names.add(f"{schema['namespace']}.{schema['name']}")
    takes = kind == "enum" or (kind == "fixed" and bool(schema["size"]))
    if kind in ("record", "error"):
        fields = [_takes_bytes(f["type"], known, (*inside, *names), depth + 1) for f in schema["fields"]]
        takes = any(fields)
    known.update(dict.fromkeys(names, takes))
    return takes
