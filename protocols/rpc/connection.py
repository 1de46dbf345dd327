"""What a method may know of the connection that called it, and say to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.rpc.message import notification_line
from protocols.session import Host, Peer, To

if TYPE_CHECKING:
    from protocols.rpc.session import RPCSession


class Connection:
    """The caller's connection: annotate a parameter with it, and it is given, not asked for.

    It may outlive the call, and the connection: what is told to a peer that is gone is dropped.
    """

    __slots__ = ("_host", "authenticated", "peer", "session")

    def __init__(self, session: RPCSession, host: Host) -> None:
        self.session = session
        """The protocol's half, for the rpc.* methods only."""
        self._host = host
        self.peer = Peer()
        """Who is at the other end."""
        self.authenticated = False
        """Has rpc.authenticate succeeded here?"""

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification.  Callable from any thread.

        What an inline method tells leaves after its result, since nothing may overtake
        what the driver is just carrying out.  Raises Unspeakable for what JSON can't say.
        A peer that does not read is dropped at `send_queue`.
        """
        self._host.tell([To((self.session,), (notification_line(method, params),))])

    def wall(self) -> float:
        """Seconds since 1970, UTC, by the server's clock."""
        return self._host.wall()
