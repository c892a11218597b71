"""Tables in Markdown, and the pictures that go with them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.evaluation.baselines import Baseline, measure
from tests.evaluation.clips import Clip, Kind
from tests.evaluation.pets import Row
from tests.evaluation.search import OURS, Result, Setting, total
from tests.evaluation.spans import interval
from tests.evaluation.timelines import draw

TIOU = 0.5
SENSITIVITY_HEAD = (
    "# What each threshold is worth",
    "",
    "Written by `make eval ONLY=thresholds DOCS=1`. Every number of `schemas/rules.py` is moved by a third, down / up,",
    "and the episodes of each set are found again. A cell is the change of F1 at temporal IoU 0.5 in hundredths; `~`:",
    "other spans, the same F1; empty: not one span changed; `–`: no valid rule.",
    "",
    "MEVA and the shops show what a third costs in common scenes. The situations (`tests/evaluation/situations`) are",
    "scripted by us, so that every threshold has scenes in which it matters, on either side of it: a big number there",
    "says that it does its work in such a scene, not how often shops have one.",
    "",
)


def tracking(rows: Sequence[Row]) -> Iterator[str]:
    """One line per tracker and detections."""
    yield "| tracker | detections from | MOTA | IDF1 | HOTA | switches | frames/s with detection |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        s = row.score
        yield (
            f"| {row.tracker} | {row.confidence} | {s.mota:.3f} | {s.idf1:.3f} | {s.hota:.3f} | {s.switches} "
            f"| {row.frames_per_s:.0f} |"
        )


def episodes(results: Mapping[str, Result]) -> Iterator[str]:
    """One line per rule and way of setting it, then F1 per clip, then the settings that were chosen."""
    yield "| rule | settings | F1 tIoU .3 | F1 tIoU .5 | 90 % interval | time-F1 | matched / found / labelled |"
    yield "|---|---|---|---|---|---|---|"
    for rule, result in results.items():
        for how, clips in (("published", result.published), ("searched", result.searched)):
            at = total(clips, TIOU)
            low, high = interval([scores[TIOU] for scores in clips.values()])
            yield (
                f"| {rule} | {how} | {total(clips, 0.3).f1:.3f} | **{at.f1:.3f}** | {low:.2f} to {high:.2f} "
                f"| {at.time_f1:.3f} | {at.matched} / {at.found} / {at.labelled} |"
            )
    yield ""
    yield "| clip, F1 tIoU .5 published / searched | " + " | ".join(results) + " |"
    yield "|---|" + "---|" * len(results)
    for name in next(iter(results.values())).published:
        cells = [f"{r.published[name][TIOU].f1:.2f} / {r.searched[name][TIOU].f1:.2f}" for r in results.values()]
        yield f"| {name} | " + " | ".join(cells) + " |"
    yield ""
    for rule, result in results.items():
        chosen = sorted({_words(setting) for setting in result.chosen.values()})
        yield f"- {rule}, chosen: {'; '.join(chosen)}"


def _words(setting: Setting) -> str:
    depth = f", depth x {setting.depth_times:g}" if setting.depth_times != 1 else ""
    if isinstance(setting, Baseline):
        unit = "m" if setting.measure == "metres" else "px"
        lasts = f" for {setting.lasts_s:g} s" if setting.lasts_s else ""
        return f"{setting.near:g} {unit}{lasts}, gaps to {setting.gap_s:g} s{depth}"
    return ", ".join(f"{n} {v:g}" for group in setting.changes.values() for n, v in group.items()) + depth


def draw_all(folder: Path, clips: Sequence[Clip], kind: Kind, least_s: float, results: Mapping[str, Result]) -> None:
    """One picture per clip: labels, our rules as published, every baseline as searched."""
    for clip in clips:
        measured = measure(clip)
        settings = {OURS: results[OURS].published_setting} | {
            rule: result.chosen[clip.name] for rule, result in results.items() if rule != OURS
        }
        found = {rule: setting.run(measured, least_s)[kind] for rule, setting in settings.items()}
        draw(folder / f"{clip.name}.png", f"{clip.name}: {kind}", clip.labelled[kind], found, TIOU)


def idle(names: Sequence[str]) -> str:
    """The thresholds that changed nothing."""
    return f"Not one span changed on any set: {', '.join(names) or 'none'}."
