"""Where situations take place: spots of floor in metres, and the rules of the camera above them."""

from tests.scenario import Camera, counter, floor_plan, rules, zone

LEFT, RIGHT, BACK = (-6.0, 6.0), (6.0, 6.0), (4.0, 9.5)
"""Out of the picture on either side, and far off in it."""
TILL, DOOR = (0.2, 5.5), (1.4, 7.6)
"""Where somebody stands who is served at the counter, and where staff leave it."""
FLOOR = rules(zones=[zone(-2, 4, 2, 7)])
MEASURED = rules(zones=[zone(-2, 4, 2, 7)], floor=floor_plan())
COUNTER = rules(
    zones=[zone(-2, 2.9, 2, 4.95, zone_id="line", kind="queue", service_point="till")],
    service_points=[counter()],
)
AWAY = 90.0
"""Degrees in which bodies look that are turned away from the camera."""
FLAT = Camera(tilt_deg=20.0)
"""Looks far down the aisle."""
FAR_END = rules(zones=[zone(-3, 12, 3, 15, camera=FLAT)])
DEEP = rules(floor=floor_plan([(-2.5, 4.5), (2.5, 4.5), (9.0, 24.0), (-9.0, 24.0)], FLAT))
"""Measured as far as the picture shows anything."""
NARROW = rules(floor=floor_plan([(-2.0, 4.0), (2.02, 3.97), (1.97, 8.03), (-2.03, 7.98)]))
"""Measured with a tape, to a few centimetres, on the middle of the floor alone."""
STAFF_ROOM = rules(
    zones=[zone(-2, 4, 2, 6)],
    staff_areas=[Camera().polygon([(-2.0, 6.6), (2.0, 6.6), (2.0, 9.0), (-2.0, 9.0)])],
)
"""Staff without uniform, known by where they stay: behind the table."""
