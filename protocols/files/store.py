"""Where the files are: what a store must offer, and how it refuses.

A `Store` gives each user a `Tree`, and a tree opens `Reader`s, `Writer`s and `Listing`s.  All of it is
plain, blocking code.  What is quick enough to be done where the session stands, on the event loop, the
store says itself: by `Tree.quick`, the names of operations, and by `slow` on what it opened.  Whatever is
not quick is done in a thread, and the session behaves alike either way.

The local disk: metadata of one name, opening and reading pages is quick, as every fast FTP server has it;
a removal, a directory of many entries and fsync are not.  A store over a network has nothing that is quick.

Not in here: permissions, which the session asks before it asks the store, and any store (`stores/`).
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Path: TypeAlias = "tuple[str, ...]"
"""The names on the way from the user's home, which is `()`.

No name is empty, `.` or `..`, or holds NUL or `/`.  Bytes that are not UTF-8 are lone surrogates
(`os.fsencode` gives them back).
"""

BATCH = 256
"""Entries that one `Listing.read` returns at most."""


class Problem(enum.Enum):
    """Why a store refuses: each is one reply (see `replies`)."""

    MISSING = "No such file or directory"
    EXISTS = "File exists"
    DENIED = "Permission denied"
    OUTSIDE = "Leads out of the served directory"
    """Answered as MISSING, and logged as a warning: a link or a race led out of the user's home."""
    NOT_A_DIRECTORY = "Not a directory"
    IS_A_DIRECTORY = "Is a directory"
    NOT_A_FILE = "Not a plain file"
    NOT_EMPTY = "Directory not empty"
    BAD_NAME = "File name not allowed"
    BAD_OFFSET = "Offset is beyond the end of the file"
    BUSY = "File is in use"
    NO_SPACE = "Not enough space"
    QUOTA = "File is larger than allowed"
    UNSUPPORTED = "Not supported here"
    IO = "Local error in processing"


class StoreError(Exception):
    """A store refuses, or fails.

    `detail` is for our log and never for the peer.  Anything else that a store raises is a bug: it is
    logged with its traceback and answered as `Problem.IO`.
    """

    def __init__(self, problem: Problem, detail: str = "") -> None:
        super().__init__(problem.value + (f": {detail}" if detail else ""))
        self.problem = problem
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one name.

    `stat` follows links that stay inside the user's home.  A listing does not have to: it may show
    such a link as what it leads to, or as a "link"; any other link is a "link", and is not looked through.
    """

    name: str
    kind: Literal["file", "dir", "link", "other"]
    size: int = 0
    modified: float = 0.0
    """Seconds since 1970, UTC."""
    mode: int = 0o644
    """Permission bits alone."""
    unique: str = ""
    """The same for the same file, of printable ASCII without `;` and space (RFC 3659 §7.5.2)."""
    links: int = 1
    owner: str = "ftp"
    group: str = "ftp"
    part: bool = False
    """Of an upload that is not whole: only `Tree.resumable` tells of such."""


class Reader(Protocol):
    """A file open for reading, from the offset it was opened at."""

    size: int
    """Of the whole file, when it was opened."""
    slow: bool
    """Must `read` and `close` run in a thread?"""

    def fileno(self) -> int | None:
        """A descriptor that sendfile may read from, at offsets of its own; None where there is none."""
        ...

    def read(self, size: int) -> bytes:
        """At most `size` bytes, and none only at the end."""
        ...

    def close(self) -> None:
        """Nothing reads any more.  Called once; quick, whatever `slow` says, or it defers its work."""
        ...


class Writer(Protocol):
    """A file open for writing.  Ends by exactly one of `commit` and `abandon`."""

    name: str
    """The last part of its final name, which is the store's choice for UNIQUE."""
    offset: int
    """Bytes that the file has before the first that is written."""
    slow: bool
    """Must `write` run in a thread?  (`commit` is quick where `Tree.quick` has "commit".)"""

    def write(self, data: bytes | memoryview) -> None:
        """Take all of `data`, which is the caller's again afterwards."""
        ...

    def commit(self) -> None:
        """All has arrived: only now does the file have its final name and its new content.

        Replaces what is there by then.  May raise StoreError, and has then abandoned.
        """
        ...

    def abandon(self) -> None:
        """The upload was cut.  What was there before is untouched; the part may be kept for REST.

        Quick (or it defers its work), and raises nothing.  Under the policy "direct" what has been
        written stays where it is.
        """
        ...


class Listing(Protocol):
    """The entries of a directory, without `.` and `..`, in the store's order."""

    slow: bool
    """Must the next `read` run in a thread?  Looked at before each."""

    def read(self) -> Sequence[Entry]:
        """The next entries, at most BATCH; none at the end."""
        ...

    def close(self) -> None:
        """Nothing reads any more.  Quick; called once."""
        ...


class How(enum.Enum):
    """What an upload does to a file that is there."""

    REPLACE = "STOR"
    """At offset 0 with a new content; at a later one with what comes before it, kept."""
    APPEND = "APPE"
    """What is there is kept, and the upload comes behind it."""
    UNIQUE = "STOU"
    """The path is only a hint: a name that nobody has yet."""


class Tree(Protocol):
    """A user's files.  Nothing outside the user's home can be reached, whatever links say.

    While an upload runs, and after it was cut, its part is what `resumable` tells the same user of, and what
    `open_write` goes on with at an offset or for APPEND.  `remove` removes it too.  Nothing else knows parts,
    and nobody else: whoever reads, lists, renames or dates a name has what is whole, or MISSING.  A part that
    is older than what has the name by now is as good as none.
    """

    quick: frozenset[str]
    """The methods of a tree, and "commit", that need no thread."""

    def stat(self, path: Path) -> Entry: ...

    def resumable(self, path: Path) -> Entry:
        """What an upload to this name would go on with: the part, or else what `stat` says."""
        ...

    def list(self, path: Path) -> Listing:
        """Open a directory; if it isn't one, NOT_A_DIRECTORY."""
        ...

    def open_read(self, path: Path, offset: int = 0) -> Reader:
        """Open a plain file that is whole, and never wait for it (a FIFO is NOT_A_FILE)."""
        ...

    def open_write(self, path: Path, how: How, offset: int = 0) -> Writer:
        """Begin an upload.  BAD_OFFSET if the file, or its part, is shorter than `offset`; DENIED if the
        file is read-only; BUSY if it would go on with what another upload still writes.
        """
        ...

    def mkdir(self, path: Path) -> None: ...

    def rmdir(self, path: Path) -> None: ...

    def remove(self, path: Path) -> None:
        """Remove a file, a link (and not what it leads to), or the part of a cut upload."""
        ...

    def rename(self, path: Path, to: Path) -> None:
        """Replaces a file at `to`, atomically."""
        ...

    def chmod(self, path: Path, mode: int) -> None: ...

    def utime(self, path: Path, modified: float) -> None:
        """Set the modification time, in seconds since 1970."""
        ...


class Store(Protocol):
    """One per server, shared by all sessions, and used from several threads."""

    quick: bool
    """May `enter` run without a thread?"""

    def enter(self, owner: str, home: Path, writes: bool = False) -> Tree:
        """The files below `home` (a path from the store's root), for the user of this name.

        For one who `writes` the store may put in order what cut uploads left behind, wherever that is seen.
        There is nothing to close: trees are the store's.  NOT_A_DIRECTORY or MISSING without the home.
        """
        ...
