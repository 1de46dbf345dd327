"""Files on the local disk, each user jailed below its home.

An upload grows under a hidden name and is renamed when it is whole, or, by setting, under its final
name.  A path is walked anew at each use (see `jail`): there is no open directory that could be moved away.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, Literal

from protocols.files.settings import FilesSettings
from protocols.files.store import Entry, How, Listing, Path, Problem, Reader, StoreError, Tree, Writer
from protocols.listen import CannotStart
from stores.jail import Place, open_directory, walk
from stores.openfiles import DiskListing, DiskReader, entry
from stores.parts import Parts, sweep_all
from stores.problems import told
from stores.uploads import begin

QUICK: Final = frozenset(
    {"stat", "resumable", "list", "open_read", "open_write", "mkdir", "rmdir", "chmod", "utime", "commit"}
)
"""What takes a few system calls on a local disk.  Not `remove` and `rename`: to free a large file's
blocks takes as long as it is large."""

DIRECTORY: Final = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""What was a directory when it was walked to, and may have become a link that leads out since."""


class DiskStore:
    """The directory `root` and what is below it.

    `symlinks` "inside" follows links while they stay below the user's home.  `uploads` "rename" shows a
    file under its name when it is whole, "direct" while it grows.  With `fsync` a file that is whole is
    on the disk before that is said.  Raises CannotStart.
    """

    quick = True

    def __init__(
        self,
        root: str,
        *,
        symlinks: Literal["inside", "never"] = "inside",
        uploads: Literal["rename", "direct"] = "rename",
        fsync: bool = False,
    ) -> None:
        try:
            self.root = open_directory(root)
        except OSError as error:
            raise CannotStart(f"cannot serve {root}: {error.strerror}") from None
        self.links = symlinks == "inside"
        self.direct = uploads == "direct"
        self.fsync = fsync
        self._trees: dict[tuple[str, Path, bool], DiskTree] = {}

    def enter(self, owner: str, home: Path, writes: bool = False) -> Tree:
        """The files below `home`, for the user of this name.  Raises StoreError."""
        tree = self._trees.get((owner, home, writes))
        if tree is None:
            tree = DiskTree(self, owner, home, writes)
        if home:  # the root itself is open since we began
            with told(), tree.place(()):
                pass
        return self._trees.setdefault((owner, home, writes), tree)


class DiskTree:
    """One user's files."""

    def __init__(self, store: DiskStore, owner: str, home: Path, writes: bool) -> None:
        self.store = store
        self.home = home
        self.writes = writes
        self.parts = Parts(owner)
        self.quick = QUICK - {"commit"} if store.fsync else QUICK

    @contextmanager
    def place(self, path: Path, *, last: bool = True) -> Iterator[Place]:
        """Where the path leads, for as long as the context lasts."""
        if path and self.parts.is_part(path[-1]):
            raise StoreError(Problem.MISSING)  # nobody names a part: it is shown in place of its file
        with told():
            if not self.home:
                with walk(self.store.root, path, links=self.store.links, last=last) as place:
                    yield place
                return
            with walk(self.store.root, self.home, links=True) as home:
                fd = os.open(home.name, DIRECTORY | os.O_PATH, dir_fd=home.parent)
                try:
                    with walk(fd, path, links=self.store.links, last=last) as place:
                        yield place
                finally:
                    os.close(fd)

    def stat(self, path: Path) -> Entry:
        with self.place(path) as place:
            if place.found is None:
                raise StoreError(Problem.MISSING)
            return entry(path[-1] if path else "/", place.found)

    def resumable(self, path: Path) -> Entry:
        with self.place(path) as place:
            part = self._part(place)
        return self.stat(path) if part is None else replace(entry(path[-1], part), part=True)

    def list(self, path: Path) -> Listing:
        with self.place(path) as place:
            return DiskListing(os.open(place.name, DIRECTORY | os.O_RDONLY, dir_fd=place.parent), self.writes)

    def open_read(self, path: Path, offset: int = 0) -> Reader:
        with self.place(path) as place:
            # A FIFO is opened without waiting for who writes to it, and then turned away.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            return DiskReader(os.open(place.name, flags, dir_fd=place.parent), offset)

    def open_write(self, path: Path, how: How, offset: int = 0) -> Writer:
        with self.place(path) as place:
            parts = None if self.store.direct else self.parts
            return begin(place, how, offset, parts, self.store.fsync)

    def mkdir(self, path: Path) -> None:
        with self.place(path, last=False) as place:
            os.mkdir(place.name, dir_fd=place.parent)

    def rmdir(self, path: Path) -> None:
        with self.place(path, last=False) as place:
            try:
                os.rmdir(place.name, dir_fd=place.parent)
            except OSError as error:
                if error.errno != errno.ENOTEMPTY:
                    raise
                # What is hidden in a directory that shows nothing must not keep it.
                self._sweep(place)
                os.rmdir(place.name, dir_fd=place.parent)

    def remove(self, path: Path) -> None:
        with self.place(path, last=False) as place:
            if place.found is not None and stat.S_ISDIR(place.found.st_mode):
                raise StoreError(Problem.IS_A_DIRECTORY)
            cut = not self.store.direct and self.parts.remove(place.parent, place.name)
            if place.found is not None or not cut:
                os.unlink(place.name, dir_fd=place.parent)

    def rename(self, path: Path, to: Path) -> None:
        with self.place(path, last=False) as old, self.place(to, last=False) as new:
            os.rename(old.name, new.name, src_dir_fd=old.parent, dst_dir_fd=new.parent)

    def chmod(self, path: Path, mode: int) -> None:
        with self.place(path) as place:
            fd = os.open(place.name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place.parent)
            try:
                # fchmod() refuses O_PATH, and fchmodat() follows links: this is the file that was opened.
                os.chmod(f"/proc/self/fd/{fd}", mode & 0o777)
            finally:
                os.close(fd)

    def utime(self, path: Path, modified: float) -> None:
        with self.place(path) as place:
            os.utime(place.name, (modified, modified), dir_fd=place.parent, follow_symlinks=False)

    def _part(self, place: Place) -> os.stat_result | None:
        """What is there of an upload to this place."""
        if self.store.direct or place.name == ".":
            return None
        part = self.parts.found(place.parent, place.name)
        return None if part is None or self.parts.is_outlived(part, place.found) else part

    def _sweep(self, place: Place) -> None:
        fd = os.open(place.name, DIRECTORY | os.O_RDONLY, dir_fd=place.parent)
        try:
            sweep_all(fd)
        finally:
            os.close(fd)


def open_store(settings: FilesSettings) -> DiskStore:
    """The store that the settings name.  Raises CannotStart."""
    return DiskStore(
        settings.root, symlinks=settings.symlinks, uploads=settings.uploads, fsync=settings.fsync
    )
