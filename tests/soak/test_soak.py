"""One hour of the simulated day."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.soak.__main__ import main


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_every_episode_of_an_hour_before_eight_cameras_is_there_once_with_its_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], figures: Callable[[str], None]
) -> None:
    given = ["--hours", "1", "--kill-every-h", "0.4", "--folder", str(tmp_path / "run"), "--out", str(tmp_path)]
    result = main(given)
    said = capsys.readouterr().out
    for line in said.splitlines():
        if "records folded" in line or "scripted; killed" in line or "confirmed to incident" in line:
            figures(f"soak, one hour: {line}")
    assert result == 0, said
    assert (tmp_path / "soak.png").stat().st_size > 10_000
