"""Scripted people on a floor, and the boxes that a simple camera sees of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import cos, radians, sin

from schemas.geometry import Point
from schemas.records import Keypoint, Track


@dataclass(frozen=True)
class Camera:
    """A pinhole above the floor's origin that looks along y, tilted down by tilt_deg."""

    height_m: float = 3.0
    tilt_deg: float = 27.0
    focal_px: float = 900.0
    width_px: int = 1280
    height_px: int = 720

    def pixel(self, x: float, y: float, z: float = 0.0) -> Point:
        """Where a point in metres is in the image; y from about 1 m on."""
        tilt, below = radians(self.tilt_deg), self.height_m - z
        scale = self.focal_px / (y * cos(tilt) + below * sin(tilt))
        return self.width_px / 2 + x * scale, self.height_px / 2 + (below * cos(tilt) - y * sin(tilt)) * scale

    def polygon(self, corners: Iterable[Point]) -> tuple[Point, ...]:
        """An area of floor, as it is drawn on the image."""
        return tuple(self.pixel(x, y) for x, y in corners)

    def box(self, x: float, y: float, tall_m: float, from_m: float = 0.0) -> tuple[float, float, float, float]:
        """The box around a person (0.5 m wide, or slimmer when not grown up) of whom something hides what is below
        from_m, cut off at the image's edge."""
        half_m = 0.25 * min(tall_m / 1.7, 1.0)
        left, _ = self.pixel(x - half_m, y)
        right, _ = self.pixel(x + half_m, y)
        _, foot = self.pixel(x, y, from_m)
        _, head = self.pixel(x, y, tall_m)
        return max(left, 0.0), max(head, 0.0), min(right, float(self.width_px)), min(foot, float(self.height_px))


def joints(camera: Camera, x: float, y: float, looks_deg: float) -> list[Keypoint]:
    """What a pose model sees of somebody who looks that way (on the floor, counter-clockwise from +x, from above):
    shoulders and hips, the rest unsure."""
    left_x, left_y = -sin(radians(looks_deg)), cos(radians(looks_deg))
    found = [Keypoint(x=0, y=0, confidence=0)] * 17
    for (left, right), half_m, z in (((5, 6), 0.2, 1.4), ((11, 12), 0.14, 0.95)):
        for place, side in ((left, half_m), (right, -half_m)):
            u, v = camera.pixel(x + side * left_x, y + side * left_y, z)
            found[place] = Keypoint(x=u, y=v, confidence=0.9)
    return found


def rectangle(x1: float, y1: float, x2: float, y2: float) -> list[Point]:
    """Corners of an area of floor in metres."""
    return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]


@dataclass
class Figure:
    """One scripted person: waypoints (s, x m, y m), between them in a straight line, after the last one still there."""

    track_id: int
    class_name: str
    path: list[tuple[float, float, float]]
    until_s: float = float("inf")
    confidence: float = 0.9
    tall_m: float = 1.7
    looks_deg: float | None = None
    """Where the body looks, for a pose model to see."""
    away: list[tuple[float, float]] = field(default_factory=list)
    other_ids: list[tuple[float, int]] = field(default_factory=list)
    leant: list[tuple[float, float, float]] = field(default_factory=list)
    stood_behind: list[tuple[float, float, float]] = field(default_factory=list)
    other_classes: list[tuple[float, float, str, float | None]] = field(default_factory=list)

    def hidden(self, from_s: float, to_s: float) -> "Figure":
        """Not detected in [from_s, to_s)."""
        self.away.append((from_s, to_s))
        return self

    def leaves(self, at_s: float) -> "Figure":
        """Gone from at_s on."""
        self.until_s = at_s
        return self

    def renamed(self, at_s: float, track_id: int) -> "Figure":
        """The tracker gives another id from at_s on."""
        self.other_ids.append((at_s, track_id))
        return self

    def taken_for(self, class_name: str, from_s: float, to_s: float, confidence: float | None = None) -> "Figure":
        """The detector errs in [from_s, to_s), as sure as ever unless told."""
        self.other_classes.append((from_s, to_s, class_name, confidence))
        return self

    def leans(self, from_s: float, to_s: float, by_m: float) -> "Figure":
        """The head is by_m lower in [from_s, to_s)."""
        self.leant.append((from_s, to_s, by_m))
        return self

    def behind(self, from_s: float, to_s: float, high_m: float) -> "Figure":
        """Something so high hides the legs in [from_s, to_s)."""
        self.stood_behind.append((from_s, to_s, high_m))
        return self

    def at(self, s: float) -> Point | None:
        """Where on the floor, or None when not there."""
        if s < self.path[0][0] or s >= self.until_s or any(a <= s < b for a, b in self.away):
            return None
        for (s1, x1, y1), (s2, x2, y2) in zip(self.path, self.path[1:], strict=False):
            if s < s2:
                part = (s - s1) / (s2 - s1)
                return x1 + (x2 - x1) * part, y1 + (y2 - y1) * part
        return self.path[-1][1], self.path[-1][2]

    def id_at(self, s: float) -> int:
        """The tracker's id."""
        return next((track_id for at_s, track_id in reversed(self.other_ids) if at_s <= s), self.track_id)

    def track(self, s: float, camera: Camera, jitter: tuple[float, float] = (0.0, 0.0)) -> Track | None:
        """What inference publishes of the person at s."""
        where = self.at(s)
        if where is None:
            return None
        tall_m = self.tall_m - sum(by_m for a, b, by_m in self.leant if a <= s < b)
        hidden_m = max((high_m for a, b, high_m in self.stood_behind if a <= s < b), default=0.0)
        x1, y1, x2, y2 = camera.box(*where, tall_m, hidden_m)
        mistaken = [(name, confidence) for a, b, name, confidence in self.other_classes if a <= s < b]
        class_name, confidence = mistaken[-1] if mistaken else (self.class_name, None)
        return Track(
            track_id=self.id_at(s),
            class_name=class_name,
            confidence=self.confidence if confidence is None else confidence,
            x1=x1 + jitter[0],
            y1=y1 + jitter[1],
            x2=x2 + jitter[0],
            y2=y2 + jitter[1],
            keypoints=None if self.looks_deg is None else joints(camera, *where, self.looks_deg),
        )
