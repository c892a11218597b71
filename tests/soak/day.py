"""A day before some cameras, by seed: who comes when, and what has happened by the time they leave (pure).

Cut into blocks of five minutes in which everybody comes and goes, but for the staff, who stand at the same place at the
end of one block and the beginning of the next. Each camera has a till and a service zone three metres beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Literal
from zoneinfo import ZoneInfo

from schemas.records import Producer, Track, TrackUpdate
from tests.scene import Camera, Figure

SITE, TIMEZONE = "soak", "Europe/Berlin"
BEGIN = datetime(2026, 3, 2, 11, 30, tzinfo=ZoneInfo(TIMEZONE))
"""Half an hour before lunch: an hour from then on has both, a day has the evening, the night and the day's cut."""
BLOCK_S, HZ = 300, 10
STEP_MS = 1000 // HZ
OPEN, RUSH = range(8, 20), (12, 17, 18)
"""Local hours."""
CAMERA = Camera()
STAFF_ID, BLOCK_IDS = 1, 100
"""Raw track ids: the staff's, and how many a block may give."""
JITTER_PX = 0.4
PRODUCER = Producer(model="scripted", tracker="scripted", version="0")


@dataclass(frozen=True)
class Happened:
    """An episode of the script, ms UTC."""

    camera_id: str
    kind: Literal["interaction", "unattended"]
    begins_at: int
    ends_at: int


@dataclass(frozen=True)
class Block:
    """Five minutes before one camera."""

    camera_id: str
    number: int
    """From 0 on, since BEGIN."""
    people: list[Figure]
    happened: list[Happened]
    seed: str

    def records(self) -> Iterator[TrackUpdate]:
        """What inference would publish: one record per frame, also without people."""
        random, epoch = Random(self.seed), at_ms(0)
        for tick in range(BLOCK_S * HZ):
            sequence = self.number * BLOCK_S * HZ + tick
            at = epoch + sequence * STEP_MS
            yield TrackUpdate(
                site_id=SITE,
                camera_id=self.camera_id,
                lane="live",
                stream_epoch=epoch,
                sequence=sequence,
                frame_index=sequence,
                captured_at=at,
                published_at=at,
                clock_source="pts",
                stream_state="LIVE",
                image_width=CAMERA.width_px,
                image_height=CAMERA.height_px,
                tracks=list(self._tracks(tick / HZ, random)),
                producer=PRODUCER,
            )

    def _tracks(self, s: float, random: Random) -> Iterator[Track]:
        for figure in self.people:
            shake = random.gauss(0, JITTER_PX), random.gauss(0, JITTER_PX)
            track = figure.track(s, CAMERA, shake)
            if track is not None:
                yield track


def at_ms(block: int) -> int:
    """When a block begins, ms UTC."""
    return round(BEGIN.timestamp() * 1000) + block * BLOCK_S * 1000


def ended(camera_id: str, blocks: int) -> TrackUpdate:
    """The stream's word that it ends after so many blocks."""
    sequence = blocks * BLOCK_S * HZ
    return TrackUpdate(
        site_id=SITE,
        camera_id=camera_id,
        lane="live",
        stream_epoch=at_ms(0),
        sequence=sequence,
        frame_index=-1,
        captured_at=at_ms(blocks),
        published_at=at_ms(blocks),
        clock_source="pts",
        stream_state="ENDED",
        image_width=CAMERA.width_px,
        image_height=CAMERA.height_px,
        tracks=[],
        producer=PRODUCER,
    )


def block(camera_id: str, number: int, seed: int) -> Block:
    """One block of one camera; the same every time. Outside opening hours nobody is there."""
    hour = datetime.fromtimestamp(at_ms(number) / 1000, BEGIN.tzinfo).hour
    people: list[Figure] = []
    happened: list[Happened] = []
    key = f"{seed}/{camera_id}/{number}"
    if hour in OPEN:
        cast = _Cast(camera_id, number, Random(key), people, happened)
        people.append(Figure(STAFF_ID, "staff", [(0.0, 0.0, 6.7)]))
        cast.at_the_till(rush=hour in RUSH)
        cast.in_the_zone()
    return Block(camera_id, number, people, happened, key)


@dataclass
class _Cast:
    """The people of one block."""

    camera_id: str
    number: int
    random: Random
    people: list[Figure]
    happened: list[Happened]

    def at_the_till(self, *, rush: bool) -> None:
        """One after the other is served, or asks something and goes."""
        about = self.random.uniform
        comes_s = about(1, 20)
        while True:
            lasts_s = about(20, 60) if self.random.random() < 0.8 else about(4, 9)
            there_s = comes_s + 4.0
            goes_s = there_s + lasts_s
            if goes_s + 15 > BLOCK_S:
                return
            x = about(-0.4, 0.4)
            path = [(comes_s, -4.0, 5.5), (there_s, x, 5.5), (goes_s, x, 5.5), (goes_s + 4, -4.0, 5.2)]
            self._comes(path)
            if lasts_s > 20:
                self._tell("interaction", there_s, goes_s)
            comes_s = goes_s + about(8, 20) + (0 if rush else about(10, 70))

    def in_the_zone(self) -> None:
        """Nobody of the staff comes: some look around for a while, some wait too long."""
        about = self.random.uniform
        comes_s = about(2, 60)
        while True:
            lasts_s = about(75, 110) if self.random.random() < 0.2 else about(10, 45)
            there_s, goes_s = comes_s + 3.0, comes_s + 3.0 + lasts_s
            if goes_s + 15 > BLOCK_S:
                return
            self._comes([(comes_s, 4.4, 6.8), (there_s, 2.5, 4.8), (goes_s, 2.5, 4.9), (goes_s + 3, 4.4, 6.8)])
            if lasts_s > 60:
                self._tell("unattended", there_s, goes_s)
            comes_s = goes_s + about(15, 60)

    def _comes(self, path: list[tuple[float, float, float]]) -> None:
        track_id = STAFF_ID + self.number * BLOCK_IDS + len(self.people)
        self.people.append(Figure(track_id, "customer", path).leaves(path[-1][0]))

    def _tell(self, kind: Literal["interaction", "unattended"], begins_s: float, ends_s: float) -> None:
        begin = at_ms(self.number)
        self.happened.append(
            Happened(self.camera_id, kind, begin + round(begins_s * 1000), begin + round(ends_s * 1000))
        )
