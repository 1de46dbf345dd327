"""What the sessions of one FTP server share: settings, the store, passive ports, wrong passwords."""

from __future__ import annotations

import logging

from protocols.delays import Delays
from protocols.files.addresses import Ports
from protocols.files.digest import Digest
from protocols.files.session import FilesSession
from protocols.files.settings import FilesLimits, FilesSettings
from protocols.files.store import Store
from protocols.session import Host, Refused, Server

log = logging.getLogger("protocols.files")


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
