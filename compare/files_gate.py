"""What an FTP server is asked before it is measured: each question is a session or two.

A question raises WrongAnswer, Lost or OSError where the answer is no (compare.gate).
"""

from __future__ import annotations

import socket
import struct
from pathlib import Path

from compare import ftp
from compare.dialects import WrongAnswer
from compare.load.connections import Lost
from compare.load.ftp_sessions import FTPSession, stored, tls_context
from compare.process import Server

PIECE = 4 * ftp.BLOCK
"""Bytes of a file that is large to a gate: more than one turn of anybody's loop."""

UPLOAD = "gate"
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that makes close() say RST."""


def _session(server: Server, ca: str = "") -> FTPSession:
    """Logged in, with TLS if there is a `ca`."""
    one = FTPSession(server.port, tls_context(ca) if ca else None)
    try:
        return one.login()
    except BaseException:
        one.sock.close()
        raise


def _both_ways(server: Server, ca: str = "") -> None:
    """A file stored is there whole at 226, is given back whole, and can be deleted."""
    path = Path(server.files["root"], UPLOAD)
    with _session(server, ca) as session:
        for size in (ftp.SMALL_SIZE, PIECE):
            session.store(UPLOAD, size)
            stored(path, size)
            session.fetch(UPLOAD, size)
            session.ask(b"DELE " + UPLOAD.encode(), b"250")
        if path.exists():
            raise WrongAnswer("the file is there after DELE")
        session.fetch(ftp.SMALL, ftp.SMALL_SIZE)
        session.leave()


# -- needed ----------------------------------------------------------------------------


def moves_files(server: Server, _ca: str) -> None:
    _both_ways(server)


def many_small(server: Server, _ca: str) -> None:
    with _session(server) as session:
        for _ in range(20):
            session.fetch(ftp.SMALL, ftp.SMALL_SIZE)


def lets_anybody_in(server: Server, _ca: str) -> None:
    for _ in range(3):
        with FTPSession(server.port) as session:
            session.login(b"anonymous", b"guest@")
            session.leave()


# -- of ours, and noted of the others ----------------------------------------------------


def tls(server: Server, ca: str) -> None:
    _both_ways(server, ca)


def missing(server: Server, _ca: str) -> None:
    """550 or 553 are both about a name (RFC 959 §4.2.2); the session and its data port go on."""
    with _session(server) as session, session.data():
        session.ask(b"RETR no-such-file", b"550", b"553")
        session.fetch(ftp.SMALL, ftp.SMALL_SIZE)


def restarts(server: Server, _ca: str) -> None:
    """RFC 3659 §5: REST names the byte at which RETR begins."""
    with _session(server) as session:
        session.ask(b"REST 4000", b"350")
        with session.begun(b"RETR " + ftp.SMALL.encode()) as sock:
            data = sock.recv(ftp.SMALL_SIZE, socket.MSG_WAITALL)
        session.ended()
    if data != b"".join(ftp.contents(ftp.SMALL_SIZE))[4000:]:
        raise WrongAnswer(f"{len(data):,} bytes came, which are not the last 96")


def extended(server: Server, _ca: str) -> None:
    """RFC 2428 §3: the answer names a port, and no address that a NAT could spoil."""
    with _session(server) as session:
        session.ask(b"EPSV", b"229")


def facts(server: Server, _ca: str) -> None:
    """RFC 3659 §7: one line for each file, which a program can read."""
    with _session(server) as session:
        with session.begun(b"MLSD") as sock:
            listing = sock.recv(65_536, socket.MSG_WAITALL)
        session.ended()
    if not any(line.endswith(b" 4k\r") and b"size=4096;" in line.lower() for line in listing.split(b"\n")):
        raise WrongAnswer(f"no line for the file of 4,096 bytes: {listing[:100]!r}")


def torn(server: Server, _ca: str) -> None:
    """A data connection that is reset has lost what was on its way: no 226 (RFC 959 §4.2)."""
    with _session(server) as session:
        with session.begun(b"STOR " + UPLOAD.encode()) as sock:
            sock.sendall(ftp.block(0))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        reply = session.reply()
        session.say(b"DELE " + UPLOAD.encode() + b"\r\n")
        session.reply()
    if reply.startswith(b"2"):
        raise WrongAnswer(f"an upload that was cut by RST was answered {reply[:60]!r}")


def glued(server: Server, ca: str) -> None:
    """RFC 4217 §15.1: what comes in plaintext behind AUTH is nobody's command."""
    with FTPSession(server.port) as session:
        session.say(b"AUTH TLS\r\nNOOP\r\n")
        try:
            reply = session.reply()
            with session.secured(session.sock, tls_context(ca)) as secured:
                said = secured.recv(100)
        except (OSError, Lost):
            return  # it hangs up, or waits for a handshake that does not come: both will do
    if not reply.startswith(b"234") or said:
        raise WrongAnswer(f"NOOP was answered {said or reply!r}")


def aborts(server: Server, _ca: str) -> None:
    """RFC 959 §4.1.3: 426 for the transfer, 226 for ABOR; the session goes on."""
    path = Path(server.files["root"], UPLOAD)
    with path.open("wb") as file:
        file.truncate(256 << 20)  # a hole: more than sockets hold, and it costs no memory
    try:
        with _session(server) as session:
            with session.begun(b"RETR " + UPLOAD.encode()) as sock:
                sock.recv(1)
                session.ask(b"ABOR", b"426")
                session.ended()
            session.fetch(ftp.SMALL, ftp.SMALL_SIZE)
    finally:
        path.unlink()


NEEDED = (
    ("stores a file, gives it back whole, and deletes it", moves_files),
    ("transfers 20 files in one session", many_small),
    ("lets anybody in as anonymous, and ends after QUIT", lets_anybody_in),
)
FURTHER = (
    ("does the same in TLS 1.3, on both connections", tls),
    ("a missing file is refused, and the next transfer goes on", missing),
    ("RETR begins where REST says", restarts),
    ("EPSV is answered 229", extended),
    ("MLSD says a file's size", facts),
    ("an upload that is cut by RST is not answered 226", torn),
    ("ABOR ends a transfer, and the session goes on", aborts),
    ("a command glued behind AUTH TLS is not carried out", glued),
)
TLS = FURTHER[0][0]
"""Who can do this is measured in TLS, too."""
