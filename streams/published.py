"""What the fold is given beside the log, itself kept in topics: the rules of every version, and the skips."""

import logging
from collections.abc import Iterable

from pydantic import ValidationError

from infra.config import Settings
from infra.kafka import Publisher, dead_letter, read_to_end
from schemas.acts import FoldSkip, Promotion
from schemas.codec import Codec, R, UndecodableError
from schemas.promotions import Active, CameraDay, active
from schemas.records import RulesSet
from schemas.rules import CameraRules
from schemas.site import Site
from schemas.topics import CAMERA_RULES, FOLD_SKIPS, PROMOTIONS, Topic
from streams.book import RulesBook
from streams.progress import Place, place_of

log = logging.getLogger(__name__)


def read_rules(settings: Settings, codec: Codec) -> dict[str, CameraRules]:
    """Every rules set ever published that this version of the program understands, by its version."""
    return understood(read_rules_records(settings, codec))


def read_rules_records(settings: Settings, codec: Codec) -> list[RulesSet]:
    """Every rules set ever published, as it was."""
    return _read(settings, codec, CAMERA_RULES, RulesSet)


def understood(sets: Iterable[RulesSet]) -> dict[str, CameraRules]:
    """Those that this version of the program understands, by their version."""
    known, strange = {}, 0
    for published in sets:
        try:
            known[published.rules_version] = CameraRules.model_validate_json(published.body)
        except ValidationError:  # a fold that needs it says so and halts its camera
            strange += 1
    if strange:
        log.info("%d rules sets were published by another version of this program and are left out", strange)
    return known


def read_skips(settings: Settings, codec: Codec) -> set[Place]:
    """All records that a person had passed over."""
    return {place_of(skip) for skip in read_skip_records(settings, codec)}


def read_skip_records(settings: Settings, codec: Codec) -> list[FoldSkip]:
    """The same with who asked for it, when and why."""
    return _read(settings, codec, FOLD_SKIPS, FoldSkip)


def read_active(settings: Settings, codec: Codec) -> dict[CameraDay, Active]:
    """Which version counts, for the camera-days of which anybody decided."""
    return active(_read(settings, codec, PROMOTIONS, Promotion))


def publish_rules(settings: Settings, codec: Codec, site: Site) -> RulesBook:
    """The site's rules with all those published before; a set that is not there yet is published first."""
    current = {camera.camera_id: site.effective_rules(camera.camera_id) for camera in site.cameras}
    known = read_rules(settings, codec)
    publisher = Publisher(settings, codec)
    for camera_id, rules in current.items():
        if rules.version not in known:
            log.info("rules %s of camera %s are new: published", rules.version, camera_id)
            record = RulesSet(rules_version=rules.version, site_id=site.site_id, camera_id=camera_id, body=rules.body())
            publisher.publish(CAMERA_RULES, rules.version, record)
    publisher.flush()
    return RulesBook(current, known | {rules.version: rules for rules in current.values()})


def _read(settings: Settings, codec: Codec, topic: Topic, kind: type[R]) -> list[R]:
    """All records of a compacted topic; what is no such record is put aside, as everywhere."""
    records, strange = [], []
    for message in read_to_end(settings, topic):
        if message.value() is not None:
            try:
                records.append(codec.decode(message.value(), kind))
            except UndecodableError as error:
                log.error("%s offset %s is undecodable, put aside: %s", topic.name, message.offset(), error)
                strange.append((message, error))
    if strange:  # else nothing is to be said, and this is read every few seconds
        publisher = Publisher(settings, codec)
        for message, why in strange:
            dead_letter(publisher, topic, message, why)
        publisher.flush()
    return records
