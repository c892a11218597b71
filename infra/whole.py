"""Files that appear whole, and on the disk, or not at all."""

import os
from pathlib import Path
from types import TracebackType
from typing import IO


class WholeFile:
    """A file being written beside its place, as <name>.tmp, which takes its place on commit() or at the block's end.

    Before that, and when the block raises, there is what was there.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._temporary = path, path.with_suffix(".tmp")
        self.file = self._temporary.open("wb")

    def commit(self) -> None:
        """fsync, rename, fsync of the folder."""
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        self._temporary.rename(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def abort(self) -> None:
        """Leave nothing behind."""
        self.file.close()
        self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> IO[bytes]:
        return self.file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.commit()
        else:
            self.abort()
