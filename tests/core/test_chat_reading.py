"""What chat's session reads: lines, bytes that are no text, floods."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.chat.settings import ChatFlood, ChatLimits
from protocols.session import CHUNK
from tests.core.chat import World

# -- what is read ----------------------------------------------------------------------


def test_a_line_over_the_limit_is_answered_and_the_next_is_understood() -> None:
    """chat.md: 417 and stay connected."""
    ann = World().register("ann")
    ann.send("PING :" + "x" * 504)
    assert ann.lines()[0].startswith(":irc.example.org PONG")
    ann.send("PING :" + "x" * 505, "PING :" + "x" * 9000, "PING :2")
    assert [line.split(" ")[1] for line in ann.lines()] == ["417", "417", "PONG"]
    tags = "@+a=" + "x" * 4090
    ann.send(f"{tags}y PING 3", f"{tags}yy PING 4")
    assert [line.split(" ")[1] for line in ann.lines()] == ["PONG", "417"]


def test_what_has_no_line_end_is_not_irc() -> None:
    """chat.md: "16 KiB with no line end: ERROR and disconnect"."""
    ann = World().register("ann")
    for _ in range(16):
        ann.send_bytes(b"x" * 1024)
    assert not ann.closed
    ann.send_bytes(b"x")
    assert ann.closed
    end = [
        ":irc.example.org 417 ann :Input line was too long",
        "ERROR :Closing Link: 192.0.2.1 (Request too long)",
    ]
    assert ann.lines() == end
    # However it is cut: what came before it is answered all the same.
    ann = World().register("ann")
    ann.send_bytes(b"PING x\r\n" + b"x" * 16_385)
    assert ann.lines() == [":irc.example.org PONG irc.example.org :x", *end]


def test_what_is_not_utf_8_is_not_relayed() -> None:
    """UTF8ONLY."""
    ann, bob = World().together("ann", "bob")
    ann.send_bytes(b"PRIVMSG #tea :\xff\r\nPRIVMSG #tea :ok\r\n\xff\xfe\r\n")
    assert bob.lines() == [":ann!ann@192.0.2.1 PRIVMSG #tea :ok"]
    assert [line.split(" ")[1:4] for line in ann.lines()] == [
        ["FAIL", "PRIVMSG", "INVALID_UTF8"],
        ["FAIL", "*", "INVALID_UTF8"],
    ]


def test_nobody_reads_two_lines_where_one_was_sent() -> None:
    ann, bob = World().together("ann", "bob")
    ann.send_bytes(b"PRIVMSG #tea :a\rQUIT :b\0\r\n")
    assert bob.lines() == [":ann!ann@192.0.2.1 PRIVMSG #tea :aQUIT :b"]


@given(st.lists(st.binary(min_size=1), max_size=20), st.booleans())
def test_no_bytes_raise(pieces: list[bytes], registered: bool) -> None:
    world = World()
    client = world.register("ann") if registered else world.connect()
    for piece in pieces:
        if not client.closed:
            client.send_bytes(piece)


def test_bytes_may_come_one_by_one() -> None:
    ann, bob = World().together("ann", "bob")
    for byte in "PRIVMSG #tea :h\u00e9 \U0001f375\r\nPRIVMSG #tea :2\n".encode():
        ann.send_bytes(bytes([byte]))
    assert [line.partition(" :")[2] for line in bob.lines()] == ["h\u00e9 \U0001f375", "2"]


# -- floods ----------------------------------------------------------------------------


def test_who_talks_too_fast_is_delayed_and_nothing_is_lost() -> None:
    """chat.md: "reading is delayed, nothing is lost"."""
    world = World(flood=ChatFlood(burst=10, rate=2))
    ann = world.register("ann")
    world.pass_time(60)
    ann.lines()
    ann.send_bytes(b"".join(b"PING %d\r\n" % n for n in range(20)))
    assert len(ann.lines()) == 10
    ann.send("PING 20")
    world.pass_time(2.1)
    assert len(ann.lines()) == 4
    world.pass_time(10)
    answers = ann.lines()
    assert [line.rpartition(":")[2] for line in answers] == [str(n) for n in range(14, 21)]


def test_past_a_limit_it_is_a_flood() -> None:
    world = World(flood=ChatFlood(burst=10, rate=2, queue=2048))
    ann, bob = world.together("ann", "bob")
    ann.send_bytes(b"PRIVMSG #tea :x\r\n" * 1000)
    assert ann.closed
    assert ann.lines()[-1] == "ERROR :Closing Link: 192.0.2.1 (Excess Flood)"
    assert bob.lines()[-1] == ":ann!ann@192.0.2.1 QUIT :Excess Flood"


def test_answers_are_bounded_and_go_on_where_they_stopped() -> None:
    world = World(limits=ChatLimits(channels=10_000))
    ann = world.register("ann")
    for at in range(3000):
        ann.send(f"JOIN #channel-with-a-long-name-{at}")
    ann.lines()
    orders = ann.session.received(b"LIST\r\nPING after\r\n", 0.0)
    said = sum(len(order) for order in orders if isinstance(order, bytes))
    assert said < CHUNK + 1024
    assert ann.session.more
    world.carry_out(ann, orders)
    world.settle()
    lines = ann.lines()
    assert len(lines) == 3003
    assert lines[-2].startswith(":irc.example.org 323")
    assert lines[-1].endswith("PONG irc.example.org :after")


@pytest.mark.parametrize("asked", ["WHO #tea", "WHO n*"])
def test_somebody_may_leave_while_a_long_answer_is_given(asked: str) -> None:
    """Who left a channel, or the server, between two pieces of the answer is not in the second."""
    world = World()
    ann = world.register("ann").send("JOIN #tea")
    crowd = [world.register(f"n{at}").send("JOIN #tea") for at in range(900)]
    ann.lines()
    orders = ann.session.received(f"{asked}\r\nPING after\r\n".encode(), world.now)
    world.carry_out(ann, orders)
    assert ann.session.more
    for client in crowd[-1:-20:-1]:
        world.carry_out(client, client.session.received(b"PART #tea\r\n", world.now))
    crowd[-30].lose()
    world.settle()
    lines = ann.lines()
    assert lines[-1].endswith("PONG irc.example.org :after")
