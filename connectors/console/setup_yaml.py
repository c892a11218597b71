"""A site file's text with one camera drawn anew: everything else stays as somebody wrote it (pure)."""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString
from ruamel.yaml.util import load_yaml_guess_indent

from connectors.console.setup import KEYS, Drawing
from schemas.errors import InputError
from schemas.site import plain_data

WIDTH = 110
INLINE = {"polygon", "counter_line", "staff_area", "customer_strip", "pixel", "floor_m", "lens_m"}
"""Lists of numbers, written in one line as a person does."""


class CannotRewrite(InputError):
    """The file is written in a way that the console cannot change without touching other parts of it."""


def redrawn(text: str, camera_id: str, before: Drawing, after: Drawing, paths_from: str) -> str:
    """The text with the drawing `after` for that camera; `before` is what it says now, and what is the same stays.

    paths_from: the folder that its relative paths start from, noted where it says none. Raises CannotRewrite.
    """
    tool = _tool(text)
    try:
        data = tool.load(text)
    except YAMLError as error:
        raise CannotRewrite(f"the site file cannot be read for rewriting: {error}") from error
    ids = [entry["camera_id"] for entry in plain_data(text)["cameras"]]  # as our reader has them: 0o7 is a name to it
    camera = data["cameras"][ids.index(camera_id)]
    old, new = before.plain(), after.plain()
    for key in KEYS:
        if old.get(key) == new.get(key):
            continue
        if new.get(key):
            camera[key] = _merged(camera.get(key), old.get(key), new[key], key)
        else:
            camera.pop(key, None)
            if key in camera:  # it comes from a `<<` as well
                camera[key] = None if key == "floor" else CommentedSeq()
    if not data.get("paths_from"):
        data.insert(0, "paths_from", _text(paths_from))
    out = io.StringIO()
    tool.dump(data, out)
    _check(text, out.getvalue(), camera_id, after, paths_from)
    return out.getvalue()


def _tool(text: str) -> YAML:
    tool = YAML()
    tool.preserve_quotes = True
    tool.width = WIDTH
    sequence, offset = load_yaml_guess_indent(text)[1:]
    first = re.search(r"^[\w-]+:[ \t]*(?:#.*)?\n( +)[^\s#-]", text, re.MULTILINE)
    if sequence is not None:
        tool.indent(mapping=len(first[1]) if first else 2, sequence=sequence, offset=offset or 0)
    return tool


def _merged(there: Any, old: Any, new: Any, key: str) -> Any:
    """New values as YAML; of a list, an entry that says the same is left as it was written, with its comments."""
    if isinstance(new, list) and isinstance(there, CommentedSeq) and isinstance(old, list) and len(there) == len(old):
        written = list(zip(old, there, strict=True))
        kept = CommentedSeq()
        for value in new:
            place = next((n for n, (said, _) in enumerate(written) if said == value), None)
            kept.append(_yaml(value, key) if place is None else written.pop(place)[1])
        return kept
    if isinstance(new, Mapping) and isinstance(there, CommentedMap) and isinstance(old, Mapping):
        for name in list(there):
            if name not in new:
                del there[name]
        for name, value in new.items():
            if old.get(name) != value:
                there[name] = _merged(there.get(name), old.get(name), value, name)
        return there
    return _yaml(new, key)


def _yaml(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        made = CommentedMap()
        for name, inner in value.items():
            if inner != "":
                made[name] = _yaml(inner, name)
        if set(value) == {"pixel", "floor_m"}:
            made.fa.set_flow_style()
        return made
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = CommentedSeq([_yaml(inner, key) for inner in value])
        if key in INLINE or _is_area(value):
            items.fa.set_flow_style()
        return items
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return _text(value) if isinstance(value, str) else value


def _is_area(value: Sequence[Any]) -> bool:
    return bool(value) and all(isinstance(p, Sequence) and not isinstance(p, str) and len(p) == 2 for p in value)


def _text(value: str) -> str:
    """Quoted where our reader would take the plain word for something else (on, 12, a: b)."""
    try:
        plain = yaml.safe_load(value) == value and yaml.safe_load(f"[{value}]") == [value]
    except yaml.YAMLError:
        plain = False
    return value if plain else DoubleQuotedScalarString(value)


def _check(before: str, after: str, camera_id: str, drawing: Drawing, paths_from: str) -> None:
    """Nothing else may have changed its meaning, whatever the file looks like. Raises CannotRewrite."""
    was, now = plain_data(before), plain_data(after)
    was.setdefault("paths_from", paths_from)
    was["paths_from"] = was["paths_from"] or paths_from
    for data in (was, now):
        data["cameras"] = [
            {key: value for key, value in camera.items() if key not in KEYS}
            if camera["camera_id"] == camera_id
            else camera
            for camera in data["cameras"]
        ]
    if was != now:
        raise CannotRewrite(
            "the site file could not be rewritten without changing other parts of it; is something in it written once "
            "and used in several places (& and *)? Write it out for this camera, then save again"
        )
