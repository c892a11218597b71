"""Dead letters: what could not be decoded, shown, and sent again, as it was or corrected.

Several consumers may put the same record aside, so a letter is known by where it stood: topic/partition/offset. That
one was sent again is said in the dead-letter topic itself, by a record with headers of its own.
"""

import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Message

from connectors.ways_out.failures import Word
from infra.config import Settings
from infra.kafka import Publisher, connect_codec, ensure_topics, read_to_end
from schemas import topics
from schemas.codec import HEADER, Codec, UndecodableError
from schemas.errors import InputError
from schemas.topics import Topic

SHOWN_BYTES = 512
BY, AT, AS, WHY = "republished.by", "republished.at", "republished.as", "republished.reason"


class NoSuchLetter(InputError):
    """No dead letter, or more than one, is called so; the text names those that come near."""


class StillUndecodable(InputError):
    """These bytes would only come back: correct them, or insist."""


@dataclass(frozen=True)
class Republished:
    """A letter was sent again."""

    by: str
    at: int
    """ms UTC."""
    where: str
    """partition/offset in the source topic."""
    reason: str
    value: bytes | None


@dataclass
class Letter:
    """One record that could not be decoded."""

    source: Topic
    partition: int
    offset: int
    key: str
    value: bytes | None
    error: str
    at: int
    """When it was first put aside, ms UTC."""
    size_bytes: int = 0
    """Of the record; more than its value where only the beginning was kept."""
    times: int = 1
    """By how many it was put aside."""
    republished: list[Republished] = field(default_factory=list)

    @property
    def id(self) -> str:
        """topic/partition/offset of where it stood."""
        return f"{self.source.name}/{self.partition}/{self.offset}"

    @property
    def is_cut(self) -> bool:
        """Was only its beginning kept?"""
        return self.size_bytes > len(self.value or b"")

    @property
    def source_kind(self) -> type[msgspec.Struct]:
        """What it should have been."""
        assert self.source.value is not None
        return self.source.value


def read_letters(settings: Settings, places: Mapping[str, Sequence[int]] | None = None) -> list[Letter]:
    """All dead letters, the oldest first. Raises KafkaUnavailable.

    places: only those of these topics and of these partitions of theirs; a letter lies in the partition of its key.
    """
    ensure_topics(settings)
    found: dict[tuple[str, int, int], Letter] = {}
    for source in topics.PUBLIC:
        if places is not None and source.name not in places:
            continue
        aside = next(topic for topic in topics.DEAD_LETTERS if topic.name == source.dead_letters)
        for message in read_to_end(settings, aside, None if places is None else places[source.name]):
            _take(message, source, found)
    return sorted(found.values(), key=lambda letter: (letter.at, letter.id))


def _take(message: Message, source: Topic, found: dict[tuple[str, int, int], Letter]) -> None:
    said: dict[str, Any] = dict(message.headers() or [])
    headers = {name: (value or b"").decode(errors="replace") for name, value in said.items()}
    try:
        partition, offset = int(headers["source.partition"]), int(headers["source.offset"])
    except (KeyError, ValueError):  # not put there by us: then where it lies is all that is known
        partition, offset = message.partition() or 0, -1 - (message.offset() or 0)
    place = (source.name, partition, offset)
    at = message.timestamp()[1]
    letter = found.get(place)
    if BY in headers:
        if letter is not None:
            mark = Republished(headers[BY], int(headers[AT]), headers[AS], headers[WHY], message.value())
            letter.republished.append(mark)
    elif letter is not None:
        letter.times += 1
    else:
        key = (message.key() or b"").decode(errors="replace")
        error = headers.get("error", "nobody said why")
        value = message.value()
        size_bytes = int(headers.get("cut.size_bytes", len(value or b"")))
        found[place] = Letter(source, partition, offset, key, value, error, at, size_bytes)


def one(letters: Sequence[Letter], given: str) -> Letter:
    """The letter of this id. Raises NoSuchLetter."""
    for letter in letters:
        if letter.id == given:
            return letter
    names = [letter.id for letter in letters]
    near = [name for name in names if name.partition("/")[0] == given.partition("/")[0]] or names
    there = f"there are {', '.join(near[:5])}" if near else "there is none at all"
    raise NoSuchLetter(f"no dead letter {given!r}; {there}")


def shown(letter: Letter, codec: Codec) -> str:
    """Everything about a letter, for a person: where, why, and what its bytes are."""
    value = letter.value or b""
    lines = [
        f"letter   {letter.id}",
        f"key      {letter.key}",
        f"error    {letter.error}",
        f"put aside {letter.times} times",
        *(f"sent again as {mark.where} by {mark.by}: {mark.reason}" for mark in letter.republished),
        f"bytes    {len(value)}"
        + (f" of {letter.size_bytes}, the rest was not kept" if letter.is_cut else "")
        + (f", schema id {HEADER.unpack_from(value)[1]}" if _has_header(value) else ""),
    ]
    try:
        record = codec.decode(letter.value, letter.source_kind)
        lines.append(json.dumps(msgspec.to_builtins(record), indent=1, ensure_ascii=False))
    except UndecodableError as error:
        lines.append(f"now      {error}")
    for start in range(0, min(len(value), SHOWN_BYTES), 16):
        piece = value[start : start + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in piece)
        lines.append(f"{start:06x}  {binascii.hexlify(piece, ' ').decode():<47}  {text}")
    if len(value) > SHOWN_BYTES:
        lines.append(f"... {len(value) - SHOWN_BYTES} more bytes; --out FILE writes all")
    return "\n".join(lines)


def _has_header(value: bytes) -> bool:
    return len(value) >= HEADER.size and value[0] == 0


def corrected(letter: Letter, path: Path, codec: Codec) -> bytes:
    """The bytes of a file; a .json file is taken as the record itself. Raises StillUndecodable."""
    data = path.read_bytes()
    if path.suffix != ".json":
        return data
    try:
        return codec.encode(msgspec.json.decode(data, type=letter.source_kind))
    except (msgspec.DecodeError, ValueError) as error:
        raise StillUndecodable(f"{path}: is no {letter.source_kind.__name__}: {error}") from error


def republish(settings: Settings, letter: Letter, value: bytes | None, word: Word, *, force: bool = False) -> str:
    """Send a letter to its topic again, under its key; partition/offset where it lies now. Durable, and marked so.

    Raises StillUndecodable unless force, for a consumer newer than this program.
    """
    codec = connect_codec(settings)
    if letter.is_cut and value == letter.value:
        raise StillUndecodable(f"{letter.id}: only the beginning of it was kept; give the whole record with --file")
    if not force:
        try:
            codec.decode(value, letter.source_kind)
        except UndecodableError as error:
            raise StillUndecodable(
                f"{letter.id}: it would only come back: {error}; correct it (`trackfold dlq show {letter.id} "
                "--out FILE`, then --file FILE), or insist with --force"
            ) from error
    publisher = Publisher(settings, codec)
    places: list[str] = []
    publisher.publish(letter.source, letter.key, value, on_ack=lambda m: places.append(f"{m.partition()}/{m.offset()}"))
    publisher.flush()
    (where,) = places
    mark: dict[str, Any] = {
        "source.topic": letter.source.name,
        "source.partition": letter.partition,
        "source.offset": letter.offset,
        BY: word.by,
        AT: word.at,
        AS: where,
        WHY: word.reason,
    }
    aside = next(topic for topic in topics.DEAD_LETTERS if topic.name == letter.source.dead_letters)
    headers = [(name, str(text).encode()) for name, text in mark.items()]
    publisher.publish(aside, letter.key, value, headers=headers)
    publisher.flush()
    return where
