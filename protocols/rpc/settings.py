"""What can be set for the rpc service: the `[rpc]` and `[rpc.limits]` tables."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from protocols.session import Limits
from protocols.settings import Settings


class RPCLimits(Limits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one JSON-RPC connection, and the calls of the whole server, may cost."""

    line: Annotated[
        int, Meta(ge=64, description="bytes of one line; a longer one is answered -32600 and skipped")
    ] = 1_048_576
    depth: Annotated[
        int, Meta(ge=1, le=500, description="brackets open at once in one line; deeper is answered -32700")
    ] = 100
    batch: Annotated[int, Meta(ge=1, description="members of one batch; more are answered -32600")] = 1000
    in_flight: Annotated[int, Meta(ge=1, description="calls running at once for one connection")] = 64
    queued: Annotated[
        int, Meta(ge=0, description="calls of one connection waiting to run; more are answered -32003")
    ] = 1000
    calls: Annotated[int, Meta(ge=1, description="calls running at once for the whole server")] = 1024
    threads: Annotated[int, Meta(ge=1, description="threads for the methods that run in one")] = 16
    call_seconds: Annotated[
        float, Meta(ge=0, description="seconds one call may take, waiting included; 0: no limit")
    ] = 30


class RPCSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rpc service: JSON-RPC 2.0, one JSON text per line."""

    listen: Annotated[
        tuple[str, ...],
        Meta(min_length=1, description="addresses to listen on: tcp://, tls:// or unix://"),
    ] = ("tcp://127.0.0.1:7008",)
    service: Annotated[
        str, Meta(description="the Service to offer, as package.module:object; empty: the demonstration")
    ] = ""
    token: Annotated[
        str, Meta(description="what rpc.authenticate wants; empty: none", extra={"secret": True})
    ] = ""
    limits: RPCLimits = RPCLimits()
