"""Where a path leads below a directory, found out with descriptors alone.

A path is walked component by component, each opened relative to the one before with O_NOFOLLOW; a link
is read and its target walked likewise, as long as it stays below the directory.  No two paths are ever
compared as strings, so that there is nothing to be won in a race: what was opened is what is used.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from types import TracebackType
from typing import Final

from protocols.files.store import Problem, StoreError

DIRECTORY: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
LINKS: Final = 40
"""Links that one path may lead over, as Linux has it (path_resolution(7))."""


class Place:
    """A name in an open directory, and what lstat says of it; None where nothing has that name.

    `name` is "." for the directory that the walk began in.  Open until it is closed.
    """

    def __init__(self, opened: list[int], name: str, found: os.stat_result | None) -> None:
        self._opened = opened
        self.name = name
        self.found = found

    @property
    def parent(self) -> int:
        """The descriptor of the directory (O_PATH)."""
        return self._opened[-1]

    def __enter__(self) -> Place:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        close_all(self._opened)


def close_all(opened: Sequence[int]) -> None:
    """Close what a walk has opened."""
    for fd in opened:
        os.close(fd)


def open_directory(path: str) -> int:
    """A directory to begin a walk in.  Raises OSError."""
    return os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def walk(home: int, path: Sequence[str], *, links: bool, last: bool = True) -> Place:
    """The place that a path leads to below `home`.

    With `links` they are followed while they stay inside, the last component's only with `last`; what
    leads out, and any link without `links`, is OUTSIDE.  Raises StoreError, and OSError as it comes.
    """
    return _Walk(home, path, links, last).place()


class _Walk:
    def __init__(self, home: int, path: Sequence[str], links: bool, last: bool) -> None:
        self._home = home
        self._links = links
        self._last = last
        self._opened = [os.dup(home)]
        """From `home`, or from the system's root, down to where we are."""
        self._inside = True
        self._ahead = list(reversed(path))
        self._budget = LINKS

    def place(self) -> Place:
        try:
            while self._ahead:
                name = self._ahead.pop()
                if name == "..":
                    self._up()
                elif name not in ("", ".") and self._arrives(name):
                    return Place(self._opened, name, self._found)
            if not self._inside:
                raise StoreError(Problem.OUTSIDE)
            return Place(self._opened, ".", os.fstat(self._opened[-1]))
        except BaseException as error:
            close_all(self._opened)
            if isinstance(error, OSError) and not self._inside:
                raise StoreError(Problem.OUTSIDE) from None  # what is there is not the asker's to know
            raise

    def _arrives(self, name: str) -> bool:
        """Go on over this name; true if it is the place, with `_found` what is there."""
        here = self._opened[-1]
        self._found: os.stat_result | None = None
        try:
            found = os.stat(name, dir_fd=here, follow_symlinks=False)
        except FileNotFoundError:
            if self._ahead or not self._inside:
                raise
            return True
        if stat.S_ISLNK(found.st_mode) and (self._ahead or self._last or not self._inside):
            self._follow(os.readlink(name, dir_fd=here))
            return False
        if self._inside and not self._ahead:
            self._found = found
            return True
        self._down(name)
        return False

    def _down(self, name: str) -> None:
        self._opened.append(os.open(name, DIRECTORY, dir_fd=self._opened[-1]))
        if not self._inside and os.path.sameopenfile(self._opened[-1], self._home):
            close_all(self._opened)
            self._opened = [os.dup(self._home)]
            self._inside = True

    def _up(self) -> None:
        # By the descriptor that we came through: `..` itself would be wherever the directory is by now.
        if len(self._opened) > 1:
            os.close(self._opened.pop())
        elif self._inside:
            raise StoreError(Problem.OUTSIDE)

    def _follow(self, target: str) -> None:
        self._budget -= 1
        if not self._links or self._budget < 0:
            raise StoreError(Problem.OUTSIDE)
        self._ahead += reversed(target.split("/"))
        if target.startswith("/"):
            # It may come back: walked from the system's root, it is inside as soon as it meets `home`.
            close_all(self._opened)
            self._opened = []
            self._opened = [os.open("/", DIRECTORY)]
            self._inside = os.path.sameopenfile(self._opened[-1], self._home)
