"""Does a contender behave?  Asked before it is measured, in its own protocol.

What a workload needs, every contender must do.  What else a good server of the service does
is asked too: ours must do all of it; of the others it is written beside their row.
"""

from __future__ import annotations

import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import msgspec

from compare import chat_gate, dialects, files_gate
from compare.dialects import WrongAnswer
from compare.load.connections import Lost
from compare.process import Failed, Server
from compare.results import Gate

PATIENCE = 3.0
"""Seconds in which any answer must come."""

LARGE = 4 << 20
"""Bytes owed to a half-closed peer: more than the kernel's buffers hold."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question; `ask` raises WrongAnswer, Lost or OSError where the answer is no."""

    words: str
    ask: Callable[[Server, str], None]


def open_to(server: Server, ca: str) -> socket.socket:
    """A connected socket, through the handshake where there is one."""
    contender = server.contender
    kind = socket.SOCK_DGRAM if contender.service == "udp" else socket.SOCK_STREAM
    sock = socket.socket(socket.AF_INET, kind)
    sock.settimeout(PATIENCE)
    try:
        sock.connect(("127.0.0.1", server.port))
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if contender.service == "tls":
            context = ssl.create_default_context(cafile=ca)
            sock = context.wrap_socket(sock, server_hostname="127.0.0.1")
    except OSError:
        sock.close()
        raise
    return sock


def answer(sock: socket.socket, dialect: str, request: bytes, depth: int) -> bytes:
    """What comes back for `request`, whole and right.  Raises WrongAnswer or OSError."""
    sock.sendall(request)
    reply = b""
    while not dialects.is_whole(dialect, request, reply, depth):
        data = sock.recv(1 << 20)
        if not data:
            raise WrongAnswer(f"the connection was closed after {len(reply):,} bytes of the answer")
        reply += data
    dialects.check(dialect, request, reply, depth)
    return reply


def learn(server: Server, ca: str, size: int, depth: int) -> tuple[bytes, bytes]:
    """One round trip's request and the reply that this server gives, checked.  Raises Failed."""
    dialect = server.contender.dialect
    request = dialects.requests(dialect, size, depth)
    if dialect == "echo":
        return request, request
    try:
        with open_to(server, ca) as sock:
            return request, answer(sock, dialect, request, depth)
    except (OSError, WrongAnswer) as error:
        raise Failed(str(error)) from None


# -- the questions ---------------------------------------------------------------------


def _several_connections(server: Server, ca: str) -> None:
    contender = server.contender
    count = min(3, contender.connections)
    with ExitStack() as stack:
        socks = [stack.enter_context(open_to(server, ca)) for _ in range(count)]
        for size in (1, 64, 1024):
            for number, sock in enumerate(socks):
                request = dialects.requests(contender.dialect, size, 1)
                if contender.dialect == "echo":
                    request = dialects.stamped(request, number)
                answer(sock, contender.dialect, request, 1)


def _pipelined(server: Server, ca: str) -> None:
    with open_to(server, ca) as sock:
        dialect = server.contender.dialect
        answer(sock, dialect, dialects.requests(dialect, 1024, 16), 16)


def _large_message(server: Server, ca: str) -> None:
    with open_to(server, ca) as sock:
        answer(sock, "echo", dialects.echo_message(65_536), 1)


def _single_bytes(server: Server, ca: str) -> None:
    message = dialects.echo_message(200)
    with open_to(server, ca) as sock:
        for at in range(len(message)):
            sock.sendall(message[at : at + 1])
        reply = b""
        while len(reply) < len(message):
            data = sock.recv(4096)
            if not data:
                break
            reply += data
    dialects.check("echo", message, reply, 1)


def _until_eof(sock: socket.socket, data: bytes, shutdown: bool) -> bytes:
    """Send it all, reading only once nothing more can be sent; then everything up to EOF."""
    sock.setblocking(False)
    unsent, reply = memoryview(data), bytearray()
    until = time.monotonic() + 2 * PATIENCE
    patient = True  # the longer we do not read, the more the server holds when the FIN comes
    while unsent:
        readers = [] if patient else [sock]
        readable, writable, _ = select.select(readers, [sock], [], 0.05)
        if writable:
            unsent = unsent[sock.send(unsent) :]
        elif readable:
            reply += sock.recv(1 << 20)
        else:
            patient = False
        if time.monotonic() > until:
            raise WrongAnswer(f"{len(unsent):,} of {len(data):,} bytes could not be sent")
    if shutdown:
        sock.shutdown(socket.SHUT_WR)
    while True:
        if not select.select([sock], [], [], max(0.0, until - time.monotonic()))[0]:
            raise WrongAnswer(f"no EOF after {len(reply):,} bytes")
        more = sock.recv(1 << 20)
        if not more:
            return bytes(reply)
        reply += more


def _half_close(server: Server, ca: str) -> None:
    message = dialects.echo_message(LARGE)
    with open_to(server, ca) as sock:
        reply = _until_eof(sock, message, shutdown=True)
    if len(reply) < len(message):
        raise WrongAnswer(f"{len(reply):,} of {len(message):,} bytes came back")
    dialects.check("echo", message, reply, 1)


def _close_notify(server: Server, ca: str) -> None:
    message = dialects.echo_message(LARGE)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=ca)
    tls = context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as sock:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                data = sock.recv(1 << 16)
                if not data:
                    raise WrongAnswer("closed during the handshake") from None
                incoming.write(data)
        tls.write(message)
        try:
            tls.unwrap()  # writes our close_notify, then wants the peer's
        except ssl.SSLWantReadError:
            pass
        incoming.write(_until_eof(sock, outgoing.read(), shutdown=False))
    incoming.write_eof()
    reply = bytearray()
    try:
        while data := tls.read(1 << 16):
            reply += data
    except ssl.SSLError:
        pass  # the end without a close_notify: what counts is what came
    if len(reply) < len(message):
        raise WrongAnswer(f"{len(reply):,} of {len(message):,} bytes came back")
    dialects.check("echo", message, bytes(reply), 1)


def _large_datagram(server: Server, ca: str) -> None:
    with open_to(server, ca) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        message = dialects.echo_message(65_507)
        sock.send(message)
        reply = sock.recv(1 << 17)
    if len(reply) != len(message):
        raise WrongAnswer(f"{len(reply):,} of {len(message):,} bytes came back")
    dialects.check("echo", message, reply, 1)


def _calls_before_fin(server: Server, ca: str) -> None:
    with open_to(server, ca) as sock:
        reply = _until_eof(sock, dialects.add_lines(16), shutdown=True)
    dialects.check_add_lines(reply, 16)


def _ask_lines(server: Server, ca: str, text: bytes) -> object:
    """The one reply to `text`, decoded."""
    with open_to(server, ca) as sock:
        sock.sendall(text)
        reply = b""
        while not reply.endswith(b"\n"):
            data = sock.recv(65_536)
            if not data:
                raise WrongAnswer("the connection was closed")
            reply += data
    try:
        return msgspec.json.decode(reply)
    except msgspec.DecodeError:
        raise WrongAnswer(f"not one reply: {reply[:100]!r}") from None


def _parse_error(server: Server, ca: str) -> None:
    reply = _ask_lines(server, ca, b'{"jsonrpc":"2.0",\n')
    if not (isinstance(reply, dict) and reply.get("error", {}).get("code") == -32700):
        raise WrongAnswer(f"answered {reply!r}")


def _notification(server: Server, ca: str) -> None:
    note = b'{"jsonrpc":"2.0","method":"add","params":[1,2]}\n'
    reply = _ask_lines(server, ca, note + dialects.add_line(7))
    if not (isinstance(reply, dict) and reply.get("id") == 7):
        raise WrongAnswer(f"answered {reply!r}")


def _batch(server: Server, ca: str) -> None:
    members = b",".join(dialects.add_line(ident).strip() for ident in (1, 2))
    reply = _ask_lines(server, ca, b"[" + members + b"]\n")
    if not (isinstance(reply, list) and [one.get("result") for one in reply] == [3, 3]):
        raise WrongAnswer(f"answered {reply!r}")


_ECHO = (
    Check("echoes several connections apart", _several_connections),
    Check("echoes 16 messages at once", _pipelined),
    Check("echoes 64 KiB", _large_message),
)
NEEDED: dict[str, tuple[Check, ...]] = {
    "echo": _ECHO,
    "tls": _ECHO,
    "udp": (Check("echoes several senders apart", _several_connections),),
    "rpc": (
        Check("add(1, 2) is 3 on several connections", _several_connections),
        Check("answers 16 calls at once", _pipelined),
    ),
    "chat": tuple(Check(*each) for each in chat_gate.NEEDED),
    "files": tuple(Check(*each) for each in files_gate.NEEDED),
}
FURTHER: dict[str, tuple[Check, ...]] = {
    "echo": (
        Check("single bytes come back", _single_bytes),
        Check("after FIN all that is owed comes back, then EOF", _half_close),
    ),
    "tls": (
        Check("single bytes come back", _single_bytes),
        Check("after close_notify all that is owed comes back, then EOF", _close_notify),
    ),
    "udp": (Check("a datagram of 65,507 bytes comes back whole", _large_datagram),),
    "rpc": (
        Check("calls before FIN are answered, then EOF", _calls_before_fin),
        Check("a parse error is answered -32700", _parse_error),
        Check("a notification is not answered", _notification),
        Check("a batch is answered as one", _batch),
    ),
    "chat": tuple(Check(*each) for each in chat_gate.FURTHER),
    "files": tuple(Check(*each) for each in files_gate.FURTHER),
}


def examine(server: Server, ca: str = "") -> Gate:
    """Ask a running contender everything; never raises for what it does."""
    contender = server.contender
    gate = Gate(service=contender.service, name=contender.name)
    further = () if contender.dialect == "amp" else FURTHER[contender.service]
    for check in (*NEEDED[contender.service], *further):
        try:
            check.ask(server, ca)
            gate.facts[check.words] = True
            continue
        except (WrongAnswer, Lost) as error:
            why = str(error)
        except TimeoutError:
            why = f"no answer within {PATIENCE:g} s"
        except OSError as error:
            why = str(error)
        gate.facts[check.words] = False
        why = f"not: {check.words} ({server.died() or why})"
        if check in NEEDED[contender.service] or contender.kind == "ours" or not server.alive():
            gate.refused = why
            break
        gate.notes.append(why)
    return gate
