"""What the fold is given beside the log, itself kept in topics: the rules of every version, and the skips."""

import logging

from pydantic import ValidationError

from infra.config import Settings
from infra.kafka import Publisher, dead_letter, read_to_end
from schemas.codec import Codec, R, UndecodableError
from schemas.records import FoldSkip, RulesSet
from schemas.rules import CameraRules
from schemas.site import Site
from schemas.topics import CAMERA_RULES, FOLD_SKIPS, Topic
from streams.book import RulesBook
from streams.progress import Place

log = logging.getLogger(__name__)


def read_rules(settings: Settings, codec: Codec) -> dict[str, CameraRules]:
    """Every rules set ever published that this version of the program understands, by its version."""
    known, strange = {}, 0
    for published in _read(settings, codec, CAMERA_RULES, RulesSet):
        try:
            known[published.rules_version] = CameraRules.model_validate_json(published.body)
        except ValidationError:  # a fold that needs it says so and halts its camera
            strange += 1
    if strange:
        log.info("%d rules sets were published by another version of this program and are left out", strange)
    return known


def read_skips(settings: Settings, codec: Codec) -> set[Place]:
    """All records that a person had passed over."""
    skips = _read(settings, codec, FOLD_SKIPS, FoldSkip)
    return {(skip.camera_id, skip.lane, skip.stream_epoch, skip.sequence) for skip in skips}


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
    publisher = Publisher(settings, codec)
    records = []
    for message in read_to_end(settings, topic):
        if message.value() is not None:
            try:
                records.append(codec.decode(message.value(), kind))
            except UndecodableError as error:
                log.error("%s offset %s is undecodable, put aside: %s", topic.name, message.offset(), error)
                dead_letter(publisher, topic, message, error)
    publisher.flush()
    return records
