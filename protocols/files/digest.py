"""Checksums of files, for HASH and XSHA256: read in a `Call`'s thread, and given up when nobody waits."""

from __future__ import annotations

import hashlib
from typing import Final

from protocols.files.store import Path, Problem, StoreError, Tree

ALGORITHMS: Final = {"SHA-256": "sha256", "SHA-512": "sha512"}
"""By their names in IANA's registry, the default one first."""
_PIECE: Final = 262_144


class Digest:
    """One checksum under way; `stop` ends it at the next piece."""

    def __init__(
        self, tree: Tree, path: Path, algorithm: str, first: int, last: int | None, running: set[Digest]
    ) -> None:
        """`running` holds it until it is over: what one server makes at once is bounded."""
        self._tree = tree
        self._path = path
        self._hash = hashlib.new(ALGORITHMS[algorithm], usedforsecurity=False)
        self._first = first
        self._last = last
        self._begun = self._stopped = False
        self._running = running
        running.add(self)

    def stop(self) -> None:
        """Nobody waits for it any more."""
        self._stopped = True
        if not self._begun:
            self._running.discard(self)

    def __call__(self) -> tuple[int, int, str]:
        """The first byte, the last one, and what they make, in hexadecimal."""
        self._begun = True
        try:
            return self._made()
        finally:
            self._running.discard(self)

    def _made(self) -> tuple[int, int, str]:
        reader = self._tree.open_read(self._path, self._first)
        count = None if self._last is None else self._last - self._first + 1
        read = 0
        try:
            while not self._stopped and (count is None or read < count):
                data = reader.read(_PIECE if count is None else min(_PIECE, count - read))
                if not data:
                    break
                self._hash.update(data)
                read += len(data)
        finally:
            reader.close()
        if self._stopped or (count is not None and read < count):
            raise StoreError(Problem.BAD_OFFSET)
        return self._first, max(self._first + read - 1, self._first), self._hash.hexdigest()
