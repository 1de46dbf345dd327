"""The server's places for running calls, and whose turn the next free one is."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from protocols.session import Order, To

if TYPE_CHECKING:
    from protocols.rpc.session import RPCSession


class Slots:
    """`most` calls run at once; sessions with more to run wait in line, one call a turn.

    The session at the head has waited longest.  One that still has calls waiting goes back
    to the tail, so that a connection with a long queue is not served before the others.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.used = 0
        self._line: OrderedDict[RPCSession, None] = OrderedDict()

    def __len__(self) -> int:
        """How many sessions wait in line."""
        return len(self._line)

    def enlist(self, session: RPCSession) -> None:
        """This session has a call that could run.  Asking twice is asking once."""
        self._line.setdefault(session)

    def leave(self, session: RPCSession) -> None:
        """This session is gone."""
        self._line.pop(session, None)

    def grant(self, here: RPCSession, out: list[Order]) -> None:
        """Start as many as there is room for: orders for `here` as they are, `To` for others."""
        while self._line and self.used < self.most:
            session, _ = self._line.popitem(last=False)
            call = session.next_call()
            if call is None:
                continue
            out.append(call if session is here else To((session,), (call,)))
            if session.could_start():
                self.enlist(session)
