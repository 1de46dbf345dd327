"""The network as a fold: what each event does, what it says, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from protocols.chat.modes import HALFOP, OP, channel_changes, user_changes
from protocols.chat.network import events as e
from protocols.chat.network.deliveries import Delivery, Echo, End, Reply, Say, Tell, stamp
from protocols.chat.network.masks import complete
from protocols.chat.network.network import Network
from protocols.chat.settings import ChatLimits


def network(*nicks: str, **limits: int) -> Network:
    """Somebody of each nick, whose connection is called the same."""
    made = Network(ChatLimits(**limits))
    for nick in nicks:
        made.apply(arrival(nick))
    return made


def arrival(nick: str, session: str = "", account: str = "", shares: bool = False) -> e.Arrive:
    return e.Arrive(
        session or nick, 1.0, f"id-{session or nick}", nick, "u", "Name", "host", "192.0.2.1", account,
        shares=shares,
    )  # fmt: skip


def said(deliveries: Sequence[Delivery]) -> list[str]:
    return [one.line.text for one in deliveries if isinstance(one, Say)]


def numerics(deliveries: Sequence[Delivery]) -> list[str]:
    return [one.numeric.number for one in deliveries if isinstance(one, Reply)]


def modes(net: Network, session: str, channel: str, *words: str) -> list[Delivery]:
    return net.apply(e.SetChannelModes(session, 2.0, channel, tuple(channel_changes(words))))


def join(net: Network, channel: str, *sessions: str) -> list[Delivery]:
    out: list[Delivery] = []
    for session in sessions:
        out = net.apply(e.Join(session, 2.0, channel))
    return out


def speak(
    net: Network, session: str, target: str, text: str = "hi", command: str = "PRIVMSG"
) -> list[Delivery]:
    return net.apply(e.Speak(session, 3.0, command, target, text, "m1"))


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


# -- modes -----------------------------------------------------------------------------


def test_a_mode_is_told_as_it_was_done() -> None:
    net = network("ann", "bob")
    join(net, "#c", "ann", "bob")
    told = modes(net, "ann", "#c", "+ov-t+nlx", "BOB", "bob", "07")
    assert said(told) == [":ann!u@host MODE #c +ov-t+l bob bob 7"]
    assert numerics(told) == ["472"]
    assert net.channels["#c"].modes(key=True) == "+nl 7"


def test_who_is_no_operator_is_told_so_once() -> None:
    net = network("ann", "bob")
    join(net, "#c", "ann", "bob")
    assert numerics(modes(net, "bob", "#c", "+ntsmo", "bob")) == ["482"]
    assert numerics(modes(net, "bob", "#c", "b")) == ["368"]
    assert numerics(modes(net, "bob", "#x", "b")) == ["403"]


def test_ranks_protect_who_has_them() -> None:
    net = network("ann", "bob", "cyd")
    join(net, "#c", "ann", "bob", "cyd")
    modes(net, "ann", "#c", "+h", "bob")
    assert net.channels["#c"].members[net.nicks["bob"]] == HALFOP
    assert numerics(modes(net, "bob", "#c", "-o", "ann")) == ["482"]
    assert numerics(net.apply(e.Kick("bob", 2.0, "#c", "ann"))) == ["482"]
    assert numerics(modes(net, "bob", "#c", "+o", "bob")) == ["482"]
    assert numerics(modes(net, "ann", "#c", "+q", "ann")) == ["482"]
    assert said(modes(net, "bob", "#c", "+v-h", "cyd", "bob")) == [":bob!u@host MODE #c +v-h cyd bob"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["+k", "a b"], "696"),
        (["+k", ""], "696"),
        (["+k", "a,b"], "525"),
        (["+k"], "696"),
        (["+l", "-1"], "696"),
        (["+l", "x"], "696"),
        (["+l", "0"], "696"),
        (["+l"], "696"),
        (["+o"], "696"),
        (["+o", "cyd"], "401"),
        (["+o", "bob"], "441"),
        (["+b", "a b"], "696"),
        (["+b", "x" * 201], "696"),
        (["-b"], "368"),
    ],
)
def test_a_parameter_that_can_not_be(words: list[str], expected: str) -> None:
    """chat.md: "keys with spaces refused (696)"."""
    net = network("ann", "bob")
    join(net, "#c", "ann")
    before = net.snapshot()
    assert numerics(modes(net, "ann", "#c", *words)) == [expected]
    assert net.snapshot() == before


def test_a_list_is_full_at_its_limit() -> None:
    net = network("ann", list_modes=2)
    join(net, "#c", "ann")
    told = modes(net, "ann", "#c", "+bbe", "a", "b", "c")
    assert (said(told), numerics(told)) == ([":ann!u@host MODE #c +bb a!*@* b!*@*"], ["478"])
    assert numerics(modes(net, "ann", "#c", "b")) == ["367", "367", "368"]
    assert said(modes(net, "ann", "#c", "-b", "A!*@*")) == [":ann!u@host MODE #c -b a!*@*"]


def test_the_key_is_for_members_only() -> None:
    net = network("ann", "bob")
    join(net, "#c", "ann")
    modes(net, "ann", "#c", "+k", "sesame")
    for session, expected in (("ann", "+ntk sesame"), ("bob", "+ntk *")):
        reply = modes(net, session, "#c")[0]
        assert isinstance(reply, Reply)
        assert reply.arguments == ("#c", expected)
    assert said(modes(net, "ann", "#c", "-k", "wrong")) == [":ann!u@host MODE #c -k sesame"]


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("ann", "ann!*@*"),
        ("ann!u", "ann!u@*"),
        ("u@h", "*!u@h"),
        ("@h", "*!*@h"),
        ("!", "*!*@*"),
        ("a:ann", "a:ann"),
        ("m:ann", "m:ann!*@*"),
        ("m:a:ann", "m:a:ann"),
    ],
)
def test_what_a_mask_leaves_out_is_a_star(mask: str, expected: str) -> None:
    assert complete(mask) == expected


def test_a_user_changes_its_own_modes_only_and_nobody_makes_itself_operator() -> None:
    net = network("ann", "bob")

    def change(nick: str, words: str) -> list[Delivery]:
        return net.apply(e.SetUserModes("ann", 2.0, nick, tuple(user_changes([words]))))

    assert numerics(change("bob", "+i")) == ["502"]
    assert numerics(change("cyd", "+i")) == ["401"]
    assert said(change("ann", "+oiB-w")) == [":ann!u@host MODE ann :+iB"]
    assert numerics(change("ann", "+x")) == ["501"]
    assert numerics(change("ann", "")) == ["221"]
    net.apply(e.BecomeOper("ann", 2.0, "admin", "is an admin"))
    assert net.operators
    assert said(change("ann", "-o")) == [":ann!u@host MODE ann :-o"]
    assert not net.operators


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
        ":ann!u@other MODE #c +o ann",
    ]


def test_time_is_written_with_milliseconds() -> None:
    """server-time."""
    assert stamp(0.0) == "1970-01-01T00:00:00.000Z"
    assert stamp(1_700_000_000.9999) == "2023-11-14T22:13:20.999Z"
