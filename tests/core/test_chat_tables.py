"""The tables: what they promise, and what is made from them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.chat import caps, isupport, modes
from protocols.chat.numerics import ERR_NOSUCHNICK, ERR_UNKNOWNCOMMAND, NUMERICS, RPL_ISUPPORT, Numeric
from protocols.chat.settings import ChatSettings
from protocols.declared import fields
from protocols.settings import load

PROMISED = """001-005 221 251-255 265 266 301 302 303 305 306 311-315 317-319 321-324 329-333 335-338 341
346-349 351-354 364-369 371 372 374-376 378 379 381 382 391 401-404 405 406 410-412 417 421 422 431-433
441-443 451 461 462 464 467 471-478 481 482 491 501 502 524 525 671 696 704-706 723 730-734 760 761 766
770 774 900-908"""
"""The numerics that modern clients know."""


def promised() -> set[str]:
    numbers = set()
    for one in PROMISED.split():
        first, _, last = one.partition("-")
        numbers |= {f"{number:03}" for number in range(int(first), int(last or first) + 1)}
    return numbers


def test_every_numeric_is_there_once() -> None:
    numbers = [numeric.number for numeric in NUMERICS.values()]
    assert len(numbers) == len(set(numbers))
    assert promised() <= set(numbers)


@pytest.mark.parametrize("numeric", NUMERICS.values(), ids=str)
def test_a_numeric_is_filled_by_as_many_words_as_it_has_fields(numeric: Numeric) -> None:
    fields = re.findall(r"\{\*?(\w+)\}", numeric.form)
    filled = numeric.fill(*(f"<{name}>" for name in fields))
    assert filled == re.sub(r"\{\*?(\w+)\}", r"<\1>", numeric.form)


@pytest.mark.parametrize("said", ["", ":a", "a b", "::", " ", ":a :b c"])
def test_what_a_client_said_stays_one_word(said: str) -> None:
    filled = ERR_NOSUCHNICK.fill(said)
    assert filled.endswith(" :No such nick/channel")
    assert filled.count(" :") == 1
    assert filled[0] not in ": "
    assert ERR_UNKNOWNCOMMAND.fill("%s %d") == "%s :Unknown command"


def test_every_capability_has_its_own_bit() -> None:
    bits = [cap.bit for cap in caps.CAPS.values()]
    assert len(set(bits)) == len(bits)
    assert all(bit.bit_count() == 1 for bit in bits)


def test_what_needs_accounts_is_offered_with_accounts() -> None:
    assert "sasl" not in caps.Offer().caps
    assert "sasl=PLAIN,SCRAM-SHA-256" in caps.Offer(["PLAIN", "SCRAM-SHA-256"]).listed(302)
    assert "sasl" in caps.Offer(["PLAIN"]).listed(301)


def test_a_request_is_all_or_nothing() -> None:
    """Capability Negotiation: "The server MUST NOT make any change" if it replies with a NAK."""
    offer = caps.Offer(sts="duration=1")
    both = caps.BATCH | caps.SERVER_TIME
    assert offer.requested(["batch", "server-time"], 0, 301) == both
    assert offer.requested(["-batch"], both, 301) == caps.SERVER_TIME
    assert offer.requested(["batch", "nothing"], 0, 301) is None
    assert offer.requested(["sts"], 0, 301) is None
    assert offer.requested(["--batch"], 0, 301) is None
    assert offer.requested(["-cap-notify"], caps.CAP_NOTIFY, 302) is None
    assert offer.requested(["-cap-notify"], caps.CAP_NOTIFY, 301) == 0


# -- modes -----------------------------------------------------------------------------


def test_ranks_are_ordered_by_their_bits() -> None:
    bits = [prefix.bit for prefix in modes.PREFIXES]
    assert bits == sorted(bits, reverse=True)
    assert modes.sigils(modes.OP | modes.VOICE) == "@+"
    assert modes.sigils(modes.OP | modes.VOICE, all_of_them=False) == "@"
    assert modes.sigils(0) == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["+nt"], [(True, "n", None), (True, "t", None)]),
        (["+o-v", "ann", "bob"], [(True, "o", "ann"), (False, "v", "bob")]),
        (["b"], [(True, "b", None)]),
        (["-lk", "key"], [(False, "l", None), (False, "k", "key")]),
        (["+lk", "5", "key"], [(True, "l", "5"), (True, "k", "key")]),
        (["+xo"], [(True, "x", None), (True, "o", None)]),
        ([], []),
        (["+-"], []),
    ],
)
def test_a_mode_string_is_read(words: list[str], expected: list[tuple[bool, str, str | None]]) -> None:
    """Modern IRC, "Channel Modes": types A and B always have a parameter, C only when set."""
    changes = [(one.add, one.letter, one.parameter) for one in modes.channel_changes(words)]
    assert changes == expected


@given(st.lists(st.text(min_size=1), max_size=5))
def test_no_mode_string_raises(words: list[str]) -> None:
    modes.channel_changes(words)
    modes.user_changes(words)


def test_changes_are_shown_with_as_few_signs_as_can_be() -> None:
    changes = modes.channel_changes(["+o-v+nk", "ann", "bob", "key"])
    assert modes.shown(changes) == "+o-v+nk ann bob key"
    assert modes.shown(modes.channel_changes(["+n+t"])) == "+nt"


# -- isupport and settings -------------------------------------------------------------


def test_isupport_says_what_the_tables_say() -> None:
    said = dict(token.partition("=")[::2] for token in isupport.tokens(ChatSettings()))
    assert said["PREFIX"] == "(qaohv)~&@%+"
    assert said["CHANMODES"] == "beI,k,l,CMUimnst"
    assert said["MAXLIST"] == "beI:60"
    assert said["UTF8ONLY"] == said["WHOX"] == ""
    assert said["NICKLEN"] == "32"


def test_isupport_has_at_most_13_tokens_a_line_and_is_ascii() -> None:
    lines = list(isupport.lines(ChatSettings(network="Caf\u00e9\\=")))
    assert all(len(line.split(" ")) <= 13 for line in lines)
    assert all(line.isascii() for line in lines)
    assert r"NETWORK=Caf\xC3\xA9\x5C\x3D" in " ".join(lines)
    assert all(RPL_ISUPPORT.fill(line).startswith(line) for line in lines)


def test_the_sample_of_the_settings_is_read() -> None:
    text = b"""
[chat]
listen = ["tcp://127.0.0.1:6667"]
name = "irc.example.org"
motd = ["line", "line"]
[chat.limits]
nick = 20
send_queue = 1048576
[chat.flood]
enabled = false
[chat.timeouts]
register = 5
[[chat.oper]]
name = "admin"
password = "secret"
"""
    read = load(ChatSettings, "chat", text=text, source="x.toml")
    assert (read.limits.nick, read.flood.enabled, read.oper[0].name) == (20, False, "admin")


def test_every_setting_is_described_and_secrets_are_marked() -> None:
    declared = fields(ChatSettings)
    assert all(field.help for field in declared)
    assert [field.path for field in declared if field.secret] == [("password",), ("oper",)]
