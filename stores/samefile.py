"""Is a database's file still the one that was opened?

SQLite does not notice when it is deleted, or another is put in its place: what is written goes on into a
file that has no name any more, and is gone with the process.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path


class SameFile:
    """One file by its path, and which one that was.  A path of "" is no file, and always the same."""

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path) if path else ""
        self._identity = (0, 0)

    @property
    def uri(self) -> str:
        """How SQLite is told to open it, and not to make one where there is none."""
        return Path(self._path).as_uri() + "?mode=rw" if self._path else ":memory:"

    def opened(self) -> None:
        """The one that is there is meant from now on.  Raises sqlite3.OperationalError."""
        self._identity = self._found()

    def check(self) -> None:
        """Raises sqlite3.OperationalError if it is not there, or another is."""
        if self._found() != self._identity:
            raise sqlite3.OperationalError(
                "another file has its name now: put the old one back, or start the server again"
            )

    def _found(self) -> tuple[int, int]:
        if not self._path:
            return self._identity
        try:
            found = os.stat(self._path)
        except OSError as error:
            raise sqlite3.OperationalError(f"the file is not there any more: {error.strerror}") from None
        return found.st_dev, found.st_ino
