"""Draws a shop's day as a picture: for each camera who was served (green) and who was left waiting (orange), as SVG.

usage: python draw_day.py --url http://HOST:8123 --day 2026-03-02 --out day.svg [--user NAME] [--site ID]

The password comes from CLICKHOUSE_PASSWORD. Nothing of ours is needed, and no library to draw.
"""

import argparse
import os
import sys
from datetime import date, datetime
from html import escape
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

EPISODES = """
SELECT camera_id, kind, toUnixTimestamp64Milli(started_at), toUnixTimestamp64Milli(coalesce(ended_at, confirmed_at)),
       local_start, video_url
FROM episodes WHERE business_day = {day:Date} AND site_id LIKE {site:String} ORDER BY camera_id, started_at"""
COLOURS = {"interaction": "#1f8a70", "unattended": "#d9822b"}
LEFT, WIDE, BAR, GAP = 120, 1000, 10, 3


def drawn(rows: list[tuple[str, str, int, int, str, str | None]], title: str) -> str:
    """The picture. rows: camera, kind, begin and end in ms, begin as people say it, address of the video."""
    begin, end = min(row[2] for row in rows), max(row[3] for row in rows)
    scale = WIDE / max(1, end - begin)
    parts, y = [f'<text x="8" y="20" font-weight="bold">{escape(title)}</text>'], 36
    for camera in dict.fromkeys(row[0] for row in rows):
        free: list[int] = []  # when each line of this camera is free again
        parts.append(f'<text x="8" y="{y + BAR}">{escape(camera)}</text>')
        for _, kind, since, until, local, video in (row for row in rows if row[0] == camera):
            line = next((n for n, at in enumerate(free) if at < since), len(free))
            free[line:] = [until, *free[line + 1 :]]
            bar = (
                f'<rect x="{LEFT + (since - begin) * scale:.1f}" y="{y + line * (BAR + GAP)}" height="{BAR}" rx="2" '
                f'width="{max(2, (until - since) * scale):.1f}" fill="{COLOURS[kind]}">'
                f"<title>{escape(f'{kind} from {local}, {(until - since) / 1000:.0f} s')}</title></rect>"
            )
            parts.append(f'<a href="{escape(video)}">{bar}</a>' if video else bar)
        y += max(1, len(free)) * (BAR + GAP) + 12
    first, last = rows[0][4][:10], [min(row[4] for row in rows)[11:], max(row[4] for row in rows)[11:]]
    parts.append(f'<text x="{LEFT}" y="{y + 8}">{first} {last[0]}</text>')
    parts.append(f'<text x="{LEFT + WIDE}" y="{y + 8}" text-anchor="end">{last[1]}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDE + 20}" height="{y + 20}" '
        f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>'
    )


def main() -> int:
    """Write the file."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--url", required=True)
    options.add_argument("--user", default="default")
    options.add_argument("--database", default="trackfold")
    options.add_argument("--day", required=True, type=lambda text: datetime.strptime(text, "%Y-%m-%d").date())
    options.add_argument("--site", default="%", help="only this shop (default: all)")
    options.add_argument("--out", type=Path, default=Path("day.svg"))
    given = options.parse_args()
    day: date = given.day
    try:
        client = clickhouse_connect.get_client(
            dsn=given.url,
            username=given.user,
            password=os.environ.get("CLICKHOUSE_PASSWORD", ""),
            database=given.database,
        )
        rows = client.query(EPISODES, parameters={"day": day, "site": given.site}).result_rows
    except ClickHouseError as error:
        print(f"draw_day: {error}", file=sys.stderr)
        return 1
    if not rows:
        print(f"draw_day: there is no episode on {day}", file=sys.stderr)
        return 1
    given.out.write_text(drawn([tuple(row) for row in rows], f"{day}: {len(rows)} episodes"), encoding="utf-8")
    print(f"{given.out}: {len(rows)} episodes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
