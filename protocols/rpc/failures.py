"""What can go wrong for a client's call, one exception each; and how long to wait before a reconnect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class CallFailed(Exception):
    """Any of the ways below in which a call ends without a result."""


class RemoteError(CallFailed):
    """The server answered with an error: `code`, `message` and `data` are its own."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{message} ({code})" if data is None else f"{message} ({code}): {data}")
        self.code = code
        self.message = message
        self.data = data


class TimedOut(CallFailed):
    """No answer in the time that the caller gave."""


class CallCancelled(CallFailed):
    """The caller gave the call up."""


class NotConnected(CallFailed):
    """There is no connection to send the call on; nothing was sent."""


class ConnectionLost(CallFailed):
    """The connection ended first.  Whether the call was carried out is not known."""


class BadReply(CallFailed):
    """What the server said is not JSON-RPC, or the result is not of the type asked for."""


@dataclass
class Backoff:
    """Seconds before each try to reconnect: longer each time, up to `most`.

    `jitter` is the part of each delay that chance may take off, so that a thousand clients
    of a server that went down do not come back as one.
    """

    first: float = 0.5
    factor: float = 2.0
    most: float = 30.0
    jitter: float = 0.5
    tries: int = 0

    def next(self, chance: float) -> float:
        """The next delay; `chance` is a random number from 0 to 1."""
        # The exponent is bounded, or a client that tries for days would overflow a float.
        delay = min(self.most, self.first * self.factor ** min(self.tries, 64))
        self.tries += 1
        return delay * (1 - self.jitter * chance)

    def reset(self) -> None:
        """The connection works: the next trouble starts small again."""
        self.tries = 0
