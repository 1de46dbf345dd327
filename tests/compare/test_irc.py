"""What the chat workload says and must be told: bytes in, a verdict out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import irc
from compare.dialects import WrongAnswer


@given(st.integers(0, 99_999_999), st.integers(40, 400))
def test_a_line_is_as_long_as_the_cell_says(number: int, size: int) -> None:
    """64-byte lines: CR LF included, as RFC 1459 §2.3 counts."""
    line = irc.message(number, size)
    assert len(line) == size
    assert line.endswith(b"\r\n")
    assert line.count(b"\n") == 1


def test_no_two_lines_are_alike() -> None:
    lines = irc.messages(7, 32, 64).splitlines(True)
    assert len(set(lines)) == 32
    assert lines[0] == irc.message(7, 64)


@pytest.mark.parametrize("prefix", [b":ann ", b":ann!a@host ", b":ann!~a@127.0.0.1 "])
def test_whatever_a_server_calls_the_sender_is_learnt(prefix: bytes) -> None:
    line = irc.message(1, 64)
    assert irc.prefix_of(prefix + line, line) == prefix


@pytest.mark.parametrize(
    "relayed", [b"", irc.message(1, 64), b":ann!a@h " + irc.message(2, 64), b":a b c :d\r\n"]
)
def test_what_is_not_the_line_is_refused(relayed: bytes) -> None:
    with pytest.raises(WrongAnswer):
        irc.prefix_of(relayed, irc.message(1, 64))


WELCOME = b":it 001 ann :Welcome\r\n:it 005 ann A=1 :are supported\r\n:it 422 ann :No message\r\n"


@given(st.integers(0, len(WELCOME)))
def test_a_welcome_is_whole_only_at_its_last_byte(cut: int) -> None:
    assert irc.welcomed(WELCOME[:cut]) is (cut == len(WELCOME))


@pytest.mark.parametrize(
    "line",
    [b":it 433 * ann :in use", b"ERROR :too many", b":it CAP * NAK :server-time", b":it 464 ann :Password"],
)
def test_a_refusal_is_seen_at_once(line: bytes) -> None:
    assert irc.refused(b":it NOTICE * :hello\r\n" + line + b"\r\n") == line
    assert irc.refused(WELCOME) == b""


def _tagged(number: int, tags: bytes) -> bytes:
    return b"@%b :ann!a@h %b" % (tags, irc.message(number, 64))


def test_lines_with_tags_are_checked_one_by_one() -> None:
    """IRCv3 message-ids: "a unique message id"."""
    check = irc.Tagged().check
    check(_tagged(1, b"time=t;msgid=a") + _tagged(2, b"msgid=b;time=t"), irc.messages(1, 2, 64))
    for wrong in (b"time=t", b"msgid=c", b"time=t;msgid=", b"time=t;msgid=a"):
        with pytest.raises(WrongAnswer):
            check(_tagged(3, wrong), irc.message(3, 64))
    with pytest.raises(WrongAnswer):
        check(_tagged(5, b"time=t;msgid=d"), irc.message(4, 64))
    with pytest.raises(WrongAnswer):
        check(b":ann!a@h " + irc.message(6, 64), irc.message(6, 64))
