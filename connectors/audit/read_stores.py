"""Looking into every store for the audit: what is really there of what the log names."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from connectors import partner
from connectors.audit.facts import AcceptedIncident, FileFact, Left, Log, ObjectFact, Stores, Table, newest
from connectors.clickhouse.client import AS_IN_RECORDS, query
from connectors.erase import files
from connectors.erase.objects import Objects
from connectors.snapshots import service as snapshots
from connectors.upload.s3 import client
from infra.config import Settings
from infra.replays import clip_folder
from schemas.errors import ServerError
from schemas.hashing import sha256_of_file
from schemas.ids import safe_name
from schemas.records import ClipCut, ClipUploaded
from schemas.site import Site

TABLES: tuple[Table, ...] = ("episode_log", "visits", "outages")
CHUNK_BYTES = 1024 * 1024


class StoreUnreadable(ServerError):
    """A store cannot be asked, so that nothing is known of it: correct its address or key, or start it."""


def read_stores(
    settings: Settings,
    site: Site,
    log: Log,
    planned: dict[str, bytes],
    days: Collection[str] | None = None,
    episode_ids: Collection[str] | None = None,
) -> Stores:
    """What the stores hold of the records in log. planned: the snapshots as they should be.

    days: look only at the rows and files of these business days; episode_ids: and only at the rows of these episodes.
    Raises StoreUnreadable, ClickHouseUnavailable.
    """
    stores = Stores(planned=planned)
    shown = {key: found for key, found in log.clips.items() if key[0] not in log.removed}
    clips = [clip for found in shown.values() if (clip := newest(found)) and clip.segment_filename]
    _read_files(settings, clips, stores)
    if days is None:
        stores.stray_files = _stray_files(settings, site, log)
    stored = {key: found for key, found in log.uploads.items() if key[0] not in log.removed}
    uploads = [u for found in stored.values() if (u := newest(found)) and u.status == "uploaded"]
    _read_objects(settings, uploads, stores)
    stores.left = list(_left(settings, log))
    _read_incidents(settings, stores)
    _read_rows(settings, site, days, episode_ids, stores)
    folder = snapshots.folder_of(settings, site)
    there = {path.name: path for path in sorted(folder.glob("*.json"))} if folder.is_dir() else {}
    wanted = {*planned} if days is not None else {*planned, *there}
    stores.snapshots = {name: there[name].read_bytes() for name in wanted if name in there}
    return stores


def _left(settings: Settings, log: Log) -> Iterator[Left]:
    """Pictures that are still there though they were removed for good."""
    there = Objects(client(settings))
    for found in (clips for key, clips in log.clips.items() if key[0] in log.removed):
        for path in dict.fromkeys(path for clip in found for path in files.of_record(settings, clip)):
            yield Left("clip files", found[0].episode_id, f"{found[0].camera_id}/{path.name}")
    for stored in (uploads for key, uploads in log.uploads.items() if key[0] in log.removed):
        names = {u.uploaded_filename: u for u in stored if u.uploaded_filename and u.adapter == "s3"}
        for name, upload in names.items():
            if there.is_there(upload.bucket or settings.s3.bucket, str(name), upload.episode_id):
                yield Left("S3", upload.episode_id, str(name))


def _read_files(settings: Settings, clips: Iterable[ClipCut], stores: Stores) -> None:
    elsewhere: dict[str, int] = {}
    for clip in clips:
        if clip.host not in (None, settings.host):
            elsewhere[str(clip.host)] = elsewhere.get(str(clip.host), 0) + 1
            stores.elsewhere.add((clip.episode_id, clip.part))
            continue
        path = _clip_path(settings, clip)
        if path.is_file():
            sidecar = path.with_name(safe_name(clip.sidecar_filename)) if clip.sidecar_filename else None
            stores.files[clip.episode_id, clip.part] = FileFact(
                sha256_of_file(path),
                path.stat().st_size,
                sidecar.read_bytes() if sidecar is not None and sidecar.is_file() else None,
            )
    stores.notes += [f"{count} clip files on {host}: run verify there" for host, count in elsewhere.items()]


def _clip_path(settings: Settings, clip: ClipCut) -> Path:
    return clip_folder(settings, clip) / safe_name(clip.segment_filename or "")


def _stray_files(settings: Settings, site: Site, log: Log) -> list[str]:
    """Clips in the cameras' folders that no record names; folders in them belong to replays."""
    named = {(clip.camera_id, clip.segment_filename) for found in log.clips.values() for clip in found}
    return [
        f"{camera.camera_id}/{path.name}"
        for camera in site.cameras
        for path in sorted((settings.segments_dir / safe_name(camera.camera_id)).glob("segment_*.mp4"))
        if (camera.camera_id, path.name) not in named
    ]


def _read_objects(settings: Settings, uploads: list[ClipUploaded], stores: Stores) -> None:
    in_s3 = [upload for upload in uploads if upload.adapter == "s3"]
    by_http = [upload for upload in uploads if upload.adapter != "s3"]
    objects: dict[str, ObjectFact] = {}
    if in_s3:
        objects |= _s3_objects(settings, in_s3)
    if by_http:
        if settings.partner.url is None:
            stores.notes.append(f"{len(by_http)} files at the upload API: it cannot be asked what it holds")
            return
        for entry in _ask_stand_in(settings, "uploads"):
            key = str(entry["idempotency_key"] or "")
            objects[entry["stored_name"]] = ObjectFact(entry["sha256"], entry["size_bytes"], key.partition(":")[0])
    stores.objects = objects


def _s3_objects(settings: Settings, uploads: list[ClipUploaded]) -> dict[str, ObjectFact]:
    """Every object is read whole: metadata alone would not show that its bytes were altered."""
    s3 = settings.s3
    local: dict[str, Any] = {"proxies": {}} if s3.endpoint_url and partner.is_loopback(s3.endpoint_url) else {}
    client: Any = boto3.client(
        "s3",
        endpoint_url=s3.endpoint_url,
        region_name=s3.region,
        aws_access_key_id=s3.access_key_id,
        aws_secret_access_key=s3.secret_access_key.get_secret_value() if s3.secret_access_key else None,
        config=Config(
            connect_timeout=5,
            read_timeout=60,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"} if s3.endpoint_url else {},
            **local,
        ),
    )
    found: dict[str, ObjectFact] = {}
    for upload in uploads:
        name, bucket = upload.uploaded_filename or "", upload.bucket or s3.bucket
        try:
            answer = client.get_object(Bucket=bucket, Key=name)
            digest, size_bytes = hashlib.sha256(), 0
            for piece in answer["Body"].iter_chunks(CHUNK_BYTES):
                digest.update(piece)
                size_bytes += len(piece)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                continue
            raise StoreUnreadable(f"s3://{bucket}/{name}: {error.response['Error'].get('Code')}") from error
        except BotoCoreError as error:
            raise StoreUnreadable(f"s3://{bucket}/{name}: {type(error).__name__}: {error}") from error
        metadata = answer["Metadata"]
        found[name] = ObjectFact(digest.hexdigest(), size_bytes, metadata.get("episode_id"), metadata.get("sha256"))
    return found


def _read_incidents(settings: Settings, stores: Stores) -> None:
    if settings.partner.url is None:
        stores.notes.append("accepted incidents: the incident API cannot be asked what it holds")
        return
    stores.incidents = [
        AcceptedIncident(str(entry["id"]), entry["idempotency_key"], entry["body"])
        for entry in _ask_stand_in(settings, "incidents")
    ]


def _ask_stand_in(settings: Settings, what: str) -> list[dict[str, Any]]:
    """What the local stand-in of the partner APIs accepted: incidents or uploads."""
    url = f"{settings.partner.url}/{what}"
    key = settings.incident.api_key or settings.upload.api_key
    try:
        with partner.client(url, 30.0) as http:
            answer = http.get(url, headers={"X-API-Key": key.get_secret_value() if key else ""})
            answer.raise_for_status()
            entries: list[dict[str, Any]] = answer.json()[what]
            return entries
    except (httpx.HTTPError, json.JSONDecodeError, KeyError) as error:
        raise StoreUnreadable(f"{url}: {type(error).__name__}: {error}") from error


def _read_rows(
    settings: Settings,
    site: Site,
    days: Collection[str] | None,
    episode_ids: Collection[str] | None,
    stores: Stores,
) -> None:
    where = "site_id = {site:String}"
    parameters = {"site": site.site_id, "days": sorted(days or []), "episodes": sorted(episode_ids or [])}
    if days is not None:
        where += " AND toString(business_day) IN {days:Array(String)}"
    if episode_ids is not None:
        where += " AND episode_id IN {episodes:Array(String)}"
    for table in TABLES if episode_ids is None else TABLES[:1]:
        answer = query(
            settings, f"SELECT * FROM {table} FINAL WHERE {where}", parameters=parameters, formats=AS_IN_RECORDS
        )
        stores.rows[table] = answer.as_dicts()
    asked = (
        "SELECT camera_id, toString(business_day), argMax(version, activation), max(activation) FROM active_versions "
        "WHERE site_id = {site:String} GROUP BY camera_id, business_day"
    )
    decided = query(settings, asked, parameters=parameters).rows
    stores.active = {(camera_id, day): (version, activation) for camera_id, day, version, activation in decided}
    shown = f"SELECT episode_id, count() FROM episodes WHERE {where} GROUP BY episode_id"
    stores.shown = dict(query(settings, shown, parameters=parameters).rows)
