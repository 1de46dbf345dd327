"""The grammar of a message: RFC 2812 §2.3.1 and the IRCv3 message-tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.chat.casemap import fold, is_channel, is_nick, matches, username
from protocols.chat.message import Message, cut, cut_text, escape, format_message, parse, unescape

LEGAL = st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\n\0")
WORD = st.text(LEGAL, min_size=1).filter(lambda one: " " not in one and one[0] != ":")
KEYS = st.text("abcdefghijklmnopqrstuvwxyz/+-.0123456789", min_size=1)
TAGS = st.dictionaries(KEYS, st.text(st.characters(blacklist_categories=("Cs",)).filter(lambda c: c != "\0")))
MESSAGES = st.builds(
    lambda command, middle, last, source, tags: Message(command, [*middle, *last], source, tags),
    st.from_regex(r"[A-Z]+|[0-9]{3}", fullmatch=True),
    st.lists(WORD, max_size=14),
    st.lists(st.text(LEGAL), max_size=1),
    st.just("") | WORD,
    TAGS,
)


@given(MESSAGES)
def test_what_is_formatted_is_parsed_again(message: Message) -> None:
    """parse after format is the identity."""
    assert parse(format_message(message)) == message


@given(st.binary())
def test_no_bytes_raise(data: bytes) -> None:
    for text in (data.decode("latin-1"), data.decode("utf-8", "replace")):
        message = parse(text)
        assert not set(message.command) & set(" \r\n\0")
        assert not any(set(one) & set("\r\n\0") for one in message.params)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("PING", Message("PING", [])),
        ("ping  a  b", Message("PING", ["a", "b"])),
        ("  ping :a :b", Message("PING", ["a :b"])),
        ("PRIVMSG #a ::)", Message("PRIVMSG", ["#a", ":)"])),
        ("PRIVMSG #a:b :c", Message("PRIVMSG", ["#a:b", "c"])),
        ("JOIN :", Message("JOIN", [""])),
        (":ann!a@b QUIT :", Message("QUIT", [""], "ann!a@b")),
        ("@a=b;c;+d/e=f\\:g  :n  X y", Message("X", ["y"], "n", {"a": "b", "c": "", "+d/e": "f;g"})),
        ("@a=1;a=2 X", Message("X", [], "", {"a": "2"})),
        ("@=1;;a X", Message("X", [], "", {"a": ""})),
        ("", Message("", [])),
        ("   ", Message("", [])),
        ("@a", Message("", [], "", {"a": ""})),
        (":a", Message("", [], "a")),
        ("PRIVMSG a :b\rQUIT", Message("PRIVMSG", ["a", "bQUIT"])),
        ("A b\0c", Message("A", ["bc"])),
    ],
)
def test_a_line_is_read(line: str, expected: Message) -> None:
    assert parse(line) == expected


@given(st.text())
def test_an_escaped_value_is_unescaped_again(value: str) -> None:
    escaped = escape(value)
    assert unescape(escaped) == value
    assert not set(escaped) & set("; \r\n")


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [(r"a\:b\sc\\d\r\n", "a;b c\\d\r\n"), ("a\\", "a"), (r"\b", "b"), ("", ""), ("\\\\\\", "\\")],
)
def test_a_value_is_unescaped(escaped: str, plain: str) -> None:
    """Message-tags, "Escaping values": an invalid escape drops the backslash."""
    assert unescape(escaped) == plain


@given(st.text(), st.integers(0, 40))
def test_a_cut_splits_no_character(text: str, most: int) -> None:
    encoded = text.encode("utf-8", "replace")
    short = cut(encoded, most)
    assert encoded.startswith(short)
    assert len(short) <= most
    assert len(short) > most - 4 or short == encoded
    assert cut_text(encoded.decode(), most) == short.decode()


# -- names and masks -------------------------------------------------------------------


def test_only_ascii_letters_are_folded() -> None:
    """CASEMAPPING=ascii."""
    assert fold("ANN[]^ÄÉ") == "ann[]^ÄÉ"
    assert fold("{|}~") == "{|}~"


@pytest.mark.parametrize("name", ["ann", "[bot]", "a-9", "x" * 32, "`a|b{}"])
def test_a_nick(name: str) -> None:
    assert is_nick(name, 32)


@pytest.mark.parametrize("name", ["", "9a", "-a", "a b", "#a", "a!b", "a@b", "x" * 33, "ä", ":a", "*", "a\n"])
def test_no_nick(name: str) -> None:
    """RFC 2812 §2.3.1."""
    assert not is_nick(name, 32)


@pytest.mark.parametrize("name", ["#", "#a", "##", "#tée", "#a:b", "#" + "x" * 63])
def test_a_channel(name: str) -> None:
    assert is_channel(name, 64)


@pytest.mark.parametrize("name", ["", "a", "&a", "#a b", "#a,b", "#a\x07", "#a\u200b", "#" + "é" * 32])
def test_no_channel(name: str) -> None:
    assert not is_channel(name, 64)


def test_a_username_is_fit_for_a_source() -> None:
    assert username("a!b@c d\u00e9", 20) == "abcd"
    assert username("@", 20) == "user"
    assert username("x" * 40, 20) == "x" * 20


@pytest.mark.parametrize(
    ("mask", "text", "expected"),
    [
        ("*!*@*", "ann!a@h", True),
        ("ANN!*@*", "ann!a@h", True),
        ("a?n*", "ann!a", True),
        ("a?n", "an", False),
        ("a.n", "ann", False),
        ("", "", True),
        ("*", "", True),
        ("a\\*", "a\\b", True),
        ("[a]*", "[a]b", True),
    ],
)
def test_a_mask_matches(mask: str, text: str, expected: bool) -> None:
    """RFC 2812 §2.5."""
    assert matches(mask, text) is expected


@pytest.mark.parametrize("stars", [6, 8, 9, 40, 120])
def test_a_mask_of_some_or_many_stars_takes_no_exponential_time(stars: int) -> None:
    """Six stars took half a minute, and eight would have taken days: the server stood still meanwhile."""
    assert not matches("*a" * stars + "*b", "a" * 300)
    assert matches("*a" * stars + "*b", "a" * 300 + "b")


def matches_one_by_one(mask: str, text: str) -> bool:
    """The same by its definition."""
    if not mask:
        return not text
    if mask[0] == "*":
        return any(matches_one_by_one(mask[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and mask[0] in ("?", text[0]) and matches_one_by_one(mask[1:], text[1:])


@given(st.text("ab*?", max_size=8), st.text("ab\n", max_size=8))
def test_a_mask_matches_what_its_definition_says(mask: str, text: str) -> None:
    """RFC 2812 §2.5."""
    assert matches(mask, text) is matches_one_by_one(mask, text)
