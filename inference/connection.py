"""One connection to a live source: its packets with their time of arrival, cut into epochs where its clock jumps."""

import itertools
import logging
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from threading import Event
from typing import Any

import av

from inference.errors import LaneError
from inference.source import Epoch, Frame, Sink
from inference.timing import JUMP_MS, LiveClock
from infra.clock import Clock

log = logging.getLogger(__name__)

BLOCKED_S = 0.005
"""A read that takes longer has waited for the camera: what came before was buffered while the stream was opened."""
BUFFERED_MAX = 100
END_MS = 1
"""An epoch's end is in the log so long after its last frame; the next epoch begins behind it."""
ARRIVAL_BASE = Fraction(1, 1_000_000)
NO_PICTURE_MAX_MS = 10_000
"""Packets without a picture for so long: a new connection may help where the decoder does not find back."""
PACE_MAX_MS = 10_000
"""What is read at its own pace and lies further ahead than this has jumped: nobody waits an hour for it."""
FED_MAX = 64
"""More pictures than any decoder holds back."""


@dataclass
class Arrival:
    """A packet and how it came."""

    packet: Any
    at: int
    """ms UTC."""
    waited_for: bool
    """The source had nothing more to give before it: it is fresh."""


class Arrivals:
    """The packets of a connection, one after the other."""

    def __init__(self, packets: Iterator[Any], clock: Clock, *, untimed: bool) -> None:
        """untimed: the packets' times are made from their arrival, in ARRIVAL_BASE."""
        self.ended_by = "the stream ended"
        self._packets = packets
        self._clock = clock
        self._untimed = untimed
        self._last = 0

    def buffered(self) -> list[Arrival]:
        """What was buffered while the stream was opened, up to the first packet that had to be waited for."""
        held: list[Arrival] = []
        for arrival in itertools.islice(self, BUFFERED_MAX):
            held.append(arrival)
            if arrival.waited_for:
                break
        return held

    def __iter__(self) -> Iterator[Arrival]:
        return self

    def __next__(self) -> Arrival:
        began = time.monotonic()
        try:
            packet = next(self._packets)
        except (av.error.FFmpegError, OSError) as error:
            self.ended_by = f"the stream broke off ({error.strerror or type(error).__name__})"
            raise StopIteration from None
        if not packet.size:
            raise StopIteration
        at = self._clock.now_ms()
        if self._untimed:
            self._last = max(self._last + 1, at * 1000)
            packet.pts = packet.dts = self._last
            packet.time_base = ARRIVAL_BASE
        return Arrival(packet, at, time.monotonic() - began > BLOCKED_S)


class Connection:
    """Hands a stream over, from its first key frame until it ends or the size of its pictures changes.

    A jump of the camera's clock ends an epoch, and the next one begins with the very packet that jumped.
    """

    def __init__(
        self,
        stream: Any,
        base: Fraction,
        sink: Sink,
        stop: Event,
        clock: Clock,
        last_at: int,
        *,
        paced: bool,
        name: str = "camera",
    ) -> None:
        """base: time base of the packets; last_at: captured_at (ms UTC) that every frame must follow; paced: the
        stream comes faster than it happened and is read at its own pace; name: of the source, for the log.
        """
        self.stream, self.base, self.sink, self.stop, self.paced = stream, base, sink, stop, paced
        self.name = name
        self.wall = clock
        self.last_at = last_at
        self.shown = 0
        """Frames handed over."""
        self.undecodable = 0
        self.ended_by = ""
        self._clock: LiveClock | None = None
        self._size = (0, 0)
        self._last_dts = 0
        self._in_epoch = 0
        self._picture_at = 0
        """Arrival of the last packet that gave a picture."""
        self._fed: deque[int] | None = None
        """pts that this epoch gave to a decoder that still held pictures of the one before; None = it held none."""

    def run(self, arrivals: Arrivals) -> None:
        """Read to the end. Raises LaneError when this host's clock is behind the log."""
        held = arrivals.buffered()
        held = held[last_jump([a.packet.pts for a in held], Fraction(JUMP_MS, 1000) / self.base) :]
        give_times([arrival.packet for arrival in held], frame_ticks(self.stream, self.base))
        timed = [(arrival.packet.pts, arrival.at) for arrival in held if arrival.packet.pts is not None]
        for arrival in itertools.chain(held, arrivals):
            if self.stop.is_set():
                self.ended_by = "stopped"
                break
            packet = arrival.packet
            pts = packet.dts if packet.pts is None else packet.pts
            dts = pts if packet.dts is None else packet.dts
            if pts is None or packet.is_corrupt:
                self._drop()
                continue
            if self._clock is None:
                if not packet.is_keyframe:
                    continue
                # the last buffered packet is the freshest: the others are placed before it by their pts
                self._begin(pts, dts, arrival, LiveClock(*(timed[-1] if timed else (pts, arrival.at)), self.base))
            self._keep_time(pts, dts, arrival)
            if not self._take(packet, pts, dts, arrival.at):
                break
        self.ended_by = self.ended_by or arrivals.ended_by
        if self._clock is not None:
            self._show_rest()
            self.sink.close("INTERRUPTED")

    def _begin(self, pts: int, dts: int, arrival: Arrival, clock: LiveClock) -> None:
        behind_ms = self.last_at - arrival.at
        if behind_ms > JUMP_MS:
            raise LaneError(
                f"this host's clock is {behind_ms / 1000:.1f} s behind the log; correct the clock "
                "(NTP), or wait until it has passed the log's last record"
            )
        clock.observe(pts, arrival.at)  # it may come behind the buffered ones, and sooner than its pts say
        clock.not_before(pts, self.last_at + END_MS + 1)
        self._clock, self._in_epoch, self._last_dts, self._picture_at = clock, 0, dts - 1, arrival.at
        context = self.stream.codec_context
        self._size = (context.width, context.height)
        rate = frame_hz(self.stream)
        self.sink.open(
            Epoch(
                stream_epoch=clock.at(pts),
                stream=self.stream,
                time_base=self.base,
                clock=clock,
                width=context.width,
                height=context.height,
                frame_hz=rate,
                key_gap_s=0.0,
                times_missing=False,
                live=True,
            )
        )

    def _keep_time(self, pts: int, dts: int, arrival: Arrival) -> None:
        """Let the clock follow, or begin a new epoch where it jumped."""
        assert self._clock is not None
        received_at = arrival.at
        jump_ms = float(min(0, dts - self._last_dts) * self.base * 1000)
        if jump_ms >= -JUMP_MS:
            ahead_ms = self._clock.ahead_ms(pts, received_at)
            if self.paced and 0 < ahead_ms <= PACE_MAX_MS:
                self.stop.wait(ahead_ms / 1000)
                received_at = self.wall.now_ms()
            jump_ms = self._clock.jump_ms(pts, received_at, waited_for=arrival.waited_for)
        if jump_ms and self._in_epoch:
            log.warning("%s: its clock jumped by %.1f s: a new epoch begins", self.name, jump_ms / 1000)
            self._fed = deque(maxlen=FED_MAX)
            self.sink.close("INTERRUPTED")
            self._begin(pts, dts, arrival, LiveClock(pts, received_at, self.base))
        self._clock.observe(pts, received_at)

    def _take(self, packet: Any, pts: int, dts: int, at: int) -> bool:
        """Decode and hand over; False when nothing more can be made of this connection."""
        # small steps back are faults of the stream and no jumps: both times go on
        packet.dts = self._last_dts = max(dts, self._last_dts + 1)
        packet.pts = pts = max(pts, packet.dts) if dts < packet.dts else pts
        if self._fed is not None:
            self._fed.append(pts)
        try:
            pictures = self.stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            pictures = []
            self._drop()
        else:
            changed = [p for p in pictures if (p.width, p.height) != self._size]
            if changed:
                size = f"{self._size[0]}x{self._size[1]} to {changed[0].width}x{changed[0].height}"
                self.ended_by = f"the size of its pictures changed from {size}"
                return False
            self.sink.packet(packet, pts)
        for picture in pictures:
            self._show(picture)
        self._picture_at = at if pictures else self._picture_at
        if at - self._picture_at > NO_PICTURE_MAX_MS:
            self.ended_by = f"nothing that came for {NO_PICTURE_MAX_MS / 1000:g} s could be decoded"
            return False
        return True

    def _show(self, picture: Any) -> None:
        assert self._clock is not None
        if picture.pts is None or picture.is_corrupt:
            self._drop()
            return
        if self._fed is not None and picture.pts not in self._fed:
            return  # of the epoch before
        self.last_at = max(self._clock.at(picture.pts), self.last_at + 1)
        self.sink.frame(Frame(self._in_epoch, picture.pts, self.last_at, picture))
        self._in_epoch += 1
        self.shown += 1

    def _show_rest(self) -> None:
        """What the decoder still holds."""
        try:
            for picture in self.stream.codec_context.decode(None):
                if (picture.width, picture.height) == self._size:
                    self._show(picture)
        except av.error.FFmpegError:
            self._drop()

    def _drop(self) -> None:
        self.undecodable += 1
        if self.undecodable == 1:
            log.warning("%s: a packet or picture is broken and is passed over; they are counted", self.name)


def frame_hz(stream: Any) -> float | None:
    """Frames per second as the stream says them, None when it does not (or says nonsense)."""
    rate = stream.average_rate or stream.guessed_rate
    return float(rate) if rate and 1 <= rate <= 120 else None


def frame_ticks(stream: Any, base: Fraction) -> int:
    """From one frame to the next, in ticks of base."""
    return max(1, round(1 / (frame_hz(stream) or 25.0) / base))


def give_times(packets: Sequence[Any], step: int) -> None:
    """Give the first packets, which may come before the stream's clock is known, times before the first known ones.

    Frames may be reordered: what is shown before all others has the least pts, and not that of the next packet.
    """
    shown = [packet.pts for packet in packets]
    untimed = next((n for n, pts in enumerate(shown) if pts is not None), 0)
    first = min((pts for pts in shown if pts is not None), default=0)
    known = next((n for n, packet in enumerate(packets) if packet.dts is not None), 0)
    for n, packet in enumerate(packets[:untimed]):
        packet.pts = first - (untimed - n) * step
    for n, packet in enumerate(packets[:known]):
        packet.dts = packets[known].dts - (known - n) * step


def last_jump(times: Sequence[int | None], most: Fraction) -> int:
    """Where in the first packets' times the last step of more than `most` ticks ends; 0 = there is none."""
    known = [(n, time) for n, time in enumerate(times) if time is not None]
    steps = [n for (_, one), (n, other) in itertools.pairwise(known) if abs(other - one) > most]
    return steps[-1] if steps else 0
