"""ii, which has a directory for each conversation and knows no capability, tag or mode."""

from __future__ import annotations

from tests.chat_clients import Meet
from tests.peers.conftest import Start


def test_each_conversation_has_its_directory(start: Start, meet: Meet) -> None:
    raw, ii = meet("raw"), start("ii", "ann")
    raw.send("PRIVMSG ann :nur für dich: eine Tüte Tee")  # a colon inside of the last parameter
    ii.shows("raw", "<raw> nur für dich: eine Tüte Tee$")
    ii.do("raw", "danke ☺")
    raw.until("PRIVMSG raw :danke ☺")


def test_what_it_types_in_a_channel_is_done_there(start: Start, meet: Meet) -> None:
    raw, ii = meet("raw").join("#tea"), start("ii", "ann")
    ii.joins("#tea")
    raw.send("MODE #tea -t").lines()
    ii.do("#tea", "/t Tee & Kuchen")
    raw.until("TOPIC #tea :Tee & Kuchen")
    ii.do("", "/n ännchen")
    ii.shows("", "ännchen Erroneous nickname")
    ii.do("", "/n anna")
    raw.until("NICK anna")
    ii.do("#tea", "/l genug")
    raw.until("PART #tea :genug")
