"""The hours in which most customers were left waiting, and the longest waits with their videos: from ClickHouse alone.

usage: python worst_waits.py --url http://HOST:8123 [--user NAME] [--days N] [--site ID]

The password comes from CLICKHOUSE_PASSWORD. The view `episodes` has each episode once, whatever was repeated.
"""

import argparse
import os
import sys

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

SINCE = """site_id LIKE {site:String} AND business_day > (SELECT max(business_day) FROM episodes) - {days:UInt16}"""
HOURS = f"""
SELECT camera_id, local_hour, sum(customers) AS came, sum(unattended) AS left_waiting, max(waited_s_p95) AS p95_s
FROM unattended_hourly WHERE {SINCE}
GROUP BY camera_id, local_hour HAVING left_waiting > 0 ORDER BY left_waiting DESC, camera_id, local_hour LIMIT 10"""
LONGEST = f"""
SELECT local_start, camera_id, coalesce(service_point_id, zone_id, '') AS place, reason, duration_s, video_url
FROM episodes WHERE kind = 'unattended' AND {SINCE} ORDER BY duration_s DESC LIMIT 5"""


def main() -> int:
    """Print both."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--url", required=True)
    options.add_argument("--user", default="default")
    options.add_argument("--database", default="trackfold")
    options.add_argument("--days", type=int, default=7, help="the last so many business days (default: 7)")
    options.add_argument("--site", default="%", help="only this shop (default: all)")
    given = options.parse_args()
    asked = {"days": given.days, "site": given.site}
    try:
        client = clickhouse_connect.get_client(
            dsn=given.url,
            username=given.user,
            password=os.environ.get("CLICKHOUSE_PASSWORD", ""),
            database=given.database,
        )
        hours, longest = (client.query(sql, parameters=asked).result_rows for sql in (HOURS, LONGEST))
    except ClickHouseError as error:
        print(f"worst_waits: {error}", file=sys.stderr)
        return 1
    print(f"Customers left waiting, the worst hours of the last {given.days} business days")
    for camera, hour, came, left, p95_s in hours:
        print(
            f"  {camera:<12} {hour:02d}:00  {left:>4} of {came:>4} customers, 95 % waited less than {p95_s or 0:.0f} s"
        )
    print("The longest waits")
    for start, camera, place, reason, lasted_s, video in longest:
        print(f"  {start}  {camera} {place}: {lasted_s or 0:.0f} s, {reason}; {video or 'no video'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
