"""What the connections of one rpc server share: the service, the limits, the calls' places."""

from __future__ import annotations

from typing import Any

from protocols.rpc.builtin import BUILTIN
from protocols.rpc.errors import REFUSED
from protocols.rpc.message import NULL, error_line, quick_decoder
from protocols.rpc.method import Method
from protocols.rpc.openrpc import document
from protocols.rpc.service import Service
from protocols.rpc.session import RPCSession
from protocols.rpc.settings import RPCLimits, RPCSettings
from protocols.rpc.slots import Slots
from protocols.session import Host, Refused, Server


class RPCServer(Server):
    """Where rpc sessions come from.

    `limits` and `token` hold for the sessions made from then on.
    """

    limits: RPCLimits

    def __init__(self, service: Service, limits: RPCLimits, token: str, host: Host) -> None:
        self.service = service
        self.limits = limits
        self.threads = limits.threads
        self.token = token
        self.host = host
        self.slots = Slots(limits.calls)
        self.decode_quick = quick_decoder([one.quick for one in service.methods.values() if one.quick])
        """Reads a request for a method that a session may call without asking more."""
        self._document: dict[str, Any] | None = None
        service.attach(host)

    def session(self) -> RPCSession:
        return RPCSession(self)

    def refusal(self, why: Refused) -> bytes:
        return error_line(NULL, REFUSED, {"problem": why.value})

    def reload(self, settings: RPCSettings) -> None:
        """Settings were read again: new sessions live by them, and so does the count of calls."""
        self.limits = settings.limits
        self.token = settings.token
        self.slots.most = settings.limits.calls

    def find(self, name: str) -> Method | None:
        """A method by its name, the service's or the protocol's own."""
        return self.service.methods.get(name) or BUILTIN.get(name)

    def document(self) -> dict[str, Any]:
        """What rpc.discover answers."""
        if self._document is None:
            self._document = document(self.service, BUILTIN.values())
        return self._document
