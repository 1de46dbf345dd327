"""The Python package irc: what its client makes of RPL_ISUPPORT, and of who is where, through its bot."""

from __future__ import annotations

from tests.chat_clients import Meet
from tests.peers.conftest import Start
from tests.peers.python_irc import PythonIrc


def test_the_features_are_understood(start: Start) -> None:
    talker = start("irc", "ann")
    assert isinstance(talker, PythonIrc)
    features = talker.connection.features
    assert (features.network, features.nicklen, features.casemapping) == ("Example", 32, "ascii")
    assert features.prefix == {"~": "q", "&": "a", "@": "o", "%": "h", "+": "v"}
    assert features.chantypes == "#"
    assert features.chanmodes == ["beI", "k", "l", "CMUimnst"]


def test_events_have_the_names_that_its_users_wait_for(start: Start, meet: Meet) -> None:
    raw, talker = meet("raw").join("#tea"), start("irc", "ann")
    talker.joins("#tea")
    talker.shows("#tea", r"^namreply \S+ ann = #tea @raw ann ?$")
    raw.send("PRIVMSG ann :psst", "PRIVMSG ann :\x01VERSION\x01", "NOTICE #tea :hört", "INVITE ann #x")
    talker.shows("", r"^privmsg raw!raw@\S+ ann psst$")
    talker.shows("", r"^ctcp raw!raw@\S+ ann VERSION")
    talker.shows("#tea", r"^pubnotice raw!raw@\S+ #tea hört$")
    raw.send("MODE #tea +v ann", "TOPIC #tea :Tee", "KICK #tea ann :raus")
    talker.shows("#tea", r"^mode raw!raw@\S+ #tea \+v ann$")
    talker.shows("#tea", r"^topic raw!raw@\S+ #tea Tee$")
    talker.shows("#tea", r"^kick raw!raw@\S+ #tea ann raus$")
    talker.do("", "/JOIN #")
    talker.do("", "/PRIVMSG nobody :da?")
    talker.shows("", r"^nosuchnick irc\.example\.org ann nobody No such nick/channel$")
