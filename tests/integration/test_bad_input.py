"""What a person gets wrong is answered in a line that says what, where and what to do; nothing else is lost."""

import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import yaml

from infra.config import Settings
from infra.kafka import ensure_topics
from infra.local.stack import Endpoints

START = "2026-03-02T10:00:00+00:00"


def trackfold(
    *words: str, endpoints: Endpoints | None, cwd: Path, env: dict[str, str] | None = None
) -> tuple[int, str]:
    """Exit code and everything said on standard error."""
    known = {} if endpoints is None else endpoints.as_env()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRACKFOLD_")} | known | (env or {})
    done = subprocess.run(
        [sys.executable, "-m", "trackfold", *words],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
        env=environment,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stderr


def a_video(path: Path, seconds: int = 2) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(seconds * 10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="bgr24")))
        container.mux(stream.encode())
    return path


def a_site(folder: Path, **camera: Any) -> Path:
    first = {"camera_id": f"cam-{uuid.uuid4().hex[:8]}", "source": "video.mp4", "start_time": START} | camera
    path = folder / "site.yaml"
    path.write_text(yaml.safe_dump({"site_id": "shop", "pairs": "any", "cameras": [first]}, sort_keys=False))
    return path


def infer(stack: Endpoints, folder: Path) -> tuple[int, str]:
    return trackfold("infer", "--site", "site.yaml", endpoints=stack, cwd=folder)


def test_a_missing_video_is_named(stack: Endpoints, tmp_path: Path) -> None:
    a_site(tmp_path, source="none.mp4")
    code, said = infer(stack, tmp_path)
    assert code != 0
    assert "none.mp4" in said


def test_a_broken_video_is_named(stack: Endpoints, tmp_path: Path) -> None:
    (tmp_path / "video.mp4").write_bytes(b"this is no video" * 100)
    a_site(tmp_path)
    code, said = infer(stack, tmp_path)
    assert code != 0
    assert "video.mp4" in said


def test_weights_that_do_not_load_are_named(stack: Endpoints, tmp_path: Path) -> None:
    a_video(tmp_path / "video.mp4")
    (tmp_path / "broken.pt").write_bytes(b"no weights")
    a_site(tmp_path, detector={"weights": "broken.pt"})
    code, said = infer(stack, tmp_path)
    assert code != 0
    assert "broken.pt" in said


def test_a_zone_outside_the_real_image_is_named(stack: Endpoints, tmp_path: Path) -> None:
    a_video(tmp_path / "video.mp4")
    zone = {"zone_id": "far", "kind": "service", "polygon": [[0, 0], [900, 0], [0, 40]]}
    a_site(tmp_path, zones=[zone])
    code, said = infer(stack, tmp_path)
    assert code != 0
    assert "zone far: point (900, 0) is outside its image of 64x48" in said


def test_an_unknown_camera_is_answered_with_those_there_are(stack: Endpoints, tmp_path: Path) -> None:
    a_site(tmp_path, camera_id="counter")
    code, said = trackfold("infer", "--site", "site.yaml", "--camera", "door", endpoints=stack, cwd=tmp_path)
    assert code == 2
    assert "no camera 'door'" in said
    assert "counter" in said


def test_a_file_without_a_time_is_refused_and_never_taken_for_now(stack: Endpoints, tmp_path: Path) -> None:
    a_video(tmp_path / "video.mp4")
    a_site(tmp_path, start_time=None)
    code, said = infer(stack, tmp_path)
    assert code != 0
    assert "start" in said


@pytest.mark.parametrize(
    ("command", "variable", "names"),
    [
        (("streams",), "TRACKFOLD_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:9"),
        (("streams",), "TRACKFOLD_REGISTRY__URL", "127.0.0.1:9"),
        (("connect", "clip"), "TRACKFOLD_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:9"),
        (("sql", "SELECT 1"), "TRACKFOLD_CLICKHOUSE__URL", "127.0.0.1:9"),
    ],
    ids=["Kafka, streams", "registry, streams", "Kafka, clip", "ClickHouse, sql"],
)
def test_a_server_that_is_not_there_is_named_with_its_address(
    stack: Endpoints, tmp_path: Path, command: tuple[str, ...], variable: str, names: str
) -> None:
    a_site(tmp_path)
    address = names if "KAFKA" in variable else f"http://{names}"
    site = [] if command[0] == "sql" else ["--site", "site.yaml"]
    code, said = trackfold(*command, *site, endpoints=stack, cwd=tmp_path, env={variable: address})
    assert code == 3, said
    assert names in said


def test_a_wrong_database_password_is_an_answer_without_the_password(stack: Endpoints, tmp_path: Path) -> None:
    secret = "not-the-password-9a8b"
    code, said = trackfold(
        "sql", "SELECT 1", endpoints=stack, cwd=tmp_path, env={"TRACKFOLD_CLICKHOUSE__PASSWORD": secret}
    )
    assert code in (2, 3)
    assert secret not in said
    assert "clickhouse" in said.lower()


def test_a_setting_that_is_no_number_is_named(tmp_path: Path) -> None:
    code, said = trackfold(
        "sql", "SELECT 1", endpoints=None, cwd=tmp_path, env={"TRACKFOLD_INCIDENT__TIMEOUT_S": "soon"}
    )
    assert code == 2
    assert "incident.timeout_s" in said


def test_wrong_sql_is_an_answer_and_no_traceback(stack: Endpoints, tmp_path: Path) -> None:
    code, said = trackfold("sql", "SELECT nothing FROM nowhere", endpoints=stack, cwd=tmp_path)
    assert code == 2
    assert "nowhere" in said


def test_an_episode_that_is_not_there_is_said(stack: Endpoints, settings: Settings, tmp_path: Path) -> None:
    ensure_topics(settings)
    a_site(tmp_path)
    code, said = trackfold("episode", "ffffffff", "--site", "site.yaml", endpoints=stack, cwd=tmp_path)
    assert code == 2
    assert "ffffffff" in said
