"""Something of the store's that runs in a thread, whose result nobody may want any more when it is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Opening:
    """Runs once.  What it opened is closed again if it was dropped, before or after."""

    __slots__ = ("_dropped", "_function", "_opened")

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        # Whoever pops what was opened has it: the thread that returns, or the loop that drops it.
        self._opened: list[Any] = []
        self._dropped = False

    def __call__(self, *args: Any) -> Any:
        opened = self._function(*args)
        self._opened.append(opened)
        if self._dropped:
            self._let_go()
        return opened

    def drop(self) -> None:
        """Nobody will take the result."""
        self._dropped = True
        self._let_go()

    def _let_go(self) -> None:
        try:
            opened = self._opened.pop()
        except IndexError:
            return
        let_go(opened)


def let_go(opened: Any) -> None:
    """Abandon a `Writer`, close a `Reader` or a `Listing`; anything else needs nothing."""
    end = getattr(opened, "abandon", None) or getattr(opened, "close", None)
    if end is not None:
        end()
