"""Files that are forgotten with the process: for tests, and an example of a store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Literal

from protocols.files.store import BATCH, Entry, How, Path, Problem, StoreError

EVERYTHING = frozenset(
    [
        "stat",
        "resumable",
        "list",
        "open_read",
        "open_write",
        "mkdir",
        "rmdir",
        "remove",
        "rename",
        "chmod",
        "utime",
        "commit",
    ]
)


@dataclass(eq=False)
class Node:
    """A file, a directory, or a link that leads out of every home."""

    kind: Literal["file", "dir", "link"]
    number: int
    modified: float
    mode: int = 0o644
    data: bytearray = field(default_factory=bytearray)


class MemoryFiles:
    """A store in a dictionary.

    With `quick` false every operation runs in a thread.  `room` is how many bytes may still be written before
    the disk is full.  `uploads` as in the settings.
    """

    def __init__(
        self,
        *,
        quick: bool = True,
        room: int | None = None,
        uploads: Literal["rename", "direct"] = "rename",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.quick = quick
        self.room = room
        self.uploads = uploads
        self.clock = clock
        self.numbers = count(1)
        self.nodes: dict[Path, Node] = {}
        self.parts: dict[tuple[str, Path], bytearray] = {}
        """Of uploads that are not complete, by their owner and final name."""
        self.open: set[_Open] = set()
        """Readers, writers and listings that nobody has ended."""
        self.nodes[()] = self.node("dir", 0o755)

    def node(self, kind: Literal["file", "dir", "link"], mode: int, data: bytes = b"") -> Node:
        return Node(kind, next(self.numbers), self.clock(), mode, bytearray(data))

    def add(self, path: str, data: bytes | None = None) -> MemoryFiles:
        """A file with this content or, without one, a directory; and the directories above it."""
        names = tuple(path.strip("/").split("/"))
        for at in range(1, len(names)):
            self.nodes.setdefault(names[:at], self.node("dir", 0o755))
        self.nodes[names] = self.node("dir", 0o755) if data is None else self.node("file", 0o644, data)
        return self

    def add_link(self, path: str) -> MemoryFiles:
        """A link that leads out."""
        self.nodes[tuple(path.strip("/").split("/"))] = self.node("link", 0o777)
        return self

    def content(self, path: str) -> bytes | None:
        """What a file holds under its final name."""
        node = self.nodes.get(tuple(path.strip("/").split("/")))
        return bytes(node.data) if node is not None and node.kind == "file" else None

    def enter(self, owner: str, home: Path, writes: bool = False) -> MemoryTree:
        tree = MemoryTree(self, owner, home)
        if tree.found(()).kind != "dir":
            raise StoreError(Problem.NOT_A_DIRECTORY)
        return tree


class MemoryTree:
    """One user's view."""

    def __init__(self, store: MemoryFiles, owner: str, home: Path) -> None:
        self.store = store
        self.owner = owner
        self.home = home
        self.quick = EVERYTHING if store.quick else frozenset()

    def found(self, path: Path) -> Node:
        """The node of this name."""
        nodes = self.store.nodes
        whole = self.home + path
        for at in range(len(whole)):
            above = nodes.get(whole[:at])
            if above is None:
                raise StoreError(Problem.MISSING)
            if above.kind == "link":
                raise StoreError(Problem.OUTSIDE)
            if above.kind != "dir":
                raise StoreError(Problem.NOT_A_DIRECTORY)
        node = nodes.get(whole)
        if node is None:
            raise StoreError(Problem.MISSING)
        return node

    def within(self, path: Path) -> Node:
        """The node, which is no link."""
        node = self.found(path)
        if node.kind == "link":
            raise StoreError(Problem.OUTSIDE)
        return node

    def part(self, path: Path) -> bytearray | None:
        """What has arrived so far of an upload of ours."""
        return self.store.parts.get((self.owner, self.home + path))

    def parent(self, path: Path) -> None:
        """The directory that a new name would be in must be there."""
        if any(len(name.encode(errors="surrogateescape")) > 255 for name in path):
            raise StoreError(Problem.BAD_NAME)
        if self.within(path[:-1]).kind != "dir":
            raise StoreError(Problem.NOT_A_DIRECTORY)

    # -- the interface -------------------------------------------------------------------

    def stat(self, path: Path) -> Entry:
        return entry(path[-1] if path else "/", self.within(path))

    def resumable(self, path: Path) -> Entry:
        part = self.part(path)
        if part is None:
            return self.stat(path)
        return Entry(path[-1], "file", len(part), self.store.clock(), part=True)

    def list(self, path: Path) -> MemoryListing:
        if self.within(path).kind != "dir":
            raise StoreError(Problem.NOT_A_DIRECTORY)
        whole = self.home + path
        inside = [entry(one[-1], node) for one, node in self.store.nodes.items() if one and one[:-1] == whole]
        return MemoryListing(self.store, inside)

    def open_read(self, path: Path, offset: int = 0) -> MemoryReader:
        node = self.within(path)
        if node.kind == "dir":
            raise StoreError(Problem.IS_A_DIRECTORY)
        if offset > len(node.data):
            raise StoreError(Problem.BAD_OFFSET)
        return MemoryReader(self.store, node.data, offset)

    def open_write(self, path: Path, how: How, offset: int = 0) -> MemoryWriter:
        self.parent(path)
        if how is How.UNIQUE:
            path = self.unique(path)
        node = self.store.nodes.get(self.home + path)
        if node is not None and node.kind != "file":
            raise StoreError(Problem.IS_A_DIRECTORY if node.kind == "dir" else Problem.OUTSIDE)
        part = self.part(path)
        if (
            part is not None
            and (how is How.APPEND or offset)
            and any(one.grows(part) for one in self.store.open)
        ):
            raise StoreError(Problem.BUSY)
        before = bytes(part if part is not None else node.data if node is not None else b"")
        if how is How.APPEND:
            offset = len(before)
        if offset > len(before):
            raise StoreError(Problem.BAD_OFFSET)
        return MemoryWriter(self, path, before[:offset])

    def unique(self, path: Path) -> Path:
        taken = {*self.store.nodes, *(one for _, one in self.store.parts)}
        names = (path[-1] if not number else f"{path[-1]}.{number}" for number in count())
        return next((*path[:-1], name) for name in names if (*self.home, *path[:-1], name) not in taken)

    def mkdir(self, path: Path) -> None:
        self.parent(path)
        if self.home + path in self.store.nodes:
            raise StoreError(Problem.EXISTS)
        self.store.nodes[self.home + path] = self.store.node("dir", 0o755)

    def rmdir(self, path: Path) -> None:
        if self.found(path).kind != "dir":
            raise StoreError(Problem.NOT_A_DIRECTORY)
        whole = self.home + path
        if any(one[: len(whole)] == whole != one for one in self.store.nodes):
            raise StoreError(Problem.NOT_EMPTY)
        del self.store.nodes[whole]

    def remove(self, path: Path) -> None:
        if self.part(path) is not None:
            del self.store.parts[self.owner, self.home + path]
            if self.home + path not in self.store.nodes:
                return
        if self.found(path).kind == "dir":
            raise StoreError(Problem.IS_A_DIRECTORY)
        del self.store.nodes[self.home + path]

    def rename(self, path: Path, to: Path) -> None:
        node = self.found(path)
        self.parent(to)
        old, new = self.home + path, self.home + to
        there = self.store.nodes.get(new)
        if old == new:
            return
        if new[: len(old)] == old:
            raise StoreError(Problem.BAD_NAME)
        if there is not None and (there.kind == "dir" or node.kind == "dir"):
            raise StoreError(Problem.EXISTS)
        for one in [one for one in self.store.nodes if one[: len(old)] == old]:
            self.store.nodes[new + one[len(old) :]] = self.store.nodes.pop(one)

    def chmod(self, path: Path, mode: int) -> None:
        self.within(path).mode = mode

    def utime(self, path: Path, modified: float) -> None:
        self.within(path).modified = modified


def entry(name: str, node: Node) -> Entry:
    """What is told of a node."""
    return Entry(name, node.kind, len(node.data), node.modified, node.mode, f"mem-{node.number}")


class _Open:
    """Something that has to be ended exactly once."""

    def __init__(self, store: MemoryFiles) -> None:
        self.store = store
        self.slow = not store.quick
        store.open.add(self)

    def grows(self, part: bytearray) -> bool:
        """Is this what writes there?"""
        return False

    def close(self) -> None:
        self.store.open.remove(self)


class MemoryReader(_Open):
    """A file open for reading."""

    def __init__(self, store: MemoryFiles, data: bytearray, offset: int) -> None:
        super().__init__(store)
        self.size = len(data)
        self._data = data
        self._at = offset

    def fileno(self) -> int | None:
        return None

    def read(self, size: int) -> bytes:
        piece = bytes(self._data[self._at : self._at + size])
        self._at += len(piece)
        return piece


class MemoryListing(_Open):
    """A directory; only its first entries are quick."""

    def __init__(self, store: MemoryFiles, entries: Sequence[Entry]) -> None:
        super().__init__(store)
        self._entries: Iterator[Entry] = iter(entries)

    def read(self) -> Sequence[Entry]:
        self.slow = True
        return list(islice(self._entries, BATCH))


class MemoryWriter(_Open):
    """A file open for writing: its content is its own until it is complete."""

    def __init__(self, tree: MemoryTree, path: Path, before: bytes) -> None:
        super().__init__(tree.store)
        self.name = path[-1]
        self.offset = len(before)
        self._tree = tree
        self._path = path
        self._data = bytearray(before)
        self._key = (tree.owner, tree.home + path)
        if tree.store.uploads == "direct":
            self._name_it()
        else:
            tree.store.parts[self._key] = self._data

    def write(self, data: bytes | memoryview) -> None:
        room = self.store.room
        if room is not None:
            fits = data[:room]
            self.store.room = room - len(fits)
            self._data += fits
            if len(fits) < len(data):
                raise StoreError(Problem.NO_SPACE)
        else:
            self._data += data

    def grows(self, part: bytearray) -> bool:
        return part is self._data

    def commit(self) -> None:
        self.close()
        if self.store.uploads == "direct":
            return
        self._forget_part()
        for key in [key for key in self.store.parts if key[1] == self._key[1]]:
            if not any(one.grows(self.store.parts[key]) for one in self.store.open):
                del self.store.parts[key]  # the name has got something newer
        self._tree.parent(self._path)
        there = self.store.nodes.get(self._key[1])
        if there is not None and there.kind != "file":
            raise StoreError(Problem.EXISTS)
        self._name_it()

    def abandon(self) -> None:
        self.close()
        if not self._data:
            self._forget_part()

    def _name_it(self) -> None:
        node = self.store.node("file", 0o644)
        node.data = self._data
        self.store.nodes[self._key[1]] = node

    def _forget_part(self) -> None:
        if self.store.parts.get(self._key) is self._data:
            del self.store.parts[self._key]
