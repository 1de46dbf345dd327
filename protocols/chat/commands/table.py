"""The commands, in one table: what each needs, what it costs, and where it is specified."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from protocols.chat.commands import (
    accounts,
    bans,
    batch,
    channels,
    connection,
    history,
    messages,
    metadata,
    sasl,
    server,
    services,
    users,
    who,
)
from protocols.chat.commands.help import HELP
from protocols.chat.message import Message

if TYPE_CHECKING:
    from protocols.chat.session import ChatSession

Run = Callable[["ChatSession", Message, float], "Iterator[None] | None"]


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    `least` is how many parameters it needs, `when` it may be said in relation to registration,
    `oper` if only operators may, `cost` what it takes from the bucket.  One that may have much to
    say returns an iterator, and is asked for the next portion when there is room.
    """

    run: Run
    least: int
    syntax: str
    about: str
    section: str
    when: Literal["before", "any", "after"] = "after"
    oper: bool = False
    cost: float = 1


COMMANDS: Final[dict[str, Command]] = {
    # connection
    "PASS": Command(connection.pass_, 1, "<password>", "says the server's password",
                    "RFC 2812 §3.1.1", "before"),
    "NICK": Command(connection.nick, 0, "<nick>", "names you, or renames you",
                    "RFC 2812 §3.1.2", "any", cost=2),
    "USER": Command(connection.user, 4, "<username> 0 * :<real name>", "says who you are",
                    "RFC 2812 §3.1.3", "before"),
    "CAP": Command(connection.cap, 1, "LS [version] | LIST | REQ :<names> | END",
                   "negotiates capabilities", "IRCv3 Capability Negotiation", "any"),
    "AUTHENTICATE": Command(sasl.authenticate, 1, "<mechanism> | <data> | *", "logs you in",
                            "IRCv3 SASL 3.2", "any"),
    "REGISTER": Command(accounts.register, 3, "<account | *> <email | *> <password>", "makes an account",
                        "IRCv3 account-registration", "any", cost=10),
    "VERIFY": Command(accounts.verify, 2, "<account> <code>", "completes a registration",
                      "IRCv3 account-registration", "any", cost=2),
    "PING": Command(connection.ping, 1, "<token>", "asks for a PONG", "RFC 2812 §3.7.2", "any"),
    "PONG": Command(connection.pong, 0, "<token>", "answers a PING", "RFC 2812 §3.7.3", "any"),
    "QUIT": Command(connection.quit_, 0, "[:<reason>]", "ends the connection", "RFC 2812 §3.1.7", "any"),
    "ERROR": Command(connection.error, 0, "", "is for servers", "RFC 2812 §3.7.4", "any"),
    # channels
    "JOIN": Command(channels.join, 1, "<channels> [<keys>] | 0", "enters channels, or leaves all",
                    "RFC 2812 §3.2.1", cost=2),
    "PART": Command(channels.part, 1, "<channels> [:<reason>]", "leaves channels", "RFC 2812 §3.2.2"),
    "TOPIC": Command(channels.topic, 1, "<channel> [:<topic>]", "shows or sets a topic",
                     "RFC 2812 §3.2.4"),
    "NAMES": Command(channels.names, 0, "<channels>", "lists who is on channels", "RFC 2812 §3.2.5"),
    "LIST": Command(channels.list_, 0, "[<conditions>]", "lists channels", "RFC 2812 §3.2.6", cost=3),
    "INVITE": Command(channels.invite, 0, "<nick> <channel>", "invites somebody, or lists invitations",
                      "RFC 2812 §3.2.7"),
    "KICK": Command(channels.kick, 2, "<channel> <nicks> [:<reason>]", "removes somebody from a channel",
                    "RFC 2812 §3.2.8"),
    "MODE": Command(channels.mode, 1, "<target> [<modes> [<parameters>]]", "shows or changes modes",
                    "RFC 2812 §3.2.3"),
    # messages
    "PRIVMSG": Command(messages.privmsg, 0, "<targets> :<text>", "says something", "RFC 2812 §3.3.1"),
    "NOTICE": Command(messages.notice, 0, "<targets> :<text>", "says something that is never answered",
                      "RFC 2812 §3.3.2"),
    "TAGMSG": Command(messages.tagmsg, 0, "<targets>", "sends tags alone", "IRCv3 message-tags"),
    "BATCH": Command(batch.batch, 1, "+<reference> draft/multiline <target> | -<reference>",
                     "begins or ends a message of several lines", "IRCv3 draft/multiline"),
    # history
    "CHATHISTORY": Command(history.chathistory, 0,
                           "LATEST | BEFORE | AFTER | AROUND | BETWEEN | TARGETS <parameters>",
                           "tells what was said before", "IRCv3 draft/chathistory", cost=2),
    "MARKREAD": Command(history.markread, 0, "<target> [timestamp=<time>]", "tells how far you have read",
                        "IRCv3 draft/read-marker"),
    "REDACT": Command(history.redact, 2, "<target> <msgid> [:<reason>]", "withdraws a message",
                      "IRCv3 draft/message-redaction", cost=2),
    # services
    **{alias: Command(services.ask, 0, "<command>", f"speaks to {service.name}", "ours")
       for alias, service in services.BY_ALIAS.items()},
    # users
    "WHO": Command(who.who, 0, "<mask> [%<fields>[,<token>]]", "finds users", "RFC 2812 §3.6.1", cost=2),
    "WHOIS": Command(users.whois, 0, "<nicks>", "tells about users", "RFC 2812 §3.6.2"),
    "WHOWAS": Command(users.whowas, 0, "<nick> [<count>]", "tells who had a nick", "RFC 2812 §3.6.3"),
    "USERHOST": Command(users.userhost, 1, "<nicks>", "tells where users are", "RFC 2812 §4.8"),
    "ISON": Command(users.ison, 1, "<nicks>", "tells who is here", "RFC 2812 §4.9"),
    "AWAY": Command(users.away, 0, "[:<message>]", "says that you are away, or back", "RFC 2812 §4.1"),
    "SETNAME": Command(users.setname, 1, ":<real name>", "changes your real name", "IRCv3 setname"),
    "MONITOR": Command(users.monitor, 1, "+ <nicks> | - <nicks> | C | L | S", "watches for users",
                       "IRCv3 Monitor"),
    "ACCEPT": Command(users.accept, 0, "<nicks> | -<nicks> | *", "accepts somebody's messages past +g and +R",
                      "ours, as Solanum has it"),
    "METADATA": Command(metadata.metadata, 0, "<target> GET | SET | LIST | CLEAR | SUB | UNSUB | SUBS | SYNC",
                        "keeps keys and values for users and channels", "IRCv3 draft/metadata-3", "any"),
    # server
    "OPER": Command(server.oper, 2, "<name> <password>", "makes you an operator",
                    "RFC 2812 §3.1.4", cost=5),
    "KILL": Command(server.kill, 1, "<nick> [:<reason>]", "ends somebody's connection",
                    "RFC 2812 §3.7.1", oper=True),
    "KLINE": Command(bans.kline, 0, "[<duration>] <mask> [<reason>] | LIST", "keeps out nick!user@host",
                     "ours, as Solanum and Ergo have it", oper=True),
    "UNKLINE": Command(bans.unkline, 1, "<mask>", "lets a mask in again", "ours", oper=True),
    "DLINE": Command(bans.dline, 0, "[<duration>] <address> [<reason>] | LIST",
                     "keeps out an address or a network", "ours, as Solanum and Ergo have it", oper=True),
    "UNDLINE": Command(bans.undline, 1, "<address>", "lets an address in again", "ours", oper=True),
    "WALLOPS": Command(server.wallops, 1, ":<text>", "tells everybody with +w", "RFC 2812 §4.7", oper=True),
    "REHASH": Command(server.rehash, 0, "", "reads the settings again", "RFC 2812 §4.2", oper=True),
    "HELP": Command(server.help_, 0, "[<command>]", "explains a command", "Modern IRC, HELP"),
    "HELPOP": Command(server.help_, 0, "[<command>]", "explains a command", "Modern IRC, HELP"),
    "INFO": Command(server.info, 0, "", "tells about the server", "RFC 2812 §3.4.10"),
    "LUSERS": Command(server.lusers, 0, "", "counts users", "RFC 2812 §3.4.2"),
    "TIME": Command(server.time, 0, "", "tells the time", "RFC 2812 §3.4.6"),
    "MOTD": Command(server.motd, 0, "", "shows the message of the day", "RFC 2812 §3.4.1"),
    "VERSION": Command(server.version, 0, "", "tells the version", "RFC 2812 §3.4.3"),
    "ADMIN": Command(server.admin, 0, "", "tells who runs the server", "RFC 2812 §3.4.9"),
    "LINKS": Command(server.links, 0, "", "lists servers", "RFC 2812 §3.4.5"),
}  # fmt: skip

_NAMES = list(COMMANDS)
HELP.update({name: [f"{name} {COMMANDS[name].syntax}", f"{name} {COMMANDS[name].about}."] for name in _NAMES})
HELP[""] = [
    "Help is there for these commands:",
    *(" ".join(_NAMES[at : at + 8]) for at in range(0, len(_NAMES), 8)),
]
