"""What the generator is asked to do, and what it answers: one JSON line each way."""

from __future__ import annotations

from typing import Literal

import msgspec

Transport = Literal["tcp", "udp", "tls"]


class Job(msgspec.Struct, kw_only=True):
    """One window against one server.

    A round trip is `depth` operations: `request` is all of their bytes, `reply` all that
    must come back.  `stamped`: each connection puts its own number into both.  In IRC's dialect
    the generator makes the lines itself: of `size` bytes, to members who asked for `tags` or not.  In FTP's
    it moves files of `size` bytes, of which those that are stored are in `folder`.
    """

    kind: Literal[
        "closed",
        "paced",
        "idle",
        "release",
        "churn",
        "fairness",
        "fanout",
        "registration",
        "retr",
        "stor",
        "login",
    ]
    transport: Transport = "tcp"
    port: int = 0
    connections: int = 1
    request: bytes = b""
    reply: bytes = b""
    stamped: bool = False
    dialect: str = "echo"
    depth: int = 1
    size: int = 0
    tags: bool = False
    folder: str = ""
    warmup: float = 0.1
    seconds: float = 0.5
    rate: float = 0  # operations per second, of a paced window
    pid: int = 0  # the server, whose CPU is read at the edges of the window
    ca: str = ""  # the certificate file that a TLS server's must be signed with


class Outcome(msgspec.Struct, kw_only=True):
    """What happened in the window, its warm-up not counted.

    `problem` says why it came to an early end; what was counted until then stands.
    """

    connections: int = 0
    seconds: float = 0
    operations: int = 0
    server_cpu: float = 0
    generator_cpu: float = 0
    other_cpu: float = 0  # seconds that the rest of the machine was busy meanwhile
    series: list[int] = []  # operations in each tenth of the window
    histogram: str = ""  # HdrHistogram, microseconds, encoded
    samples: int = 0
    intended: int = 0
    unsent: int = 0
    late: int = 0
    unanswered: int = 0
    problem: str = ""
