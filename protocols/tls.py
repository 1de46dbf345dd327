"""TLS without a socket: bytes in, bytes out, for listeners, for clients and for `StartTLS`.

The record layer is the standard library's `ssl.SSLObject` over two `ssl.MemoryBIO`s.  Which bytes
go where, and when, is the driver's.  TLS 1.2 is the oldest version spoken (RFC 8996).

Both directions end by themselves: the peer's close_notify leaves ours open, as RFC 8446 §6.1 says,
so that what is owed to a half-closed peer still arrives.
"""

from __future__ import annotations

import ssl
from typing import ClassVar

RECORD = 16_384
"""Bytes of plaintext in the largest record (RFC 8446 §5.1), which is what one read can return."""

SLICE = 32_768
"""Bytes that pass through a memory BIO at once.

A BIO keeps the largest size it ever had for as long as the connection lives.  Measured: 64 KiB in
and out left 133 KiB behind whole and 66 KiB in slices, and took no longer.
"""

BULK = 262_144
"""The same where one large file passes, and the connection ends with it: a twelfth less CPU for each byte."""


class TLSError(Exception):
    """The handshake or a record failed, or a certificate can't be used.

    The text is for our log and never for the peer; `alert` is what the peer should still be sent.
    """

    layer: ClassVar[str] = "TLS"

    def __init__(self, text: str, alert: bytes = b"") -> None:
        super().__init__(text)
        self.alert = alert


class TLS:
    """One connection's TLS.  After a TLSError nothing more can be sent or received.

    `established` turns true once the handshake is done, `ended` once the peer's close_notify has
    arrived: a connection that ends without it was cut.
    """

    __slots__ = (
        "_beside", "_closed", "_failure", "_incoming", "_outgoing", "_slice", "_tls", "ended", "established",
    )  # fmt: skip

    def __init__(
        self, context: ssl.SSLContext, *, server_side: bool = True, server_hostname: str | None = None
    ) -> None:
        if context.check_hostname and not server_side and not server_hostname:
            # SSLObject, unlike SSLSocket, would then take the certificate of any host.
            raise RuntimeError("a client that checks names needs server_hostname")
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        try:
            self._tls = context.wrap_bio(
                self._incoming, self._outgoing, server_side=server_side, server_hostname=server_hostname
            )
        except (ValueError, TypeError) as error:  # a name that no certificate can have; one with a NUL
            raise TLSError(f"{server_hostname!r}: {error}") from None
        self.established = False
        self.ended = False
        self._closed = False
        self._failure = ""
        self._beside: TLS | None = None
        self._slice = SLICE

    def beside(self) -> TLS:
        """For a connection of the same client that moves one file: the same context, so that it can resume.

        No tickets: a client that closes with tickets unread resets the connection, and what it sent
        last is lost.
        """
        context = self._tls.context
        tickets = context.num_tickets
        context.num_tickets = 0
        try:
            other = TLS(context)
        finally:
            context.num_tickets = tickets
        other._beside = self
        other._slice = BULK
        return other

    @property
    def resumed(self) -> bool:
        """Was the session that of an earlier connection: of the one that this is beside, if it is?

        A context that `remembers` tells one session from another.  Otherwise TLS 1.2 has no way to: then
        it may be that of any client who was given a ticket.
        """
        if not self._tls.session_reused:
            return False
        ours = self._tls.session
        first = None if self._beside is None else self._beside._tls.session
        return first is None or not first.id or (ours is not None and ours.id == first.id)

    def start(self) -> bytes:
        """What to send first: a client's ClientHello; nothing for a server."""
        if not self._tls.server_side:
            try:
                self._handshake()
            except ssl.SSLError as error:
                raise self._failed(error) from None
        return self._outgoing.read()

    def received(self, data: bytes | memoryview) -> tuple[bytes, bytes]:
        """The plaintext that these bytes complete, and what TLS itself has to send now.

        What follows the peer's close_notify is dropped: "Any data received after a closure alert
        has been received MUST be ignored" (RFC 8446 §6.1).
        """
        if self._failure:
            raise TLSError(self._failure)
        plaintext: list[bytes] = []
        try:
            if len(data) <= self._slice:
                self._take(data, plaintext)
            else:
                view = memoryview(data)
                for at in range(0, len(data), self._slice):
                    self._take(view[at : at + self._slice], plaintext)
        except ssl.SSLError as error:
            raise self._failed(error) from None
        outgoing = self._outgoing
        answer = outgoing.read() if outgoing.pending else b""
        return (plaintext[0] if len(plaintext) == 1 else b"".join(plaintext)), answer

    def send(self, data: bytes | memoryview) -> bytes:
        """These bytes as records.  The handshake must be done, and `close` not called."""
        if self._failure:
            raise TLSError(self._failure)
        if self._closed or not self.established:
            raise RuntimeError("send before the handshake is done, or after close")
        write, outgoing = self._tls.write, self._outgoing
        try:
            if len(data) <= self._slice and write(data) == len(data):
                return outgoing.read()
            view = memoryview(data)
            at = 0 if len(data) > self._slice else len(data)
            records: list[bytes] = []
            while at < len(data):
                at += write(view[at : at + self._slice])
                records.append(outgoing.read())
        except ssl.SSLError as error:
            raise self._failed(error) from None
        return b"".join(records)

    def close(self) -> bytes:
        """Our close_notify, once; what the peer still sends can still be received."""
        if self.established and not self._closed and not self._failure:
            self._closed = True
            try:
                self._tls.unwrap()
            except ssl.SSLError:
                # unwrap() wants the peer's close_notify as well, and `received` will see that one.
                pass
        return self._outgoing.read()

    def keep_session(self) -> None:
        """Let later connections resume this one's session, however it ended.

        OpenSSL forgets a session when a connection ends without our close_notify, and one that was cut
        would be the last that may resume it.  So it is made, and not sent.
        """
        self.close()

    def facts(self) -> str:
        """The version and the cipher suite: "TLSv1.3 TLS_AES_256_GCM_SHA384"."""
        cipher = self._tls.cipher()
        return f"{self._tls.version()} {cipher[0]}" if cipher else ""

    def _handshake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return
        self.established = True

    def _take(self, data: bytes | memoryview, plaintext: list[bytes]) -> None:
        if self.ended:
            return
        incoming = self._incoming
        incoming.write(data)
        if not self.established:
            self._handshake()
            if not self.established:
                return
        read = self._tls.read
        try:
            # OpenSSL takes whole records out of the BIO and a read empties one: where the BIO is
            # empty another read could only raise, which costs as much as a small record.
            while incoming.pending:
                chunk = read(RECORD)
                if not chunk:  # close_notify
                    self.ended = True
                    return
                plaintext.append(chunk)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:  # close_notify, after ours
            self.ended = True

    def _failed(self, error: ssl.SSLError) -> TLSError:
        self._failure = _words(error)
        return TLSError(self._failure, self._outgoing.read())


def server_context(cert: str, key: str) -> ssl.SSLContext:
    """A context for a listener.  Raises TLSError with one line that names the file at fault."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A TLS 1.2 client that renegotiates without end makes the server pay for each handshake.
    context.options |= ssl.OP_NO_RENEGOTIATION
    _readable(cert)
    _readable(key)

    def encrypted() -> str:
        raise TLSError(f"{key}: the key must not be encrypted")

    try:
        context.load_cert_chain(cert, key, password=encrypted)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TLSError(f"{key}: not the key of the certificate in {cert}") from None
        _trust(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), cert)
        if error.reason in (None, "PEM lib", "NO_START_LINE"):
            raise TLSError(f"{key}: expected a private key, in PEM") from None
        raise TLSError(f"{cert}, {key}: {_words(error)}") from None
    return context


def remembers(context: ssl.SSLContext) -> None:
    """Let the server keep its sessions, each under an id, instead of having the clients do so by tickets."""
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 1  # which under TLS 1.3 is an id; each would be a session of its own


def client_context(ca: str = "") -> ssl.SSLContext:
    """A context that verifies who answers, against the PEM file `ca` or else the system's authorities."""
    context = ssl.create_default_context() if not ca else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca:
        _readable(ca)
        _trust(context, ca)
    return context


def _readable(path: str) -> None:
    # OpenSSL says "No such file" without saying which.
    try:
        with open(path, "rb"):
            pass
    except (OSError, ValueError) as error:
        raise TLSError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def _trust(context: ssl.SSLContext, path: str) -> None:
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        raise TLSError(f"{path}: expected a certificate, in PEM") from None


def _words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate verify failed: {error.verify_message}"
    return (error.reason or str(error)).replace("_", " ").lower()
