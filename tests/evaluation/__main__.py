"""How right the episodes are: tracking, episodes beside three baselines, and what each threshold is worth.

    make eval                     everything, from kept detections where there are some
    make eval REDO=1              detect, film and track again
    make eval ONLY=meva,pets      parts of it: pets, meva, shops, films, thresholds

Prints tables, and writes them with pictures of every clip's timeline to var/eval. Labels and footage are found through
TRACKFOLD_TESTDATA (default ../shared); what is missing there is left out and said so.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.evaluation import films, meva, pets, rendered, sensitivity, situations, tables
from tests.evaluation.clips import Clip, Kind, degraded
from tests.evaluation.search import compare
from tests.evaluation.sensitivity import Set

PARTS = ("pets", "meva", "shops", "films", "thresholds")
TALKS: tuple[Kind, ...] = ("interaction",)
EVERYTHING: tuple[Kind, ...] = ("interaction", "unattended")
TALK_LEAST_S, SERVICE_LEAST_S = 5.0, 15.0
"""Started talks of MEVA count from 5 s on, interactions in a shop from when they are confirmed."""
CONFIRMED_S = 0.0
"""Where what is confirmed is all that counts: a threshold that is moved may make it shorter."""
SHOP_SEEDS, DEGRADED_SEEDS = range(900, 908), (1, 2, 3)
FILM_SEEDS = SHOP_SEEDS
SWEPT_SEEDS = SHOP_SEEDS[:3]
"""These shops serve to move thresholds."""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="make eval", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between them")
    parser.add_argument("--redo", action="store_true", help="detect, film and track again")
    parser.add_argument("--out", type=Path, default=Path("var/eval"), help="folder for tables and pictures")
    parser.add_argument("--docs", action="store_true", help="also write docs/sensitivity.md")
    args = parser.parse_args()
    wanted = args.only.split(",")
    if unknown := set(wanted) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    data = Path(os.environ.get("TRACKFOLD_TESTDATA", "../shared"))
    args.out.mkdir(parents=True, exist_ok=True)
    evaluation = Evaluation(args.out, data, redo=args.redo)
    for part in PARTS:
        if part in wanted:
            getattr(evaluation, part)()
    if args.docs and "thresholds" in wanted:
        Path("docs/sensitivity.md").write_text((args.out / "sensitivity.md").read_text())
    evaluation.close()
    return 0


class Evaluation:
    """One run: its parts, and where their tables go."""

    def __init__(self, out: Path, data: Path, *, redo: bool) -> None:
        self._out, self._data, self._redo, self._began = out, data, redo, time.monotonic()
        self._lines: list[str] = []
        self._meva: list[Clip] | None = None
        self._shops: list[Clip] | None = None

    def close(self) -> None:
        """Keep the tables."""
        (self._out / "report.md").write_text("\n".join(self._lines) + "\n")
        self._say(f"tables and pictures: {self._out}")

    def pets(self) -> None:
        """Tracking."""
        if self._there(self._data / "footage" / "vtest.avi", "pets"):
            rows = pets.rows(self._data, self._out / "kept" / "vtest.json", redo=self._redo, say=self._say)
            self._print("Tracking: vtest.avi at 10 frames/s, PETS2009 S2.L1", tables.tracking(rows))

    def meva(self) -> None:
        """Talks between any two people."""
        if self._there(self._data / "groundtruth" / "meva", "meva"):
            clips = self._meva_clips()
            self._compare("MEVA, labelled boxes", clips, TALKS, TALK_LEAST_S, len(clips), pictures=True)
            self._compare("MEVA, degraded boxes", _worse(clips), TALKS, TALK_LEAST_S, len(clips))

    def shops(self) -> None:
        """The shops from true boxes."""
        clips = self._shop_clips()
        self._compare("Shops, true boxes", clips, EVERYTHING, SERVICE_LEAST_S, 2, pictures=True)
        self._compare("Shops, degraded boxes", [degraded(clip, 1) for clip in clips], EVERYTHING, SERVICE_LEAST_S, 2)

    def films(self) -> None:
        """The shops from their films."""
        clips = films.film_clips(FILM_SEEDS, self._out / "kept", redo=self._redo, say=self._say)
        self._compare("Shops, detections on film", clips, EVERYTHING, SERVICE_LEAST_S, 2, pictures=True)

    def thresholds(self) -> None:
        """Every number moved by a third."""
        sets: dict[str, Set] = {}
        if self._there(self._data / "groundtruth" / "meva", "meva"):
            sets["MEVA"] = (self._meva_clips(), TALKS, TALK_LEAST_S)
        shops = rendered.true_clips(SWEPT_SEEDS, self._out / "kept", self._say)
        sets["shops degraded"] = ([degraded(clip, DEGRADED_SEEDS[0]) for clip in shops], EVERYTHING, CONFIRMED_S)
        sets["situations"] = (situations.clips(), situations.KINDS, CONFIRMED_S)
        self._say("moving every threshold by a third")
        base, moved = sensitivity.sweep(sets)
        self._say("moved")
        lines = list(sensitivity.markdown(base, moved))
        idle = sensitivity.idle(base, moved)
        (self._out / "sensitivity.md").write_text(
            "\n".join([*tables.SENSITIVITY_HEAD, *lines, "", tables.idle(idle), ""])
        )
        self._print("Thresholds moved by a third: change of F1 in hundredths", [*lines, "", tables.idle(idle)])

    def _compare(self, title: str, clips: Sequence[Clip], kinds: Sequence[Kind], least_s: float, folds: int,
                 *, pictures: bool = False) -> None:  # fmt: skip
        began = time.monotonic()
        for kind, results in compare(clips, kinds, least_s, folds).items():
            self._print(f"{title}: {kind}", tables.episodes(results))
            if pictures:
                folder = self._out / "timelines" / f"{title}-{kind}".lower().replace(", ", "-").replace(" ", "-")
                tables.draw_all(folder, clips, kind, least_s, results)
        self._say(f"{title}: {time.monotonic() - began:.0f} s")

    def _meva_clips(self) -> list[Clip]:
        self._meva = self._meva or meva.load(self._data / "groundtruth" / "meva")
        return self._meva

    def _shop_clips(self) -> list[Clip]:
        self._shops = self._shops or rendered.true_clips(SHOP_SEEDS, self._out / "kept", self._say)
        return self._shops

    def _there(self, path: Path, part: str) -> bool:
        if not path.exists():
            self._print(
                f"{part}: left out", [f"no {path}; set TRACKFOLD_TESTDATA to the folder with footage and labels"]
            )
        return path.exists()

    def _print(self, title: str, lines: Sequence[str] | Iterator[str]) -> None:
        block = ["", f"## {title}", "", *lines]
        self._lines += block
        print("\n".join(block), flush=True)

    def _say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._began:4.0f} s] {text}", file=sys.stderr, flush=True)


def _worse(clips: Sequence[Clip]) -> list[Clip]:
    """Every clip degraded by every seed, a clip's seeds beside one another."""
    return [degraded(clip, seed) for clip in clips for seed in DEGRADED_SEEDS]


if __name__ == "__main__":
    sys.exit(main())
