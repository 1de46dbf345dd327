"""Every error that a JSON-RPC peer can be told, in one table, and the exception that says one.

The table is the specification: the answers, `rpc.discover` and the documentation walk it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One kind of error: what is sent (`code`, `message`), and what it means.

    JSON-RPC 2.0 §5.1 keeps -32768 to -32000 for the protocol and for servers; a method's own
    errors take any other integer.
    """

    code: int
    message: str
    meaning: str = ""


# JSON-RPC 2.0 §5.1, with the section's own messages.
PARSE_ERROR = ErrorKind(-32700, "Parse error", "the line is not a JSON text in UTF-8, or nested too deep")
INVALID_REQUEST = ErrorKind(-32600, "Invalid Request", "the JSON is no request, or over a limit")
METHOD_NOT_FOUND = ErrorKind(-32601, "Method not found", "no such method; rpc.discover lists those there are")
INVALID_PARAMS = ErrorKind(-32602, "Invalid params", "data says which parameter and what was expected")
INTERNAL_ERROR = ErrorKind(-32603, "Internal error", "the method failed, or its result can't be said in JSON")

# -32000 to -32099, "Reserved for implementation-defined server-errors".
CANCELLED = ErrorKind(-32001, "Cancelled", "the call was cancelled by rpc.cancel")
TIMED_OUT = ErrorKind(-32002, "Timed out", "the call took longer than call_seconds, waiting included")
TOO_MANY_CALLS = ErrorKind(-32003, "Too many calls waiting", "in_flight and queued are full; ask again later")
NOT_AUTHENTICATED = ErrorKind(-32004, "Authentication required", "the method wants rpc.authenticate first")
BAD_TOKEN = ErrorKind(-32005, "Authentication failed", "the token is not the server's")
NO_TOKEN = ErrorKind(-32006, "Authentication not set up", "the server's settings hold no token")
STOPPING = ErrorKind(-32007, "Server stopping", "no new calls are taken; those in flight finish")
REFUSED = ErrorKind(-32008, "Connection refused", "data says why; the connection is closed")
TOO_LARGE = ErrorKind(-32009, "Result too large", "the answer would exceed send_queue bytes")

ERRORS: tuple[ErrorKind, ...] = (
    PARSE_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    INVALID_PARAMS,
    INTERNAL_ERROR,
    CANCELLED,
    TIMED_OUT,
    TOO_MANY_CALLS,
    NOT_AUTHENTICATED,
    BAD_TOKEN,
    NO_TOKEN,
    STOPPING,
    REFUSED,
    TOO_LARGE,
)


class RPCError(Exception):
    """What a method raises to answer with an error of its choosing.

    `data` is anything JSON can say; None leaves the member out.  Never put a path or a
    secret in it: the peer reads it.
    """

    def __init__(self, kind: ErrorKind, data: Any = None) -> None:
        super().__init__(f"{kind.message} ({kind.code})")
        self.kind = kind
        self.data = data
