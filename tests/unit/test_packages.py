"""Downloads for the local stack: told before they start, whole or not at all, and once for two stacks."""

import hashlib
import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.local import packages
from infra.local.kafka_jars import KAFKA_JARS
from infra.local.packages import DownloadError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "trackfold"


def test_a_download_is_told_with_its_size_before_it_starts(cache: Path) -> None:
    # given
    told: list[str] = []

    def fetch(folder: Path) -> None:
        assert told == [f"Thing: downloading 7 MB to {cache}, once"]
        (folder / "it").write_text("whole")

    # when
    packages._fetch(cache / "thing", "Thing", 7, fetch, told.append)
    # then
    assert (cache / "thing" / "it").read_text() == "whole"
    # and what is there is not fetched again
    packages._fetch(cache / "thing", "Thing", 7, fetch, told.append)
    assert len(told) == 1


def test_a_broken_download_leaves_nothing_and_says_what_to_look_at(cache: Path) -> None:
    def fetch(folder: Path) -> None:
        (folder / "half").write_text("ha")
        raise ConnectionError("proxy refused")

    with pytest.raises(DownloadError, match=r"Thing: download failed: proxy refused.*HTTPS_PROXY"):
        packages._fetch(cache / "thing", "Thing", 7, fetch, print)
    assert [path.name for path in cache.iterdir()] == ["thing.lock"]


def test_what_a_killed_download_left_is_removed(cache: Path) -> None:
    (cache / ".thing.abc").mkdir(parents=True)
    packages._fetch(cache / "thing", "Thing", 7, lambda folder: None, print)
    assert not (cache / ".thing.abc").exists()


def test_two_stacks_that_start_at_once_download_once(cache: Path) -> None:
    # given a download that goes on until the second one waits for it
    fetched: list[Path] = []
    told: list[str] = []
    waiting = threading.Event()

    def say(line: str) -> None:
        told.append(line)
        if "waiting for another download" in line:
            waiting.set()

    def fetch(folder: Path) -> None:
        assert waiting.wait(20)
        fetched.append(folder)

    both = [threading.Thread(target=packages._fetch, args=(cache / "thing", "Thing", 7, fetch, say)) for _ in range(2)]
    # when
    for one in both:
        one.start()
    for one in both:
        one.join(30)
    # then
    assert len(fetched) == 1
    assert "Thing: waiting for another download of it" in told


def test_a_file_that_is_not_the_one_we_know_is_refused(tmp_path: Path) -> None:
    # given
    file = tmp_path / "a.jar"
    file.write_bytes(b"something else")
    artifact: Any = SimpleNamespace(resolve=lambda: file)
    # when / then
    with pytest.raises(DownloadError, match=r"a\.jar: SHA-256 is"):
        packages._resolved(artifact, "0" * 64)
    assert packages._resolved(artifact, hashlib.sha256(b"something else").hexdigest()) == file


def test_every_jar_is_pinned_to_a_version_and_a_hash() -> None:
    for line in KAFKA_JARS:
        coordinate, sha256 = line.split()
        assert len(coordinate.split(":")) == 3
        assert len(bytes.fromhex(sha256)) == 32
    assert f"org.apache.kafka:kafka_2.13:{packages.KAFKA_VERSION}" in KAFKA_JARS[0]


@pytest.mark.parametrize(
    ("given", "during"),
    [
        ({}, None),
        ({"SSL_CERT_FILE": "/ca.pem"}, "/ca.pem"),
        ({"SSL_CERT_FILE": "/ca.pem", "REQUESTS_CA_BUNDLE": "/own.pem"}, "/own.pem"),
    ],
)
def test_certificates_named_for_other_programs_are_used_for_downloads_too(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], during: str | None
) -> None:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with packages._trusted_certificates():
        assert os.environ.get("REQUESTS_CA_BUNDLE") == during
    assert os.environ.get("REQUESTS_CA_BUNDLE") == given.get("REQUESTS_CA_BUNDLE")
