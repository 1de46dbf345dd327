"""One transfer's half without its connection: chunks in or out, converted, counted, limited.

The driver moves the bytes (see `orders`), the session opens and ends the transfer.  In between a transfer
may be touched from a thread, one at a time; who ends it is settled by `_claim`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from protocols.files.store import Problem, Reader, StoreError, Writer


@dataclass(frozen=True, slots=True)
class Terms:
    """What the driver obeys.  Seconds and bytes per second; 0: no limit."""

    connect_timeout: float = 30.0
    stall: float = 300.0
    rate: int = 0
    protected: bool = False
    """PROT P: TLS on the data connection."""
    resumption: bool = False
    """Only with a TLS session that was resumed."""
    sendfile: bool = True
    """May the kernel copy, where it can?"""
    truncation: bool = False
    """Over TLS, FIN without close_notify is an end like any other."""


@dataclass(frozen=True, slots=True)
class File:
    """What sendfile may carry: `count` bytes from `offset`, or up to the end."""

    fileno: int
    offset: int
    count: int | None


class Source(Protocol):
    """What an outgoing transfer reads: a `Reader`, or the text of a listing."""

    @property
    def slow(self) -> bool: ...

    def fileno(self) -> int | None: ...

    def read(self, size: int) -> bytes: ...

    def close(self) -> None: ...


class Transfer:
    """What both directions share: the terms, the count, and that it ends once."""

    __slots__ = ("_unclaimed", "bytes", "error", "path", "terms", "text", "verb")

    outgoing: bool

    def __init__(self, verb: str, path: str, terms: Terms, text: bool) -> None:
        self.verb = verb
        self.path = path
        """As the client sees it; for the log and for STAT."""
        self.terms = terms
        self.text = text
        """TYPE A: lines end in CR LF on the wire, and in LF in the store."""
        self.bytes = 0
        """Bytes moved so far, as they are on the wire (less TLS)."""
        self.error: StoreError | None = None
        """What the store refused while the transfer ran."""
        # Whoever pops the only item ends it: the session, or a thread that was told to.
        self._unclaimed = [None]

    @property
    def slow(self) -> bool:
        """Must the next `read`, `write` or `end` run in a thread?"""
        raise NotImplementedError

    @property
    def connect_timeout(self) -> float:
        return self.terms.connect_timeout

    @property
    def stall(self) -> float:
        return self.terms.stall

    @property
    def rate(self) -> int:
        return self.terms.rate

    @property
    def protected(self) -> bool:
        return self.terms.protected

    @property
    def resumption(self) -> bool:
        return self.terms.resumption

    @property
    def truncation(self) -> bool:
        return self.terms.truncation

    def abandon(self) -> None:
        """It did not get to its end: let go of what it holds.  Does nothing once it has ended."""
        raise NotImplementedError

    def _claim(self) -> bool:
        try:
            self._unclaimed.pop()
        except IndexError:
            return False
        return True


class Download(Transfer):
    """Out: RETR and the listings."""

    __slots__ = ("_left", "_offset", "_source", "expected")

    outgoing = True

    def __init__(
        self,
        verb: str,
        path: str,
        terms: Terms,
        source: Source,
        *,
        text: bool = False,
        offset: int = 0,
        count: int | None = None,
        expected: int | None = None,
    ) -> None:
        super().__init__(verb, path, terms, text)
        self._source = source
        self._offset = offset
        self._left = count
        self.expected = expected
        """Bytes that there were to send at the beginning; None where nobody can know."""

    @property
    def slow(self) -> bool:
        return self._source.slow

    @property
    def whole(self) -> bool:
        """Was everything sent that there was at the beginning?  What has grown since is not asked for."""
        return self.expected is not None and self.bytes >= self.expected

    @property
    def short(self) -> bool:
        """Did the file become shorter under us?"""
        return self.expected is not None and self.bytes < self.expected

    def file(self) -> File | None:
        """What sendfile may carry instead of `read`: binary files that have a descriptor, without TLS."""
        if self.text or self.terms.protected or not self.terms.sendfile:
            return None
        fileno = self._source.fileno()
        return None if fileno is None else File(fileno, self._offset, self._left)

    def in_one(self, most: int) -> File | None:
        """The same and all of it, if one step could carry that: at most so many bytes, at no rate."""
        file = self.file()
        if file is None or self.rate or self.expected is None or self.expected > most:
            return None
        return File(file.fileno, file.offset, self.expected)

    def moved(self, count: int) -> None:
        """sendfile has moved so many bytes; what is read next comes behind them."""
        self.bytes += count

    def read(self, size: int) -> bytes:
        """The next bytes to send, about `size` of them (ASCII adds CRs); none at the end."""
        left = self._left
        if left is not None:
            size = min(size, left - self.bytes)
            if size <= 0:
                return b""
        try:
            data = self._source.read(size)
        except StoreError as error:
            self.error = error
            raise
        if self.text:
            # RFC 959 §3.1.1.1: "the sender converts the data from an internal character representation to
            # the standard 8-bit NVT-ASCII"; every LF, so that our own way back gives the same bytes.
            data = data.replace(b"\n", b"\r\n")
        self.bytes += len(data)
        return data

    def finish(self) -> None:
        """Everything was sent."""
        self.abandon()

    def abandon(self) -> None:
        if self._claim():
            self._source.close()


class Upload(Transfer):
    """In: STOR, APPE and STOU."""

    __slots__ = ("_cr", "_most", "_offset", "_writer")

    outgoing = False

    def __init__(
        self,
        verb: str,
        path: str,
        terms: Terms,
        writer: Writer,
        *,
        text: bool = False,
        offset: int = 0,
        most: int = 0,
    ) -> None:
        super().__init__(verb, path, terms, text)
        self._writer = writer
        self._offset = offset
        self._most = most
        """Bytes that the file may have in the end; 0: no limit."""
        self._cr = False

    @property
    def slow(self) -> bool:
        return self._writer.slow

    @property
    def name(self) -> str:
        """The last part of its name in the store."""
        return self._writer.name

    def write(self, data: bytes | memoryview) -> None:
        """These bytes arrived; the buffer is the caller's again afterwards."""
        self.bytes += len(data)
        self._write(self._unix_lines(data) if self.text else data)

    def end(self) -> None:
        """The last byte has arrived.  A CR that still waited for its LF was just a CR."""
        if self._cr:
            self._cr = False
            self._write(b"\r")

    def commit(self) -> None:
        """It is whole.  May raise StoreError; does nothing if it was abandoned."""
        if self._claim():
            self._writer.commit()

    def abandon(self) -> None:
        if self._claim():
            self._writer.abandon()

    def _write(self, data: bytes | memoryview) -> None:
        try:
            if self._most and self._offset + self.bytes > self._most:
                raise StoreError(Problem.QUOTA)
            if data:
                self._writer.write(data)
        except StoreError as error:
            self.error = error
            raise

    def _unix_lines(self, data: bytes | memoryview) -> bytes:
        """CR LF becomes LF, also where it was cut; any other CR stays."""
        held = b"\r" if self._cr else b""
        whole = b"".join((held, data))
        self._cr = whole.endswith(b"\r")
        if self._cr:
            whole = whole[:-1]
        return whole.replace(b"\r\n", b"\n")


def open_download(
    verb: str, path: str, terms: Terms, reader: Reader, *, text: bool, offset: int, count: int | None
) -> Download:
    """A file to send, from `offset`, to which it is open already; at most `count` bytes of it."""
    expected = None
    if not text:
        expected = max(reader.size - offset, 0)
        if count is not None:
            expected = min(expected, count)
    return Download(verb, path, terms, reader, text=text, offset=offset, count=count, expected=expected)
