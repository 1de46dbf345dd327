"""Lines: the same ones however the bytes are cut, within a limit, in linear time."""

from __future__ import annotations

import itertools
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.lines import TOO_LONG, Lines, TooLong

LIMIT = 5


def fed(pieces: list[bytes], limit: int = LIMIT) -> tuple[list[bytes | TooLong], bytes | None]:
    lines = Lines(limit)
    return [line for piece in pieces for line in lines.feed(piece)], lines.end()


def expected(data: bytes, limit: int) -> tuple[list[bytes | TooLong], bytes | None]:
    """The same by its definition, all at once."""

    def line(raw: bytes) -> bytes | TooLong:
        raw = raw[:-1] if raw.endswith(b"\r") else raw
        return raw if len(raw) <= limit else TOO_LONG

    *whole, rest = data.split(b"\n")
    lines = [line(raw) for raw in whole]
    last = line(rest)
    if isinstance(last, TooLong):
        return [*lines, TOO_LONG], None
    return lines, last if rest else None


streams = st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"aaaa", b"aaaaa", b"aaaaaa", b"\0"])).map(
    b"".join
) | st.binary(max_size=60)


@given(data=streams, cuts=st.lists(st.integers(0, 60)), limit=st.integers(0, 8))
def test_any_cut_gives_the_same_lines(data: bytes, cuts: list[int], limit: int) -> None:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    pieces = [data[start:end] for start, end in pairwise(edges)]
    assert fed(pieces, limit) == fed([data], limit) == expected(data, limit)
    assert fed([bytes([byte]) for byte in data], limit) == expected(data, limit)


def test_every_short_stream_of_a_cr_and_lf_in_every_cut() -> None:
    """Exhaustive where the mistakes are: one byte on either side of the limit."""
    for letters in itertools.product((b"a", b"\r", b"\n"), repeat=6):
        data = b"".join(letters)
        for cut in range(7):
            assert fed([data[:cut], data[cut:]], 2) == expected(data, 2), (data, cut)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"12345\n", [b"12345"]),
        (b"12345\r\n", [b"12345"]),
        (b"123456\n", [TOO_LONG]),
        (b"12345\r\r\n", [TOO_LONG]),
        (b"1234\r\r\n", [b"1234\r"]),
        (b"\r\n\n", [b"", b""]),
        (b"a\rb\n", [b"a\rb"]),
        (b"", []),
    ],
)
def test_a_line_ends_at_lf_and_loses_one_cr(data: bytes, lines: list[bytes | TooLong]) -> None:
    assert fed([data]) == (lines, None)


def test_a_long_line_is_reported_before_its_end_and_once() -> None:
    lines = Lines(LIMIT)
    assert lines.feed(b"123456") == [TOO_LONG]
    assert lines.feed(b"789" * 1000) == []
    assert lines.end() is None


def test_the_line_after_a_long_one_is_whole() -> None:
    lines = Lines(LIMIT)
    assert lines.feed(b"123456789") == [TOO_LONG]
    assert lines.feed(b"and more\nnext\nha") == [b"next"]
    assert lines.feed(b"lf\r\n") == [b"half"]


def test_a_cr_at_the_limit_waits_for_what_follows() -> None:
    for follows, answer in ((b"\n", [b"12345"]), (b"\r", [TOO_LONG]), (b"6", [TOO_LONG])):
        lines = Lines(LIMIT)
        assert lines.feed(b"12345\r") == []
        assert lines.feed(follows) == answer


@pytest.mark.parametrize(
    ("data", "last"),
    [(b"a\nhalf", b"half"), (b"a\nhalf\r", b"half"), (b"a\n", None), (b"\r", b""), (b"12345\r", b"12345")],
)
def test_end_gives_what_followed_the_last_lf(data: bytes, last: bytes | None) -> None:
    assert fed([data])[1] == last


def test_end_gives_it_once() -> None:
    lines = Lines(LIMIT)
    lines.feed(b"half")
    assert lines.end() == b"half"
    assert lines.end() is None


@given(data=streams, cuts=st.lists(st.integers(0, 60)))
def test_no_more_than_the_limit_and_a_cr_is_held(data: bytes, cuts: list[int]) -> None:
    lines = Lines(LIMIT)
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in pairwise(edges):
        lines.feed(data[start:end])
        assert len(lines._held) <= LIMIT + 1


class Counted(bytearray):
    """Counts the bytes that are copied into it and out of it."""

    copied = 0

    def __iadd__(self, more: bytes) -> Counted:  # type: ignore[override,misc]
        self.copied += len(more)
        super().__iadd__(more)
        return self

    def __add__(self, more: bytes) -> bytearray:  # type: ignore[override]
        self.copied += len(self) + len(more)
        return Counted(bytes(self) + more)

    def __bytes__(self) -> bytes:
        self.copied += len(self)
        return bytes(memoryview(self))


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_each_byte_is_copied_at_most_twice(size: int) -> None:
    """Linear, counted: a line of 100,000 bytes in pieces costs 200,000 copied bytes, not 5 billion."""
    lines = Lines(100_000)
    lines._held = held = Counted()
    for _ in range(100_000 // size):
        assert lines.feed(b"a" * size) == []
    assert lines.feed(b"\n") == [b"a" * 100_000]
    assert lines._held is held
    assert held.copied <= 200_000


def test_nothing_of_a_long_line_is_copied() -> None:
    lines = Lines(LIMIT)
    lines._held = held = Counted()
    for _ in range(1000):
        lines.feed(b"a" * 1000)
    assert held.copied == 0
