"""How a command that changes what outlives the process is acknowledged: once that is committed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from protocols.chat.commands.accounts import log_trouble
from protocols.chat.network.deliveries import Drop, Save
from protocols.chat.network.events import Event
from protocols.session import Call

if TYPE_CHECKING:
    from protocols.chat.session import ChatSession

UNWRITTEN: Final = "This holds now, but can't be written: until it is, a restart of the server undoes it."


def apply_for_good(session: ChatSession, event: Event, say: Callable[[str], None], done: str) -> bool:
    """Let it happen, and `say` that it is `done` once it is there after a crash as well.

    Returns whether it happened; why it did not is said already.
    """
    if not any(isinstance(one, (Save, Drop)) for one in session.apply(event)):
        return False

    def settled(result: Any, now: float) -> None:
        say(done)
        if isinstance(result, Exception):
            log_trouble(result)
            say(UNWRITTEN)

    session.call(Call(session.server.here.keeper.settle), settled)
    return True
