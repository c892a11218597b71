"""People who wait: alone, in a queue, in twos; who do not, and who are nobody."""

from random import Random

from tests.evaluation.situations.places import BACK, COUNTER, DOOR, FAR_END, FLAT, FLOOR, LEFT, MEASURED, RIGHT, TILL
from tests.evaluation.situations.script import Scene, situation, way
from tests.scene import Figure


@situation(40, 46, 54, 66, 74, 78, 95, seconds=120, hz=2.5, law=FLOOR)
def nobody_comes(shop: Scene, waits_s: float) -> None:
    """A customer stands in the zone and goes."""
    ben = shop.customer(*way(LEFT, (5, 5 + waits_s, (0.0, 5.5))))
    shop.visited(ben, 3.5, 6.5 + waits_s)
    if waits_s > 60:
        shop.unattended(ben, 3.5, 6.5 + waits_s)


@situation(5, 7, 8, 9, seconds=125, hz=2.5, law=FLOOR)
def a_step_out_of_the_zone(shop: Scene, out_s: float) -> None:
    """To the next shelf and back: one wait, one visit."""
    again_s = 45 + out_s
    ben = shop.customer(
        *way(LEFT, (5, 45, (1.6, 5.5)), (46, again_s - 1, (2.8, 5.5)), (again_s, again_s + 40, (1.6, 5.5)))
    )
    shop.visited(ben, 2, again_s + 43)
    shop.unattended(ben, 2, again_s + 43)


@situation(11.5, 12.5, 15, 20, seconds=130, hz=2.5, law=FLOOR)
def elsewhere_for_a_while(shop: Scene, out_s: float) -> None:
    """A customer goes to look at something else and comes back: two visits, of less than a minute."""
    again_s = 45 + out_s
    ben = shop.customer(
        *way(LEFT, (5, 45, (1.6, 5.5)), (47, again_s - 2, (4.0, 5.0)), (again_s, again_s + 40, (1.6, 5.5)))
    )
    shop.visited(ben, 2, 45)
    shop.visited(ben, again_s, again_s + 43)


@situation(1.2, 1.6, 2.2, 2.5, seconds=85, law=FLOOR)
def one_moment_please(shop: Scene, lasts_s: float) -> None:
    """Staff stop for a word and go: the customer is still unattended."""
    shop.staff(*way(BACK, (35, 35 + lasts_s, (0.8, 5.6))))
    ben = shop.customer(*way(LEFT, (5, 72, (0.0, 5.5))))
    shop.unattended(ben, 3.5, 74)


@situation(3.6, 4.5, 6, 9, seconds=85, law=FLOOR)
def told_where_it_is(shop: Scene, lasts_s: float) -> None:
    """A question and its answer: attended, though no service."""
    shop.staff(*way(BACK, (35, 35 + lasts_s, (0.8, 5.6))))
    shop.customer(*way(LEFT, (5, 72, (0.0, 5.5))))


@situation(0.6, 0.8, 1.2, seconds=85, law=FLOOR)
def told_where_it_is_behind_a_passer_by(shop: Scene, hidden_s: float) -> None:
    """The same, and for a moment staff are not seen."""
    anna = shop.staff(*way(BACK, (35, 39.2 + hidden_s, (0.8, 5.6))))
    anna.hidden(37.4, 37.4 + hidden_s)
    shop.customer(*way(LEFT, (5, 72, (0.0, 5.5))))


@situation(1.2, 1.6, 2.5, 4.0, seconds=85, law=FLOOR)
def a_word_on_the_way_there_and_back(shop: Scene, between_s: float) -> None:
    """Staff pass with a word each time: the customer is still unattended."""
    spot, again_s = (0.8, 5.6), 37.0 + between_s
    shop.staff(*way(BACK, (35, 36.6, spot), (again_s, again_s + 1.6, spot))).hidden(36.8, again_s - 0.2)
    ben = shop.customer(*way(LEFT, (5, 72, (0.0, 5.5))))
    shop.unattended(ben, 3.5, 74)


@situation(3.2, 3.8, 4.4, seconds=30, law=FLOOR)
def walking_through(shop: Scene, takes_s: float) -> None:
    """Through the zone to somewhere else: no visit."""
    ben = shop.customer((2, -4.0, 5.5), (2 + 2 * takes_s, 4.0, 5.5))
    shop.walked_through(ben)


@situation(3, 3.6, 4.5, 8, seconds=40, law=FLOOR)
def stopping_to_look(shop: Scene, stops_s: float) -> None:
    """Three steps in, a look, and out again: a visit."""
    ben = shop.customer(*way(LEFT, (8, 8 + stops_s, (-0.4, 5.5))))
    shop.visited(ben, 6.7, 9.3 + stops_s)


# --- not alone ------------------------------------------------------------------------------------------------------


@situation(0.7, 0.9, 1.05, seconds=140, hz=2.5, law=FLOOR)
def a_couple_of_whom_one_asks(shop: Scene, apart_m: float) -> None:
    """They wait together; staff speak to one of them, and so to both: nobody is unattended."""
    dora = shop.customer(*way(LEFT, (4, 130, (0.0, 5.5))))
    shop.customer(*way(LEFT, (6, 130, (-apart_m, 5.5))))
    anna = shop.staff(*way(BACK, (45, 130, (1.2, 5.6))))
    shop.served(anna, dora, 45, 130)


@situation(1.3, 1.4, 1.55, 1.75, seconds=140, hz=2.5, law=FLOOR)
def strangers_of_whom_one_is_served(shop: Scene, apart_m: float) -> None:
    """They stand a step farther apart than couples do: the other is unattended."""
    dora = shop.customer(*way(LEFT, (4, 130, (0.0, 5.5))))
    emil = shop.customer(*way(LEFT, (6, 130, (-apart_m, 5.5))))
    anna = shop.staff(*way(BACK, (30, 130, (1.2, 5.6))))
    shop.served(anna, dora, 30, 130)
    shop.unattended(emil, 4, 131)


@situation(8, 12, 15, 30, seconds=150, hz=2.5, law=FLOOR)
def staff_come_soon_to_a_couple(shop: Scene, after_s: float) -> None:
    """The two came together, were asked soon, and looked on: nobody is unattended."""
    dora = shop.customer(*way(LEFT, (4, 90 + after_s, (0.0, 5.5))))
    shop.customer(*way(LEFT, (5, 90 + after_s, (-0.9, 5.5))))
    anna = shop.staff(*way(BACK, (5 + after_s, 90 + after_s, (1.2, 5.6))))
    shop.served(anna, dora, 5 + after_s, 90 + after_s)


@situation(5, 7.5, 8.5, seconds=120, hz=2.5, law=FLOOR)
def a_stranger_comes_beside_somebody(shop: Scene, before_s: float) -> None:
    """Before the same shelf, shortly before staff come for one of them: the other is unattended."""
    dora = shop.customer(*way(LEFT, (4, 105, (0.0, 5.5))))
    emil = shop.customer(*way(LEFT, (15, 105, (-1.0, 5.5))))
    anna = shop.staff(*way(BACK, (15 + before_s, 105, (1.2, 5.6))))
    shop.served(anna, dora, 15 + before_s, 105)
    shop.unattended(emil, 13, 106)


@situation(1.0, 1.15, 1.22, seconds=110, hz=2.5, law=MEASURED)
def a_child_plays_in_the_zone(shop: Scene, tall_m: float) -> None:
    """Nobody is unattended: it belongs to somebody who looks at the shelf beside."""
    shop.person("customer", *way(LEFT, (5, 95, (0.0, 5.5))), tall_m=tall_m)
    shop.customer(*way(LEFT, (4, 95, (3.0, 5.0))))


@situation(1.5, 1.6, 1.7, 1.85, seconds=100, hz=2.5, law=MEASURED)
def people_of_all_heights_wait(shop: Scene, tall_m: float) -> None:
    """A minute and a quarter without staff."""
    ben = shop.person("customer", *way(LEFT, (5, 80, (0.0, 5.5))), tall_m=tall_m)
    shop.visited(ben, 3.5, 82)
    shop.unattended(ben, 3.5, 82)


@situation(0.04, 0.05, 0.06, 0.08, 0.12, seconds=130, hz=2.5, law=FLOOR)
def somebody_sits_and_waits(shop: Scene, leans_m: float) -> None:
    """First seen on a chair, they lean now and then: unattended."""
    _sits(shop, leans_m, shop.person("customer", (0, 0.0, 5.0), tall_m=1.25))


@situation(0.04, 0.05, 0.06, 0.08, 0.12, seconds=130, hz=2.5, law=FAR_END)
def somebody_sits_at_the_far_end(shop: Scene, leans_m: float) -> None:
    """Where a body is a hundred pixels high: unattended."""
    shop.camera = FLAT
    _sits(shop, leans_m, shop.person("customer", (0, 0.0, 13.5), tall_m=1.3))


def _sits(shop: Scene, leans_m: float, ben: Figure) -> None:
    random, s = Random(shop.seed), 12.0
    while s < 110:
        lasts_s = random.uniform(8, 18)
        ben.leans(s, s + lasts_s, leans_m)
        s += lasts_s + random.uniform(10, 20)
    ben.leaves(125)
    shop.jitter_px = 1.5
    shop.visited(ben, 0, 125)
    shop.unattended(ben, 0, 125)


@situation(1.5, 3.5, 4.5, 5.5, seconds=200, hz=2.5, law=FLOOR)
def a_mannequin(shop: Scene, wanders_px: float) -> None:
    """In a coat, near the camera, its box higher and lower as the light changes: nobody is unattended."""
    _wanders(shop, wanders_px / 165, shop.person("customer", (0, 0.5, 4.3), tall_m=1.8))


@situation(1.5, 2.0, 2.4, 2.8, seconds=200, hz=2.5, law=FAR_END)
def a_mannequin_at_the_far_end(shop: Scene, wanders_px: float) -> None:
    """The same where a body is a hundred pixels high."""
    shop.camera = FLAT
    _wanders(shop, wanders_px / 66, shop.person("customer", (0, 0.5, 13.5), tall_m=1.8))


def _wanders(shop: Scene, by_m: float, doll: Figure) -> None:
    shop.jitter_px = 1.5
    for s in range(20, 200, 40):
        doll.leans(s, s + 20, by_m)


# --- in a queue -------------------------------------------------------------------------------------------------------


@situation(45, 52, 65, 72, 76, 90, seconds=135, hz=2.5, law=COUNTER)
def nobody_at_the_till(shop: Scene, waits_s: float) -> None:
    """A customer comes to a deserted till and queues; staff come."""
    ben = shop.customer(*way(LEFT, (5, 5 + waits_s, (0.0, 4.3)), (7 + waits_s, 30 + waits_s, TILL)))
    anna = shop.staff(*way(DOOR, (5 + waits_s, 32 + waits_s, (0.1, 6.6))))
    shop.served(anna, ben, 7 + waits_s, 30 + waits_s)
    if waits_s > 60:
        shop.unattended(ben, 5, 7 + waits_s)


@situation(230, 270, 340, 380, 420, seconds=445, hz=2, law=COUNTER)
def a_long_queue_at_a_busy_till(shop: Scene, waits_s: float) -> None:
    """One after the other is served, half a minute each, and the last one waits."""
    anna = shop.staff((0, 0.0, 6.6))
    ben = shop.customer(*way(LEFT, (6, 6 + waits_s, (-1.2, 4.0))))
    for turn in range(int(waits_s / 30)):
        from_s = 6 + 30 * turn
        other = shop.customer(*way(RIGHT, (from_s, from_s + 26, TILL)))
        shop.served(anna, other, from_s, from_s + 26)
    if waits_s > 300:
        shop.unattended(ben, 6, 6 + waits_s)
