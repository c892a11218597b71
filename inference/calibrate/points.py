"""Measured points from a file."""

import re

from schemas.errors import InputError
from schemas.floor_quality import Measured


def read_points(text: str, name: str) -> list[Measured]:
    """Four numbers a line: pixel x, pixel y, metres x, metres y; blanks, commas, tabs between; # begins a comment.

    Raises InputError, which names the line.
    """
    points: list[Measured] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = re.split(r"[\s,;]+", line.partition("#")[0].strip(" \t,;"))
        if words == [""]:
            continue
        try:
            x, y, x_m, y_m = (float(word) for word in words)
        except ValueError:
            raise InputError(
                f"{name}:{number}: {line.strip()!r} is not four numbers: pixel x, pixel y, metres x, metres y"
            ) from None
        points.append(((x, y), (x_m, y_m)))
    return points
