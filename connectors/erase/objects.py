"""Clips in S3: is one still there, and taking one away in all its versions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from schemas.errors import ServerError

NO_VERSIONS = ("NotImplemented", "501", "MethodNotAllowed", "405")


class NotRemoved(ServerError):
    """The storage does not let go of an object, or cannot be asked; correct the cause and run the command again."""


class Objects:
    """The objects of one storage. client: as connectors.upload.s3.client makes it."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def is_there(self, bucket: str, key: str, episode_id: str) -> bool:
        """Is it there, and this episode's? Raises NotRemoved when nobody can say."""
        with _explained(bucket, key):
            head = self._head(bucket, key)
        return head is not None and head["Metadata"].get("episode_id") in (None, episode_id)

    def remove(self, bucket: str, key: str, episode_id: str) -> bool:
        """Take an object away with all its versions; True when there was one. Another episode's is left.

        Raises NotRemoved.
        """
        with _explained(bucket, key):
            head = self._head(bucket, key)
            if head is not None and head["Metadata"].get("episode_id") not in (None, episode_id):
                return False
            if head is not None:
                self._client.delete_object(Bucket=bucket, Key=key)
            versions = list(self._versions(bucket, key))
            for version in versions:
                self._client.delete_object(Bucket=bucket, Key=key, VersionId=version)
            if self._head(bucket, key) is not None:
                raise NotRemoved(f"s3://{bucket}/{key}: is there after it was deleted; is there a lock on it?")
        return head is not None or bool(versions)

    def _head(self, bucket: str, key: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._client.head_object(Bucket=bucket, Key=key)
            return found
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return None
            raise

    def _versions(self, bucket: str, key: str) -> list[str]:
        """Versions and delete markers of this key; none where the storage knows no versions."""
        try:
            pages = self._client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key)
            found = [one for page in pages for kind in ("Versions", "DeleteMarkers") for one in page.get(kind, [])]
        except ClientError as error:
            if str(error.response["Error"].get("Code")) in NO_VERSIONS:
                return []
            raise
        return [one["VersionId"] for one in found if one["Key"] == key and one.get("VersionId")]


@contextmanager
def _explained(bucket: str, key: str) -> Iterator[None]:
    place = f"s3://{bucket}/{key}"
    try:
        yield
    except ClientError as error:
        told = error.response["Error"]
        raise NotRemoved(f"{place}: {told.get('Code')} {told.get('Message', '')}".strip()) from error
    except BotoCoreError as error:
        raise NotRemoved(f"{place}: {type(error).__name__}: {error}") from error
