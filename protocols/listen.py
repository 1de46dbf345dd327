"""Addresses to listen on and to connect to: `tcp://127.0.0.1:7007`, and what may follow `?`.

Words only: binding is the drivers', and so is looking up a host name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import IPv6Address
from typing import Any
from urllib.parse import unquote

SCHEMES = ("tcp", "udp", "unix", "tls", "ws", "wss")

_QUERY = {
    "tcp": {"fd"},
    "udp": {"fd"},
    "unix": {"fd", "mode"},
    "tls": {"fd", "cert", "key"},
    "ws": {"fd"},
    "wss": {"fd", "cert", "key"},
}
_PROXIED = {"tcp", "tls", "ws", "wss"}
"""What a proxy that sends PROXY headers may stand before."""
_CONNECT_QUERY: dict[str, set[str]] = {"tcp": set(), "unix": set(), "tls": {"ca", "name"}}

_HOST_PORT = re.compile(r"(?:\[(?P<bracketed>[^\[\]]*)\]|(?P<host>[^\[\]:/@#\s]*))(?::(?P<port>[0-9]+))?/?")
_LAST_FD = 2**31 - 1  # a C int


class CannotStart(Exception):
    """Something that a service needs can't be had: the one line to print before exit status 1."""


class CannotListen(CannotStart):
    """A listener that can't be opened."""

    def __init__(self, address: Address | str, why: str) -> None:
        super().__init__(f"cannot listen on {address}: {why}")


class AddressError(ValueError):
    """An address that can't be meant; the text is one line for its author."""


@dataclass(frozen=True, slots=True)
class Address:
    """One parsed address.

    `port` 0 lets the kernel choose.  `fd` is an inherited listening socket, which is then
    all that counts.  `mode` is a unix socket's permission bits.  `proxy`: every connection begins with
    a PROXY header.
    """

    scheme: str
    host: str = ""
    port: int = 0
    path: str = ""
    fd: int | None = None
    mode: int = 0o600
    cert: str = ""
    key: str = ""
    ca: str = ""
    name: str = ""
    proxy: bool = False

    @property
    def encrypted(self) -> bool:
        """Does it take TLS, and need a certificate?"""
        return self.scheme in ("tls", "wss")

    @property
    def websocket(self) -> bool:
        return self.scheme in ("ws", "wss")

    def at(self, **where: Any) -> Address:
        """The same address with the host and port, or the path, that it really has."""
        return replace(self, **where)

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix://{self.path}"
        if not self.host:
            return f"{self.scheme}://?fd={self.fd}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def parse_listen(text: str, schemes: tuple[str, ...] = SCHEMES, proxy: bool = False) -> Address:
    """`SCHEME://HOST:PORT?…` or `unix:///PATH?…` as an Address to listen on.

    `schemes` are those that the service speaks; `proxy`: it takes PROXY headers as well.
    Raises AddressError.
    """
    queries = {scheme: known | {"proxy"} for scheme, known in _QUERY.items() if scheme in _PROXIED}
    address = _parse(text, schemes, _QUERY | queries if proxy else _QUERY)
    if address.encrypted and not (address.cert and address.key):
        raise AddressError(f"{text}: {address.scheme} needs ?cert=FILE&key=FILE")
    if address.fd is None and not address.path and not address.host:
        raise AddressError(f"{text}: expected {_shape(address.scheme)}")
    return address


def parse_connect(text: str) -> Address:
    """An Address to connect to.  `tls://` takes `?ca=FILE` and `?name=HOSTNAME`.  Raises AddressError."""
    address = _parse(text, tuple(_CONNECT_QUERY), _CONNECT_QUERY)
    if not address.path and not (address.host and address.port):
        raise AddressError(f"{text}: expected {_shape(address.scheme)}")
    return address


def _shape(scheme: str) -> str:
    return "unix:///PATH" if scheme == "unix" else f"{scheme}://HOST:PORT"


def _parse(text: str, schemes: tuple[str, ...], queries: dict[str, set[str]]) -> Address:
    if not text.isprintable():
        raise AddressError(f"{text!r}: a control character has no place in an address")
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in schemes:
        raise AddressError(f"{text}: expected one of {', '.join(_shape(one) for one in schemes)}")
    # Not urlsplit(): it drops tabs, reads `+` in a file's name as a space, and what it takes for a
    # host differs between the versions of Python.
    where, _, query_text = rest.partition("?")
    query = _query(text, query_text, scheme, queries[scheme])
    host, port, path = "", 0, ""
    if scheme == "unix":
        if where and not where.startswith("/"):
            raise AddressError(f"{text}: expected unix:///PATH, with three slashes")
        path = _unquoted(text, where)
    else:
        host, port = _host_port(text, scheme, where, inherited="fd" in query)
    return Address(
        scheme=scheme,
        host=host,
        port=port,
        path=path,
        fd=_number(text, query["fd"], 10, _LAST_FD, "fd must be a descriptor's number")
        if "fd" in query
        else None,
        mode=_number(text, query["mode"], 8, 0o777, "mode must be permission bits such as 0660")
        if "mode" in query
        else 0o600,
        proxy=_flag(text, query.get("proxy", "0"), "proxy"),
        **{name: query[name] for name in ("cert", "key", "ca", "name") if name in query},
    )


def _query(text: str, query: str, scheme: str, known: set[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for part in query.split("&") if query else ():
        name, equals, value = part.partition("=")
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise AddressError(f"{text}: unknown parameter {name!r} (known for {scheme}: {names})")
        if not equals or not value:
            raise AddressError(f"{text}: {name} needs a value")
        if name in values:
            raise AddressError(f"{text}: {name} is given twice")
        values[name] = _unquoted(text, value)
    return values


def _host_port(text: str, scheme: str, where: str, *, inherited: bool) -> tuple[str, int]:
    match = _HOST_PORT.fullmatch(where)
    if not match:
        if where.count(":") > 1 and "[" not in where:
            raise AddressError(f"{text}: an IPv6 address goes in brackets: {scheme}://[::1]:PORT")
        raise AddressError(f"{text}: expected {_shape(scheme)}")
    bracketed, host, port = match["bracketed"], match["host"] or "", match["port"]
    if bracketed is not None:
        try:
            IPv6Address(bracketed)
        except ValueError:
            raise AddressError(f"{text}: {bracketed!r} is not an IPv6 address") from None
        host = bracketed
    if port is None:
        if not inherited:
            raise AddressError(f"{text}: expected {_shape(scheme)}")
        port = "0"
    return host, _number(text, port, 10, 65_535, "the port must be 0 to 65535")


def _unquoted(text: str, part: str) -> str:
    try:
        part = unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise AddressError(f"{text}: what %XX stands for must be UTF-8") from None
    if not part.isprintable():
        raise AddressError(f"{text}: a control character has no place in an address")
    return part


def _flag(text: str, value: str, name: str) -> bool:
    if value not in ("0", "1"):
        raise AddressError(f"{text}: {name} must be 0 or 1, not {value!r}")
    return value == "1"


def _number(text: str, value: str, base: int, last: int, expected: str) -> int:
    # int() alone would take "+3", " 3" and "1_0" as well.
    number = int(value, base) if re.fullmatch(r"[0-7]{1,10}" if base == 8 else r"[0-9]{1,10}", value) else -1
    if not 0 <= number <= last:
        raise AddressError(f"{text}: {expected}, not {value!r}")
    return number
