"""The line that answers a call which is over, however that went."""

from __future__ import annotations

import logging
from typing import Any

from protocols.rpc.errors import CANCELLED, INTERNAL_ERROR, TOO_LARGE, RPCError
from protocols.rpc.message import Unspeakable, error_line, result_line, say
from protocols.session import Cancelled

log = logging.getLogger("protocols.rpc")


def success(name: str, ident: bytes, result: Any, most: int) -> bytes:
    """The method returned: its result, or why that can't be said or is over `most` bytes."""
    try:
        answer = result_line(ident, say(result))
    except Unspeakable as why:
        log.error("method %s: its result can't be said in JSON: %s", name, why)
        return error_line(ident, INTERNAL_ERROR, {"problem": f"the method's result: {why}"})
    return answer if len(answer) <= most else too_large(ident, most)


def failure(name: str, ident: bytes, error: Exception) -> bytes:
    """The method raised: its own words if it chose them, else -32603 and not one word more.

    The traceback is for the log; paths and secrets are in it.
    """
    if isinstance(error, RPCError):
        return error_line(ident, error.kind, error.data)
    if isinstance(error, Cancelled):
        return error_line(ident, CANCELLED)
    log.error("method %s failed", name, exc_info=error)
    return error_line(ident, INTERNAL_ERROR)


def too_large(ident: bytes, most: int) -> bytes:
    """In place of what the driver would have to drop the peer for."""
    return error_line(ident, TOO_LARGE, {"most": most})
