"""Putting a world into the real servers, and taking single things out of them again."""

import json
import urllib.request
from typing import Any

import boto3
from botocore.config import Config

from connectors.clickhouse import schema
from connectors.clickhouse.client import connected
from connectors.clickhouse.plan import by_table
from connectors.clickhouse.service import store
from connectors.snapshots import service as snapshots
from infra.config import Settings
from infra.kafka import Publisher, connect_codec, ensure_topics
from schemas.records import ClipCut, ClipUploaded, Episode
from schemas.topics import topic_of
from tests.world import Fact, Post, World

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def poster(settings: Settings) -> Post:
    """Posts to the incident API of the stack."""

    def post(key: str, payload: bytes) -> str:
        return str(ask(settings, settings.incident.url, payload, {"Idempotency-Key": key})["id"])

    return post


def ask(settings: Settings, url: str, payload: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
    """One request to the partner's stand-in; its JSON answer."""
    assert settings.incident.api_key is not None
    known = {"X-API-Key": settings.incident.api_key.get_secret_value(), "Content-Type": "application/json"}
    with DIRECT.open(urllib.request.Request(url, payload, known | (headers or {})), timeout=30) as response:
        return json.load(response)


def s3(settings: Settings) -> Any:
    """A client for the stack's storage."""
    secret = settings.s3.secret_access_key
    return boto3.client(
        "s3",
        endpoint_url=settings.s3.endpoint_url,
        region_name=settings.s3.region,
        aws_access_key_id=settings.s3.access_key_id,
        aws_secret_access_key=secret.get_secret_value() if secret else None,
        config=Config(proxies={}, s3={"addressing_style": "path"}),
    )


def publish(settings: Settings, records: list[Fact]) -> None:
    """Put records into their topics, in order, acknowledged when this returns."""
    ensure_topics(settings)
    publisher = Publisher(settings, connect_codec(settings))
    for record in records:
        key = record.episode_id if isinstance(record, Episode) else record.camera_id
        publisher.publish(topic_of(type(record)), key, record)
    publisher.flush()


def fill_files(settings: Settings, world: World) -> None:
    """The clips with their sidecars on disk, and as objects in S3."""
    for clip in world.of(ClipCut):
        folder = settings.segments_dir / clip.camera_id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / clip.segment_filename).write_bytes(world.videos[clip.segment_filename])
        (folder / clip.sidecar_filename).write_bytes(world.sidecars[clip.segment_filename])
    for upload in world.of(ClipUploaded):
        put_object(settings, upload, world.videos[upload.segment_filename])


def put_object(settings: Settings, upload: ClipUploaded, content: bytes, **metadata: str) -> None:
    """The object of an upload with this content, and its metadata or others."""
    s3(settings).put_object(
        Bucket=settings.s3.bucket,
        Key=upload.uploaded_filename,
        Body=content,
        Metadata={"episode_id": upload.episode_id, "sha256": upload.sha256 or ""} | metadata,
    )


def fill_rows(settings: Settings, world: World) -> None:
    """Every revision of everything as rows; the tables are there."""
    with connected(settings) as client:
        store(client, by_table(world.records, world.site))


def fill(settings: Settings, world: World) -> None:
    """The whole world into all servers; its incidents were posted when it was made."""
    publish(settings, world.records)
    fill_files(settings, world)
    schema.apply(settings)
    fill_rows(settings, world)
    snapshots.rebuild(settings, world.site)


def command(settings: Settings, statement: str) -> None:
    """Change something in ClickHouse behind everybody's back, done when this returns."""
    with connected(settings) as client:
        client.command(statement, settings={"mutations_sync": 2})


def with_database(settings: Settings, name: str) -> Settings:
    """The same servers with another database of ClickHouse."""
    return settings.model_copy(update={"clickhouse": settings.clickhouse.model_copy(update={"database": name})})
