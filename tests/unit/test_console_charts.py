"""Columns in their places, and the questions' SQL as it is shown."""

from connectors.console.charts import Point, chart, nice_top
from connectors.console.questions import QUESTIONS, _chart, _filled, _like


def test_the_highest_column_stays_below_the_top_and_half_of_the_top_is_round() -> None:
    assert [nice_top(value) for value in (0, 0.3, 1, 3, 59, 61, 700)] == [1, 1, 1, 4, 60, 80, 800]
    assert [nice_top(value, durations=True) for value in (0.3, 59, 61, 3000, 90_000)] == [2, 60, 120, 3600, 100_000]


def test_a_column_says_its_value_and_what_stands_behind_it() -> None:
    made = chart([Point("09", 5, 10), Point("10", 20)], lambda value: f"{value:g} s", ("median", "most"))
    assert [(c.height, c.back_height, c.title) for c in made.columns] == [
        (25.0, 50.0, "09: median 5 s, most 10 s"),
        (100.0, 0.0, "10: 20 s"),
    ]
    assert [text for _, text in made.lines] == ["0 s", "10 s", "20 s"]


def test_where_there_is_no_room_for_every_label_some_are_left_out() -> None:
    made = chart([Point(str(n), 1) for n in range(90)], str)
    assert 0 < sum(bool(c.label) for c in made.columns) <= 14


def test_an_hour_in_which_nothing_was_is_an_empty_place_on_the_line() -> None:
    made = _chart(QUESTIONS["served"], [(9, 3), (12, 4)])
    assert [column.title for column in made.columns] == ["09 h: 3", "10 h: 0", "11 h: 0", "12 h: 4"]


def test_nothing_makes_an_empty_chart() -> None:
    assert _chart(QUESTIONS["latency"], []).columns == []


def test_a_shown_query_can_be_pasted_whatever_the_names_hold() -> None:
    shown = _filled("site_id = {site:String} AND day = {first:Date} AND camera_id LIKE {camera:String}",
                    {"site": "it's", "first": "2026-03-02", "last": "2026-03-02", "camera": _like("a_b%")})  # fmt: skip
    assert shown == r"site_id = 'it\'s' AND day = '2026-03-02' AND camera_id LIKE 'a\\_b\\%'"
