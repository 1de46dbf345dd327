"""The PROXY protocol, versions 1 and 2: who the client is, when a proxy stands in between.

The header comes first on a connection, before TLS, and says from where the proxy's own client
connected.  It is believed, so a receiver "SHOULD ensure proper access filtering so that only trusted
proxies are allowed to use this protocol": listeners take it from the addresses in `proxy_from` alone.
§ is of HAProxy's proxy-protocol.txt, edition of 2020.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import ClassVar, TypeAlias

from protocols.session import Peer

V1_LONGEST = 107
"""Bytes of the longest line of version 1, CR LF included (§2.1)."""

V2_LONGEST = 4096
"""Bytes that may follow the 16 fixed ones of version 2.  Ours: the addresses take up to 216, the rest
are TLVs, of which the largest in use carry names."""

Address: TypeAlias = "IPv4Address | IPv6Address"

_V1 = b"PROXY "
_FAMILIES: dict[str, type[Address]] = {"TCP4": IPv4Address, "TCP6": IPv6Address}
_V2 = b"\r\n\r\n\0\r\nQUIT\n"
_V2_FIXED = 16
_LOCAL, _PROXY = 0, 1
_INET, _INET6, _LAST_FAMILY = 1, 2, 3
_STREAM, _LAST_TRANSPORT = 1, 2
_ADDRESSES = (0, 12, 36, 216)
"""Bytes that the addresses of each family take: UNSPEC, INET, INET6, UNIX (§2.2)."""


class ProxyError(Exception):
    """This is no PROXY header.  The text is for our log; the peer is told nothing."""

    layer: ClassVar[str] = "PROXY"
    alert: ClassVar[bytes] = b""


class Proxy:
    """Reads the header of one connection, and never guesses "whether the protocol header is present
    or not" (§2): what is none is refused at the first byte that shows it.

    `peer` is then whom it named, or None where the connection's own addresses are to be kept:
    the proxy speaks for itself (LOCAL: its health checks), or does not know (UNKNOWN, UNSPEC, unix).
    """

    __slots__ = ("_held", "peer")

    def __init__(self) -> None:
        self._held = b""
        self.peer: Peer | None = None

    def received(self, data: bytes) -> bytes | None:
        """None until the header is whole, then what followed it.  Raises ProxyError."""
        held = self._held = self._held + data
        if held[: len(_V1)] == _V1[: len(held)]:
            end = held.find(b"\r\n", 0, V1_LONGEST)
            if end >= 0:
                self.peer = _version_1(held[:end])
                return held[end + 2 :]
            if len(held) >= V1_LONGEST:
                raise ProxyError(f"no CR LF in the first {V1_LONGEST} bytes")
        elif held[: len(_V2)] == _V2[: len(held)]:
            if len(held) >= _V2_FIXED:
                end = _V2_FIXED + _length(held)
                if len(held) >= end:
                    self.peer = _version_2(held[:end])
                    return held[end:]
        else:
            raise ProxyError("no header")
        return None


def _version_1(line: bytes) -> Peer | None:
    # "the receiver must ignore anything presented before the CRLF is found" after UNKNOWN (§2.1).
    if line == b"PROXY UNKNOWN" or line.startswith(b"PROXY UNKNOWN "):
        return None
    try:
        _, family, source, destination, source_port, destination_port = line.decode("ascii").split(" ")
        kind = _FAMILIES[family]
        return Peer(
            _host(_address(kind, source)), _port(source_port),
            _host(_address(kind, destination)), _port(destination_port),
        )  # fmt: skip
    except (ValueError, KeyError):
        raise ProxyError(f"not understood: {line.decode('ascii', 'backslashreplace')!r}") from None


def _address(kind: type[Address], text: str) -> Address:
    if "%" in text:  # a zone means nothing on another machine
        raise AddressValueError(text)
    return kind(text)


def _port(text: str) -> int:
    # "a decimal integer in the range [0..65535] inclusive.  Heading zeroes are not permitted" (§2.1)
    if not text.isdecimal() or len(text) > 5 or str(port := int(text)) != text or port > 65_535:
        raise ValueError(text)
    return port


def _length(header: bytes) -> int:
    """What follows the fixed bytes of version 2, if they say what they may (§2.2)."""
    command, family, length = struct.unpack_from("!BBH", header, len(_V2))
    if command >> 4 != 2:
        raise ProxyError(f"version {command >> 4}")
    if command & 15 not in (_LOCAL, _PROXY):
        raise ProxyError(f"command {command & 15}")
    if family >> 4 > _LAST_FAMILY or family & 15 > _LAST_TRANSPORT:
        raise ProxyError(f"family and transport 0x{family:02x}")
    if length > V2_LONGEST:
        raise ProxyError(f"{length} bytes long")
    # "The receiver ... must discard the protocol block including the family" of LOCAL
    if command & 15 == _PROXY and length < _ADDRESSES[family >> 4]:
        raise ProxyError(f"{length} bytes do not hold the addresses")
    return int(length)


def _version_2(header: bytes) -> Peer | None:
    command, family = header[12] & 15, header[13]
    # A receiver need not know every family if "it automatically falls back to the UNSPEC mode" (§2.2).
    if command == _LOCAL or family & 15 != _STREAM or family >> 4 not in (_INET, _INET6):
        return None
    source, destination, source_port, destination_port = struct.unpack_from(
        "!4s4sHH" if family >> 4 == _INET else "!16s16sHH", header, _V2_FIXED
    )
    return Peer(_host(ip_address(source)), source_port, _host(ip_address(destination)), destination_port)


def _host(address: Address) -> str:
    """One way to write each host: an IPv4 client is the same through a socket of either family."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


# -- who is believed -------------------------------------------------------------------


@lru_cache(maxsize=16)
def networks(said: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    """What a setting such as `proxy_from` names: addresses and networks.  Raises ValueError."""
    return tuple(map(ip_network, said))


def believed(host: str, proxy_from: tuple[str, ...]) -> bool:
    """May this host say for whom it connects?"""
    address = ip_address(host.partition("%")[0])
    return any(address in network for network in networks(proxy_from))
