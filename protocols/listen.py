"""Addresses to listen on and to connect to: `tcp://127.0.0.1:7007`, and what may follow `?`.

Words only: binding is the drivers', and so is looking up a host name.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

SCHEMES = ("tcp", "udp", "unix", "tls")

_QUERY = {
    "tcp": {"fd"},
    "udp": {"fd"},
    "unix": {"fd", "mode"},
    "tls": {"fd", "cert", "key"},
}
_CONNECT_QUERY: dict[str, set[str]] = {"tcp": set(), "unix": set(), "tls": {"ca", "name"}}


class CannotListen(Exception):
    """A listener that can't be opened; the text is the one line to print before exit status 1."""

    def __init__(self, address: Address | str, why: str) -> None:
        super().__init__(f"cannot listen on {address}: {why}")


class AddressError(ValueError):
    """An address that can't be meant; the text is one line for its author."""


@dataclass(frozen=True, slots=True)
class Address:
    """One parsed address.

    `port` 0 lets the kernel choose.  `fd` is an inherited listening socket, which is then
    all that counts.  `mode` is a unix socket's permission bits.
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


def parse_listen(text: str, schemes: tuple[str, ...] = SCHEMES) -> Address:
    """`SCHEME://HOST:PORT?…` or `unix:///PATH?…` as an Address to listen on.

    `schemes` are those that the service speaks.  Raises AddressError.
    """
    address = _parse(text, schemes, _QUERY)
    if address.scheme == "tls" and not (address.cert and address.key):
        raise AddressError(f"{text}: tls needs ?cert=FILE&key=FILE")
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
    scheme, separator, _ = text.partition("://")
    if not separator or scheme not in schemes:
        raise AddressError(f"{text}: expected one of {', '.join(_shape(one) for one in schemes)}")
    try:
        split = urlsplit(text)
        port = split.port or 0
        query = dict(parse_qsl(split.query, keep_blank_values=True, strict_parsing=bool(split.query)))
    except ValueError as error:
        raise AddressError(f"{text}: {error}") from None
    if unknown := sorted(set(query) - queries[scheme]):
        known = ", ".join(sorted(queries[scheme])) or "none"
        raise AddressError(f"{text}: unknown parameter {unknown[0]!r} (known for {scheme}: {known})")
    if split.username or split.password or split.fragment:
        raise AddressError(f"{text}: expected {_shape(scheme)}")
    if scheme == "unix":
        if split.netloc:
            raise AddressError(f"{text}: expected unix:///PATH, with three slashes")
        where = {"path": unquote(split.path)}
    else:
        if split.path.strip("/"):
            raise AddressError(f"{text}: expected {_shape(scheme)}")
        where = {"host": split.hostname or ""}
    if "\0" in text or "%00" in text:
        raise AddressError(f"{text!r}: a NUL has no place in an address")
    return Address(
        scheme=scheme,
        port=port,
        fd=_number(text, query, "fd", 10),
        mode=_number(text, query, "mode", 8) if "mode" in query else 0o600,  # type: ignore[arg-type]
        **where,
        **{name: query[name] for name in ("cert", "key", "ca", "name") if name in query},
    )


def _number(text: str, query: dict[str, str], name: str, base: int) -> int | None:
    value = query.get(name)
    if value is None:
        return None
    try:
        number = int(value, base)
    except ValueError:
        number = -1
    if number < 0 or (name == "mode" and number > 0o777):
        kind = "permission bits such as 0660" if name == "mode" else "a descriptor's number"
        raise AddressError(f"{text}: {name} must be {kind}, not {value!r}")
    return number
