"""The hidden names under which uploads grow.

Each user has one part for each name, which is found again after a cut, and after a restart.  Who
uploads holds a lock on it (flock(2)), which ends with the process: a second upload to the same name, at
the same time, gets a part of its own, which nobody resumes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import stat
from typing import Final

from protocols.files.store import Problem, StoreError

PART: Final = re.compile(r"\.twofold-[0-9a-f]{24}(-[0-9a-f]{16})?\.part")
OLD: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
NEW: Final = OLD | os.O_CREAT


def is_part(name: str) -> bool:
    """Is this a name that no client may see or say?"""
    return PART.fullmatch(name) is not None


class Parts:
    """The parts of one user's uploads."""

    def __init__(self, owner: str) -> None:
        self._key = hashlib.blake2b(os.fsencode(owner), digest_size=32).digest()

    is_part = staticmethod(is_part)

    def name(self, name: str) -> str:
        """The part that an upload to `name` grows in."""
        made = hashlib.blake2b(os.fsencode(name), key=self._key, digest_size=12).hexdigest()
        return f".twofold-{made}.part"

    def found(self, directory: int, name: str) -> os.stat_result | None:
        """What lstat says of it, if it is there."""
        try:
            found = os.stat(self.name(name), dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return None
        return found if stat.S_ISREG(found.st_mode) else None

    @staticmethod
    def is_outlived(part: os.stat_result, found: os.stat_result | None) -> bool:
        """Has the name got something newer since?  Then nobody means the part by it any more."""
        return found is not None and found.st_mtime_ns > part.st_mtime_ns

    def remove(self, directory: int, name: str) -> bool:
        """Remove the part of an upload that was cut; false where there is none.  Raises StoreError."""
        try:
            fd = os.open(self.name(name), OLD, dir_fd=directory)
        except FileNotFoundError:
            return False
        try:
            if not locked(fd):
                raise StoreError(Problem.BUSY)
            os.unlink(self.name(name), dir_fd=directory)
        finally:
            os.close(fd)
        return True

    def open(self, directory: int, name: str, mode: int) -> tuple[int, str]:
        """The part as it is, or a new one of this mode, locked: its descriptor and its own name.

        Raises OSError.
        """
        part = self.name(name)
        for _ in range(3):
            fd = os.open(part, NEW, mode, dir_fd=directory)
            if locked(fd) and _still(fd, part, directory):
                return fd, part
            os.close(fd)  # somebody is uploading, or has just finished
        part = part.replace(".part", f"-{secrets.token_hex(8)}.part")
        fd = os.open(part, NEW | os.O_EXCL, mode, dir_fd=directory)
        locked(fd)
        return fd, part


def locked(fd: int) -> bool:
    """Lock it, for as long as it is open; false if somebody else has."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _still(fd: int, name: str, directory: int) -> bool:
    """Is what we locked still what has this name?  It may have been renamed before we had the lock."""
    try:
        return os.path.samestat(os.fstat(fd), os.stat(name, dir_fd=directory, follow_symlinks=False))
    except FileNotFoundError:
        return False


def sweep(directory: int, name: str, before: float) -> None:
    """Remove a part that nobody has touched since `before` and nobody is uploading to; else leave it."""
    try:
        fd = os.open(name, OLD, dir_fd=directory)
    except OSError:
        return  # gone, or not ours
    try:
        if os.fstat(fd).st_mtime < before and locked(fd) and _still(fd, name, directory):
            os.unlink(name, dir_fd=directory)
    except OSError:
        pass  # a directory that we may not write in: it is in nobody's way
    finally:
        os.close(fd)


def sweep_all(directory: int) -> None:
    """Remove the parts of cut uploads from a directory that holds nothing else."""
    names = os.listdir(directory)
    if all(map(is_part, names)):
        for name in names:
            sweep(directory, name, float("inf"))
