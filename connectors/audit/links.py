"""Addresses of an episode's clips that expire: made when somebody wants to look, never stored."""

from botocore.exceptions import BotoCoreError, ClientError

from connectors.audit.facts import newest
from connectors.audit.read_log import read_log
from connectors.audit.read_near import read_near
from connectors.audit.service import resolve
from connectors.upload.s3 import client
from infra.config import Settings
from infra.kafka import connect_codec
from schemas.errors import InputError
from schemas.records import ClipPart
from schemas.removals import GONE
from schemas.site import Site

EXPIRES_S_MAX = 7 * 24 * 3600
PARTS: tuple[ClipPart, ...] = ("alert", "closing")


class NoLink(InputError):
    """No address can be made: the text says why."""


def links(settings: Settings, site: Site, episode_id: str, expires_s: int) -> list[tuple[ClipPart, str]]:
    """(part, address) of each stored clip of an episode, named by its id or the beginning of it.

    An episode shown in another one's clip has that clip's addresses. Raises NoLink, UnknownEpisode, ServerErrors.
    """
    if not 0 < expires_s <= EXPIRES_S_MAX:
        raise NoLink(f"--for {expires_s}: at least 1 and at most {EXPIRES_S_MAX} seconds (seven days) can be signed")
    codec = connect_codec(settings)
    log = read_near(settings, site, codec, episode_id) or read_log(settings, site, codec)
    found = resolve(episode_id, log.episodes)
    evidence = log.episodes[found].evidence
    if evidence.status in GONE:
        raise NoLink(f"episode {found}: its pictures are {evidence.status}: {evidence.reason or 'no reason was given'}")
    shown = evidence.evidence_from or found
    made: list[tuple[ClipPart, str]] = []
    for part in PARTS:
        stored = newest(log.uploads.get((shown, part), []))
        if stored is not None and stored.status == "uploaded" and stored.bucket and stored.uploaded_filename:
            made.append((part, signed(settings, stored.bucket, stored.uploaded_filename, expires_s)))
    if not made:
        raise NoLink(f"episode {found}: no clip of it is stored in S3; `trackfold episode {found}` says what there is")
    return made


def signed(settings: Settings, bucket: str, key: str, expires_s: int) -> str:
    """An address of one object, valid for so many seconds. Asks nobody. Raises NoLink where there is no key to sign."""
    try:
        address: str = client(settings).generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=expires_s
        )
        return address
    except (BotoCoreError, ClientError) as error:
        raise NoLink(
            f"nothing can be signed: {error}; set TRACKFOLD_S3__SECRET_ACCESS_KEY or the usual AWS keys"
        ) from error
