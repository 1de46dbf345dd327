"""PRIVMSG, NOTICE and TAGMSG: who may say what to whom, and who hears it."""

from __future__ import annotations

from protocols.chat.caps import ECHO_MESSAGE, MESSAGE_TAGS
from protocols.chat.modes import HALFOP, PREFIX_BY_SIGIL, VOICE
from protocols.chat.network.callerid import let_in
from protocols.chat.network.deliveries import Delivery, Echo, Line, Reply, Say
from protocols.chat.network.events import Speak
from protocols.chat.network.kept import keep_direct, keep_message
from protocols.chat.network.masks import muted
from protocols.chat.network.multiline import Multiline
from protocols.chat.network.records import Channel, User
from protocols.chat.network.state import State
from protocols.chat.numerics import (
    ERR_CANNOTSENDTOCHAN,
    ERR_NEEDREGGEDNICK,
    RPL_AWAY,
    Refusal,
)


def speak(network: State, author: User, event: Speak, out: list[Delivery]) -> None:
    """RFC 2812 §3.3.  "automatic replies MUST NEVER be sent in response to a NOTICE message"."""
    try:
        target = event.target
        name = target.lstrip("~&@%+")
        if name.startswith("#"):
            _to_channel(network, author, event, name, out)
        else:
            _to_user(network, author, event, out)
    except Refusal:
        if event.command != "NOTICE":
            raise


def _line(author: User, event: Speak, target: str) -> Line:
    if event.pieces:
        head = f"{event.command} {target} :"
        return Multiline(head, event.pieces, event.time, author, event.msgid, event.tags)
    words = f"TAGMSG {target}" if event.command == "TAGMSG" else f"{event.command} {target} :{event.text}"
    return Line(words, event.time, author, event.msgid, event.tags)


def _to_channel(network: State, author: User, event: Speak, name: str, out: list[Delivery]) -> None:
    channel = network.channel(name)
    status = event.target[: len(event.target) - len(name)]
    rank = _audience(channel, author, event)
    if status:
        # STATUSMSG: to this rank "and above"; of several sigils the lowest counts.
        rank = max(rank, min(PREFIX_BY_SIGIL[sigil].bit for sigil in status))
    if event.command != "TAGMSG":
        author.idle = event.time
    line = _line(author, event, status + channel.name)
    needs = MESSAGE_TAGS if event.command == "TAGMSG" else 0
    out.append(Say(line, channel=channel, rank=rank, needs=needs, origin=False))
    out.append(Echo(line, needs | ECHO_MESSAGE))
    if not rank and not is_ctcp(event.text):
        keep_message(channel, line, author, event, out)


def _audience(channel: Channel, author: User, event: Speak) -> int:
    """The rank from which on members hear the author, 0 for all; raises what keeps it silent."""
    rank, flags = channel.members.get(author), channel.flags
    if rank is None:
        if "n" in flags:
            raise Refusal(ERR_CANNOTSENDTOCHAN, channel.name, "+n")
        rank = 0
    if is_ctcp(event.text) and "C" in flags:
        raise Refusal(ERR_CANNOTSENDTOCHAN, channel.name, "+C")
    if rank >= VOICE:
        return 0
    if muted(channel, author, rank):
        raise Refusal(ERR_CANNOTSENDTOCHAN, channel.name, "+b")
    if "M" in flags and not author.account:
        raise Refusal(ERR_NEEDREGGEDNICK, channel.name)
    if "U" in flags:
        return HALFOP
    if "m" in flags:
        raise Refusal(ERR_CANNOTSENDTOCHAN, channel.name, "+m")
    return 0


def is_ctcp(text: str) -> bool:
    """A CTCP that is not an ACTION, which is only a way to speak."""
    return text.startswith("\x01") and not text.startswith("\x01ACTION ") and text != "\x01ACTION\x01"


def _to_user(network: State, author: User, event: Speak, out: list[Delivery]) -> None:
    target = network.user(event.target)
    if not let_in(author, target, event, out):
        return
    if "T" in target.modes and is_ctcp(event.text):
        raise Refusal(ERR_CANNOTSENDTOCHAN, target.nick, "+T")
    if event.command != "TAGMSG":
        author.idle = event.time
    line = _line(author, event, target.nick)
    needs = MESSAGE_TAGS if event.command == "TAGMSG" else 0
    # labeled-response: of one's own message to oneself only the echo, or ACK, has the label.
    out.append(Say(line, users=[target], needs=needs, aside=True))
    if target is not author:
        # The author's other connections see both sides of what is said.
        out.append(Say(line, users=[author], needs=needs, origin=False))
    out.append(Echo(line, needs | ECHO_MESSAGE))
    if not is_ctcp(event.text):
        keep_direct(author, target, line, event, out)
    if target.away and event.command == "PRIVMSG":
        out.append(Reply(RPL_AWAY, (target.nick, target.away)))
