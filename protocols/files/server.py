"""What the sessions of one FTP server share: settings, the store, passive ports, wrong passwords."""

from __future__ import annotations

import logging

from protocols.files.addresses import Ports
from protocols.files.digest import Digest
from protocols.files.session import FilesSession
from protocols.files.settings import FilesLimits, FilesSettings
from protocols.files.store import Store
from protocols.session import Host, Refused, Server

log = logging.getLogger("protocols.files")

REMEMBERED = 1024
"""Addresses with wrong passwords that are remembered before those whose time is over are dropped."""
MOST_DELAYS = 10
"""Delays that one address may have to wait for, or somebody could lock out everybody behind it."""


class Delays:
    """Wrong passwords cost time, by address: more connections make no more tries (RFC 2577 §5)."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def answer_at(self, host: str, right: bool, delay: float, now: float) -> float:
        """When this password is answered.  A right one has to wait for the wrong ones before it."""
        until = max(self._until.get(host, now), now)
        if right or not delay:
            return until
        until = min(until + delay, now + delay * MOST_DELAYS)
        if len(self._until) >= REMEMBERED:
            self._until = {host: when for host, when in self._until.items() if when > now}
        self._until[host] = until
        return until


class FilesServer(Server):
    """Where FTP sessions come from.

    `tls` says that the driver can carry out `StartTLS`; `configured`, that somebody wrote settings
    (which turns anonymous off, see `users`).
    """

    limits: FilesLimits

    def __init__(
        self,
        settings: FilesSettings,
        host: Host,
        store: Store,
        *,
        tls: bool | None = None,
        configured: bool = False,
    ) -> None:
        self.settings = settings
        self.limits = settings.limits
        self.host = host
        self.store = store
        self.tls = bool(settings.tls.certificate) if tls is None else tls
        self.configured = configured
        self.ports = Ports(settings.passive.ports, host.token())
        self.delays = Delays()
        self.digests: set[Digest] = set()
        """Checksums that are being made."""

    def session(self) -> FilesSession:
        return FilesSession(self)

    def refusal(self, why: Refused) -> bytes:
        return f"421 {why.value}\r\n".encode()

    def reload(self, settings: FilesSettings) -> None:
        """Settings were read again.  Who is logged in stays so, as the user of before.

        Passive ports stay what they were: some are in use.
        """
        self.settings = settings
        self.limits = settings.limits

    def no_port(self) -> None:
        """All passive ports are taken: said once, until one is free again."""
        if not self.ports.exhausted:
            self.ports.exhausted = True
            log.warning("no passive port is free: PASV and EPSV are answered 425")
