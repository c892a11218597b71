"""Drawn people: who they are (`Look`), how they stand (`Pose`), and the coloured mesh that follows from both.

A figure is a low-polygon body: limbs are capsules between joints, the trunk a stack of ellipses, the head an ellipsoid.
Everything is in metres; a figure faces along `heading` (radians, 0 = along +x, counter-clockwise seen from above).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, sin
from typing import Literal

import numpy as np

from infra.demo.camera import Floats

Colour = tuple[float, float, float]
"""Blue, green, red, 0 to 255, as OpenCV orders them."""
Gesture = Literal["idle", "talk", "serve", "browse", "phone"]


@dataclass(frozen=True, slots=True)
class Look:
    """A person's appearance."""

    height_m: float
    build: float
    """Width against the average, 0.85 to 1.25."""
    skin: Colour
    hair: Colour
    hair_style: Literal["short", "long", "bun", "bald"]
    top: Colour
    stripe: Colour | None
    """Every second ring of the top, when striped."""
    sleeves: Literal["short", "long"]
    trousers: Colour
    skirt: bool
    shoes: Colour
    bag: Colour | None
    bag_kind: Literal["backpack", "shopper", "none"]
    apron: Colour | None
    """Staff wear one, and a cap of the same colour."""


@dataclass(frozen=True, slots=True)
class Pose:
    """How a person stands at one moment."""

    x_m: float
    y_m: float
    heading_rad: float
    gait_rad: float
    """Phase of the walk; a full turn is two steps."""
    walking: float
    """0 stands, 1 walks."""
    gesture: Gesture
    time_s: float
    """Moves idle hands and heads."""


@dataclass(frozen=True, slots=True)
class Mesh:
    """Faces to draw. corners: (n, 4, 3) m, normals: (n, 3) unit, colours: (n, 3)."""

    corners: Floats
    normals: Floats
    colours: Floats


class _Builder:
    """Collects faces in the body's own frame (right, forward, up), metres; limbs wait to be built all at once."""

    def __init__(self) -> None:
        self._faces: list[tuple[Floats, Floats]] = []
        self._limbs: list[tuple[Floats, Floats, float, float, Colour]] = []

    def rings(self, rings: Floats, colours: Floats) -> None:
        """Side faces between rings (..., k, s, 3), counter-clockwise seen from the last ring of k; colours: what
        broadcasts to (..., k-1, s, 3)."""
        below, above = rings[..., :-1, :, :], rings[..., 1:, :, :]
        after = np.arange(1, rings.shape[-2] + 1) % rings.shape[-2]
        corners = np.stack((below, below[..., after, :], above[..., after, :], above), axis=-2)
        shape = (*corners.shape[:-2], 3)
        self._faces.append((corners.reshape(-1, 4, 3), np.broadcast_to(colours, shape).reshape(-1, 3)))

    def capsule(self, start: Floats, end: Floats, radius_start: float, radius_end: float, colour: Colour) -> None:
        """A limb with rounded ends."""
        self._limbs.append((start, end, radius_start, radius_end, colour))

    def ellipsoid(self, centre: Floats, axes: Floats, colours: Floats) -> None:
        """axes: (3, 3), the half axes (right, forward, up); colours: (7, sides, 3) from bottom to top, or (3,)."""
        flat = np.cos(_TRUNK_ANGLES)[:, None] * axes[0] + np.sin(_TRUNK_ANGLES)[:, None] * axes[1]
        levels = np.linspace(-0.97 * pi / 2, 0.97 * pi / 2, 8)
        self.rings(centre + np.cos(levels)[:, None, None] * flat + np.sin(levels)[:, None, None] * axes[2], colours)

    def build(self) -> tuple[Floats, Floats, Floats]:
        """Corners, outward normals and colours of all faces."""
        start, end = np.array([limb[0] for limb in self._limbs]), np.array([limb[1] for limb in self._limbs])
        axis = end - start
        axis /= np.maximum(np.sqrt((axis * axis).sum(axis=1)), 1e-6)[:, None]
        side = _cross(axis, np.eye(3)[np.abs(axis).argmin(axis=1)])
        side /= np.sqrt((side * side).sum(axis=1))[:, None]
        around = np.cos(_LIMB)[:, None] * side[:, None] + np.sin(_LIMB)[:, None] * _cross(axis, side)[:, None]
        radii = np.array([limb[2:4] for limb in self._limbs])[:, (0, 0, 1, 1)]
        centres = np.stack((start, start, end, end), axis=1) + (radii * _CAP_REACH)[:, :, None] * axis[:, None]
        colours = np.array([limb[4] for limb in self._limbs])
        rings = centres[:, :, None] + (radii * _CAP_RADIUS)[:, :, None, None] * around[:, None]
        self.rings(rings, colours[:, None, None])
        corners = np.concatenate([faces for faces, _ in self._faces])
        normals = _cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
        normals /= np.maximum(np.sqrt((normals * normals).sum(axis=1)), 1e-9)[:, None]
        return corners, normals, np.concatenate([colours for _, colours in self._faces])


def _cross(a: Floats, b: Floats) -> Floats:
    """The cross product of (..., 3) by (..., 3); a tenth of the time of numpy's general one for small arrays."""
    product: Floats = a[..., _YZX] * b[..., _ZXY] - a[..., _ZXY] * b[..., _YZX]
    return product


_YZX, _ZXY = np.array((1, 2, 0)), np.array((2, 0, 1))
_CAP_REACH, _CAP_RADIUS = np.array((-0.85, 0.0, 0.0, 0.85)), np.array((0.4, 1.0, 1.0, 0.4))
_LIMB = np.arange(6) * (2 * pi / 6)
_SIDES = 10
_TRUNK_ANGLES = np.arange(_SIDES) * (2 * pi / _SIDES)
_UP = np.array((0.0, 0.0, 1.0))


def _v(right: float, forward: float, up: float) -> Floats:
    return np.array((right, forward, up))


def mesh(look: Look, pose: Pose) -> Mesh:
    """The body in the floor frame, standing on the floor at the pose's place."""
    h, wide, build = look.height_m, look.build * look.height_m, _Builder()
    walk = pose.walking
    idle = sin(pose.time_s * 1.1 + h * 40) * (1 - walk)

    # legs: the hip swings the thigh, the knee bends the leg that comes forward; then the body sinks to its lower foot
    hip_height = 0.515 * h
    legs, lowest = [], 1e9
    for side, phase in ((-1, pose.gait_rad), (1, pose.gait_rad + pi)):
        swing = 0.46 * sin(phase) * walk
        bend = (0.12 + 0.75 * max(0.0, cos(phase + 0.35))) * walk
        hip = _v(side * 0.052 * wide, 0.0, hip_height)
        knee = hip + 0.245 * h * _v(side * 0.01, sin(swing), -cos(swing))
        ankle = knee + 0.232 * h * _v(0.0, sin(swing - bend), -cos(swing - bend))
        legs.append((side, hip, knee, ankle, swing - bend))
        lowest = min(lowest, float(ankle[2]))
    sink = lowest - 0.042 * h
    for _, hip, knee, ankle, pitch in legs:
        hip[2], knee[2], ankle[2] = hip[2] - sink, knee[2] - sink, ankle[2] - sink
        calf = look.skin if look.skirt else look.trousers
        build.capsule(hip, knee, 0.052 * wide, 0.038 * wide, look.trousers)
        build.capsule(knee, ankle, 0.038 * wide, 0.026 * wide, calf)
        toe = ankle + 0.095 * h * _v(0.0, cos(pitch * 0.6), sin(pitch * 0.6)) - _v(0, 0, 0.018 * h)
        build.capsule(ankle - _v(0, 0.022 * h, 0.014 * h), toe, 0.025 * h, 0.021 * h, look.shoes)

    base = hip_height - sink
    lean = 0.06 * walk + (0.10 if pose.gesture == "serve" else 0.02 * idle)
    sway = 0.012 * h * idle

    def trunk(up: float) -> Floats:
        rise = (up - 0.515) * h
        return _v(sway * rise / (0.3 * h), sin(lean) * rise, base + cos(lean) * rise)

    _dress(build, look, trunk, wide)
    _arms(build, look, pose, trunk, wide)
    _head(build, look, pose, trunk, idle)

    corners, normals, colours = build.build()
    c, s = cos(pose.heading_rad), sin(pose.heading_rad)
    turn = np.array(((s, c, 0.0), (-c, s, 0.0), (0.0, 0.0, 1.0)))  # right, forward, up -> floor frame
    return Mesh(corners @ turn.T + np.array((pose.x_m, pose.y_m, 0.0)), normals @ turn.T, colours)


def _ellipses(trunk: Callable[[float], Floats], levels: Floats, wide: float) -> Floats:
    """Rings around the spine; levels: (k, 3) rows of height, half width, half depth, as shares of the height."""
    centres = np.stack([trunk(float(up)) for up in levels[:, 0]])
    flat = np.stack((np.cos(_TRUNK_ANGLES), np.sin(_TRUNK_ANGLES), np.zeros(_SIDES)), axis=-1) * wide
    rings: Floats = centres[:, None] + flat * np.insert(levels[:, 1:], 2, 0, axis=1)[:, None]
    return rings


def _dress(build: _Builder, look: Look, trunk: Callable[[float], Floats], wide: float) -> None:
    """Hips, top, skirt and apron."""
    levels = _TRUNK
    colours = np.empty((len(levels) - 1, _SIDES, 3))
    colours[:] = look.top
    if look.stripe is not None:
        colours[2:8:2] = look.stripe
    colours[:2] = look.trousers
    if look.apron is not None:
        colours[2:7, _FRONT] = look.apron
        colours[2, :] = look.apron
        colours[3:8, _STRAPS] = look.apron
    build.rings(_ellipses(trunk, levels, wide), colours)
    if look.skirt:
        swing = np.array(((0.30, 0.115, 0.105), (0.45, 0.105, 0.085), (0.55, 0.096, 0.072), (0.62, 0.083, 0.060)))
        build.rings(_ellipses(trunk, swing, wide), np.asarray(look.trousers))
    if look.apron is not None:
        angles = np.linspace(0.12 * pi, 0.88 * pi, 8)
        panel = []
        for up, half, deep in ((0.30, 0.112, 0.115), (0.45, 0.108, 0.098), (0.58, 0.094, 0.072)):
            arc = np.stack((half * np.cos(angles), deep * np.sin(angles), np.zeros(8)), axis=-1) * wide
            panel.append(trunk(up) + np.concatenate((arc, arc[::-1] * 0.93)))
        build.rings(np.stack(panel), np.asarray(look.apron) * 0.94)
    if look.bag is not None and look.bag_kind == "backpack":
        back = _v(0, -0.095 * wide, 0)
        build.capsule(trunk(0.62) + back, trunk(0.755) + back, 0.07 * wide, 0.06 * wide, look.bag)


def _arms(build: _Builder, look: Look, pose: Pose, trunk: Callable[[float], Floats], wide: float) -> None:
    h, t, walk = look.height_m, pose.time_s, pose.walking
    for side in (-1, 1):
        swing = (0.55 * sin(pose.gait_rad + (0.0 if side > 0 else pi))) * walk
        forward, flex, inward = 0.05 + swing, 0.18 + 0.25 * walk + 0.3 * max(0.0, swing), 0.05
        if walk < 0.5:
            forward, flex, inward = _gesture(pose.gesture, side, t, look.height_m)
        shoulder = trunk(0.792) + _v(side * 0.118 * wide, 0, 0)
        elbow = shoulder + 0.165 * h * _v(side * 0.16, sin(forward), -cos(forward))
        reach = forward + flex
        wrist = elbow + 0.15 * h * _v(-side * inward, sin(reach), -cos(reach))
        hand = wrist + 0.035 * h * _v(-side * inward, sin(reach), -cos(reach))
        build.capsule(shoulder, elbow, 0.036 * wide, 0.029 * wide, look.top)
        build.capsule(elbow, wrist, 0.027 * wide, 0.021 * wide, look.top if look.sleeves == "long" else look.skin)
        build.capsule(wrist, hand, 0.022 * h, 0.020 * h, look.skin)
        if look.bag is not None and look.bag_kind == "shopper" and side < 0:
            build.capsule(hand - _v(0, 0, 0.06 * h), hand - _v(0, 0, 0.16 * h), 0.045 * h, 0.062 * h, look.bag)


def _gesture(gesture: Gesture, side: int, t: float, own: float) -> tuple[float, float, float]:
    """How one arm is held by somebody who stands: upper arm forward, elbow bent, forearm turned inward (radians)."""
    t += own * 17  # nobody moves in step with somebody else
    if gesture == "talk":
        lively = 0.5 + 0.5 * sin(0.7 * t + side)
        return 0.15 + 0.3 * lively, 0.5 + lively * (0.9 + 0.3 * sin(4.1 * t)), 0.25
    if gesture == "serve":
        return 0.50 + 0.12 * sin(2.1 * t + side), 0.85 + 0.22 * sin(2.7 * t + 1.3 * side), 0.3
    if gesture == "browse" and side > 0:
        return 0.85 + 0.25 * sin(0.8 * t), 0.55 + 0.2 * sin(1.3 * t), 0.1
    if gesture == "phone":
        return 0.35, 1.75 + 0.05 * sin(3 * t), 0.55
    return 0.06 + 0.04 * sin(0.9 * t + side), 0.2, 0.08


def _head(build: _Builder, look: Look, pose: Pose, trunk: Callable[[float], Floats], idle: float) -> None:
    h = look.height_m
    nod = {"talk": 0.07 * sin(3.1 * pose.time_s), "phone": 0.35, "serve": 0.18}.get(pose.gesture, 0.0) * (
        1 - pose.walking
    )
    look_aside = 0.35 * idle
    up = _v(0, sin(nod), cos(nod))
    right = _v(cos(look_aside), sin(look_aside), 0)
    forward = _cross(up, right)
    neck = trunk(0.83)
    centre = neck + 0.092 * h * up + 0.012 * h * forward
    build.capsule(neck - 0.02 * h * _UP, centre, 0.030 * h, 0.032 * h, look.skin)

    colours = np.empty((7, _SIDES, 3))
    colours[:] = look.skin
    colours[_EYES] = np.asarray(look.skin) * 0.72
    if look.hair_style != "bald":
        colours[_HAIR] = look.hair
    axes = np.stack((right * 0.050, forward * 0.060, up * 0.070)) * h
    build.ellipsoid(centre, axes, colours)
    hair = np.asarray(look.hair)
    if look.hair_style == "long":
        down = centre - 0.028 * h * forward
        build.capsule(
            down + 0.02 * h * up, down - 0.105 * h * _UP - 0.01 * h * forward, 0.047 * h, 0.040 * h, look.hair
        )
    if look.hair_style == "bun":
        build.ellipsoid(
            centre - 0.055 * h * forward + 0.045 * h * up, axes * 0.5, np.broadcast_to(hair, (7, _SIDES, 3))
        )
    if look.apron is not None:
        cap = np.broadcast_to(np.asarray(look.apron), (7, _SIDES, 3))
        build.ellipsoid(centre + 0.030 * h * up, axes * np.array(((1.1,), (1.08,), (0.66,))), cap)
        brim = centre + 0.038 * h * up
        build.capsule(brim + 0.045 * h * forward, brim + 0.085 * h * forward, 0.022 * h, 0.014 * h, look.apron)


# height, half width, half depth as shares of the height, from the crotch to the neck
_TRUNK = np.array(
    (
        (0.470, 0.070, 0.050),
        (0.505, 0.090, 0.066),
        (0.560, 0.086, 0.063),
        (0.605, 0.080, 0.058),
        (0.650, 0.086, 0.061),
        (0.695, 0.096, 0.066),
        (0.740, 0.105, 0.068),
        (0.780, 0.112, 0.062),
        (0.815, 0.092, 0.050),
        (0.840, 0.036, 0.034),
    )
)
_FACE_ANGLES = _TRUNK_ANGLES + pi / _SIDES
_FRONT = np.sin(_FACE_ANGLES) > 0.5
_STRAPS = (np.sin(_FACE_ANGLES) < 0) & (np.abs(np.cos(_FACE_ANGLES)) > 0.4) & (np.abs(np.cos(_FACE_ANGLES)) < 0.8)
_FACE_UP = np.sin((np.arange(7) + 0.5 - 3.5) / 7 * 0.97 * pi)[:, None] * np.ones(_SIDES)
_FACE_FORWARD = np.cos((np.arange(7) + 0.5 - 3.5) / 7 * 0.97 * pi)[:, None] * np.sin(_FACE_ANGLES)
_HAIR = (_FACE_UP > 0.62) | ((_FACE_FORWARD < 0.2) & (_FACE_UP > -0.45))
_EYES = (_FACE_FORWARD > 0.75) & (np.abs(_FACE_UP) < 0.3)
