"""Storing clips in S3: the same bytes under the same name, however often it is repeated."""

import base64
import hashlib
import threading
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from connectors import partner
from connectors.partner import Refused
from connectors.upload import plan
from connectors.upload.plan import Stored
from connectors.work import Again, Halt, Unsure
from infra.config import Settings
from schemas.records import ClipCut

WRONG_SETTING = {
    "InvalidAccessKeyId": "access_key_id",
    "SignatureDoesNotMatch": "secret_access_key",
    "AccessDenied": "access_key_id",
    "NoSuchBucket": "bucket",
    "InvalidBucketName": "bucket",
    "AuthorizationHeaderMalformed": "region",
    "PermanentRedirect": "region",
}
ALREADY_THERE = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")
CANNOT_CONDITION = ("NotImplemented", "501", "InvalidArgument", "InvalidRequest")


class S3Store:
    """The adapter `s3`, for any endpoint."""

    name = "s3"
    repeat_is_safe = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.s3
        self._client = client(settings)
        self._worked_before = threading.Event()

    def store(self, clip: ClipCut, path: Path) -> Stored | Again | Unsure | Refused | Halt:
        """Put the file, unless it is there already, and check what the storage then holds."""
        key = f"{self._settings.prefix}{plan.object_name(clip)}"
        metadata = {"episode_id": clip.episode_id, "part": clip.part, "sha256": clip.sha256 or ""}
        try:
            there = self._head(key)
            if not _is_same(there, clip):
                if there is not None and there["Metadata"].get("episode_id") != clip.episode_id:
                    return Refused(f"{self._place(key)} holds another episode's clip; it is left as it is")
                self._put(key, path.read_bytes(), metadata, replace=there is not None)
                there = self._head(key)
        except (NoCredentialsError, PartialCredentialsError) as error:
            return self._wrong(f"{self._place(key)}: {error}", "access_key_id")
        except (EndpointConnectionError, ConnectTimeoutError) as error:
            return Again(f"no connection to {self._place(key)}: {type(error).__name__}")
        except ParamValidationError as error:
            return self._wrong(f"{self._place(key)}: {error}", "bucket")
        except ClientError as error:
            code = str(error.response["Error"].get("Code"))
            reason = f"{self._place(key)}: {code} {error.response['Error'].get('Message', '')}".strip()
            return self._wrong(reason, WRONG_SETTING[code]) if code in WRONG_SETTING else Again(reason)
        except BotoCoreError as error:
            return Unsure(f"{self._place(key)}: {type(error).__name__}: {error}")
        if not _is_same(there, clip):
            return Again(f"{self._place(key)}: was put, but the storage does not hold these bytes")
        self._worked_before.set()
        assert there is not None
        base = self._settings.public_base_url or self._base()
        etag = str(there.get("ETag", "")).strip('"') or None
        return Stored(key, plan.address(base, key), bucket=self._settings.bucket, etag=etag)

    def _head(self, key: str) -> dict[str, Any] | None:
        """What the storage says of an object; None when there is none, or when it tells nobody."""
        try:
            found: dict[str, Any] = self._client.head_object(Bucket=self._settings.bucket, Key=key)
            return found
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404):
                return None
            raise

    def _put(self, key: str, body: bytes, metadata: dict[str, str], *, replace: bool) -> None:
        """Put the object; unless `replace`, only where there is none. The server checks the bytes by their MD5."""
        md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        request: dict[str, Any] = {
            "Bucket": self._settings.bucket,
            "Key": key,
            "Body": body,
            "ContentType": "video/mp4",
            "ContentMD5": md5,
            "Metadata": metadata,
        }
        try:
            self._client.put_object(**request, **({} if replace else {"IfNoneMatch": "*"}))
        except ClientError as error:
            code = str(error.response["Error"].get("Code"))
            if code in CANNOT_CONDITION and not replace:
                self._client.put_object(**request)
            elif code not in ALREADY_THERE:
                raise

    def _wrong(self, reason: str, setting: str) -> Again | Halt | Refused:
        return partner.settled(Refused(reason, setting), "s3", worked_before=self._worked_before.is_set())

    def _place(self, key: str) -> str:
        return f"s3://{self._settings.bucket}/{key}"

    def _base(self) -> str:
        s3 = self._settings
        if s3.endpoint_url:
            return f"{s3.endpoint_url.rstrip('/')}/{s3.bucket}"
        return f"https://{s3.bucket}.s3.{s3.region}.amazonaws.com"


def client(settings: Settings) -> Any:
    """A client for the configured storage; without a key in the settings boto3's usual chain finds one."""
    s3 = settings.s3
    secret = s3.secret_access_key.get_secret_value() if s3.secret_access_key else None
    local: dict[str, Any] = {"proxies": {}} if s3.endpoint_url and partner.is_loopback(s3.endpoint_url) else {}
    return boto3.client(
        "s3",
        endpoint_url=s3.endpoint_url,
        region_name=s3.region,
        aws_access_key_id=s3.access_key_id,
        aws_secret_access_key=secret,
        config=Config(
            signature_version="s3v4",
            connect_timeout=5,
            read_timeout=settings.upload.timeout_s,
            retries={"total_max_attempts": 1},
            # the newer checksums are not understood everywhere; Content-MD5 is
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"} if s3.endpoint_url else {},
            **local,
        ),
    )


def _is_same(there: dict[str, Any] | None, clip: ClipCut) -> bool:
    """True when the storage holds the clip's bytes: the hash that was put with them, and their number."""
    if there is None:
        return False
    return bool(there["Metadata"].get("sha256") == clip.sha256 and there["ContentLength"] == clip.size_bytes)
