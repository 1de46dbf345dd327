"""Those who read slowly, or never, and those who talk too much: the others do not notice."""

from __future__ import annotations

import pytest

from tests.chat_clients import Meet, Serve

SMALL = 4096
"""Bytes of SO_RCVBUF with which a reader who does not read is soon full."""


@pytest.mark.parametrize("over", ["tcp", "tls", "unix"])
def test_a_slow_reader_is_dropped_and_nobody_waits_for_it(meet: Meet, serve: Serve, over: str) -> None:
    """chat.md: over `send_queue`, dropped with `QUIT :SendQ exceeded`."""
    running = serve("flood.enabled = false\ncloak = false\nlimits.send_queue = 65536", listen=("tcp", over))
    ann, bob = meet("ann", at=running).join("#tea"), meet("bob", at=running).join("#tea")
    slow = meet("slow", at=running, over=over, buffer=SMALL).join("#tea")
    ann.lines(), bob.lines()
    heard: list[str] = []
    rounds = 0
    while not any(" QUIT " in line for line in heard):
        # Both go on being answered while the third takes nothing.
        ann.send(*(f"PRIVMSG #tea :{rounds} {'x' * 300}" for _ in range(40))).lines()
        heard += bob.lines()
        rounds += 1
        assert rounds < 2000
    assert [line.partition(" ")[2] for line in heard if " QUIT " in line] == ["QUIT :SendQ exceeded"]
    spoken = [line.partition(" :")[2] for line in heard if " PRIVMSG " in line]
    assert spoken == [f"{n} {'x' * 300}" for n in range(rounds) for _ in range(40)]
    assert " 353 bob = #tea :@ann bob" in bob.send("NAMES #tea").lines()[0]
    running.wait_for("slow: SendQ exceeded")
    slow.close()


def test_who_never_reads_its_answers_costs_nobody_anything(meet: Meet, serve: Serve) -> None:
    """Reading from it pauses; when it reads, each answer is there, in order."""
    running = serve("flood.enabled = false")
    ann = meet("ann", at=running)
    deaf = meet("deaf", at=running, buffer=SMALL)
    before = running.memory()
    asked = b"".join(b"PING %d %s\r\n" % (n, b"x" * 400) for n in range(60_000))
    sent = deaf.client.send_what_fits(asked)
    assert sent < len(asked)
    for _ in range(20):
        assert ann.lines() == []
    assert running.memory() - before < 16 * 2**20
    whole = asked[:sent].count(b"\n")
    if asked[:sent].rpartition(b"\n")[2]:
        deaf.client.send(asked[sent : asked.index(b"\n", sent) + 1])
        whole += 1
    answers = [line for line in deaf.lines() if " PONG " in line]
    assert [int(line.rpartition(":")[2]) for line in answers] == list(range(whole))


def test_a_flood_is_delayed_and_nothing_is_lost(meet: Meet, serve: Serve) -> None:
    running = serve("cloak = false\nflood.burst = 5\nflood.rate = 200")
    ann = meet("ann", at=running).join("#tea")
    bob = meet("bob", at=running).join("#tea")
    ann.lines()
    ann.send(*(f"PRIVMSG #tea :{n}" for n in range(100)))
    heard = bob.until(":99")
    assert [line.partition(" :")[2] for line in heard] == [str(n) for n in range(100)]


def test_beyond_the_queue_it_is_excess_flood(meet: Meet, serve: Serve) -> None:
    settings = "cloak = false\nflood.burst = 20\nflood.rate = 0.1\nflood.queue = 4096"
    running = serve(settings)
    ann = meet("ann", at=running).join("#tea")
    bob = meet("bob", at=running).join("#tea")
    ann.lines(), bob.lines()
    ann.send(*(f"PRIVMSG #tea :{'x' * 100}" for n in range(200)))
    assert ann.rest()[-1] == "ERROR :Closing Link: 127.0.0.1 (Excess Flood)"
    assert bob.until("Excess Flood")[-1] == ":ann!ann@127.0.0.1 QUIT :Excess Flood"
    running.wait_for("ann: Excess Flood")


def test_who_says_nothing_is_pinged_and_then_gone(meet: Meet, serve: Serve) -> None:
    """RFC 2812 §3.7.2."""
    running = serve("cloak = false\ntimeouts.ping = 0.2")
    ann = meet("ann", at=running)
    assert ann.read() == "PING :irc.example.org"
    (end,) = ann.rest()
    assert end.startswith("ERROR :Closing Link: 127.0.0.1 (Ping timeout: ")


def test_who_does_not_register_is_gone(meet: Meet, serve: Serve) -> None:
    running = serve("cloak = false\ntimeouts.register = 0.2")
    new = meet(at=running)
    assert new.rest() == ["ERROR :Closing Link: 127.0.0.1 (Registration timed out)"]
