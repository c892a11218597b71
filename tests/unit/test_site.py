"""The site file: what is right is understood, what is wrong is named with its line."""

from pathlib import Path

import pytest

from schemas.site import SiteError, load_site

GOOD = """\
site_id: shop
timezone: Europe/Berlin
rules:
  interaction:
    confirm_s: 12
cameras:
  - camera_id: counter
    name: Counter
    source: counter.mp4
    image_width: 640
    image_height: 360
    service_points:
      - service_point_id: till
        counter_line: [[100, 200], [300, 200]]
        counter_length_m: 3
        staff_area: [[100, 100], [300, 100], [300, 200], [100, 200]]
        customer_strip: [[100, 200], [300, 200], [300, 300], [100, 300]]
    zones:
      - zone_id: line
        kind: queue
        service_point: till
        polygon: [[300, 200], [500, 200], [500, 300]]
    rules:
      near: {depth_factor: 1.8}
  - camera_id: floor
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "site.yaml"
    path.write_text(text)
    return path


def test_a_good_site_is_read_with_the_cameras_own_rules_over_the_sites(tmp_path: Path) -> None:
    site = load_site(write(tmp_path, GOOD))
    counter, floor = site.effective_rules("counter"), site.effective_rules("floor")
    assert counter.thresholds.interaction.confirm_s == floor.thresholds.interaction.confirm_s == 12
    assert (counter.thresholds.near.depth_factor, floor.thresholds.near.depth_factor) == (1.8, 2.2)


def test_the_rules_version_changes_with_any_rule_and_with_nothing_else(tmp_path: Path) -> None:
    version = load_site(write(tmp_path, GOOD)).effective_rules("counter").version
    same = load_site(write(tmp_path, GOOD.replace("source: counter.mp4", "source: other.mp4")))
    moved = load_site(write(tmp_path, GOOD.replace("[500, 300]", "[501, 300]")))
    assert same.effective_rules("counter").version == version
    assert moved.effective_rules("counter").version != version


FLOOR = """\
    floor:
      points:
        - {pixel: [100, 300], floor_m: [0, 0]}
        - {pixel: [500, 300], floor_m: [4, 0]}
        - {pixel: [400, 100], floor_m: [4, 6]}
        - {pixel: [200, 100], floor_m: [0, 6]}
      lens_m: [2, -3, 3.1]
"""


def with_floor(text: str = FLOOR) -> str:
    return GOOD.replace("    service_points:", text + "    service_points:", 1)


def test_a_measured_floor_is_a_rule(tmp_path: Path) -> None:
    plain = load_site(write(tmp_path, GOOD)).effective_rules("counter")
    rules = load_site(write(tmp_path, with_floor())).effective_rules("counter")
    assert plain.floor is None
    assert rules.floor is not None
    assert rules.floor.floor().at(300, 300) == pytest.approx((2, 0))
    assert rules.version != plain.version


@pytest.mark.parametrize(
    ("wrong", "right", "line", "says"),
    [
        ("        - {pixel: [200, 100], floor_m: [0, 6]}\n", "", 13, "at least 4"),
        ("[4, 0]", "[4]", 15, "cameras.0.floor.points.1.floor_m"),
        ("{pixel: [500, 300], floor_m: [4, 0]}", "{pixel: [150, 200], floor_m: [0, 4]}", 12, "on one line"),
        ("{pixel: [500, 300], floor_m: [4, 0]}", "{pixel: [500, 300], floor_m: [0, 4]}", 12, "exchanged"),
        ("3.1]", "0]", 18, "cameras.0.floor.lens_m.2"),
        ("[500, 300]", "[700, 300]", 7, "floor: point (700, 300) is outside the image of 640x360"),
    ],
)
def test_an_error_in_the_floor_names_its_line(tmp_path: Path, wrong: str, right: str, line: int, says: str) -> None:
    path = write(tmp_path, with_floor(FLOOR.replace(wrong, right)))
    with pytest.raises(SiteError) as error:
        load_site(path)
    assert says in str(error.value)
    assert f"{path}:{line}:" in str(error.value)


@pytest.mark.parametrize(
    ("wrong", "right", "line", "says"),
    [
        ("confirm_s: 12", "confirm_s: soon", 5, "rules.interaction.confirm_s"),
        ("confirm_s: 12", "confirm_seconds: 12", 5, "rules.interaction.confirm_seconds"),
        ("Europe/Berlin", "Berlin", 2, "is not a time zone"),
        ("kind: queue", "kind: line", 20, "cameras.0.zones.0.kind"),
        ("service_point: till", "service_point: bar", 7, "no service point 'bar'"),
        ("[500, 300]", "[900, 300]", 7, "zone line: point (900, 300) is outside the image of 640x360"),
        ("camera_id: floor", "camera_id: counter", 1, "'counter' is there twice"),
        ("near: {depth", "nearness: {depth", 1, "unknown group 'nearness'"),
        ("cameras:", "kameras:", 6, "kameras"),
        ("timezone: Europe/Berlin", "timezone: [", 4, "not YAML"),
    ],
)
def test_an_error_names_file_line_and_key(tmp_path: Path, wrong: str, right: str, line: int, says: str) -> None:
    path = write(tmp_path, GOOD.replace(wrong, right))
    with pytest.raises(SiteError) as error:
        load_site(path)
    assert says in str(error.value)
    assert f"{path}:{line}:" in str(error.value)


HOURS = """\
opening_hours:
  mon-fri: "09:00-20:00"
  Sat: 9:00-13:00, 14:00-18:00
  2026-12-24: "22:00-02:00"
  2026-12-25: closed
cameras:
"""


def test_opening_hours_are_rules_and_a_camera_may_have_its_own(tmp_path: Path) -> None:
    text = GOOD.replace("cameras:\n", HOURS)
    text = text.replace("camera_id: floor", 'camera_id: floor\n    opening_hours: {mon-sun: "00:00-24:00"}')
    site = load_site(write(tmp_path, text))
    hours = site.effective_rules("counter").opening_hours
    assert hours is not None
    assert hours.week == (*[((540, 1200),)] * 5, ((540, 780), (840, 1080)), ())
    assert hours.dates == {"2026-12-24": ((1320, 1560),), "2026-12-25": ()}
    own = site.effective_rules("floor").opening_hours
    assert own is not None
    assert own.week == (((0, 1440),),) * 7
    plain = load_site(write(tmp_path, GOOD)).effective_rules("counter")
    assert plain.opening_hours is None
    assert plain.version != site.effective_rules("counter").version


def test_the_same_hours_in_other_words_are_the_same_rules(tmp_path: Path) -> None:
    def version(hours: str) -> str:
        text = GOOD.replace("cameras:\n", f"opening_hours: {hours}\ncameras:\n")
        return load_site(write(tmp_path, text)).effective_rules("counter").version

    assert version('{mon-tue: "9:00-20:00", sun: closed}') == version('{tue: "09:00-20:00", mon: "09:00-20:00"}')


def test_every_weekday_can_be_named_alone_with_times_to_the_minute(tmp_path: Path) -> None:
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    hours = "".join(f'  {day}: "0{number}:30-1{number}:45"\n' for number, day in enumerate(days, 1))
    site = load_site(write(tmp_path, GOOD.replace("cameras:\n", f"opening_hours:\n{hours}cameras:\n")))
    found = site.effective_rules("counter").opening_hours
    assert found is not None
    assert found.week == tuple(((n * 60 + 30, n * 60 + 645),) for n in range(1, 8))


@pytest.mark.parametrize(
    ("wrong", "right", "line", "says"),
    [
        ("mon-fri", "munday", 7, "'munday' is no day: write mon, mon-fri or 2026-12-25"),
        ("mon-fri", "fri-mon", 7, "'fri-mon' is no day"),
        ("2026-12-24", "2026-12-42", 9, "'2026-12-42' is no day"),
        ('"09:00-20:00"', "9 to 5", 7, "opening_hours.mon-fri: '9 to 5' are no times"),
        ('"09:00-20:00"', '"09:00-25:00"', 7, "are no times"),
        ('"09:00-20:00"', '"24:00-02:00"', 7, "are no times"),
        ('"09:00-20:00"', "10:00", 7, "600 are no times"),
        ("closed", "off", 10, "False are no times"),
        ("Sat:", "fri:", 6, "fri is named twice"),
    ],
)
def test_a_wrong_day_or_time_is_named_with_its_line(
    tmp_path: Path, wrong: str, right: str, line: int, says: str
) -> None:
    path = write(tmp_path, GOOD.replace("cameras:\n", HOURS.replace(wrong, right)))
    with pytest.raises(SiteError) as error:
        load_site(path)
    assert says in str(error.value)
    assert f"{path}:{line}:" in str(error.value)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="name one with --site FILE"):
        load_site(tmp_path / "none.yaml")


def test_an_unknown_camera_is_answered_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="there are: counter, floor"):
        load_site(write(tmp_path, GOOD)).camera("door")


def test_a_zone_that_does_not_fit_the_real_image_is_refused(tmp_path: Path) -> None:
    camera = load_site(write(tmp_path, GOOD)).camera("counter")
    with pytest.raises(SiteError, match="outside its image of 320x240"):
        camera.check_image(320, 240)


def test_blur_is_the_site_s_or_the_camera_s_and_no_rule_of_the_fold(tmp_path: Path) -> None:
    plain, blurred = tmp_path / "plain.yaml", tmp_path / "blurred.yaml"
    plain.write_text(GOOD)
    blurred.write_text(GOOD.replace("site_id: shop\n", "site_id: shop\nblur: faces\n"))
    one, other = load_site(plain), load_site(blurred)
    assert (one.blur_of("counter"), other.blur_of("counter")) == ("none", "faces")
    assert one.effective_rules("counter").version == other.effective_rules("counter").version
    blurred.write_text(GOOD.replace("    name: Counter\n", "    name: Counter\n    blur: people\n"))
    assert load_site(blurred).blur_of("counter") == "people"


def test_blur_of_a_clip_that_is_not_of_the_picture_that_is_detected_on_needs_that_one_s_size(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    streams = "source: rtsp://a/big, detect_source: rtsp://a/small"
    path.write_text(f"site_id: shop\nblur: people\ncameras:\n  - {{camera_id: till, {streams}}}\n")
    with pytest.raises(SiteError, match="needs its image_width and image_height"):
        load_site(path)
    path.write_text(f"site_id: shop\ncameras:\n  - {{camera_id: till, {streams}}}\n")
    assert load_site(path).blur_of("till") == "none"
