"""Uploads on the local disk: under a hidden name until they are whole, or under their own."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from protocols.files.store import How, Problem, StoreError
from stores.jail import Place
from stores.parts import Parts, locked
from stores.problems import told

LARGE: Final = 8 * 1024 * 1024
"""Bytes from which on it is noticed how long their blocks take to be freed: 1 to 2 ms."""
COPY: Final = 16 * 1024 * 1024
"""Bytes of a file copied by one system call."""
STILL: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
OURS: Final = 0o600
"""What a part allows its owner in any case: it is opened again when it is gone on with."""
NAMES: Final = 10_000
"""Names that are tried for a unique one."""


class Upload:
    """A file that grows under its own name: what is written stays."""

    def __init__(self, directory: int, name: str, fd: int, fsync: bool) -> None:
        """Takes `fd` over; `directory` is duplicated."""
        self.name = name
        self.slow = False
        """Until what is kept of the file before has been copied, or what is not kept has been freed."""
        self.offset = 0
        self.resumable = True
        self._directory = os.dup(directory)
        self._fd = fd
        self._size = 0
        self._fsync = fsync
        self._kept: tuple[int, int] | None = None
        self._cut = False

    def fileno(self) -> int:
        """Of the file that grows."""
        return self._fd

    def copy(self, source: int, size: int) -> None:
        """Begin with the first `size` bytes of a file, copied at the first write.  Takes `source` over."""
        self._kept = source, size
        self.offset = size
        self.slow = True

    def go_on(self, size: int) -> None:
        """Keep so many of the bytes that are there, and write behind them.

        What is not kept goes now, or, where that takes a while, at the first write.
        """
        self._size = self.offset = size
        self._cut = True
        self.slow = os.fstat(self._fd).st_size - size >= LARGE
        if not self.slow:
            self._begin()

    def write(self, data: bytes | memoryview) -> None:
        with told():
            self._begin()
            left = memoryview(data)
            while left:
                written = os.write(self._fd, left)
                self._size += written
                left = left[written:]

    def commit(self) -> None:
        try:
            with told():
                self._begin()
                if self._fsync:
                    os.fsync(self._fd)
                self.finish()
                if self._fsync:
                    self._sync_directory()
        except BaseException:
            self.abandon()
            raise
        self.close()

    def abandon(self) -> None:
        try:
            self.give_up()
        except OSError:
            pass  # the directory is gone, or read-only by now: so is what we would have removed
        self.close()

    def hide(self) -> None:
        """Nobody may read it before, who may not read what it replaces."""

    def finish(self) -> None:
        """Give it its final name.  Raises OSError."""

    def give_up(self) -> None:
        """Remove what is of no use.  Raises OSError."""

    def close(self) -> None:
        if self._kept is not None:
            os.close(self._kept[0])
            self._kept = None
        _let_go(self._fd)
        os.close(self._directory)

    def _begin(self) -> None:
        """Have the bytes that are kept, and no others."""
        if self._cut:
            os.ftruncate(self._fd, self._size)
            os.lseek(self._fd, self._size, os.SEEK_SET)
            self._cut = self.slow = False
        if self._kept is None:
            return
        source, size = self._kept
        while self._size < size:
            copied = os.sendfile(self._fd, source, self._size, min(size - self._size, COPY))
            if not copied:
                raise StoreError(Problem.IO, "the file became shorter while it was copied")
            self._size += copied
        os.close(source)
        self._kept = None
        self.slow = False

    def _sync_directory(self) -> None:
        fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._directory)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


@contextmanager
def _held(directory: int, name: str) -> Iterator[None]:
    """What loses this name meanwhile is freed behind it."""
    try:
        fd = os.open(name, os.O_PATH | STILL, dir_fd=directory)
    except FileNotFoundError:
        yield
        return
    try:
        yield
    finally:
        _let_go(fd)


def _let_go(fd: int) -> None:
    """Close a file: in a thread, if it has no name left and to free its blocks takes a while."""
    found = os.fstat(fd)
    if found.st_nlink or found.st_size < LARGE:
        os.close(fd)
    else:
        threading.Thread(target=os.close, args=(fd,), name="twofold-free").start()


class Hidden(Upload):
    """An upload that grows in a part, and is renamed."""

    def __init__(self, place: Place, name: str, parts: Parts, unique: bool, fsync: bool) -> None:
        replaced = None if unique else place.found
        self._mode = None if replaced is None else stat.S_IMODE(replaced.st_mode) & 0o777
        fd, self._part = parts.open(place.parent, name, 0o666 if self._mode is None else self._mode | OURS)
        super().__init__(place.parent, name, fd, fsync)
        part = os.fstat(fd)
        self.there = 0 if parts.is_outlived(part, replaced) else part.st_size
        """Bytes of an upload that was cut."""
        self.resumable = self._part == parts.name(name)
        """Is it the one part that this name has?  Or else another upload has that."""
        self._unique = unique

    def hide(self) -> None:
        """Be no more open than what it replaces: it may have been begun before that.  Raises OSError."""
        if self._mode is not None:
            os.fchmod(self._fd, self._mode | OURS)

    def finish(self) -> None:
        if self._mode is not None:  # as if the file that it replaces had been written to
            os.fchmod(self._fd, self._mode)
        if self._unique:  # a link replaces nothing
            os.link(self._part, self.name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
            os.unlink(self._part, dir_fd=self._directory)
        else:
            with _held(self._directory, self.name):
                os.replace(self._part, self.name, src_dir_fd=self._directory, dst_dir_fd=self._directory)

    def give_up(self) -> None:
        if not self.resumable or not os.fstat(self._fd).st_size or self._kept is not None:
            os.unlink(self._part, dir_fd=self._directory)


def begin(place: Place, how: How, offset: int, parts: Parts | None, fsync: bool) -> Upload:
    """Begin an upload to a place, in one of `parts`, or directly.  Raises StoreError and OSError."""
    found = place.found
    if place.name == "." or (found is not None and stat.S_ISDIR(found.st_mode)):
        raise StoreError(Problem.IS_A_DIRECTORY)
    if found is not None and not stat.S_ISREG(found.st_mode):
        raise StoreError(Problem.NOT_A_FILE)
    if found is not None and how is not How.UNIQUE and not _may_write(place):
        raise StoreError(Problem.DENIED)
    upload: Upload
    if parts is None:
        upload = _direct(place, how, fsync)
        there = os.fstat(upload.fileno()).st_size
    else:
        unique = how is How.UNIQUE
        if found is not None and not unique and not _may_rename_over(place, found):
            raise StoreError(Problem.DENIED)
        upload = Hidden(place, _free(place) if unique else place.name, parts, unique, fsync)
        there = upload.there
    try:
        if not upload.resumable and (how is How.APPEND or offset):
            # What the client was told of grows still; what else is there is not what it counts from.
            raise StoreError(Problem.BUSY)
        upload.hide()
        _keep(upload, place, how, offset, there)
    except BaseException:
        upload.abandon()
        raise
    return upload


def _may_write(place: Place) -> bool:
    """Whoever may write to the directory could replace any file in it; one that is read-only is to stay."""
    return os.access(place.name, os.W_OK, dir_fd=place.parent, effective_ids=True, follow_symlinks=False)


def _may_rename_over(place: Place, found: os.stat_result) -> bool:
    """In a directory like /tmp nobody replaces what is somebody else's: a rename would say so at the end."""
    directory = os.fstat(place.parent)
    return not directory.st_mode & stat.S_ISVTX or os.geteuid() in (0, found.st_uid, directory.st_uid)


def _keep(upload: Upload, place: Place, how: How, offset: int, there: int) -> None:
    """Set out with what is kept: of the bytes that are there, or else of the file that was."""
    if how is How.UNIQUE or (how is How.REPLACE and not offset):
        upload.go_on(0)
        return
    whole = there or (0 if place.found is None else place.found.st_size)
    if offset > whole:
        raise StoreError(Problem.BAD_OFFSET)
    kept = whole if how is How.APPEND else offset
    if there or not kept:
        upload.go_on(kept)
    else:
        upload.go_on(0)
        upload.copy(os.open(place.name, os.O_RDONLY | STILL, dir_fd=place.parent), kept)


def _direct(place: Place, how: How, fsync: bool) -> Upload:
    flags, name = os.O_WRONLY | os.O_CREAT | STILL, place.name
    for name in _names(place.name) if how is How.UNIQUE else [place.name]:
        try:
            fd = os.open(name, flags | (os.O_EXCL if how is How.UNIQUE else 0), 0o666, dir_fd=place.parent)
            break
        except FileExistsError:
            continue
    else:
        raise StoreError(Problem.EXISTS)
    upload = Upload(place.parent, name, fd, fsync)
    if not locked(fd):
        upload.close()
        raise StoreError(Problem.BUSY)
    return upload


def _names(name: str) -> Iterator[str]:
    """What an upload may be called whose name nobody must have yet."""
    yield name
    yield from (f"{name}.{number}" for number in range(1, NAMES))


def _free(place: Place) -> str:
    for name in _names(place.name):
        try:
            os.stat(name, dir_fd=place.parent, follow_symlinks=False)
        except FileNotFoundError:
            return name
    raise StoreError(Problem.EXISTS)
