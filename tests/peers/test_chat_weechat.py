"""What WeeChat makes of chat's capabilities and of MONITOR, and how it comes back."""

from __future__ import annotations

import pytest

from tests.chat_clients import Meet
from tests.peers.conftest import PASSWORD, Start
from tests.peers.talkers import Talker
from tests.servers import Running


@pytest.fixture
def wee(start: Start) -> Talker:
    return start("weechat", "ann")


def test_the_capabilities_of_one_request_are_all_enabled(wee: Talker) -> None:
    """Eleven that we offer, in one CAP REQ: "REQ all or nothing"."""
    asked = wee.shows("", r"client capability, requesting: ").rpartition(": ")[2].split()
    enabled = wee.shows("", r"client capability, enabled: ").rpartition(": ")[2].split()
    assert asked == enabled
    assert len(asked) >= 11
    assert {"message-tags", "multi-prefix", "server-time", "userhost-in-names"} <= set(asked)


def test_somebodys_account_and_name_are_seen_as_they_join(start: Start) -> None:
    """extended-join tells the account and the real name; SETNAME changes the latter."""
    start("irc", "raw").joins("#tea")
    wee = start("weechat", "ann", account="tea", password=PASSWORD)
    wee.joins("#tea")
    wee.shows("#tea", r"ann \[tea\] \(ann of WeeChat\) \(ann@\S+\.cloak\) has joined #tea")
    wee.do("", "/setname Ännchen ☺")
    wee.shows("", r'real name has been set to "Ännchen ☺"')


def test_who_is_monitored_is_seen_to_come_and_go(wee: Talker, meet: Meet) -> None:
    """WeeChat uses MONITOR where RPL_ISUPPORT has it."""
    wee.do("", "/notify add raw")
    wee.shows("", "notify: raw is offline")
    raw = meet("raw")
    wee.shows("", r"notify: raw \(raw@\S+\) has connected")
    raw.send("QUIT :bye")
    wee.shows("", "notify: raw has quit")


def test_who_is_killed_is_told_and_comes_back_to_its_channels(
    operated: Running, start: Start, meet: Meet
) -> None:
    wee = start("weechat", "ann", at=operated)
    wee.do("", "/set irc.server.ours.autoreconnect_delay 1")
    wee.joins("#tea")
    raw = meet("raw", at=operated).join("#tea")
    raw.send("OPER admin sesame", "KILL ann :Feierabend ☾")
    wee.shows("", r"Killed \(raw \(Feierabend ☾\)\)")
    raw.until("JOIN #tea")
    raw.send("PRIVMSG #tea :da bist du ja")
    wee.shows("#tea", wee.said("raw", "da bist du ja"))
