"""The network as a fold: what each event does, what it says, and what it refuses."""

from __future__ import annotations

import pytest

from protocols.chat.modes import HALFOP, OP, user_changes
from protocols.chat.network import events as e
from protocols.chat.network.deliveries import Echo, End, Say, Tell, stamp
from protocols.chat.network.network import Network
from protocols.chat.settings import ChatLimits
from tests.core.chat_network import arrival, join, modes, network, numerics, said, speak


def test_a_nick_is_won_once() -> None:
    net = network("ann")
    assert numerics(net.apply(arrival("ANN", "other"))) == ["433"]
    assert "other" not in net.sessions
    assert net.sessions["ann"].source == "ann!u@host"


def test_connections_of_one_account_may_share_its_nick() -> None:
    net = Network(ChatLimits())
    net.apply(arrival("ann", "1", "ann", shares=True))
    join(net, "#c", "1")
    assert numerics(net.apply(arrival("ann", "2", "other", shares=True))) == ["433"]
    assert numerics(net.apply(arrival("ann", "2", "ann", shares=False))) == ["433"]
    assert net.apply(arrival("ann", "2", "ann", shares=True)) == []
    assert net.sessions["2"] is net.sessions["1"]
    assert net.apply(e.Leave("1", 5.0, "bye")) == []
    assert said(net.apply(e.Leave("2", 5.0, "bye"))) == [":ann!u@host QUIT :bye"]
    assert not net.users
    assert not net.channels


def test_nobody_arrives_twice_and_who_is_gone_does_nothing() -> None:
    net = network("ann")
    before = net.snapshot()
    assert net.apply(arrival("bob", "ann")) == []
    assert join(net, "#c", "nobody") == []
    assert net.snapshot() == before


def test_only_the_case_of_a_nick_may_change() -> None:
    net = network("ann", "bob")
    assert said(net.apply(e.Rename("ann", 2.0, "Ann"))) == [":ann!u@host NICK Ann"]
    assert not net.former
    assert numerics(net.apply(e.Rename("ann", 2.0, "BOB"))) == ["433"]
    net.apply(e.Rename("ann", 2.0, "cyd"))
    assert [one.nick for one in net.former] == ["Ann"]
    assert list(net.nicks) == ["bob", "cyd"]


def test_the_creator_is_operator_and_an_empty_channel_is_gone() -> None:
    net = network("ann", "bob")
    join(net, "#C", "ann", "bob")
    assert list(net.channels["#c"].members.values()) == [OP, 0]
    assert said(net.apply(e.Part("ann", 2.0, "#c", "so long"))) == [":ann!u@host PART #C :so long"]
    net.apply(e.Part("bob", 2.0, "#c"))
    assert not net.channels


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (["+b", "bob"], ["474"]),
        (["+b", "a:bob"], []),
        (["+b", "m:bob"], []),
        (["+be", "bob", "*!u@*"], []),
        (["+i"], ["473"]),
        (["+iI", "bob"], []),
        (["+k", "sesame"], ["475"]),
        (["+l", "1"], ["471"]),
        (["+bikl", "bob", "sesame", "1"], ["474"]),
        (["+ikl", "sesame", "1"], ["473"]),
        (["+kl", "sesame", "1"], ["475"]),
    ],
)
def test_what_keeps_somebody_out(changes: list[str], expected: list[str]) -> None:
    """One answer for each fault: ban, then invitation, then key, then limit."""
    net = network("ann", "bob")
    join(net, "#c", "ann")
    modes(net, "ann", "#c", *changes)
    assert numerics(join(net, "#c", "bob")) == expected


def test_an_invitation_passes_bans_and_limits_once() -> None:
    net = network("ann", "bob")
    join(net, "#c", "ann")
    modes(net, "ann", "#c", "+bil", "bob", "1")
    assert numerics(net.apply(e.Invite("ann", 2.0, "#c", "bob"))) == ["341"]
    assert numerics(join(net, "#c", "bob")) == []
    net.apply(e.Part("bob", 2.0, "#c"))
    assert numerics(join(net, "#c", "bob")) == ["474"]


def test_an_invitation_ends_with_the_channel_and_with_the_guest() -> None:
    net = network("ann", "bob", "cyd")
    join(net, "#c", "ann")
    net.apply(e.Invite("ann", 2.0, "#c", "bob"))
    net.apply(e.Invite("ann", 2.0, "#c", "cyd"))
    net.apply(e.Leave("cyd", 2.0, ""))
    assert [user.nick for user in net.channels["#c"].invited] == ["bob"]
    net.apply(e.Part("ann", 2.0, "#c"))
    assert not net.nicks["bob"].invites


def test_an_invitation_by_who_is_no_operator_passes_nothing() -> None:
    net = network("ann", "bob", "cyd")
    join(net, "#c", "ann", "bob")
    modes(net, "ann", "#c", "+b", "cyd")
    assert numerics(net.apply(e.Invite("bob", 2.0, "#c", "cyd"))) == ["341"]
    assert numerics(join(net, "#c", "cyd")) == ["474"]


def test_the_right_answer_for_each_fault() -> None:
    net = network("ann", "bob", "cyd")
    join(net, "#c", "ann", "bob")
    for event, expected in (
        (e.Kick("ann", 2.0, "#x", "bob"), "403"),
        (e.Kick("cyd", 2.0, "#c", "bob"), "442"),
        (e.Kick("bob", 2.0, "#c", "ann"), "482"),
        (e.Kick("ann", 2.0, "#c", "dan"), "401"),
        (e.Kick("ann", 2.0, "#c", "cyd"), "441"),
        (e.Invite("ann", 2.0, "#c", "dan"), "401"),
        (e.Invite("ann", 2.0, "#x", "cyd"), "403"),
        (e.Invite("cyd", 2.0, "#c", "cyd"), "442"),
        (e.Invite("ann", 2.0, "#c", "bob"), "443"),
        (e.SetTopic("bob", 2.0, "#c", "x"), "482"),
        (e.SetTopic("cyd", 2.0, "#c", "x"), "442"),
        (e.Part("cyd", 2.0, "#c"), "442"),
        (e.Kill("ann", 2.0, "bob", "x"), "481"),
        (e.Wallops("ann", 2.0, "x"), "481"),
    ):
        before = net.snapshot()
        assert numerics(net.apply(event)) == [expected], event
        assert net.snapshot() == before


# -- messages --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "text", "expected"),
    [
        (["+m"], "hi", ["404"]),
        (["+b", "bob"], "hi", ["404"]),
        (["+b", "m:bob"], "hi", ["404"]),
        (["+be", "m:bob", "bob"], "hi", []),
        (["+bv", "m:bob", "bob"], "hi", []),
        (["+mv", "bob"], "hi", []),
        (["+M"], "hi", ["477"]),
        (["+C"], "\x01VERSION\x01", ["404"]),
        (["+C"], "\x01ACTION waves\x01", []),
        ([], "\x01VERSION\x01", []),
    ],
)
def test_what_keeps_a_member_silent(changes: list[str], text: str, expected: list[str]) -> None:
    net = network("ann", "bob")
    join(net, "#c", "ann", "bob")
    modes(net, "ann", "#c", *changes)
    assert numerics(speak(net, "bob", "#c", text)) == expected
    assert speak(net, "bob", "#c", text, "NOTICE") == [] if expected else True


def test_who_is_not_on_the_channel_is_heard_only_without_n() -> None:
    net = network("ann", "bob")
    join(net, "#c", "ann")
    assert numerics(speak(net, "bob", "#c")) == ["404"]
    modes(net, "ann", "#c", "-n")
    assert said(speak(net, "bob", "#c")) == [":bob!u@host PRIVMSG #c :hi"]


def test_only_operators_hear_the_unprivileged_in_an_op_moderated_channel() -> None:
    net = network("ann", "bob")
    join(net, "#c", "ann", "bob")
    modes(net, "ann", "#c", "+Um")
    say, _ = speak(net, "bob", "#c")
    assert isinstance(say, Say)
    assert say.rank == HALFOP


def test_a_status_message_is_for_a_rank_and_above() -> None:
    net = network("ann", "bob")
    join(net, "#c", "ann", "bob")
    say, echo = speak(net, "bob", "@+#C")
    assert isinstance(say, Say)
    assert isinstance(echo, Echo)
    assert (say.rank, say.line.text) == (1, ":bob!u@host PRIVMSG @+#c :hi")


@pytest.mark.parametrize(
    ("target", "expected"), [("#x", "403"), ("cyd", "401"), ("+bob", "401"), ("@", "401")]
)
def test_a_target_that_is_not_there(target: str, expected: str) -> None:
    net = network("ann", "bob")
    assert numerics(speak(net, "ann", target)) == [expected]
    assert speak(net, "ann", target, command="NOTICE") == []


def test_user_modes_refuse_messages() -> None:
    net = network("ann", "bob")
    net.apply(e.SetUserModes("bob", 2.0, "bob", tuple(user_changes(["+RT"]))))
    assert numerics(speak(net, "ann", "bob")) == ["477"]
    net.apply(e.SetAccount("ann", 2.0, "ann"))
    assert numerics(speak(net, "ann", "bob")) == []
    assert numerics(speak(net, "ann", "bob", "\x01PING 1\x01")) == ["404"]


def test_somebody_away_says_so_to_messages_but_not_to_notices() -> None:
    net = network("ann", "bob")
    assert numerics(net.apply(e.SetAway("bob", 2.0, "out"))) == ["306"]
    assert numerics(speak(net, "ann", "bob")) == ["301"]
    assert numerics(speak(net, "ann", "bob", command="NOTICE")) == []
    assert numerics(net.apply(e.SetAway("bob", 2.0, ""))) == ["305"]


# -- others ----------------------------------------------------------------------------


def test_those_who_monitor_are_told_of_coming_and_going() -> None:
    net = network("ann", monitor=2)
    assert numerics(net.apply(e.Monitor("ann", 2.0, ("bob", "ANN"), True))) == ["730", "731"]
    assert numerics(net.apply(e.Monitor("ann", 2.0, ("cyd",), True))) == ["734"]
    for event, expected in (
        (arrival("Bob"), ("730", "Bob!u@host")),
        (e.Rename("Bob", 2.0, "BOB"), None),
        (e.Rename("Bob", 2.0, "dan"), ("731", "BOB")),
    ):
        told = [one for one in net.apply(event) if isinstance(one, Tell)]
        assert [(one.numeric.number, *one.arguments) for one in told] == ([expected] if expected else [])
        assert all(one.sessions == ("ann",) for one in told)
    net.apply(e.Monitor("ann", 2.0, ("bob",), False))
    assert list(net.monitored) == ["ann"]
    net.apply(e.Unmonitor("ann", 2.0))
    assert not net.monitored
    assert not net.monitoring


def test_a_kill_ends_all_connections() -> None:
    net = network("ann", "bob")
    join(net, "#c", "ann", "bob")
    net.apply(e.BecomeOper("ann", 2.0, "admin", "is an admin"))
    told = net.apply(e.Kill("ann", 2.0, "bob", "spam"))
    assert said(told)[1] == ":bob!u@host QUIT :Killed (ann (spam))"
    assert isinstance(told[-1], End)
    assert told[-1].sessions == ("bob",)
    assert list(net.users.values()) == [net.nicks["ann"]]
    assert [one.nick for one in net.former] == ["bob"]


def test_a_changed_host_looks_like_a_return_to_old_clients() -> None:
    net = network("ann", "bob")
    join(net, "#c", "ann", "bob")
    assert said(net.apply(e.SetHost("ann", 2.0, "other"))) == [
        ":ann!u@host CHGHOST u other",
        ":ann!u@host QUIT :Changing host",
        ":ann!u@other JOIN #c",
        ":ann!u@other JOIN #c * :Name",
        ":ann!u@other MODE #c +o ann",
    ]


def test_time_is_written_with_milliseconds() -> None:
    """server-time."""
    assert stamp(0.0) == "1970-01-01T00:00:00.000Z"
    assert stamp(1_700_000_000.9999) == "2023-11-14T22:13:20.999Z"
