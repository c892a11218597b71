"""The folds at the edges of their numbers: where one thing just still holds, and where another begins."""

from tests.scenario import TEN_O_CLOCK, Scenario, after, ended, fold, outages, record, rules, visits, zone

DAY_S = 86_400


def test_after_a_long_absence_a_month_of_blind_days_is_told_and_no_more() -> None:
    # given a camera that comes back after 40 days
    first = record(TEN_O_CLOCK, 0)
    back = after(first, 40 * DAY_S)
    days = [o.business_day for o in outages(fold([first, back], rules()))]
    # then told are the rest of its day, 31 whole days, and the day of its return
    assert len(days) == 1 + 31 + 1
    assert (days[0], days[1], days[31], days[-1]) == ("2026-03-02", "2026-03-03", "2026-04-02", "2026-04-11")


def test_a_visit_begins_to_count_when_waiting_would() -> None:
    # given customers who are last seen in a service zone after 4.9 and after 5 s
    law = rules(zones=[zone(-2, 4, 2, 7)])
    for gone_s, told in ((5.0, 0), (5.1, 1)):
        shop = Scenario(seconds=30)
        shop.customer((0, 0.0, 5.0)).leaves(gone_s)
        assert len(visits(fold(ended(shop.log()), law))) == told, gone_s
