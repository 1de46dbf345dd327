"""What is open on the local disk: files that are read, and directories that are listed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Sequence
from typing import Final, Literal

from protocols.files.store import BATCH, Entry, Problem, StoreError
from stores.parts import is_part, sweep

KEPT: Final = 7 * 86_400.0
"""Seconds for which the part of a cut upload is kept."""

Kind = Literal["file", "dir", "link", "other"]
KINDS: Final[dict[int, Kind]] = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "link"}


def entry(name: str, found: os.stat_result) -> Entry:
    """What lstat says, as the protocol's entry."""
    return Entry(
        name,
        KINDS.get(stat.S_IFMT(found.st_mode), "other"),
        found.st_size,
        found.st_mtime,
        stat.S_IMODE(found.st_mode) & 0o777,
        f"{found.st_dev:x}g{found.st_ino:x}",
        found.st_nlink,
        str(found.st_uid),
        str(found.st_gid),
    )


class DiskReader:
    """A file that is read, from an offset on."""

    slow = False

    def __init__(self, fd: int, offset: int) -> None:
        """Takes the descriptor over.  Raises StoreError."""
        found = os.fstat(fd)
        self._fd = fd
        self.size = found.st_size
        if stat.S_ISREG(found.st_mode) and offset <= self.size:
            os.lseek(fd, offset, os.SEEK_SET)
            return
        os.close(fd)
        if stat.S_ISDIR(found.st_mode):
            raise StoreError(Problem.IS_A_DIRECTORY)
        raise StoreError(Problem.BAD_OFFSET if stat.S_ISREG(found.st_mode) else Problem.NOT_A_FILE)

    def fileno(self) -> int:
        return self._fd

    def read(self, size: int) -> bytes:
        return os.read(self._fd, size)

    def close(self) -> None:
        os.close(self._fd)


class DiskListing:
    """A directory that is read.  The first batch is read at once: most directories are no larger."""

    def __init__(self, fd: int, sweeps: bool) -> None:
        """Takes the descriptor over.  Parts of long ago are removed if it `sweeps`."""
        self._sweeps = sweeps
        self.slow = False
        self._fd = fd
        self._scan = os.scandir(fd)

    def read(self) -> Sequence[Entry]:
        entries: list[Entry] = []
        for one in self._scan:
            if is_part(one.name):
                if self._sweeps:
                    sweep(self._fd, one.name, time.time() - KEPT)
                continue
            try:
                entries.append(entry(one.name, one.stat(follow_symlinks=False)))
            except FileNotFoundError:
                continue  # removed while we read
            if len(entries) == BATCH:
                break
        self.slow = True
        return entries

    def close(self) -> None:
        self._scan.close()
        os.close(self._fd)
