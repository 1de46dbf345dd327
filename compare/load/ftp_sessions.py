"""Sessions of FTP over blocking sockets: one who transfers files, and checks what arrives.

What is timed is what a client waits for: the commands, the bytes, and the reply behind them.
"""

from __future__ import annotations

import socket
import ssl
import struct
from pathlib import Path

from compare import ftp
from compare.dialects import WrongAnswer
from compare.load.connections import PATIENCE, Lost

_PATIENT = struct.pack("ll", int(PATIENCE), 0)


def tls_context(ca: str) -> ssl.SSLContext:
    """TLS 1.3 and nothing else, so that all are compared in the same."""
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def _connected(port: int) -> socket.socket:
    sock = socket.socket()
    try:
        # Blocking in the kernel, with its own timeouts: Python's would cost a poll() for each call, and a
        # recv() that waits for a whole block would return with less.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _PATIENT)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _PATIENT)
        sock.connect(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        sock.close()
        raise
    return sock


class FTPSession:
    """A control connection.  Raises Lost where the server does not answer, WrongAnswer where wrongly."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        """Connects, reads the greeting and, with a context, secures the connection."""
        self._context = context
        self._rest = b""
        try:
            self.sock = _connected(port)
        except OSError as error:
            raise Lost(f"no connection: {error}") from None
        try:
            self.expect(b"220")
            if context:
                self.ask(b"AUTH TLS", b"234")
                self.sock = self.secured(self.sock, context)
                self.ask(b"PBSZ 0", b"200")
                self.ask(b"PROT P", b"200")
        except BaseException:
            self.sock.close()
            raise

    def secured(self, sock: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        """The socket after the handshake."""
        # Python's ssl takes the kernel's timeout for a reason to try again.
        sock.settimeout(PATIENCE)
        try:
            return context.wrap_socket(sock, server_hostname="127.0.0.1")
        except OSError as error:
            raise Lost(f"TLS: {error}") from None

    # -- commands -----------------------------------------------------------------------

    def say(self, text: bytes) -> None:
        try:
            self.sock.sendall(text)
        except OSError as error:
            raise Lost(f"the control connection failed: {error}") from None

    def reply(self) -> bytes:
        """The next reply, whole."""
        while not (end := ftp.whole_reply(self._rest)):
            try:
                data = self.sock.recv(65_536)
            except BlockingIOError:
                raise Lost(f"no reply for {PATIENCE:g} s") from None
            except OSError as error:
                raise Lost(f"the control connection failed: {error}") from None
            if not data:
                raise Lost("the server closed the control connection")
            self._rest += data
        reply, self._rest = self._rest[:end], self._rest[end:]
        return reply

    def ask(self, command: bytes, *codes: bytes) -> bytes:
        """The reply to a command, which must have one of these codes."""
        self.say(command + b"\r\n")
        return self.expect(*codes)

    def expect(self, *codes: bytes) -> bytes:
        """The next reply, which must have one of these codes."""
        reply = self.reply()
        if codes and not reply.startswith(codes):
            raise WrongAnswer(f"not {b' or '.join(codes).decode()}: {reply[:100]!r}")
        return reply

    def login(self, user: bytes = ftp.USER, word: bytes = ftp.WORD) -> FTPSession:
        """In, and binary: nobody's lines are to be converted."""
        self.ask(b"USER " + user, b"331")
        self.ask(b"PASS " + word, b"230")
        self.ask(b"TYPE I", b"200")
        return self

    # -- transfers ----------------------------------------------------------------------

    def data(self) -> socket.socket:
        """A passive data connection, not secured yet: that is the server's next step after its 150."""
        port = ftp.passive_port(self.ask(b"PASV", b"227"))
        try:
            return _connected(port)
        except OSError as error:
            raise Lost(f"no data connection: {error}") from None

    def begun(self, command: bytes) -> socket.socket:
        """A data connection on which the server said that this transfer begins."""
        sock = self.data()
        try:
            self.ask(command, b"150", b"125")
            return self.secured(sock, self._context) if self._context else sock
        except BaseException:
            sock.close()
            raise

    def ended(self) -> None:
        self.expect(b"226", b"250")

    def fetch(self, name: str, size: int) -> None:
        """RETR: each block is compared as it arrives, and the length at the end."""
        with self.begun(b"RETR " + name.encode()) as sock:
            _read(sock, size)
        self.ended()

    def store(self, name: str, size: int) -> None:
        """STOR; what is there is looked at with `stored`."""
        with self.begun(b"STOR " + name.encode()) as sock:
            try:
                for piece in ftp.contents(size):
                    sock.sendall(piece)
                if isinstance(sock, ssl.SSLSocket):
                    sock = sock.unwrap()
            except ssl.SSLError:
                pass  # no close_notify for ours: the reply tells what became of it
            except OSError as error:
                raise Lost(f"the data connection failed: {error}") from None
        self.ended()

    def leave(self) -> None:
        """QUIT, and everything up to the end of the connection."""
        try:
            self.sock.sendall(b"QUIT\r\n")
            while self.sock.recv(65_536):
                pass
        except (ConnectionResetError, ssl.SSLError):
            pass  # an end, too
        except OSError:
            raise Lost(f"no end {PATIENCE:g} s after QUIT") from None
        finally:
            self.sock.close()

    def __enter__(self) -> FTPSession:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.sock.close()


def _read(sock: socket.socket, size: int) -> None:
    """Everything up to the end, which must be `size` bytes of the usual contents."""
    buffer = bytearray(min(size, ftp.BLOCK))
    expected, view = ftp.block(0)[:size], memoryview(buffer)
    tls = isinstance(sock, ssl.SSLSocket)
    came = at = 0
    try:
        while came < size:
            # TLS gives a record at a time.
            count = sock.recv_into(view[at:]) if tls else sock.recv_into(view, 0, socket.MSG_WAITALL)
            if not count:
                break
            came, at = came + count, at + count
            if at == len(buffer):
                ftp.check_block(buffer, (came - 1) // ftp.BLOCK, expected)
                at = 0
        more = sock.recv(1)
    except BlockingIOError:
        raise Lost(f"no data for {PATIENCE:g} s") from None
    except OSError as error:
        raise Lost(f"the data connection failed: {error}") from None
    if came != size or more:
        raise WrongAnswer(f"{came:,}{' and more' if more else ''} of {size:,} bytes came")


def stored(path: Path, size: int) -> None:
    """Raises WrongAnswer unless the file has `size` bytes of the usual contents."""
    buffer = bytearray(min(size, ftp.BLOCK))
    expected, came = ftp.block(0)[:size], 0
    try:
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                if count == len(buffer) and came < size:
                    ftp.check_block(buffer, came // ftp.BLOCK, expected)
                came += count
    except OSError as error:
        raise WrongAnswer(f"the file that was stored can't be read: {error.strerror}") from None
    if came != size:
        raise WrongAnswer(f"{came:,} of {size:,} bytes were stored")
