"""What detectors, trackers and cameras do to people of whom it is known what they did."""

from tests.evaluation.situations.places import (
    BACK,
    COUNTER,
    DEEP,
    DOOR,
    FLAT,
    FLOOR,
    LEFT,
    MEASURED,
    NARROW,
    RIGHT,
    STAFF_ROOM,
    TILL,
)
from tests.evaluation.situations.script import Scene, situation, way

# --- what the detector calls them -----------------------------------------------------------------------------------


@situation(0.5, 0.8, 0.9, 1.2, 1.8, seconds=70, hz=10, law=FLOOR)
def staff_are_called_a_customer_for_a_moment(shop: Scene, mistaken_s: float) -> None:
    """Surely, with the uniform turned away: one service."""
    anna = shop.staff(*way(BACK, (10, 60, (0.9, 6.0)))).taken_for("customer", 35, 35 + mistaken_s)
    ben = shop.customer(*way(LEFT, (9, 60, (0.0, 6.0))))
    shop.served(anna, ben, 10, 60)


@situation(0.42, 0.52, 0.6, 0.66, seconds=75, law=FLOOR)
def an_unsure_detector_errs_for_seconds(shop: Scene, confidence: float) -> None:
    """Staff bend to a low shelf for four seconds, and the detector doubts: one service."""
    anna = shop.staff(*way(BACK, (10, 65, (0.9, 6.0)))).taken_for("customer", 35, 39, confidence)
    ben = shop.customer(*way(LEFT, (9, 65, (0.0, 6.0))))
    shop.served(anna, ben, 10, 65)


@situation(7, 10, 13, 19, 24, seconds=100, law=FLOOR)
def staff_wear_a_coat(shop: Scene, mistaken_s: float) -> None:
    """Over the uniform, in the middle of a service, so that an unsure detector calls them a customer: one service."""
    anna = shop.staff(*way(BACK, (12, 62 + mistaken_s, (0.9, 6.0)))).taken_for("customer", 37, 37 + mistaken_s, 0.5)
    ben = shop.customer(*way(LEFT, (11, 62 + mistaken_s, (0.0, 6.0))))
    shop.served(anna, ben, 12, 62 + mistaken_s)


@situation(0.1, 0.22, 0.3, 0.4, seconds=60, law=FLOOR)
def a_uniform_that_the_detector_hardly_knows(shop: Scene, share: float) -> None:
    """One box in so many is called a customer's, unsurely: one service."""
    anna = shop.staff(*way(BACK, (8, 52, (0.9, 6.0))))
    for tick in range(4 * 60):
        if int((tick + 1) * share) > int(tick * share):
            anna.taken_for("customer", tick / 4, tick / 4 + 0.1, 0.5)
    ben = shop.customer(*way(LEFT, (7, 52, (0.0, 6.0))))
    shop.served(anna, ben, 8, 52)


@situation(0.75, 0.8, 0.88, 0.96, seconds=75, law=FLOOR)
def the_tracker_swaps_two_people(shop: Scene, confidence: float) -> None:
    """Two who pass closely go on with each other's ids; the staff member serves, the customer leaves."""
    anna = shop.staff((0, -4.0, 6.0), (10, 0.0, 6.0), (14, 0.9, 6.0), (66, 0.9, 6.0), (72, *BACK))
    emil = shop.customer((0, 4.0, 6.1), (10, 0.0, 6.1), (18, -5.5, 6.0)).leaves(18)
    anna.renamed(10, emil.track_id)
    emil.renamed(10, anna.track_id)
    anna.confidence = emil.confidence = confidence
    ben = shop.customer(*way(RIGHT, (20, 66, (1.9, 6.0))))
    shop.served(anna, ben, 20, 66)


@situation(1.35, 1.6, 1.7, 2.0, seconds=80, law=FLOOR)
def an_id_goes_over_to_the_neighbour(shop: Scene, apart_m: float) -> None:
    """A customer goes, and the tracker goes on with the next one, who is served after them: two services."""
    anna = shop.staff(*way(BACK, (5, 70, (0.5, 6.5))))
    ben = shop.customer(*way(LEFT, (4, 37, (-0.3, 6.0)))).leaves(37)
    dora = shop.customer((37, -0.3 + apart_m, 6.0), (70, -0.3 + apart_m, 6.0), (74, *RIGHT)).renamed(37, ben.track_id)
    shop.served(anna, ben, 5, 37)
    shop.served(anna, dora, 37, 70)


@situation(36, 42, 47, 55, 70, seconds=80, law=STAFF_ROOM)
def staff_without_a_uniform(shop: Scene, lasts_s: float) -> None:
    """They come to work as the first customer comes, and serve them over the table: one service."""
    anna = shop.person("person", *way(BACK, (4, 78, (0.0, 6.8))))
    ben = shop.person("person", *way(LEFT, (4, 4 + lasts_s, (0.0, 5.8))))
    shop.served(anna, ben, 4, 4 + lasts_s)


@situation(8, 11, 14, 16, seconds=115, hz=2.5, law=STAFF_ROOM)
def a_customer_behind_the_table(shop: Scene, behind_s: float) -> None:
    """They reach for something there, and then wait: unattended."""
    ben = shop.person("person", *way(LEFT, (6, 6 + behind_s, (0.5, 7.0)), (9 + behind_s, 85 + behind_s, (0.0, 5.0))))
    shop.unattended(ben, 8 + behind_s, 86 + behind_s)


@situation(0.22, 0.26, 0.28, seconds=60, law=FLOOR)
def a_reflection_in_the_window(shop: Scene, confidence: float) -> None:
    """Somebody outside the picture, mirrored beside the staff, moving as they do: nobody is served."""
    shop.staff(*way(BACK, (5, 50, (0.9, 6.0))))
    ghost = shop.customer(*way(RIGHT, (6, 50, (0.0, 6.0))))
    ghost.confidence = confidence


@situation(0.33, 0.36, 0.39, 0.45, seconds=60, law=FLOOR)
def somebody_in_the_shade(shop: Scene, confidence: float) -> None:
    """Seen by an unsure detector all the time: served."""
    anna = shop.staff(*way(BACK, (5, 50, (0.9, 6.0))))
    ben = shop.customer(*way(RIGHT, (6, 50, (0.0, 6.0))))
    ben.confidence = confidence
    shop.served(anna, ben, 6, 50)


# --- whom it loses --------------------------------------------------------------------------------------------------


@situation(0.1, 0.3, 0.4, 0.45, 0.6, seconds=80, law=FLOOR)
def found_again_behind_a_passer_by(shop: Scene, moved_m: float) -> None:
    """Somebody stops before a customer, who takes part of a step meanwhile and gets another id: one service."""
    anna = shop.staff(*way(BACK, (5, 75, (1.0, 6.2))))
    ben = shop.customer(*way(LEFT, (4, 32, (0.0, 6.0)), (32.5, 75, (moved_m, 6.0)))).hidden(30, 40).renamed(40, 21)
    shop.person("person", (28, 0.1, 3.0), (29.5, 0.1, 5.2), (39.5, 0.1, 5.2), (42, -5.0, 3.0)).leaves(42)
    shop.served(anna, ben, 5, 75)


@situation(0.0, 0.12, 0.2, 0.26, 0.32, seconds=80, law=FLOOR)
def half_hidden_by_a_passer_by(shop: Scene, beside_m: float) -> None:
    """The same, but who stops there covers more or less of the customer: one service."""
    anna = shop.staff(*way(BACK, (5, 75, (1.0, 6.2))))
    ben = shop.customer(*way(LEFT, (4, 75, (0.0, 6.0)))).hidden(30, 40).renamed(40, 21)
    shop.person("person", (28, -1.5, 4.0), (29.5, -beside_m, 5.3), (39.5, -beside_m, 5.3), (42, -5, 4)).leaves(42)
    shop.served(anna, ben, 5, 75)


@situation(1.0, 1.8, 2.4, 3.6, 5.0, seconds=80, law=FLOOR)
def lost_for_a_moment(shop: Scene, gap_s: float) -> None:
    """In a shadow; the tracker gives another id: one service."""
    anna = shop.staff(*way(BACK, (5, 72, (1.0, 6.2))))
    ben = shop.customer(*way(LEFT, (4, 72, (0.0, 6.0)))).hidden(38, 38 + gap_s).renamed(38 + gap_s, 21)
    shop.served(anna, ben, 5, 72)


@situation(0.3, 0.6, 0.85, 1.1, seconds=80, law=FLOOR)
def lost_on_the_move(shop: Scene, moved_m: float) -> None:
    """They step aside while the tracker has lost them: one service."""
    anna = shop.staff(*way(BACK, (5, 72, (1.0, 6.2))))
    spot = (moved_m, 5.7)
    ben = shop.customer(*way(LEFT, (4, 38, (0.0, 5.7)), (39.5, 72, spot))).hidden(38, 39.6).renamed(39.6, 21)
    shop.served(anna, ben, 5, 72)


# --- where the picture shows little ---------------------------------------------------------------------------------


@situation(0.5, 0.8, 0.95, 1.1, seconds=80, law=MEASURED)
def legs_behind_a_low_shelf(shop: Scene, high_m: float) -> None:
    """In the middle of a service the customer goes round a shelf that hides the legs for seven seconds: one service."""
    anna = shop.staff(*way(BACK, (5, 72, (1.0, 6.0))))
    ben = shop.customer(*way(LEFT, (4, 72, (0.0, 6.0)))).behind(35, 42, high_m)
    shop.served(anna, ben, 5, 72)


@situation(1.5, 1.58, 1.65, 1.8, seconds=50, law=MEASURED)
def people_of_all_heights_are_served(shop: Scene, tall_m: float) -> None:
    """On a measured floor."""
    anna = shop.staff(*way(BACK, (5, 45, (1.0, 6.0))))
    ben = shop.person("customer", *way(LEFT, (4, 45, (0.0, 6.0))), tall_m=tall_m)
    shop.served(anna, ben, 5, 45)


@situation(11.0, 13.5, 15.5, 18.0, 18.5, seconds=50, law=DEEP)
def far_down_the_aisle(shop: Scene, y_m: float) -> None:
    """A service where a pixel is 4 to 12 cm of floor."""
    shop.camera = FLAT
    anna = shop.staff(*way((5.5, y_m), (6, 45, (0.8, y_m))))
    ben = shop.customer(*way((-5.5, y_m), (6, 45, (-0.3, y_m))))
    shop.served(anna, ben, 6, 45)


@situation(11.0, 13.5, 16.0, 18.0, 19.5, seconds=50, law=DEEP)
def one_behind_the_other_far_down_the_aisle(shop: Scene, y_m: float) -> None:
    """Two and a half metres from each other, each at their own shelf, and boxes tremble by 2 px: no service."""
    shop.camera, shop.jitter_px = FLAT, 2.0
    shop.staff(*way((5.5, y_m), (6, 45, (0.2, y_m))))
    shop.customer(*way((-5.5, y_m), (6, 45, (-0.2, y_m + 2.5))))


@situation(8.2, 8.3, 8.5, 8.55, 8.9, seconds=50, law=NARROW)
def beyond_the_measured_floor(shop: Scene, y_m: float) -> None:
    """A service a little behind the farthest measured spot."""
    anna = shop.staff(*way((5.5, y_m), (6, 45, (0.6, y_m))))
    ben = shop.customer(*way((-5.5, y_m), (6, 45, (-0.4, y_m))))
    shop.served(anna, ben, 6, 45)


# --- when it is blind -----------------------------------------------------------------------------------------------


@situation(1.2, 1.7, 2.2, 2.6, seconds=75, law=FLOOR)
def the_network_falters(shop: Scene, gap_s: float) -> None:
    """No frame for a moment too short to part and meet again: one service."""
    anna = shop.staff(*way(BACK, (5, 68, (0.9, 6.0))))
    ben = shop.customer(*way(LEFT, (4, 68, (0.0, 6.0))))
    shop.blind = [(36.5, 36.5 + gap_s)]
    shop.served(anna, ben, 5, 68)


@situation(3.6, 5.0, 8.0, seconds=80, law=FLOOR)
def the_camera_is_blind(shop: Scene, gap_s: float) -> None:
    """What nobody saw is not told, though the two may have talked on: two services that were seen."""
    anna = shop.staff(*way(BACK, (5, 66 + gap_s, (0.9, 6.0))))
    ben = shop.customer(*way(LEFT, (4, 66 + gap_s, (0.0, 6.0))))
    shop.blind = [(36, 36 + gap_s)]
    shop.served(anna, ben, 5, 36)
    shop.served(anna, ben, 36 + gap_s, 66 + gap_s)


@situation(1.5, 2.2, seconds=100, hz=2.5, law=COUNTER)
def a_new_connection_in_the_middle_of_a_service(shop: Scene, gap_s: float) -> None:
    """The stream comes back under a new epoch, in which ids mean nothing: one service."""
    anna = shop.staff(*way(DOOR, (2, 95, (0.0, 6.6)))).renamed(50 + gap_s, 31)
    ben = shop.customer(*way(LEFT, (10, 90, TILL))).renamed(50 + gap_s, 32)
    shop.blind, shop.epochs_at = [(50, 50 + gap_s)], [50 + gap_s]
    shop.served(anna, ben, 10, 90)
