"""People who are served, on the floor and at the counter, and people who only seem to be."""

from tests.evaluation.situations.places import AWAY, BACK, COUNTER, DOOR, FLOOR, LEFT, MEASURED, RIGHT, TILL
from tests.evaluation.situations.script import Scene, situation, way


@situation(8, 11, 13, 17, 19, 24, 40, seconds=60, law=FLOOR)
def a_question_or_a_service(shop: Scene, lasts_s: float) -> None:
    """Up to a quarter of a minute it was a question."""
    anna = shop.staff(*way(BACK, (6, 6 + lasts_s, (0.9, 6.0))))
    ben = shop.customer(*way(LEFT, (4, 6 + lasts_s, (0.0, 5.8))))
    if lasts_s > 15:
        shop.served(anna, ben, 6, 6 + lasts_s)


@situation(0.6, 0.8, 1.0, 1.2, 1.35, seconds=50, law=FLOOR)
def they_talk_at_arm_s_length(shop: Scene, apart_m: float) -> None:
    """Beside, behind and obliquely to each other in the picture."""
    for at_s, dx, dy in ((5, 1.0, 0.0), (28, 0.6, 0.8)):
        anna = shop.staff(*way(BACK, (at_s, at_s + 20, (apart_m * dx, 5.5 + apart_m * dy))))
        ben = shop.customer(*way(LEFT, (at_s - 1, at_s + 20, (0.0, 5.5))))
        shop.served(anna, ben, at_s, at_s + 20)


@situation(1.8, 2.0, 2.3, 2.8, seconds=40, law=FLOOR)
def they_look_at_different_shelves(shop: Scene, apart_m: float) -> None:
    """Staff tidy up two steps from a customer who browses: no service."""
    shop.staff(*way(BACK, (5, 35, (apart_m, 6.0))))
    shop.customer(*way(LEFT, (4, 35, (0.0, 6.0))))


@situation(4, 5.5, 7, 7.5, seconds=80, law=FLOOR)
def staff_fetch_something(shop: Scene, away_s: float) -> None:
    """From the next shelf, three steps off, and come back with it: one service."""
    beside, until_s = (0.9, 6.0), 35 + away_s
    there_s, shelf = 5 + 30 + away_s / 2, (3.4, 7.2)
    anna = shop.staff(*way(BACK, (5, 35, beside), (there_s, there_s, shelf), (until_s, until_s + 30, beside)))
    ben = shop.customer(*way(LEFT, (4, until_s + 30, (0.0, 6.0))))
    shop.served(anna, ben, 5, until_s + 30)


@situation(8.5, 10, 13, 16, seconds=90, hz=2.5, law=FLOOR)
def staff_are_called_away(shop: Scene, away_s: float) -> None:
    """They do something else at the next shelf, and come back afterwards: two services."""
    beside, again_s = (0.9, 6.0), 35 + away_s
    anna = shop.staff(*way(BACK, (5, 35, beside), (38.5, again_s - 3.5, (3.4, 7.2)), (again_s, again_s + 30, beside)))
    ben = shop.customer(*way(LEFT, (4, again_s + 30, (0.0, 6.0))))
    shop.served(anna, ben, 5, 35)
    shop.served(anna, ben, again_s, again_s + 30)


@situation(5, 7.5, 9, 12, seconds=85, law=FLOOR)
def staff_look_in_the_store_room(shop: Scene, away_s: float) -> None:
    """For the right size, through a door beside the shelf: out of sight, and one service."""
    anna = shop.staff(*way(BACK, (5, 65 + away_s, (0.9, 6.0)))).hidden(35, 35 + away_s)
    ben = shop.customer(*way(LEFT, (4, 65 + away_s, (0.0, 6.0))))
    shop.served(anna, ben, 5, 65 + away_s)


@situation(11.5, 15, 25, seconds=100, hz=2.5, law=FLOOR)
def staff_leave_through_the_door(shop: Scene, away_s: float) -> None:
    """The customer tries on alone and is asked again afterwards: two services."""
    again_s = 35 + away_s
    anna = shop.staff(*way(BACK, (5, again_s + 30, (0.9, 6.0)))).hidden(35, again_s).renamed(again_s, 21)
    ben = shop.customer(*way(LEFT, (4, again_s + 30, (0.0, 6.0))))
    shop.served(anna, ben, 5, 35)
    shop.served(anna, ben, again_s, again_s + 30)


@situation(1.0, 1.2, 1.4, seconds=45, law=FLOOR)
def staff_show_the_way(shop: Scene, speed_m_s: float) -> None:
    """The two walk through the shop side by side, from shelf to shelf: one service."""
    legs = [(5 + 6 * n / speed_m_s, 3.0 if n % 2 else -3.0) for n in range(6)]
    anna = shop.staff(*[(s, x + 0.9, 6.0) for s, x in legs]).leaves(legs[-1][0])
    ben = shop.customer(*[(s, x, 5.9) for s, x in legs])
    shop.served(anna, ben, 5, legs[-1][0])


@situation(0.7, 1.0, 1.4, seconds=60, law=FLOOR)
def staff_walk_up_and_down_past_a_customer(shop: Scene, speed_m_s: float) -> None:
    """Carrying boxes: no service, and the customer browses on."""
    legs = range(int(50 * speed_m_s / 4))
    shop.staff(*[(5 + 4 * n / speed_m_s, 2.0 if n % 2 else -2.0, 6.8) for n in legs])
    shop.customer(*way(LEFT, (4, 55, (0.0, 6.0))))


@situation(1.2, 1.6, 2.4, 3.0, seconds=70, hz=10, law=FLOOR)
def two_of_the_staff_with_one_customer(shop: Scene, sways_s: float) -> None:
    """One serves, a learner listens; who stands nearer changes as they sway: one service."""
    ways = [[(2.0, *BACK), (5.0, 0.9, 6.2)], [(2.0, *LEFT), (5.0, -1.0, 6.2)]]
    turns = int(50 / sways_s)
    for turn in range(turns):
        for path, x, nearer in zip(ways, (0.9, -0.95), (turn % 2 == 0, turn % 2 == 1), strict=True):
            path += [(5.3 + turn * sways_s, x * (0.8 if nearer else 1.2), 6.2)]
            path += [(5.0 + (turn + 1) * sways_s, x * (0.8 if nearer else 1.2), 6.2)]
    anna, _learner = (shop.staff(*path) for path in ways)
    ben = shop.customer(*way(RIGHT, (4, 62, (0.0, 6.0))))
    shop.served(anna, ben, 5, 62)


@situation(25, 40, seconds=95, hz=2.5, law=FLOOR)
def a_colleague_takes_over(shop: Scene, each_s: float) -> None:
    """One leads the customer to the other and goes: each served them."""
    over_s = 5 + each_s
    anna = shop.staff(*way(BACK, (5, over_s + 1, (0.9, 6.0))))
    carl = shop.staff(*way(LEFT, (over_s, over_s + each_s, (-0.7, 6.0))))
    ben = shop.customer(*way(LEFT, (4, over_s + each_s, (0.0, 6.0))))
    shop.served(anna, ben, 5, over_s)
    shop.served(carl, ben, over_s, over_s + each_s)


@situation(1.0, 1.2, 1.35, seconds=45, law=MEASURED)
def face_to_face(shop: Scene, apart_m: float) -> None:
    """Bodies turned to each other: a service."""
    anna = shop.staff(*way(BACK, (5, 35, (apart_m, 6.0))))
    ben = shop.customer(*way(LEFT, (4, 35, (0.0, 6.0))))
    anna.looks_deg, ben.looks_deg = 180.0, 0.0
    shop.served(anna, ben, 5, 35)


@situation(0.7, 0.85, 0.95, 1.05, seconds=45, law=MEASURED)
def side_by_side(shop: Scene, apart_m: float) -> None:
    """Before the same shelf, where one shows the other something: a service."""
    anna = shop.staff(*way(BACK, (5, 35, (apart_m, 6.0))))
    ben = shop.customer(*way(LEFT, (4, 35, (0.0, 6.0))))
    anna.looks_deg = ben.looks_deg = AWAY
    shop.served(anna, ben, 5, 35)


@situation(0.6, 0.75, 0.9, 1.2, seconds=45, law=MEASURED)
def back_to_back(shop: Scene, apart_m: float) -> None:
    """In one aisle, each at their own shelf: no service."""
    anna = shop.staff(*way(BACK, (5, 35, (apart_m, 6.0))))
    ben = shop.customer(*way(LEFT, (4, 35, (0.0, 6.0))))
    anna.looks_deg, ben.looks_deg = 0.0, 180.0


# --- at the counter -------------------------------------------------------------------------------------------------


@situation(0.2, 0.6, 0.9, 1.1, seconds=55, law=COUNTER)
def across_the_counter(shop: Scene, along_m: float) -> None:
    """The customer puts their things down a little along the counter: a service."""
    anna = shop.staff(*way(DOOR, (2, 52, (-0.5, 6.6))))
    ben = shop.customer(*way(LEFT, (8, 45, (-0.5 + along_m, 5.5))))
    shop.served(anna, ben, 8, 45)


@situation(1.3, 1.5, 1.8, seconds=55, law=COUNTER)
def next_to_the_one_who_is_served(shop: Scene, along_m: float) -> None:
    """The next customer is at the counter too, but is not served yet."""
    anna = shop.staff(*way(DOOR, (2, 52, (-0.5, 6.6))))
    ben = shop.customer(*way(LEFT, (8, 45, (-0.6, 5.5))))
    shop.customer(*way(RIGHT, (12, 48, (-0.5 + along_m, 5.4))))
    shop.served(anna, ben, 8, 45)


@situation(20, 35, 50, 55, seconds=175, hz=2.5, law=COUNTER)
def staff_bend_down_behind_the_counter(shop: Scene, down_s: float) -> None:
    """To the drawers, and look for something: one service."""
    anna = shop.staff(*way(DOOR, (2, 170, (0.0, 6.6)))).hidden(60, 60 + down_s)
    ben = shop.customer(*way(LEFT, (10, 110 + down_s, TILL)))
    shop.served(anna, ben, 10, 110 + down_s)


@situation(65, 72, 78, 90, seconds=200, hz=2.5, law=COUNTER)
def staff_go_down_to_the_cellar(shop: Scene, away_s: float) -> None:
    """Through a hatch behind the counter, and another serves meanwhile elsewhere: two services."""
    anna = shop.staff(*way(DOOR, (2, 195, (0.0, 6.6)))).hidden(60, 60 + away_s)
    ben = shop.customer(*way(LEFT, (10, 110 + away_s, TILL)))
    shop.served(anna, ben, 10, 60)
    shop.served(anna, ben, 60 + away_s, 110 + away_s)
