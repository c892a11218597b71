"""Recipes in the documents, done word for word: the block of commands that follows a mark `<!-- NAME -->`."""

import contextlib
import io
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from trackfold import main

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Done:
    """What became of a recipe's lines, each by its place."""

    codes: list[int]
    outputs: list[str]


def run(document: str, mark: str, folder: Path) -> Done:
    """Do the recipe in this folder, up to the first line that fails; document: a path from the project's root."""
    (block,) = re.findall(rf"<!-- {mark} -->\n *```\n(.*?)```", (ROOT / document).read_text(), re.S)
    done = Done([], [])
    for line in block.strip().splitlines():
        ours, *words = shlex.split(line, comments=True)
        assert ours == "trackfold", line
        said = io.StringIO()
        with contextlib.chdir(folder), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            done.codes.append(main(words))
        done.outputs.append(said.getvalue())
        if done.codes[-1]:
            break
    return done
