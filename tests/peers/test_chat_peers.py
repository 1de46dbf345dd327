"""chat against clients that nobody here wrote: irssi, WeeChat, ii, and the Python package irc's.

One body for all of them, in what they have in common; what each has of its own is in the file of its name.
"""

from __future__ import annotations

import signal

import pytest

from tests.chat_clients import Meet
from tests.peers.conftest import CLIENTS, PASSWORD, Start
from tests.servers import Own

EVERY = pytest.mark.parametrize("client", CLIENTS)
AWAY = {"irssi": "/away ", "weechat": "/away ", "ii": "/a ", "irc": "/AWAY :"}


@EVERY
def test_a_client_talks_and_is_talked_to(client: str, start: Start, meet: Meet) -> None:
    """Lines, actions and text that is not ASCII, both ways; topic, modes, nicks; QUIT with words."""
    raw = meet("raw").join("#tea")
    somebody = start(client, "ann")
    somebody.joins("#tea")
    raw.until("JOIN #tea")

    somebody.do("#tea", "wer möchte Tee? ☕ 茶")
    raw.until("PRIVMSG #tea :wer möchte Tee? ☕ 茶")
    raw.send("PRIVMSG #tea :ich, тоже :)")
    somebody.shows("#tea", somebody.said("raw", "ich, тоже :)"))

    raw.send("PRIVMSG #tea :\x01ACTION kocht Wasser ☺\x01")
    somebody.shows("#tea", somebody.acted("raw", "kocht Wasser ☺"))

    raw.send("TOPIC #tea :Tee für alle: grün & schwarz")
    somebody.shows("#tea", "Tee für alle: grün & schwarz")
    raw.send("MODE #tea +m-t+v ann")
    somebody.shows("#tea", r"\+mv-t ann|\+m-t\+v ann")
    somebody.do("#tea", "heard, by voice")
    raw.until("PRIVMSG #tea :heard, by voice")

    raw.send("NICK Raw", "PRIVMSG #tea :in case only")
    somebody.shows("#tea", somebody.said("Raw", "in case only"))
    raw.send("PART #tea :nach Hause")
    somebody.shows("#tea", r"Raw\b.*(has left|nach Hause)")
    raw.send("JOIN #tea").until("End of /NAMES list")
    somebody.quits("bis morgen ☾")
    assert "QUIT :" in raw.until("bis morgen ☾")[-1]


def test_all_of_them_see_each_other(start: Start, meet: Meet) -> None:
    """Each says a line, and the others show it."""
    talkers = [start(client, f"of-{client}") for client in CLIENTS]
    for talker in talkers:
        talker.joins("#all")
    for speaker in talkers:
        speaker.do("#all", f"{speaker.nick} sagt schöne Grüße")
        for other in talkers:
            if other is not speaker:
                other.shows("#all", other.said(speaker.nick, f"{speaker.nick} sagt schöne Grüße"))
    names = meet("raw").send("JOIN #all").lines()[-2]  # before the end of the list
    everybody = {"raw", f"@{talkers[0].nick}"} | {talker.nick for talker in talkers[1:]}
    assert set(names.rpartition(":")[2].split()) == everybody


@EVERY
def test_a_client_goes_away_and_comes_back(client: str, start: Start, meet: Meet) -> None:
    """RFC 2812 §4.1: who writes to somebody who is away reads why."""
    raw, somebody = meet("raw"), start(client, "ann")
    somebody.do("", AWAY[client] + "Tee trinken, später ☕")
    somebody.shows("", "You have been marked as being away")
    assert raw.send("PRIVMSG ann :da?").until("☕")[-1] == (
        ":irc.example.org 301 raw ann :Tee trinken, später ☕"
    )
    somebody.do("", AWAY[client].rstrip(" :"))
    somebody.shows("", "You are no longer marked as being away")
    assert raw.send("PRIVMSG ann :da?").lines() == []


@EVERY
def test_a_client_is_told_that_the_server_stops(client: str, start: Start, own: Own) -> None:
    running = own("chat")
    somebody = start(client, "ann", at=running)
    running.signal(signal.SIGTERM)
    somebody.shows("", "The server is stopping")
    running.ended()


@pytest.mark.parametrize(
    ("client", "over"), [("irssi", "tls"), ("weechat", "tls"), ("irc", "tls"), ("ii", "unix")]
)
def test_a_client_comes_over_other_listeners(client: str, over: str, start: Start, meet: Meet) -> None:
    raw = meet("raw")
    somebody = start(client, "ann", over=over)
    assert (
        ":irc.example.org 671 raw ann :is using a secure connection" in raw.send("WHOIS ann").lines()
    ) == (over == "tls")
    somebody.quits("bye")


@pytest.mark.parametrize(
    ("client", "mechanism"),
    [("irssi", "PLAIN"), ("weechat", "PLAIN"), ("weechat", "SCRAM-SHA-256"), ("irc", "PLAIN")],
)
def test_a_client_logs_in_with_sasl(client: str, mechanism: str, start: Start, meet: Meet) -> None:
    raw = meet("raw")
    start(client, "ann", over="tls", account="tea", password=PASSWORD, mechanism=mechanism)
    assert ":irc.example.org 330 raw ann tea :is logged in as" in raw.send("WHOIS ann").lines()
