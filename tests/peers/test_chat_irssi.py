"""What irssi shows a person: two of them on one channel, each on a screen."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest

from tests.chat_clients import Meet
from tests.peers.conftest import Start
from tests.peers.irssi import Irssi
from tests.peers.screen import Screen
from tests.peers.talkers import Way
from tests.servers import OUTPUT, Own


@pytest.fixture
def two(start: Start) -> tuple[Irssi, Irssi]:
    """ann, who made the channel, and bob, both looking at it."""
    ann, bob = start("irssi", "ann"), start("irssi", "bob")
    assert isinstance(ann, Irssi)
    assert isinstance(bob, Irssi)
    ann.do("", "/join #tea")
    ann.screen.shows("ann .* has joined #tea")
    bob.joins("#tea")
    ann.screen.shows("Join to #tea was synced in ")
    return ann, bob


def test_irssi_needs_no_configuration_and_neither_does_the_server(own: Own) -> None:
    """README.md, "What it looks like"; but for the port, which is the test's."""
    command = "irssi -c 127.0.0.1"
    assert f"$ {command}\n" in (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    port = Way(own("chat")).port
    home = Path(tempfile.mkdtemp(dir=OUTPUT.name))
    screen = Screen(home, [*command.split(), "-p", str(port)], HOME=str(home), USER="ann")
    try:
        screen.shows("Welcome to the Example IRC Network, ")
        screen.type("/join #tea")
        screen.shows("has joined #tea")
    finally:
        screen.close()


def test_a_channel_is_synced(two: tuple[Irssi, Irssi]) -> None:
    """irssi asks WHO, MODE and MODE b, and says "Join to #tea was synced" when all are answered."""
    for one in two:
        one.screen.shows(r"^ \[\d\d:\d\d\] \[@?(ann|bob)\(\+i\)\] \[2:ours/#tea\(\+nt\)\]")
        one.screen.shows(r"Channel #tea created ")
        assert "451" not in one.screen.text()


def test_names_modes_and_the_topic_stand_where_they_belong(two: tuple[Irssi, Irssi], meet: Meet) -> None:
    ann, bob = two
    meet("raw").join("#tea")
    ann.do("", "/topic Grüße an alle ☕ und 日本")
    for one in two:
        one.screen.shows(r"\A Grüße an alle ☕ und 日本 *$")  # the line above all
        one.screen.shows(r"-!- ann changed the topic of #tea to: Grüße an alle ☕ und 日本")
    ann.do("", "/voice bob")
    ann.do("", "/mode +ks geheim")
    bob.screen.shows(
        r"\[\+bob\(\+i\)\] \[2:ours/#tea\(\+knst geheim\)\]|\[\+bob\(\+i\)\] \[2:ours/#tea\(\+knst\)\]"
    )
    bob.do("", "/names")
    bob.screen.shows(r"^\d\d:\d\d \[@ann\] \[\+bob\] \[ raw\]")
    bob.screen.shows(r"Total of 3 nicks \[1 ops, 0 halfops, 1 voices, 1 normal\]")
    ann.do("", "/ban *!*@evil.example")
    bob.screen.shows(r"mode/#tea \[\+b \*!\*@evil\.example\] by ann")
    bob.do("", "/ban")
    bob.screen.shows(r"1 - #tea: ban \*!\*@evil\.example \[by ann, \d+ secs ago\]")


def test_somebody_away_is_seen_to_be(two: tuple[Irssi, Irssi]) -> None:
    ann, bob = two
    bob.do("", "/away Tee trinken ☕")
    bob.screen.shows(r"\[bob\(\+i\) \(zZzZ\)\]")
    ann.do("", "/query bob")
    ann.do("", "da?")
    ann.screen.shows(r"-!- bob is away: Tee trinken ☕")
    bob.do("", "/away")
    bob.screen.shows(r"\[bob\(\+i\)\] ")


def test_whois_shows_who_somebody_is(two: tuple[Irssi, Irssi]) -> None:
    ann, _ = two
    ann.do("", "/window 1")
    ann.do("", "/whois bob")
    shown = ann.screen.shows(r"-!- bob \[bob@\S+\.cloak\](?s:.*)End of WHOIS")[0]
    for what, is_there in (
        ("ircname", "bob of irssi"),
        ("channels", "#tea"),
        ("server", r"irc\.example\.org"),
    ):
        assert re.search(rf"-!-  {what} +: {is_there}", shown)


def test_who_is_kicked_sees_why_and_comes_back_when_invited(two: tuple[Irssi, Irssi]) -> None:
    ann, bob = two
    ann.do("", "/mode +i")
    ann.do("", "/kick bob raus ☹")
    bob.screen.shows(r"-!- bob was kicked from #tea by ann \[raus ☹\]")
    bob.do("", "/window 1")
    bob.do("", "/join #tea")
    bob.screen.shows(r"Cannot join to channel #tea \(You must be invited\)")
    ann.do("", "/invite bob #tea")
    bob.screen.shows(r"ann \[ann@\S+\] invites you to #tea|ann invites you to #tea")
    bob.joins("#tea")


def test_a_nick_changes_in_case_only(two: tuple[Irssi, Irssi]) -> None:
    ann, bob = two
    bob.do("", "/nick Bob")
    ann.screen.shows(r"-!- bob is now known as Bob")
    ann.do("", "/nick BOB")
    ann.do("", "/window 1")
    ann.screen.shows(r"-!- Nick BOB is already in use")
