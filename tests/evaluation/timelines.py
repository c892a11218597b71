"""Pictures: what is labelled in a clip and, below it, what each rule found."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.evaluation.spans import Span, matches

LABELLED, HIT, MADE_UP, MISSED = "#5b6770", "#2f8f5b", "#d1495b", "#e9b44c"
ROW_INCH = 0.34


def draw(path: Path, title: str, labelled: Sequence[Span], found: Mapping[str, Sequence[Span]], tiou: float) -> None:
    """One row per group of people: the labels (dark: found by the first rule, yellow: missed by it), below them each
    rule's spans (green: matched at tiou, red: not)."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    groups = sorted(
        {span.people for spans in (labelled, *found.values()) for span in spans},
        key=lambda people: min(s.start for spans in (labelled, *found.values()) for s in spans if s.people == people),
    )
    figure, axes = plt.subplots(figsize=(11, 1.3 + ROW_INCH * max(1, len(groups))), layout="constrained")
    lane = 0.8 / (len(found) + 1)

    def bar(span: Span, level: int, colour: str) -> None:
        axes.barh(
            groups.index(span.people) - 0.4 + lane * (level + 0.5),
            (span.end - span.start) / 1000,
            left=span.start / 1000,
            height=lane * 0.9,
            color=colour,
        )

    first = next(iter(found.values()))
    hit = {j for _, j in matches(first, labelled, tiou)}
    for j, span in enumerate(labelled):
        bar(span, 0, LABELLED if j in hit else MISSED)
    for level, spans in enumerate(found.values(), 1):
        matched = {i for i, _ in matches(spans, labelled, tiou)}
        for i, span in enumerate(spans):
            bar(span, level, HIT if i in matched else MADE_UP)
    axes.set_yticks(range(len(groups)), [" + ".join(people) for people in groups])
    axes.set_ylim(max(1, len(groups)) - 0.5, -0.5)
    axes.set_xlabel("seconds")
    axes.set_title(f"{title}\nfrom the top of each row: labels, {', '.join(found)}", fontsize=9)
    axes.grid(axis="x", alpha=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    plt.close(figure)
