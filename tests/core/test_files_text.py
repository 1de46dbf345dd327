"""What the FTP core reads and writes as text: listings, times, paths, addresses, Telnet, replies."""

from __future__ import annotations

import random
import re
from calendar import timegm
from contextlib import suppress
from itertools import pairwise
from time import strptime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.files.addresses import (
    Ports,
    format_epsv,
    format_pasv,
    parse_eprt,
    parse_port,
    plain,
)
from protocols.files.listing import (
    RECENT,
    Text,
    facts,
    facts_line,
    list_line,
    name_line,
    parse_time,
    perm,
    time_value,
)
from protocols.files.paths import printable, quoted, resolve, shown
from protocols.files.replies import Refusal, lines, reply
from protocols.files.store import Entry
from protocols.files.telnet import Telnet
from protocols.files.users import ALL, READ_ONLY

NOW = timegm((2024, 2, 29, 12, 0, 0))
"""A day that there is not each year."""

NAMES = st.binary(min_size=1, max_size=20).map(
    lambda data: data.replace(b"\0", b"0").replace(b"/", b"|").decode(errors="surrogateescape")
)
ENTRIES = st.builds(
    Entry,
    name=NAMES,
    kind=st.sampled_from(["file", "dir", "link", "other"]),
    size=st.integers(0, 1 << 63),
    modified=st.floats(0, 253_402_300_799),
    mode=st.integers(0, 0o7777),
    unique=st.sampled_from(["", "801-1f"]),
    links=st.integers(1, 99_999),
    owner=st.sampled_from(["ftp", "1000", "a-long-owner"]),
)

LS = re.compile(
    r"(?P<kind>[-dl])(?P<mode>[-rwx]{9}) +(?P<links>\d+) +(?P<owner>\S+) +(?P<group>\S+) +(?P<size>\d+)"
    r" (?P<when>[A-Z][a-z]{2} [ \d]\d [ \d]\d[:\d]\d\d) (?P<name>.*)\r\n",
    re.DOTALL,
)
"""How clients take a line of `ls -l` apart."""


def parse_ls(line: str) -> tuple[str, int, int, str]:
    """Kind, mode, size and name of a line of LIST."""
    found = LS.fullmatch(line)
    assert found is not None, line
    mode = sum((letter != "-") << 8 - at for at, letter in enumerate(found["mode"]))
    return found["kind"], mode, int(found["size"]), found["name"]


def parse_facts(line: str) -> tuple[dict[str, str], str]:
    """The facts and the name of a line of MLSD (RFC 3659 §7.2)."""
    said, _, name = line.removesuffix("\r\n").partition(" ")
    return dict(one.split("=", 1) for one in said.split(";")[:-1]), name


# -- listings ----------------------------------------------------------------------------


@given(entry=ENTRIES, now=st.floats(0, 4e9))
def test_what_list_says_can_be_read_back(entry: Entry, now: float) -> None:
    kind, mode, size, name = parse_ls(list_line(entry, now))
    assert kind == {"file": "-", "dir": "d", "link": "l", "other": "-"}[entry.kind]
    assert (mode, size, name) == (entry.mode & 0o777, entry.size, entry.name.replace("\n", "?"))


@given(entry=ENTRIES)
def test_what_mlsd_says_can_be_read_back(entry: Entry) -> None:
    """RFC 3659 §7.5."""
    said, name = parse_facts(facts_line(entry, ALL))
    assert name == entry.name.replace("\n", "?")
    assert said["type"] == {"file": "file", "dir": "dir"}.get(entry.kind, said["type"])
    assert said.get("size") == (str(entry.size) if entry.kind == "file" else None)
    assert parse_time(said["modify"]) == int(entry.modified)
    assert int(said["UNIX.mode"], 8) == entry.mode
    assert said.get("unique", "") == entry.unique
    assert facts_line(entry, ALL).count("\r\n") - name.count("\r\n") == 1


def test_a_line_of_list_is_that_of_ls() -> None:
    """In the C locale, with the hour for half a year and the year before and after it."""
    made = Entry("a b", "file", 5, NOW - 60, 0o640, links=1, owner="ann", group="tea")
    line = "-rw-r-----   1 ann      tea                 5 Feb 29 11:59 a b\r\n"
    assert list_line(made, NOW) == line
    for modified, when in (
        (NOW, "Feb 29 12:00"),
        (NOW + 1, "Feb 29  2024"),
        (NOW - RECENT + 1, "Aug 30 21:05"),
        (NOW - RECENT - 1, "Aug 30  2023"),
        (0.0, "Jan  1  1970"),
        (-1.5, "Dec 31  1969"),
        (1e12, "Dec 31  9999"),
        (-1e12, "Dec 31     1"),
    ):
        assert when in list_line(Entry("x", "file", modified=modified), NOW), when


@settings(deadline=None)  # the first strptime imports the locale's names
@given(when=st.integers(0, 253_402_300_799))
def test_times_are_utc_and_come_back(when: int) -> None:
    """RFC 3659 §2.3."""
    assert parse_time(time_value(when)) == when
    assert timegm(strptime(time_value(when), "%Y%m%d%H%M%S")) == when
    assert parse_time(time_value(when) + ".123") == when


@pytest.mark.parametrize(
    "value", ["", "2020", "20200230000000", "20201301000000", "2020010100000x", "٢0200101000000"]
)
def test_what_is_no_time(value: str) -> None:
    assert parse_time(value) is None


def test_a_leap_second_is_the_second_after() -> None:
    """RFC 3659 §2.3: seconds go to 60."""
    assert parse_time("20161231235960") == timegm((2017, 1, 1, 0, 0, 0))
    assert parse_time("20161231235961") is None


def test_perm_is_what_the_user_may_do() -> None:
    """RFC 3659 §7.5.5."""
    assert perm(Entry("f", "file"), ALL) == "adfrw"
    assert perm(Entry("d", "dir"), ALL) == "cdeflmp"
    assert perm(Entry("f", "file"), READ_ONLY) == "r"
    assert perm(Entry("d", "dir"), READ_ONLY) == "el"
    assert facts(Entry("f", "file", 1), READ_ONLY, ("perm", "size")) == "perm=r;size=1;"


def test_a_name_can_not_end_its_line() -> None:
    """A name on disk may hold LF; two lines out of one name would be a file that is not there."""
    entry = Entry("a\n-rw-r--r-- b", "file")
    for line in (list_line(entry, NOW), facts_line(entry, ALL), name_line(entry)):
        assert line.count("\n") == 1
    assert reply(257, "a\r\n550 b").count(b"\n") == 1


def test_a_listing_that_shows_nothing_of_a_batch_goes_on() -> None:
    """Only the last batch is empty; one in which nothing matches is not the last."""

    class Batches:
        slow = False

        def __init__(self) -> None:
            self.batches = [[Entry("a", "file")], [Entry("b", "file")], []]

        def read(self) -> list[Entry]:
            return self.batches.pop(0)

        def close(self) -> None:
            pass

    assert Text(Batches(), name_line, "b").read(1) == b"b\r\n"


# -- paths -------------------------------------------------------------------------------


@given(argument=st.text(), directory=st.lists(st.sampled_from(["a", "b"])).map(tuple))
def test_a_path_is_names_that_lead_nowhere_else(argument: str, directory: tuple[str, ...]) -> None:
    path = resolve(argument, directory)
    assert all(name and name not in (".", "..") and "/" not in name for name in path)
    assert resolve(shown(path), ("elsewhere",)) == path


@pytest.mark.parametrize(
    ("argument", "path"),
    [
        ("x", ("d", "x")), ("/x", ("x",)), ("..", ()), ("../../..", ()), ("/", ()), ("", ("d",)),
        (".", ("d",)), ("a//b/", ("d", "a", "b")), ("a/../b", ("d", "b")), ("...", ("d", "...")),
        ("~", ("d", "~")), (" x", ("d", " x")),
    ],
)  # fmt: skip
def test_a_path_is_resolved_by_names_alone(argument: str, path: tuple[str, ...]) -> None:
    assert resolve(argument, ("d",)) == path


def test_quotes_are_doubled() -> None:
    """RFC 959 appendix II."""
    assert quoted(('a"b', "c")) == '"/a""b/c"'


def test_names_on_the_log_move_no_cursor() -> None:
    assert printable("tea\x1b[2J\udce9é\n") == "tea\\x1b[2J\\xe9é\\n"


# -- addresses ---------------------------------------------------------------------------


@given(host=st.ip_addresses(v=4).map(str), port=st.integers(0, 65_535))
def test_an_address_comes_back_from_227(host: str, port: int) -> None:
    """RFC 959 §4.1.2, as clients look for it (RFC 1123 §4.1.2.6)."""
    found = re.search(r"(\d+,){5}\d+", format_pasv(host, port))
    assert found is not None
    assert parse_port(found[0]) == (host, port)


@given(address=st.ip_addresses(), port=st.integers(0, 65_535), delimiter=st.sampled_from("|!,;"))
def test_an_address_is_read_from_eprt(address: object, port: int, delimiter: str) -> None:
    """RFC 2428 §2."""
    kind = "2" if ":" in str(address) else "1"
    said = delimiter.join(["", kind, str(address), str(port), ""])
    assert parse_eprt(said, int(kind)) == (plain(str(address)), port)


def test_a_port_comes_back_from_229() -> None:
    assert re.search(r"\((.)\1\1(\d+)\1\)", format_epsv(6446)).group(2) == "6446"  # type: ignore[union-attr]


@given(argument=st.text(max_size=40))
def test_no_argument_of_port_and_eprt_raises_anything_else(argument: str) -> None:
    for parse in (parse_port, lambda said: parse_eprt(said, 1), lambda said: parse_eprt(said, 2)):
        with suppress(Refusal):
            parse(argument)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:201", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"), ("fe80::1%eth0", "fe80::1"), ("", ""),
    ],
)  # fmt: skip
def test_addresses_have_one_form(host: str, expected: str) -> None:
    assert plain(host) == expected


def test_ports_are_taken_in_no_order_that_can_be_guessed() -> None:
    """RFC 2577 §8."""
    ports = Ports(("30000-30099",), "seed")
    taken = [ports.take() for _ in range(101)]
    assert set(taken) == {*range(30_000, 30_100), None}
    assert taken[:-1] != sorted(taken[:-1])  # type: ignore[type-var]
    assert [Ports(("30000-30099",), "other").take() for _ in range(2)] != taken[:2]


# -- bytes -------------------------------------------------------------------------------


@given(data=st.binary(), seed=st.integers())
def test_telnet_leaves_text_alone_and_undoubles_255(data: bytes, seed: int) -> None:
    """RFC 854: "the IAC need be doubled to be sent as data"; wherever it is cut."""
    doubled = data.replace(b"\xff", b"\xff\xff")
    cuts = sorted({0, *random.Random(seed).choices(range(len(doubled) + 1), k=4), len(doubled)})
    telnet = Telnet()
    assert b"".join(telnet.feed(doubled[a:b]) for a, b in pairwise(cuts)) == data


@pytest.mark.parametrize(
    ("data", "left"),
    [
        (b"\xff\xf4\xff\xf2ABOR", b"ABOR"), (b"\xff\xf4\xf2ABOR", b"ABOR"), (b"\xff\xf4\xf4", b"\xf4"),
        (b"a\xff\xfb\x01b", b"ab"), (b"a\xff\xfe\xffb", b"ab"), (b"\xffa", b"\xffa"), (b"\xf2a", b"\xf2a"),
    ],
)  # fmt: skip
def test_telnet_commands_are_taken_out(data: bytes, left: bytes) -> None:
    assert Telnet().feed(data) == left
    telnet = Telnet()
    assert b"".join(telnet.feed(bytes([byte])) for byte in data) == left


def test_a_reply_of_several_lines_begins_and_ends_with_its_code() -> None:
    """RFC 959 §4.2; no line between may look like the last."""
    said = lines(211, "Features:", ["211 UTF8", "a\xff"], "End")
    assert said == "211-Features:\r\n 211 UTF8\r\n a\xff\r\n211 End\r\n".encode()
