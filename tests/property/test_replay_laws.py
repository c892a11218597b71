"""What a replay promises, on random logs over the cut of the business day."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from schemas.records import RulesSet, TrackUpdate
from schemas.rules import CameraRules
from streams.frame import Event
from streams.replay import files
from streams.replay.day import day_fold
from streams.replay.export import LOG, Exporting, beside, folder_of, shares
from streams.replay.share import Share, Stretch
from streams.replay.unit import Unit, units
from streams.replay.working import do_share
from tests.property.fold_logs import ANY, BOOK, CUT, OTHER, ROLES, closed, logs
from tests.property.test_fold_laws import bodies, fold, thorough
from tests.scenario import CAMERA

DAYS = ["2026-03-02", "2026-03-03"]
SETS = {
    OTHER.version: RulesSet(rules_version=OTHER.version, site_id="shop", camera_id=CAMERA, body=OTHER.body()),
}


def of_day(unit: Unit, log: list[TrackUpdate], law: CameraRules) -> list[Event]:
    """The replay's events."""
    one = day_fold(unit, BOOK[law.version], set())
    for update in log:
        one.take(update)
    assert one.error is None
    return one.events


@thorough
@given(logs(start_at=CUT - 6000), st.sampled_from([ROLES, ANY]))
def test_each_days_replay_from_the_log_and_from_its_export_says_what_the_live_fold_said(
    log: list[TrackUpdate], law: CameraRules
) -> None:
    log = closed(log)
    live = fold(log, law)
    asked = tuple(units({CAMERA: law}, DAYS, "live"))
    with TemporaryDirectory() as name:
        exported = Path(name)
        stretch = Stretch("track-updates", "id", 0, 0, len(log), len(log))
        batches = iter([(list(enumerate(log)), len(log))])
        do_share(Exporting(exported, SETS, []), Share(stretch, asked), batches, lambda said: None)
        there = {share.units[0]: share for share in shares(exported, asked)}
        for unit in asked:
            said = bodies([event for event in live if event.business_day == unit.day])
            assert bodies(of_day(unit, log, law)) == said
            if unit in there:
                kept = list(files.read_topic(folder_of(exported, unit) / LOG, TrackUpdate))
                assert bodies(of_day(unit, kept, law)) == said
                rules, _ = beside(exported, [there[unit]])
                named = {update.control.rules_version for update in kept if update.control is not None}
                assert {one.rules_version for one in rules} == named
