"""The folder that every contender of the files workload serves, for one run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compare import ftp

SHARED_MEMORY = Path("/dev/shm")


@contextmanager
def served(large: int, many: int) -> Iterator[Path]:
    """A folder with the two files that are read, and with `many` empty ones in a directory, if any.

    In memory where there is room for that, and gone at the end.

    What is written here is warm: its pages are in memory before anybody asks for them.
    """
    with tempfile.TemporaryDirectory(prefix="twofold-files-", dir=_where(large)) as name:
        folder = Path(name)
        folder.chmod(0o777)  # a server may give up the right to write for others
        for file, size in ((ftp.SMALL, ftp.SMALL_SIZE), (ftp.LARGE, large)):
            with (folder / file).open("wb") as out:
                for piece in ftp.contents(size):
                    out.write(piece)
        if many:
            (folder / ftp.MANY).mkdir()
        for number in range(many):
            (folder / ftp.MANY / f"file-{number:06d}").touch()
        yield folder


def _where(large: int) -> Path | None:
    """Shared memory, where it holds this file and two that are stored; else where temporary files go."""
    try:
        room = os.statvfs(SHARED_MEMORY)
    except OSError:
        return None
    enough = os.access(SHARED_MEMORY, os.W_OK) and room.f_bavail * room.f_frsize > 4 * large
    return SHARED_MEMORY if enough else None
