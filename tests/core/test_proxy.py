"""PROXY headers: every kind, cut anywhere, and what is none.  § is of proxy-protocol.txt."""

from __future__ import annotations

import struct
from ipaddress import ip_address
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.proxy import V1_LONGEST, V2_LONGEST, Proxy, ProxyError, believed, networks
from protocols.session import Peer

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
IPV4 = Peer("192.0.2.1", 56324, "192.0.2.9", 443)
IPV6 = Peer("2001:db8::1", 56324, "2001:db8::9", 443)


def v2(command: int = 0x21, family: int = 0x11, block: bytes = b"", length: int | None = None) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(block) if length is None else length) + block


def addresses(peer: Peer) -> bytes:
    hosts = ip_address(peer.host).packed + ip_address(peer.local_host).packed
    return hosts + struct.pack("!HH", peer.port, peer.local_port)


TLVS = b"\x04\x00\x03\0\0\0" + b"\x20\x00\x05\x01\0\0\0\0" + b"\xea\x00\x10" + b"x" * 16

LAST = b"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

HEADERS = [
    (b"PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n", IPV4),
    (b"PROXY TCP6 2001:db8::1 2001:db8::9 56324 443\r\n", IPV6),
    (b"PROXY TCP6 2001:DB8:0::1 2001:db8::9 56324 443\r\n", IPV6),
    (b"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.9 56324 443\r\n", IPV4),
    (b"PROXY TCP4 255.255.255.255 0.0.0.0 65535 0\r\n", Peer("255.255.255.255", 65535, "0.0.0.0", 0)),
    (b"PROXY UNKNOWN\r\n", None),
    # §2.1: "the longest line" there can be
    (b"PROXY UNKNOWN " + LAST + b" " + LAST + b" 65535 65535\r\n", None),
    (b"PROXY UNKNOWN \xff\0\n\r anything\r\n", None),
    (v2(block=addresses(IPV4)), IPV4),
    (v2(family=0x21, block=addresses(IPV6)), IPV6),
    (v2(block=addresses(IPV4) + TLVS), IPV4),
    (v2(family=0x21, block=addresses(IPV6) + b"\0" * (V2_LONGEST - 36)), IPV6),
    (v2(family=0x21, block=addresses(Peer("::ffff:c000:201", 56324, "::ffff:c000:209", 443))), IPV4),
    (v2(command=0x20, family=0x00), None),
    (v2(command=0x20, family=0x11, block=addresses(IPV4)), None),
    (v2(command=0x20, family=0x21, block=b"short"), None),
    (v2(family=0x00, block=TLVS), None),
    (v2(family=0x31, block=b"\0" * 216), None),
    (v2(family=0x12, block=addresses(IPV4)), None),
]  # fmt: skip
NAMES = [header[:24].decode("ascii", "backslashreplace") for header, _ in HEADERS]


@pytest.mark.parametrize(("header", "peer"), HEADERS, ids=NAMES)
def test_a_header_names_the_client_whole_and_byte_by_byte(header: bytes, peer: Peer | None) -> None:
    """§2.1, §2.2; LOCAL, UNKNOWN and what is not TCP keep the connection's own addresses."""
    whole = Proxy()
    assert whole.received(header + b"NICK ann\r\n") == b"NICK ann\r\n"
    assert whole.peer == peer
    bytewise = Proxy()
    for at in range(len(header) - 1):
        assert bytewise.received(header[at : at + 1]) is None
    assert bytewise.received(header[-1:]) == b""
    assert bytewise.peer == peer


BAD = [
    (b"NICK ann\r\n", "no header"),
    (b"\x16\x03\x01\x02\x00\x01", "no header"),
    (b"GET / HTTP/1.1\r\n", "no header"),
    (b"proxy TCP4", "no header"),
    (b"PROXY\r\n", "no header"),
    (b"\r\n\r\n\x00\r\nQUITE", "no header"),
    (b"PROXY " + b"x" * 101, "no CR LF in the first 107 bytes"),
    (b"PROXY UNKNOWN" + b" " * 93 + b"\r\n", "no CR LF in the first 107 bytes"),
    (b"PROXY \r\n", "not understood"),
    (b"PROXY UNKNOWNS\r\n", "not understood"),
    (b"PROXY UDP4 192.0.2.1 192.0.2.9 1 2\r\n", "not understood"),
    (b"PROXY tcp4 192.0.2.1 192.0.2.9 1 2\r\n", "not understood"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.9 1\r\n", "not understood"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.9 1 2 3\r\n", "not understood"),
    (b"PROXY TCP4  192.0.2.1 192.0.2.9 1 2\r\n", "not understood"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.9 1 2 \r\n", "not understood"),
    (b"PROXY TCP4\t192.0.2.1 192.0.2.9 1 2\r\n", "not understood"),
    (b"PROXY TCP4 192.0.2.256 192.0.2.9 1 2\r\n", "not understood"),
    (b"PROXY TCP4 192.0.2.01 192.0.2.9 1 2\r\n", "not understood"),
    (b"PROXY TCP4 192.0.2 192.0.2.9 1 2\r\n", "not understood"),
    (b"PROXY TCP4 2001:db8::1 2001:db8::9 1 2\r\n", "not understood"),
    (b"PROXY TCP6 192.0.2.1 192.0.2.9 1 2\r\n", "not understood"),
    (b"PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n", "not understood"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.9 01 2\r\n", "not understood"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.9 +1 2\r\n", "not understood"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.9 1 65536\r\n", "not understood"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.9 1 2\n\r\n", "not understood"),
    (b"PROXY TCP4 h\xe9 192.0.2.9 1 2\r\n", "not understood"),
    (v2(command=0x11, block=addresses(IPV4)), "version 1"),
    (v2(command=0x31, block=addresses(IPV4)), "version 3"),
    (v2(command=0x22, block=addresses(IPV4)), "command 2"),
    (v2(family=0x41, block=addresses(IPV4)), "family and transport 0x41"),
    (v2(family=0x13, block=addresses(IPV4)), "family and transport 0x13"),
    (v2(block=addresses(IPV4)[:-1]), "11 bytes do not hold the addresses"),
    (v2(family=0x21, block=addresses(IPV4)), "12 bytes do not hold the addresses"),
    (v2(family=0x31, block=b"\0" * 215), "215 bytes do not hold the addresses"),
    (v2(length=V2_LONGEST + 1), "4097 bytes long"),
]


@pytest.mark.parametrize(("data", "why"), BAD, ids=lambda value: repr(value)[:40])
def test_what_is_no_header_is_refused_as_soon_as_that_is_known(data: bytes, why: str) -> None:
    """§2: "must not try to guess whether the protocol header is present or not"."""
    with pytest.raises(ProxyError, match=why):
        Proxy().received(data)
    bytewise = Proxy()
    with pytest.raises(ProxyError, match=why):
        [bytewise.received(data[at : at + 1]) for at in range(len(data))]


def test_a_line_of_version_1_has_its_end_within_107_bytes() -> None:
    """§2.1: a receiver looks for CR LF in at most 107 bytes."""
    fits = b"PROXY UNKNOWN " + b"x" * (V1_LONGEST - 16) + b"\r\n"
    assert len(fits) == V1_LONGEST
    assert Proxy().received(fits) == b""
    with pytest.raises(ProxyError):
        Proxy().received(fits[:-2] + b"x\r\n")


def test_what_was_sent_in_place_of_a_header_is_shown_on_one_line() -> None:
    with pytest.raises(ProxyError) as caught:
        Proxy().received(b"PROXY TCP4 \x1b[2J\nroot: all is well\xff\r\n")
    assert str(caught.value).isprintable()


BEGINNINGS = st.sampled_from([b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN", SIGNATURE, SIGNATURE + b"!"])
OCTETS = st.integers(0, 255)


@given(
    data=st.binary(max_size=300)
    | st.tuples(BEGINNINGS, st.binary(max_size=300)).map(b"".join)
    | st.builds(v2, OCTETS, OCTETS, st.binary(max_size=60), st.none() | st.integers(0, 65535)),
    cuts=st.lists(st.integers(0, 300), max_size=8),
)
@example(data=HEADERS[0][0] + b"\0rest", cuts=[1, 5, 42])
@example(data=HEADERS[10][0] + b"\0rest", cuts=[11, 13, 17, 30])
def test_any_bytes_cut_anywhere_mean_the_same_and_raise_nothing_else(data: bytes, cuts: list[int]) -> None:
    def read(pieces: list[bytes]) -> tuple[object, object]:
        proxy, rest = Proxy(), None
        try:
            for at, piece in enumerate(pieces):
                rest = proxy.received(piece)
                if rest is not None:
                    return proxy.peer, rest + b"".join(pieces[at + 1 :])
        except ProxyError:
            return ProxyError, None
        return proxy.peer, None

    ends = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    assert read([data[a:b] for a, b in pairwise(ends)]) == read([data])


@pytest.mark.parametrize(
    ("host", "is_believed"),
    [
        ("127.0.0.1", True),
        ("127.0.0.2", False),
        ("10.1.2.3", True),
        ("11.1.2.3", False),
        ("2001:db8::7", True),
        ("2001:db9::7", False),
        ("fe80::1%eth0", True),
    ],
)
def test_those_in_proxy_from_are_believed_and_nobody_else(host: str, is_believed: bool) -> None:
    assert believed(host, ("127.0.0.1", "10.0.0.0/8", "2001:db8::/32", "fe80::1")) is is_believed


def test_by_default_nobody_is_believed() -> None:
    assert not believed("127.0.0.1", ())


@pytest.mark.parametrize("said", ["", "localhost", "10.0.0.1/8", "10.0.0.0/33", "::1/129", "127.0.0.1 "])
def test_what_names_no_network_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        networks((said,))
