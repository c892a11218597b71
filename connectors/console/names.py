"""How people, episodes and days are written, in pages and in addresses (pure)."""

from datetime import date
from urllib.parse import quote, urlencode


def short(person_id: int | None) -> str:
    """The last digits, enough to tell two people of one picture apart."""
    return "?" if person_id is None else f"{person_id % 100_000:05d}"


def people(kind: str, staff_id: int | None, customer_id: int) -> str:
    """Whom an episode is about; the numbers are those of tracks, not of persons."""
    customer = f"customer {short(customer_id)}"
    return customer if kind == "unattended" else f"staff {short(staff_id)} with {customer}"


def where(day: str, camera_id: str) -> str:
    """What stands behind an episode's address, so that its row is found at once."""
    return "?" + urlencode({"day": day, "camera": camera_id})


def episode_href(episode_id: str, day: str, camera_id: str) -> str:
    """The address of an episode's page."""
    return f"/episodes/{quote(episode_id, safe='')}{where(day, camera_id)}"


def is_day(text: str) -> bool:
    """Is it a day, YYYY-MM-DD, that every store can take?"""
    try:
        return "1970-01-01" <= date.fromisoformat(text).isoformat() < "2140-01-01"
    except ValueError:
        return False
