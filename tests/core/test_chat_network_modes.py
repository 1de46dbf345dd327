"""Modes of channels and users: who may change what, and what is told of it."""

from __future__ import annotations

import pytest

from protocols.chat.modes import HALFOP, user_changes
from protocols.chat.network import events as e
from protocols.chat.network.deliveries import Delivery, Reply
from protocols.chat.network.masks import complete
from tests.core.chat_network import join, modes, network, numerics, said


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
