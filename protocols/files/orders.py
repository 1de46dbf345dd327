"""What an FTP session orders besides: data connections. This page is the driver's contract for them.

A data connection belongs to the driver, from the order that makes it possible to its last byte. The
session decides what goes over it and what its end means; it sees none of the bytes.

**Orders.** A session has at most one listener and one transfer at a time.

    order          the driver                                              answered by
    Listen         opens a listener on host:port (0: any port)             listening(listen, port) or
                                                                           listen_failed(listen, in_use)
    Unlisten       closes it, and a connection accepted already            nothing
    Begin          brings the data connection about, moves the bytes       finished(transfer, outcome), once
    CancelTransfer drops the data connection (RST), or the wait for it     that finished: CANCELLED, if it
                                                                           was not over

`Begin` via a `Listen` takes that listener over: it is closed as soon as a connection is accepted,
and with the transfer; no `Unlisten` follows.

**Facts about them** are methods of `FilesSession`, reported as all others: never nested, `now`
last. Only `finished` may also come after `Close` and after `disconnected` (where a thread was still
at work); its orders are then dropped. When the control connection is lost or aborted the driver does to its
listener and its transfer what `Unlisten` and `CancelTransfer` do, by itself.

**The control connection** has SO_OOBINLINE: ABOR may come with an urgent byte, which is one of its
line (RFC 959 §4.1.3, and Python's ftplib). TCP_NODELAY on it and on data connections.

**Listening.** SO_REUSEADDR on the listener. `in_use` is true for EADDRINUSE alone: the session then
tries another port. Anything else (EMFILE) is logged by the driver.

**Addresses** are compared as `addresses.plain` gives them: IPv4-mapped ones as IPv4, without a zone.

**Accepting.** Not later than at `Begin`; when before is the driver's choice, for a connection may
rest in the backlog (at least 4 places: strangers may stand before the client). A connection whose
address is not `allow` is closed at once, reported by `strayed(listen, peer)`, and the listener goes
on listening (RFC 2577 §8: a stolen port gives away or takes in a file).

**Connecting** (`via` a `Connect`): from `local_host`, any port, to `host`:`port`, tried once.

**Time.** `transfer.connect_timeout` seconds from `Begin` until the connection is there:
NOT_CONNECTED. The TLS handshake has `HANDSHAKE` seconds. Then `transfer.stall` seconds (0: for
ever) in which not one byte moves: STALLED. No other time limits a transfer: the control connection
is not idle while it runs.

**TLS**, if `transfer.protected`: we are the server, whoever connected (RFC 4217 §7), with the
context of the control connection, or a session could not be resumed. `num_tickets` is 0 while the
data connection is wrapped: a client that closes with our tickets unread sends RST behind its last
bytes, and they are lost. A handshake that fails is TLS_FAILED. If `transfer.resumption` is true, a
session that was not resumed (`TLS.resumed`) is NOT_RESUMED, before a byte is moved.
The client begins its handshake when it has read 150, which the session sends with `Begin`.

**Out** (`transfer.outgoing`). Where `transfer.file()` gives a `File`, sendfile may carry it; each
step is told by `transfer.moved(n)`, and the end is a step of 0, or `transfer.whole`. Otherwise
`transfer.read(size)` until it returns nothing. At the end close_notify (over TLS) and FIN; then
read, for LINGER at most, until the peer's FIN, as `Close` does. COMPLETE once our FIN is in the
kernel: nobody waits for the linger. What a peer sends on such a connection is dropped.
Of what the kernel takes in one step at `Begin`, FIN is all that is left: such a connection may be
closed at once, over TCP, if its peer has sent nothing so far. 150 and 226 then leave together.

**In.** `transfer.write(data)` for each piece (recv_into of 256 KiB, or larger), at the end
`transfer.end()`. COMPLETE at the peer's FIN; over TLS at close_notify, with FIN alone TRUNCATED
(COMPLETE, if `transfer.truncation`). The RST of a peer is RESET, even if all bytes were read. Close
at once: our side says nothing but close_notify.

A client that is killed ends both its connections, and the end of its upload must not look like the
whole file. So before an upload's COMPLETE is reported the control connection's socket is looked at
once more: what has arrived there, its end above all, is reported first. (The session then orders
`CancelTransfer`, and `finished` still follows: with CANCELLED.) What comes microseconds later, the
session waits for (`upload_grace`).

**Threads.** `transfer.slow` is looked at before each `read`, `write` and `end`: if true, that one
runs in a thread, one at a time; `finished` is not reported before it has returned. All three may
raise `StoreError` (the transfer keeps it): FAILED. Anything else they raise is logged with its
traceback, and FAILED as well.

**Rate.** `transfer.rate` bytes per second (0: no limit), on average since the connection was there,
in pieces of no more than a quarter of a second's worth. Waiting for the rate is not a stall.

**At the stop** a transfer may go on until the drain's time is over, as whatever else is in flight;
its session closes after it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.session import ServiceOrder

if TYPE_CHECKING:
    from protocols.files.transfer import Download, Upload


class Outcome(enum.Enum):
    """How a transfer ended, the same words whatever the operating system said.

    Values are for the log; which reply each deserves is in `replies`.
    """

    COMPLETE = "complete"
    """Out: every byte and our FIN are in the kernel.  In: the peer's end was orderly, all is written."""
    NOT_CONNECTED = "no data connection"
    """Nobody came, the address or port refused, or time was over."""
    TLS_FAILED = "TLS handshake failed"
    NOT_RESUMED = "TLS session not resumed"
    RESET = "reset by peer"
    """Also: the peer's end of an outgoing connection before ours, if sending then fails."""
    TRUNCATED = "ended without close_notify"
    STALLED = "stalled"
    FAILED = "local error"
    """`read`, `write` or `end` raised, or sendfile failed for a reason that is not the peer's."""
    CANCELLED = "aborted"


@dataclass(frozen=True, slots=True, eq=False)
class Listen(ServiceOrder):
    """Accept one connection from `allow` at `host`:`port`."""

    host: str
    """Numeric; the address at which the client reached us, with a zone if it is link-local."""
    port: int
    allow: str
    """Numeric: the client's address, as `addresses.plain` gives it."""


@dataclass(frozen=True, slots=True, eq=False)
class Unlisten(ServiceOrder):
    """Close this listener."""

    listen: Listen


@dataclass(frozen=True, slots=True, eq=False)
class Connect:
    """No order of its own: how `Begin` comes by its connection in active mode."""

    host: str
    port: int
    local_host: str


@dataclass(frozen=True, slots=True, eq=False)
class Begin(ServiceOrder):
    """Move this transfer over the connection that comes `via`."""

    transfer: Download | Upload
    via: Listen | Connect


@dataclass(frozen=True, slots=True, eq=False)
class CancelTransfer(ServiceOrder):
    """Drop the data connection of this transfer, or stop waiting for it."""

    transfer: Download | Upload
