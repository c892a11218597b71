"""What benchmarks compare with and our environment lacks: fetched into a folder of its own, or why it cannot be."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import which


class NotThere(Exception):
    """The peer cannot be had here; the text says why."""


def environment(folder: Path, packages: Sequence[str]) -> Path:
    """A virtual environment with these packages; its Python. Raises NotThere."""
    _uv("venv", "-q", "--python", sys.executable, str(folder))
    python = folder / "bin" / "python"
    _uv("pip", "install", "-q", "--python", str(python), *packages)
    return python


def ffmpeg(folder: Path) -> Path:
    """The command line tool: this machine's, or the one that imageio-ffmpeg brings. Raises NotThere."""
    found = which("ffmpeg")
    if found is not None:
        return Path(found)
    _uv("pip", "install", "-q", "--no-deps", "--target", str(folder), "imageio-ffmpeg")
    binaries = sorted((folder / "imageio_ffmpeg" / "binaries").glob("ffmpeg-*"))
    if not binaries:
        raise NotThere("imageio-ffmpeg brings no ffmpeg for this machine")
    binaries[0].chmod(0o755)
    return binaries[0]


def _uv(*arguments: str) -> None:
    said = subprocess.run([sys.executable, "-m", "uv", *arguments], capture_output=True, text=True)
    if said.returncode:
        last = (said.stderr.strip().splitlines() or ["it says nothing"])[-1].strip()
        raise NotThere(f"{' '.join(arguments[-2:])} cannot be installed: {last}")
