"""Two ends of TLS joined by a loop: nothing is lost, however the bytes are cut."""

from __future__ import annotations

import ssl
from itertools import pairwise
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.tls import SLICE, TLS, TLSError

AUTHORITY = trustme.CA()
CERTIFICATE = AUTHORITY.issue_cert("localhost")


def serving() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CERTIFICATE.configure_cert(context)
    return context


def asking(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    context.maximum_version = version
    return context


SERVER = serving()
CLIENTS = {version: asking(version) for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)}


def client_of(context: ssl.SSLContext) -> TLS:
    return TLS(context, server_side=False, server_hostname="localhost")


def join(client: TLS, server: TLS) -> None:
    """The handshake, to its end on both sides."""
    to_server = client.start()
    while to_server:
        plaintext, to_client = server.received(to_server)
        assert plaintext == b""
        plaintext, to_server = client.received(to_client) if to_client else (b"", b"")
        assert plaintext == b""
    assert client.established
    assert server.established


def feed(tls: TLS, data: bytes, cuts: list[int]) -> tuple[bytes, bytes]:
    """The same bytes in pieces."""
    plaintext = answer = b""
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    for start, end in pairwise(edges):
        more, back = tls.received(data[start:end])
        plaintext += more
        answer += back
    return plaintext, answer


@pytest.fixture(params=CLIENTS, ids=["TLSv1.2", "TLSv1.3"])
def ends(request: pytest.FixtureRequest) -> tuple[TLS, TLS]:
    client, server = client_of(CLIENTS[request.param]), TLS(SERVER)
    join(client, server)
    return client, server


Ends = tuple[TLS, TLS]
Cuts = st.lists(st.integers(min_value=0, max_value=2**20), max_size=20)


# -- bytes both ways -------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 16_384, 16_385, SLICE, SLICE + 1, 300_000])
def test_what_is_sent_is_what_is_received(ends: Ends, size: int) -> None:
    client, server = ends
    data = bytes(i % 251 for i in range(size))
    assert server.received(client.send(data)) == (data, b"")
    assert client.received(server.send(data)) == (data, b"")


def test_facts_name_the_version_and_the_cipher(ends: Ends) -> None:
    client, server = ends
    version, cipher = server.facts().split(" ")
    assert version in ("TLSv1.2", "TLSv1.3")
    assert "AES" in cipher or "CHACHA20" in cipher
    assert client.facts() == server.facts()


def test_facts_are_empty_before_the_handshake() -> None:
    assert TLS(SERVER).facts() == ""


def test_a_server_says_nothing_first() -> None:
    assert TLS(SERVER).start() == b""


@settings(max_examples=60, deadline=None)
@given(
    messages=st.lists(st.binary(max_size=300) | st.integers(0, 70_000).map(bytes), max_size=4),
    version=st.sampled_from(sorted(CLIENTS)),
    cuts=Cuts,
)
def test_any_cut_gives_the_same_plaintext(
    messages: list[bytes], version: ssl.TLSVersion, cuts: list[int]
) -> None:
    """TLS 1.3 lets the first data ride on the handshake's last flight: it is glued on here."""
    client, server = client_of(CLIENTS[version]), TLS(SERVER)
    hello = client.start()
    _, flight = feed(server, hello, cuts)
    _, stream = feed(client, flight, cuts)
    if not client.established:  # TLS 1.2: the server has the last word
        _, flight = feed(server, stream, cuts)
        _, stream = feed(client, flight, cuts)
    stream += b"".join(map(client.send, messages)) + client.close()
    plaintext, answer = feed(server, stream, cuts)
    assert plaintext == b"".join(messages)
    assert server.ended
    assert feed(client, answer + server.send(plaintext) + server.close(), cuts) == (plaintext, b"")
    assert client.ended


def test_one_byte_at_a_time_is_enough() -> None:
    client, server = client_of(CLIENTS[ssl.TLSVersion.TLSv1_3]), TLS(SERVER)
    every = list(range(10_000))
    _, flight = feed(server, client.start(), every)
    _, finished = feed(client, flight, every)
    plaintext, _ = feed(server, finished + client.send(b"hello") + client.close(), every)
    assert plaintext == b"hello"
    assert server.ended


# -- the end ---------------------------------------------------------------------------


def test_plaintext_in_the_same_feed_as_close_notify_is_not_lost(ends: Ends) -> None:
    client, server = ends
    plaintext, _ = server.received(client.send(b"last words") + client.close())
    assert plaintext == b"last words"
    assert server.ended


def test_a_peer_that_ended_can_still_be_sent_to(ends: Ends) -> None:
    """RFC 8446 §6.1: "This does not have any effect on the read side of the sender"."""
    client, server = ends
    server.received(client.close())
    owed = bytes(100_000)
    assert client.received(server.send(owed)) == (owed, b"")
    assert not client.ended
    client.received(server.close())
    assert client.ended


def test_reading_goes_on_after_our_close(ends: Ends) -> None:
    client, server = ends
    half = client.send(b"cut in the middle of a record")
    server.received(half[:10])
    assert server.close()
    assert server.received(half[10:]) == (b"cut in the middle of a record", b"")
    server.received(client.close())
    assert server.ended


def test_data_after_close_notify_is_ignored(ends: Ends) -> None:
    """RFC 8446 §6.1: "Any data received after a closure alert has been received MUST be ignored"."""
    client, server = ends
    server.received(client.close())
    assert server.received(b"\x17\x03\x03 anything at all") == (b"", b"")
    assert client.received(server.close() + b"GET / HTTP/1.1\r\n" * 5_000) == (b"", b"")
    assert client.ended
    for _ in range(10):
        client.received(bytes(SLICE))
    assert client._incoming.pending <= SLICE, "what is ignored is kept"


def test_close_is_said_once(ends: Ends) -> None:
    client, _ = ends
    assert client.close()
    assert client.close() == b""


def test_close_before_the_handshake_says_nothing() -> None:
    assert TLS(SERVER).close() == b""


def test_ended_is_false_where_the_peer_was_cut_off(ends: Ends) -> None:
    """No close_notify, no end: truncation can be told from an end."""
    client, server = ends
    assert server.received(client.send(b"half of it")) == (b"half of it", b"")
    assert not server.ended


@pytest.mark.parametrize("when", ["before the handshake", "after close"])
def test_sending_out_of_turn_is_the_drivers_mistake(ends: Ends, when: str) -> None:
    client, _ = ends
    client.close()
    with pytest.raises(RuntimeError):
        (client if when == "after close" else TLS(SERVER)).send(b"x")


# -- after the handshake ---------------------------------------------------------------


class Keys:
    """One direction of TLS_AES_256_GCM_SHA384, by hand (RFC 8446 §7.3): ssl can't send a KeyUpdate."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.sequence = 0

    def expand(self, label: bytes, length: int) -> bytes:
        label = b"tls13 " + label
        info = length.to_bytes(2, "big") + bytes([len(label)]) + label + b"\0"
        return HKDFExpand(hashes.SHA384(), length, info).derive(self.secret)

    def record(self, kind: int, content: bytes) -> bytes:
        header = b"\x17\x03\x03" + (len(content) + 17).to_bytes(2, "big")
        iv = int.from_bytes(self.expand(b"iv", 12), "big") ^ self.sequence
        self.sequence += 1
        cipher = AESGCM(self.expand(b"key", 32))
        return header + cipher.encrypt(iv.to_bytes(12, "big"), content + bytes([kind]), header)

    def updated(self) -> Keys:
        return Keys(self.expand(b"traffic upd", 48))


@pytest.mark.parametrize("update_requested", [0, 1])
def test_a_key_update_is_followed_and_answered(tmp_path: Path, update_requested: int) -> None:
    """RFC 8446 §4.6.3: update_requested is answered by a KeyUpdate "prior to sending its next
    Application Data record".
    """
    context = asking()
    context.keylog_filename = str(tmp_path / "keys")
    client, server = client_of(context), TLS(SERVER)
    join(client, server)
    assert client.facts().endswith("TLS_AES_256_GCM_SHA384")
    logged = [line.split() for line in (tmp_path / "keys").read_text().splitlines()]
    keys = Keys(next(bytes.fromhex(line[2]) for line in logged if line[0] == "CLIENT_TRAFFIC_SECRET_0"))
    records = keys.record(23, b"before, ") + keys.record(22, b"\x18\0\0\x01" + bytes([update_requested]))
    plaintext, answer = server.received(records + keys.updated().record(23, b"after"))
    assert plaintext == b"before, after"
    answer += server.send(b"with new keys")
    key_update = len(keys.record(22, bytes(5)))
    assert len(answer) == len(keys.record(23, b"with new keys")) + update_requested * key_update
    assert client.received(answer)[0] == b"with new keys"


def test_tickets_are_not_plaintext() -> None:
    """The server's session tickets reach the client after the handshake (RFC 8446 §4.6.1)."""
    client, server = client_of(CLIENTS[ssl.TLSVersion.TLSv1_3]), TLS(SERVER)
    _, flight = server.received(client.start())
    _, finished = client.received(flight)
    _, tickets = server.received(finished)
    assert tickets
    assert client.received(tickets + server.send(b"hello")) == (b"hello", b"")


# -- what goes wrong -------------------------------------------------------------------


def test_http_to_a_tls_server_is_a_tls_error() -> None:
    server = TLS(SERVER)
    with pytest.raises(TLSError, match="http request"):
        server.received(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert not server.established


def test_other_plaintext_is_answered_with_an_alert() -> None:
    server = TLS(SERVER)
    with pytest.raises(TLSError) as caught:
        server.received(b"\x16\x03\x01\x00\x05hello")
    assert caught.value.alert[:1] == b"\x15"  # RFC 8446 §5.1: alert(21)


def test_the_error_says_itself_again_to_whoever_goes_on(ends: Ends) -> None:
    client, server = ends
    record = bytearray(client.send(b"hello"))
    record[-1] ^= 1
    with pytest.raises(TLSError) as caught:
        server.received(bytes(record))
    assert caught.value.alert
    for again in (lambda: server.received(b"more"), lambda: server.send(b"more")):
        with pytest.raises(TLSError) as repeated:
            again()
        assert str(repeated.value) == str(caught.value)
        assert repeated.value.alert == b""
    assert server.close() == b""


def test_the_peer_is_told_of_a_bad_record(ends: Ends) -> None:
    client, server = ends
    with pytest.raises(TLSError) as caught:
        server.received(b"\x17\x03\x03\x00\x20" + bytes(32))
    with pytest.raises(TLSError, match="alert"):
        client.received(caught.value.alert)


def test_an_unknown_authority_is_refused_and_told() -> None:
    stranger = ssl.create_default_context()
    trustme.CA().configure_trust(stranger)
    client, server = client_of(stranger), TLS(SERVER)
    _, flight = server.received(client.start())
    with pytest.raises(TLSError, match="certificate verify failed") as caught:
        client.received(flight)
    with pytest.raises(TLSError, match="unknown ca"):
        server.received(caught.value.alert)


def test_another_hosts_certificate_is_refused() -> None:
    client = TLS(asking(), server_side=False, server_hostname="elsewhere.example")
    _, flight = TLS(SERVER).received(client.start())
    with pytest.raises(TLSError, match="elsewhere"):
        client.received(flight)


@pytest.mark.parametrize("name", [".", "a" * 64 + ".example", "nul\0.example"])
def test_a_name_that_no_certificate_can_have_is_a_tls_error(name: str) -> None:
    with pytest.raises(TLSError):
        TLS(asking(), server_side=False, server_hostname=name)


@pytest.mark.parametrize("name", [None, ""])
def test_a_client_that_names_nobody_is_the_drivers_mistake(name: str | None) -> None:
    """OpenSSL would then take any host's certificate without a word."""
    with pytest.raises(RuntimeError):
        TLS(asking(), server_side=False, server_hostname=name)


@settings(max_examples=100, deadline=None)
@given(garbage=st.lists(st.binary(max_size=100), max_size=5), server_side=st.booleans())
def test_garbage_raises_nothing_but_tls_error(garbage: list[bytes], server_side: bool) -> None:
    tls = TLS(SERVER) if server_side else client_of(CLIENTS[ssl.TLSVersion.TLSv1_3])
    tls.start()
    for piece in garbage:
        try:
            assert tls.received(piece)[0] == b""
        except TLSError:
            assert not tls.established


@settings(max_examples=100, deadline=None)
@given(
    at=st.integers(0, 10_000), flip=st.integers(1, 255), version=st.sampled_from(sorted(CLIENTS)), cuts=Cuts
)
def test_a_changed_byte_never_changes_the_plaintext(
    at: int, flip: int, version: ssl.TLSVersion, cuts: list[int]
) -> None:
    client, server = client_of(CLIENTS[version]), TLS(SERVER)
    join(client, server)
    stream = bytearray(client.send(b"one") + client.send(b"two") + client.close())
    stream[at % len(stream)] ^= flip
    got = b""
    try:
        for byte in stream:
            got += server.received(bytes([byte]))[0]
    except TLSError:
        pass
    assert b"onetwo".startswith(got)
    assert not server.ended
