"""The calls of one connection: which run, which wait, which are owed an answer, and until when."""

from __future__ import annotations

from collections import OrderedDict
from math import inf

from protocols.rpc.errors import TOO_MANY_CALLS, RPCError
from protocols.rpc.message import id_key
from protocols.rpc.owed import Owed
from protocols.rpc.settings import RPCLimits
from protocols.rpc.slots import Slots
from protocols.session import Call


class Calls:
    """A call is owed until it is answered, and runs until the driver has reported it.

    These are not the same: one that is cancelled or timed out is answered at once, but keeps
    its place here and in the server's `slots` until it is really over.
    """

    __slots__ = ("_by_id", "_limits", "_running", "_slots", "_waiting", "owed")

    def __init__(self, limits: RPCLimits, slots: Slots) -> None:
        self._limits = limits
        self._slots = slots
        self.owed: OrderedDict[Owed, None] = OrderedDict()
        """Oldest first: all may take the same time, so this is also the order of their
        deadlines.  (Finding the first of a dict whose first items were deleted takes longer
        and longer; an OrderedDict does not mind.)"""
        self._waiting: OrderedDict[Owed, None] = OrderedDict()
        self._running: dict[Call, Owed] = {}
        self._by_id: dict[bytes, Owed] = {}

    def start(self, call: Call, owed: Owed, now: float, held: bool) -> bool:
        """Take a call in: True if it runs from now on, False if it waits for its turn.

        `held` if nothing new may start.  Raises RPCError if it can't even wait.
        """
        owed.call = call
        runs = not (held or self._waiting) and self._has_room() and self._slots.used < self._slots.most
        if runs:
            self._run(call, owed)
        elif len(self._waiting) < self._limits.queued:
            self._waiting[owed] = None
        else:
            data = {"in_flight": len(self._running), "queued": len(self._waiting)}
            raise RPCError(TOO_MANY_CALLS, data)
        self.owed[owed] = None
        if self._limits.call_seconds:
            owed.due = now + self._limits.call_seconds
        if owed.ident:
            self._by_id[id_key(owed.ident)] = owed
        return runs

    def _run(self, call: Call, owed: Owed) -> None:
        self._running[call] = owed
        self._slots.used += 1

    def _has_room(self) -> bool:
        return len(self._running) < self._limits.in_flight

    def could_start(self) -> bool:
        """Is there a call that only the server's count can still hold back?"""
        return bool(self._waiting) and self._has_room()

    def next(self) -> Call:
        """The call that has waited longest runs from now on."""
        owed, _ = self._waiting.popitem(last=False)
        assert owed.call is not None
        self._run(owed.call, owed)
        return owed.call

    def over(self, call: Call) -> Owed | None:
        """The driver has reported the call.  None if it was answered early."""
        owed = self._running.pop(call, None)
        if owed is None:
            return None
        self._slots.used -= 1
        return owed if owed in self.owed else None

    def find(self, ident: bytes) -> Owed | None:
        """The newest call with this id that is not answered."""
        return self._by_id.get(id_key(ident))

    def overdue(self, now: float) -> Owed | None:
        """The oldest call, if its time is up."""
        if not self.owed:
            return None
        oldest = next(iter(self.owed))
        return oldest if oldest.due <= now else None

    def due(self) -> float | None:
        """When the oldest call's time is up."""
        due = next(iter(self.owed)).due if self.owed else inf
        return due if due < inf else None

    def drop(self, owed: Owed) -> Call | None:
        """The call is no longer wanted; returns it if it runs, and so has to be stopped."""
        if owed in self._waiting:
            del self._waiting[owed]
            return None
        return owed.call

    def answered(self, owed: Owed) -> None:
        """It is owed no more."""
        if self.owed.pop(owed, self) is self:
            return  # it never was: an inline method's
        key = id_key(owed.ident)
        if self._by_id.get(key) is owed:
            del self._by_id[key]

    def clear(self) -> None:
        """The connection is gone.  The driver has cancelled what ran; its places are free."""
        self._slots.used -= len(self._running)
        for one in (self._running, self._waiting, self.owed, self._by_id):
            one.clear()
