"""The hand-labelled talks, in short: what the published settings find."""

import os
from pathlib import Path

import pytest

from tests.evaluation import meva
from tests.evaluation.baselines import Baseline, measure
from tests.evaluation.ours import Fold
from tests.evaluation.spans import Tally, tally

LABELS = Path(os.environ.get("TRACKFOLD_TESTDATA", "../shared")) / "groundtruth" / "meva"


@pytest.mark.skipif(not LABELS.exists(), reason=f"no labels at {LABELS} (TRACKFOLD_TESTDATA)")
def test_the_fold_finds_most_labelled_talks_and_more_than_a_single_distance() -> None:
    clips = [measure(clip) for clip in meva.load(LABELS)]
    fold, distance = (
        sum((tally(one.run(m, 5.0)["interaction"], m.clip.labelled["interaction"], 0.5) for m in clips), Tally())
        for one in (Fold(), Baseline(1.8))
    )
    assert fold.labelled == 38
    assert fold.f1 >= 0.8
    assert fold.f1 > distance.f1
