"""A live connection: the times of its first packets, where its epochs begin, how long the next one is waited for."""

import itertools
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest

from inference import backoff
from inference.backoff import Backoff
from inference.connection import Arrivals, Connection, give_times, last_jump
from inference.errors import LaneError
from tests.unit.inference_videos import START_MS, Taken, number_of, write_video

HOUR_TICKS = 3600 * 90_000


class RunningClock:
    """The wall clock of a camera whose frames come as they are taken."""

    def __init__(self, step_ms: int = 40) -> None:
        self.at, self.step_ms = START_MS, step_ms

    def now_ms(self) -> int:
        self.at += self.step_ms
        return self.at


def connected(
    path: Path, change: Any = lambda n, packet: packet, *, last_at: int = 0, step_ms: int = 40, paced: bool = False
) -> Taken:
    """A connection over which a film comes; change(n, packet) makes of each packet what comes instead."""
    sink, clock = Taken(), RunningClock(step_ms)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [change(n, p) for n, p in enumerate(container.demux(stream)) if p.size]
        connection = Connection(stream, stream.time_base, sink, sink.stop, clock, last_at, paced=paced)
        connection.run(Arrivals(iter(packets), clock, untimed=False))
    return sink


def numbers(sink: Taken) -> list[list[int]]:
    return [[number_of(f.picture.to_ndarray(format="bgr24")) for f in frames] for frames in sink.frames]


def times(sink: Taken) -> list[int]:
    return [frame.captured_at for frames in sink.frames for frame in frames]


def shifted(first: int, ticks: int) -> Any:
    """Packets from the first-th on have times that are so many ticks later."""

    def change(n: int, packet: Any) -> Any:
        if n >= first:
            packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
        return packet

    return change


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("film") / "v.ts", 200, rate=25, gop_s=0.4)


@pytest.mark.parametrize("paced", [False, True], ids=["as it comes", "at its own pace"])
@pytest.mark.parametrize("ticks", [HOUR_TICKS, -HOUR_TICKS, -(2**33)], ids=["forwards", "back", "a wrap of 33 bits"])
def test_a_jump_begins_a_new_epoch_with_the_frame_that_jumped(film: Path, ticks: int, paced: bool) -> None:
    # given times that jump in the middle of a group of pictures
    sink = connected(film, shifted(155, ticks), paced=paced)
    assert numbers(sink) == [list(range(155)), list(range(155, 200))]
    assert sink.closed == ["INTERRUPTED"] * 2
    assert times(sink) == sorted(set(times(sink)))
    assert sink.epochs[1].stream_epoch == sink.frames[1][0].captured_at > sink.frames[0][-1].captured_at + 1


@pytest.mark.parametrize("ticks", [HOUR_TICKS, -HOUR_TICKS])
def test_what_the_decoder_still_held_at_a_jump_is_not_placed_in_the_new_epoch(tmp_path: Path, ticks: int) -> None:
    film = write_video(tmp_path / "b.ts", 200, rate=25, gop_s=0.4, b_frames=2)
    sink = connected(film, shifted(155, ticks))
    assert len(sink.epochs) == 2
    assert times(sink)[-1] - times(sink)[0] < 10_000
    assert times(sink) == sorted(set(times(sink)))


def test_a_jump_among_the_first_packets_costs_those_before_it(film: Path) -> None:
    sink = connected(film, shifted(3, HOUR_TICKS))
    (shown,) = numbers(sink)
    assert shown == list(range(10, 200)), "from the first key frame behind it"
    assert times(sink)[0] > START_MS - 10_000


def test_a_small_step_back_is_no_jump(film: Path) -> None:
    sink = connected(film, shifted(155, -45_000))
    assert numbers(sink) == [list(range(200))]
    assert times(sink) == sorted(set(times(sink)))
    assert sink.packets[0] == sorted(set(sink.packets[0])), "no file takes times that run backwards"


def test_a_picture_that_the_decoder_had_to_guess_is_none(film: Path) -> None:
    # given a packet of which the second half is noise
    def half(n: int, packet: Any) -> Any:
        if n != 155:
            return packet
        data = bytes(packet)
        broken = av.Packet(data[: len(data) // 2] + b"\xa5" * (len(data) // 2))
        broken.pts, broken.dts, broken.time_base = packet.pts, packet.dts, packet.time_base
        return broken

    sink = connected(film, half)
    assert sink.packets[0][150:160] == [n * 3600 + sink.packets[0][0] for n in range(150, 160)], "it is recorded"
    assert len(sink.frames[0]) == 199


def test_the_first_packets_get_times_before_the_first_known_one(film: Path) -> None:
    def untimed(n: int, packet: Any) -> Any:
        if n < 2:
            packet.pts = packet.dts = None
        return packet

    sink = connected(film, untimed)
    assert numbers(sink) == [list(range(200))]
    assert [other - one for one, other in itertools.pairwise(times(sink)[:5])] == [40] * 4


def test_a_host_clock_that_is_a_moment_behind_the_log_is_waited_for_and_one_that_is_more_is_not(film: Path) -> None:
    sink = connected(film, last_at=START_MS + 1_000)
    assert times(sink)[0] == START_MS + 1_002
    with pytest.raises(LaneError, match=r"clock is 60\.0 s behind the log"):
        connected(film, last_at=START_MS + 60_000)


def test_a_connection_that_gives_no_picture_any_more_is_left(film: Path) -> None:
    sink, clock = Taken(), RunningClock(200)
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        first, *others = [p for p in container.demux(stream) if p.size]
        connection = Connection(stream, stream.time_base, sink, sink.stop, clock, 0, paced=False)
        connection.run(Arrivals(iter([first, *map(garbled, others)]), clock, untimed=False))
    assert connection.ended_by == "nothing that came for 10 s could be decoded"
    assert connection.undecodable > 40


def garbled(packet: Any) -> Any:
    noise = av.Packet(b"\x00\x00\x01\xff" * 20)
    noise.pts, noise.dts, noise.time_base = packet.pts, packet.dts, packet.time_base
    return noise


def test_of_reordered_frames_the_first_packet_is_shown_before_all_others() -> None:
    packets = [SimpleNamespace(pts=pts, dts=dts) for pts, dts in [(None, None), (43, None), (41, None), (42, 41)]]
    give_times(packets, 1)
    assert [(p.pts, p.dts) for p in packets] == [(40, 38), (43, 39), (41, 40), (42, 41)]


def test_packets_without_any_time_are_given_none() -> None:
    packets = [SimpleNamespace(pts=None, dts=None)] * 3
    give_times(packets, 40)
    assert [p.pts for p in packets] == [None] * 3


def test_the_last_jump_counts_and_small_steps_do_not() -> None:
    assert last_jump([0, 40, 9_000, 9_040, None, 20_000, 20_040], Fraction(1000)) == 5
    assert last_jump([0, 40, None, 1_000, 80], Fraction(1000)) == 0
    assert last_jump([], Fraction(1000)) == 0


def test_the_wait_doubles_up_to_its_bound_and_half_of_it_is_chance() -> None:
    least, most = Backoff(chance=lambda: 0.0), Backoff(chance=lambda: 1.0)
    assert [most.wait_s(0) for _ in range(8)] == [0.25, 0.5, 1, 2, 4, 8, 15, 15]
    assert [least.wait_s(0) for _ in range(8)] == [0.125, 0.25, 0.5, 1, 2, 4, 7.5, 7.5]


def test_a_connection_that_lasted_makes_waiting_begin_anew_and_a_short_one_does_not() -> None:
    waits = Backoff(chance=lambda: 1.0)
    assert [waits.wait_s(lasted_s) for lasted_s in (0, 0, 0, 5, backoff.STEADY_S, 5)] == [0.25, 0.5, 1, 2, 0.25, 0.5]
