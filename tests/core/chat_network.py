"""What the tests of chat's network share: events said in few words, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence

from protocols.chat.modes import channel_changes
from protocols.chat.network import events as e
from protocols.chat.network.deliveries import Delivery, Reply, Say
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
