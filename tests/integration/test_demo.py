"""`trackfold demo` as a person runs it: what was scripted is found with all its evidence, and nothing stays behind."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest


@pytest.mark.timeout(1500)
def test_the_demo_finds_every_scripted_episode_and_leaves_nothing_running(
    tmp_path: Path, figures: Callable[[str], None]
) -> None:
    # given a machine on which nothing of ours runs in this folder
    folder = tmp_path / "demo"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TRACKFOLD_")}

    # when the demo runs to its end
    done = subprocess.run(
        [sys.executable, "-m", "trackfold", "demo", "--folder", str(folder)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=1400,
        check=False,
    )

    figures(done.stdout[done.stdout.find("scripted and found") :])

    # then it says so, every clip shows the frames that it names, and no process is left
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "0 not scripted" in done.stdout
    assert "MISSING" not in done.stdout
    assert "all stores agree" in done.stdout
    left = [p.pid for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or [])]
    assert left == []
