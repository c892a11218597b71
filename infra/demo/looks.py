"""Makes up people: one seed, one person. The demo and the training set draw from separate seeds and other ranges."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from infra.demo.figures import Colour, Look

Range = tuple[float, float]
Role = Literal["customer", "staff"]


@dataclass(frozen=True, slots=True)
class Wardrobe:
    """What people of one set may look like. Hues as OpenCV counts them, 0 to 180."""

    height_m: Range
    build: Range
    apron_hue: Range
    clothes_value: Range
    clothes_saturation: Range


DEMO = Wardrobe((1.58, 1.88), (0.92, 1.16), (72, 80), (60, 215), (25, 190))
TRAINING = Wardrobe((1.50, 1.98), (0.84, 1.28), (64, 88), (35, 245), (0, 235))

_SKIN: tuple[Colour, ...] = (
    (175, 200, 238),
    (150, 182, 226),
    (122, 158, 208),
    (92, 128, 180),
    (64, 94, 142),
    (48, 68, 104),
)
_HAIR: tuple[Colour, ...] = ((24, 24, 28), (30, 42, 62), (42, 66, 104), (92, 136, 178), (120, 120, 126), (36, 52, 120))
_APRON_CLOTHES: Range = (48, 100)
"""Hues near an apron's, which customers do not wear."""


def make_look(random: np.random.Generator, role: Role, wardrobe: Wardrobe, height_m: Range | None = None) -> Look:
    """A person of this role. height_m narrows the wardrobe's range."""
    low, high = height_m or wardrobe.height_m
    bag_kind: Literal["backpack", "shopper", "none"] = "none"
    if role == "customer":
        bag_kind = ("backpack", "shopper", "none", "none")[int(random.integers(4))]
    hair_style: Literal["short", "long", "bun", "bald"] = ("short", "short", "long", "long", "bun", "bald")[
        int(random.integers(6))
    ]
    return Look(
        height_m=float(random.uniform(low, high)),
        build=float(random.uniform(*wardrobe.build)),
        skin=_near(random, _SKIN[int(random.integers(len(_SKIN)))], 10),
        hair=_near(random, _HAIR[int(random.integers(len(_HAIR)))], 10),
        hair_style=hair_style,
        top=_clothes(random, wardrobe),
        stripe=_clothes(random, wardrobe) if role == "customer" and random.random() < 0.25 else None,
        sleeves="short" if random.random() < 0.45 else "long",
        trousers=_clothes(random, wardrobe),
        skirt=bool(random.random() < 0.2),
        shoes=_near(random, ((38, 36, 34), (60, 84, 120), (200, 200, 205))[int(random.integers(3))], 16),
        bag=None if bag_kind == "none" else _clothes(random, wardrobe),
        bag_kind=bag_kind,
        apron=_apron(random, wardrobe) if role == "staff" else None,
    )


def _clothes(random: np.random.Generator, wardrobe: Wardrobe) -> Colour:
    hue = float(random.uniform(_APRON_CLOTHES[1], 180 + _APRON_CLOTHES[0])) % 180
    return _hsv(
        hue, float(random.uniform(*wardrobe.clothes_saturation)), float(random.uniform(*wardrobe.clothes_value))
    )


def _apron(random: np.random.Generator, wardrobe: Wardrobe) -> Colour:
    return _hsv(
        float(random.uniform(*wardrobe.apron_hue)), float(random.uniform(150, 210)), float(random.uniform(100, 165))
    )


def _hsv(hue: float, saturation: float, value: float) -> Colour:
    b, g, r = cv2.cvtColor(np.array([[(hue, saturation, value)]], np.uint8), cv2.COLOR_HSV2BGR)[0, 0].tolist()
    return float(b), float(g), float(r)


def _near(random: np.random.Generator, colour: Colour, by: float) -> Colour:
    b, g, r = (float(c + random.uniform(-by, by)) for c in colour)
    return b, g, r
