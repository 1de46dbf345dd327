"""RPL_ISUPPORT's tokens, made from the tables and the limits (Modern IRC, "RPL_ISUPPORT")."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.chat.modes import CHANNEL_MODES, LISTS, PREFIXES, SIGILS
from protocols.chat.settings import ChatSettings

PER_LINE = 13
"""RFC 2812 §2.3 allows 15 parameters: the nick, 13 tokens, and the words at the end."""

MODES_AT_ONCE = 6
"""Changes with a parameter that one MODE may ask for (ours)."""


def tokens(settings: ChatSettings) -> list[str]:
    """What this server says of itself."""
    limits = settings.limits
    kinds = ("list", "key", "limit", "flag")
    chanmodes = ["".join(mode.letter for mode in CHANNEL_MODES if mode.kind == kind) for kind in kinds]
    targets = limits.targets
    said: dict[str, object] = {
        "AWAYLEN": limits.away,
        "BOT": "B",
        "CALLERID": "g",
        "CASEMAPPING": settings.casemapping,
        "CHANLIMIT": f"#:{limits.channels}",
        "CHANMODES": ",".join(chanmodes),
        "CHANNELLEN": limits.channel,
        "CHANTYPES": "#",
        **_history(settings),
        "ELIST": "CMNTU",
        "EXCEPTS": "e",
        "EXTBAN": ",am",
        "ACCOUNTEXTBAN": "a",
        "INVEX": "I",
        "KICKLEN": limits.kick,
        "MAXLIST": f"{''.join(LISTS)}:{limits.list_modes}",
        "MODES": MODES_AT_ONCE,
        "MONITOR": limits.monitor,
        "NETWORK": settings.network,
        "NICKLEN": limits.nick,
        "PREFIX": f"({''.join(prefix.letter for prefix in PREFIXES)}){SIGILS}",
        "SAFELIST": "",
        "STATUSMSG": SIGILS,
        "TARGMAX": ",".join(f"{command}:{most}" for command, most in _most_targets(targets).items()),
        "TOPICLEN": limits.topic,
        "UTF8ONLY": "",
        "WHOX": "",
    }
    return [name if value == "" else f"{name}={_escaped(str(value))}" for name, value in said.items()]


def _history(settings: ChatSettings) -> dict[str, object]:
    if not settings.history.enabled:
        return {}
    return {"CHATHISTORY": settings.history.query_max, "MSGREFTYPES": "msgid,timestamp"}


def _most_targets(targets: int) -> dict[str, object]:
    """How many targets one command may have; nothing is no limit."""
    limited = dict.fromkeys(("KICK", "NOTICE", "PRIVMSG", "TAGMSG", "WHOIS"), targets)
    return {"JOIN": "", "LIST": "", "NAMES": "", "PART": "", "WHOWAS": 1, **limited}


def lines(settings: ChatSettings) -> Iterator[str]:
    """The tokens, as many as one line may hold on each."""
    said = tokens(settings)
    for at in range(0, len(said), PER_LINE):
        yield " ".join(said[at : at + PER_LINE])


def _escaped(value: str) -> str:
    # "\x20 ... space, \x5C ... backslash, \x3D ... equals": a value is one word of ASCII.
    out = [one if one.isascii() and one not in " \\=" else "".join(f"\\x{b:02X}" for b in one.encode())
           for one in value]  # fmt: skip
    return "".join(out)
