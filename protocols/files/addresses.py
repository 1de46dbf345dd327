"""Where data connections go: PORT, EPRT, PASV and EPSV, read and written, and whom we connect to.

Hosts are numeric throughout.  IPv4 addresses that a dual-stack listener maps into IPv6 are IPv4 here.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from random import Random
from typing import Final

from protocols.files.replies import Refusal
from protocols.files.settings import FilesActive, FilesPassive

_PORT: Final = re.compile(r"(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3}),(\d{1,3})", re.ASCII)
_DIGITS: Final = re.compile(r"\d{1,5}", re.ASCII)


def plain(host: str) -> str:
    """An address as both ends of a data connection say it: IPv4-mapped as IPv4, without a zone."""
    if ":" not in host:
        return host
    address = ip_address(host)
    if not isinstance(address, IPv6Address):
        return host
    return str(address.ipv4_mapped or IPv6Address(int(address)))


def bindable(host: str) -> str:
    """An address of ours to listen at or to connect from: as `plain`, but a link-local one needs its zone."""
    return host if "%" in host else plain(host)


def protocol(host: str) -> int:
    """The number of an address family (RFC 2428 §2): 1 is IPv4, 2 is IPv6."""
    return 2 if ":" in host else 1


def parse_port(argument: str) -> tuple[str, int]:
    """`h1,h2,h3,h4,p1,p2` (RFC 959 §4.1.2)."""
    found = _PORT.fullmatch(argument.strip())
    numbers = [int(one) for one in found.groups()] if found else [256]
    if max(numbers) > 255:
        raise Refusal(501, "Expected h1,h2,h3,h4,p1,p2.")
    return ".".join(map(str, numbers[:4])), numbers[4] * 256 + numbers[5]


def parse_eprt(argument: str, ours: int) -> tuple[str, int]:
    """`|net-prt|net-addr|tcp-port|` with any delimiter (RFC 2428 §2).

    `ours` is the protocol of the control connection; 522 names it, if another one is asked for.
    """
    delimiter = argument[:1]
    parts = argument.split(delimiter) if delimiter and "!" <= delimiter <= "~" else []
    if len(parts) != 5 or parts[0] or parts[4] or not _DIGITS.fullmatch(parts[1]):
        raise Refusal(501, "Expected |protocol|address|port|.")
    if int(parts[1]) != ours:
        raise unsupported_protocol(ours)
    try:
        address = ip_address(parts[2])
    except ValueError:
        raise Refusal(501, "Expected a numeric address.") from None
    if address.version != (6 if ours == 2 else 4) or "%" in parts[2]:
        raise Refusal(501, "The address is not of that protocol.")
    if not _DIGITS.fullmatch(parts[3]) or int(parts[3]) > 65_535:
        raise Refusal(501, "Expected a port.")
    return plain(str(address)), int(parts[3])


def unsupported_protocol(ours: int) -> Refusal:
    """RFC 2428 §2: 522 "MUST" come with the list of protocols in parentheses."""
    return Refusal(522, f"Network protocol not supported, use ({ours})")


def permitted(host: str, port: int, client: str, active: FilesActive) -> None:
    """May we connect there?  RFC 2577 §3, the bounce attack: 501 for others and for system ports."""
    if host != client and not active.foreign_addresses:
        raise Refusal(501, "Data connections go to your own address only.")
    if port == 0 or (port < 1024 and not active.privileged_ports):
        raise Refusal(501, "Data connections do not go to that port.")


def format_pasv(host: str, port: int) -> str:
    """RFC 959 §4.1.2; the wording and the parentheses are what clients look for."""
    return f"Entering Passive Mode ({host.replace('.', ',')},{port >> 8},{port & 255})."


def format_epsv(port: int) -> str:
    """RFC 2428 §3."""
    return f"Entering Extended Passive Mode (|||{port}|)"


def told_host(passive: FilesPassive, local_host: str) -> str | None:
    """The address that PASV tells; None where there is none that PASV could express."""
    host = passive.masquerade_map.get(local_host) or passive.masquerade or local_host
    return None if ":" in host else host


class Ports:
    """The ports of passive mode that are free.  RFC 2577 §8: which is next can't be guessed."""

    def __init__(self, ranges: tuple[str, ...], seed: str) -> None:
        self._random = Random(seed)
        self._free: list[int] = []
        for one in ranges:
            first, _, last = one.partition("-")
            self._free += range(int(first), int(last or first) + 1)
        self._free = sorted(set(self._free) - {0})
        self.any = not self._free
        """No ports are set: the kernel chooses."""
        self.exhausted = False
        """Nobody could be given one, and it was said on the log."""

    def take(self) -> int | None:
        """A port, which is no other session's until it is given back; 0 for any; None if all are taken."""
        if self.any:
            return 0
        if not self._free:
            return None
        at = self._random.randrange(len(self._free))
        self._free[at], self._free[-1] = self._free[-1], self._free[at]
        return self._free.pop()

    def give_back(self, port: int) -> None:
        if not self.any:
            self._free.append(port)
            self.exhausted = False
