"""The rules as data: which numbers are accepted, and which ones hold when a site says nothing."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.hours import opening_hours
from schemas.rules import FloorPlan, FloorPoint, NearRules, ServicePoint, Thresholds, Zone

SQUARE = ((0, 0), (10, 0), (10, 10), (0, 10))


def test_a_site_that_says_nothing_gets_the_numbers_that_the_rules_were_explained_with() -> None:
    # whoever changes one changes the episodes of every such shop
    known: dict[str, dict[str, Any]] = {
        "person": {
            "confidence_min": 0.3,
            "speed_max_m_s": 3.0,
            "stitch_gap_s": 3.0,
            "stitch_distance_m": 0.75,
            "stitch_size_ratio_min": 0.7,
            "cut_class_s": 1.0,
            "cut_confidence_min": 0.7,
            "hidden_s": 60.0,
            "hidden_covered_min": 0.5,
            "hidden_distance_m": 0.5,
            "life_s": 120.0,
            "life_edge_share": 0.03,
            "life_edge_min_px": 4.0,
            "child_max_m": 1.3,
        },
        "role": {
            "staff_classes": ("staff",),
            "customer_classes": ("customer",),
            "staff_area_s": 20.0,
            "stable_s": 10.0,
            "stable_share": 0.8,
        },
        "near": {
            "body_height_m": 1.7,
            "foot_share_min": 0.75,
            "depth_factor": 2.2,
            "height_ratio_max": 1.25,
            "pixel_max_m": 0.1,
            "hull_growth": 0.2,
            "counter_reach_m": 1.2,
            "facing_weight": 0.6,
        },
        "interaction": {
            "near_m": 1.5,
            "stay_m": 2.25,
            "start_s": 1.0,
            "start_support": 0.6,
            "far_s": 5.0,
            "unknown_s": 10.0,
            "confirm_s": 15.0,
            "relative_speed_max_m_s": 0.5,
            "change_s": 2.0,
            "party_m": 1.2,
            "party_s": 10.0,
        },
        "unattended": {
            "start_s": 5.0,
            "confirm_s": 60.0,
            "busy_s": 300.0,
            "served_s": 3.0,
            "contact_gap_s": 1.0,
            "outside_s": 10.0,
        },
        "time": {
            "unknown_s": 3.0,
        },
    }
    assert Thresholds().model_dump() == known


@pytest.mark.parametrize(
    ("group", "name", "accepted", "refused"),
    [
        ("interaction", "start_s", 0, -0.1),
        ("interaction", "near_m", 0.5, 0),
        ("role", "stable_share", 0, -0.1),
        ("role", "stable_share", 1, 1.1),
        ("near", "depth_factor", 1, 0.9),
        ("near", "height_ratio_max", 1, 0.9),
        ("person", "confidence_min", 0, -0.1),
        ("near", "facing_weight", 2, 2.1),
    ],
)
def test_a_number_that_cannot_be_is_refused(group: str, name: str, accepted: float, refused: float) -> None:
    assert Thresholds.model_validate({group: {name: accepted}}).model_dump()[group][name] == accepted
    with pytest.raises(ValidationError):
        Thresholds.model_validate({group: {name: refused}})


def test_rules_are_never_changed_in_place() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Thresholds().interaction.near_m = 2.0  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        opening_hours({"mon": ((540, 600),)}).week = ()  # type: ignore[misc,assignment]


def test_a_floor_is_known_as_far_as_the_rules_say() -> None:
    corners = [((0, 300), (0, 0)), ((600, 300), (6, 0)), ((600, 0), (6, 3)), ((0, 0), (0, 3))]
    plan = FloorPlan(points=tuple(FloorPoint(pixel=pixel, floor_m=metres) for pixel, metres in corners))
    near = NearRules(pixel_max_m=0.02, hull_growth=0.5)
    assert plan.floor(near).hull != plan.floor().hull
    assert plan.floor(near).pixel_max_m == 0.02


def test_an_area_has_three_corners() -> None:
    triangle = Zone(zone_id="a", kind="service", polygon=SQUARE[:3])
    assert (triangle.polygon, triangle.name) == (SQUARE[:3], "")
    with pytest.raises(ValidationError):
        Zone(zone_id="a", kind="service", polygon=SQUARE[:2])


@pytest.mark.parametrize(("kind", "point"), [("queue", "till"), ("service", None)])
def test_a_queue_names_its_service_point_and_a_service_zone_does_not(kind: str, point: str | None) -> None:
    values = {"zone_id": "a", "kind": kind, "polygon": SQUARE}
    assert Zone.model_validate(values | {"service_point": point}).service_point == point
    with pytest.raises(ValidationError, match="a queue zone names its service_point"):
        Zone.model_validate(values | {"service_point": "till" if point is None else None})


@pytest.mark.parametrize(
    ("name", "fits"),
    [("a", True), ("till-2_b", True), ("x" * 64, True), ("x" * 65, False), ("A", False), ("-a", False), ("", False)],
)
def test_a_name_is_short_and_plain(name: str, fits: bool) -> None:
    values = {
        "service_point_id": name,
        "counter_line": SQUARE[:2],
        "counter_length_m": 1,
        "staff_area": SQUARE,
        "customer_strip": SQUARE,
    }
    if fits:
        point = ServicePoint.model_validate(values)
        assert (point.service_point_id, point.name) == (name, "")
    else:
        with pytest.raises(ValidationError):
            ServicePoint.model_validate(values)
