"""What stands between a socket and a session, in order: the PROXY header, TLS, WebSocket."""

from __future__ import annotations

import ssl

import pytest

from protocols.layers import READ, TLS_READ, WS_READ, Layers, layers_for
from protocols.listen import Address, parse_listen
from protocols.proxy import Proxy, ProxyError
from protocols.session import Peer, Server
from protocols.tls import TLS, client_context, server_context
from protocols.websocket import WebSocket
from tests.servers import Certificate
from tests.websockets import TEXT, Frame, close, frame, request, taken_apart

HEADER = b"PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\n"
CLIENT = Peer("192.0.2.1", 56324, "192.0.2.9", 443)


def handshake(layers: Layers, client: TLS) -> None:
    """Both ends' TLS, up to its end."""
    to_server, to_client = client.start(), layers.start()
    while to_server or to_client:
        to_client += layers.received(to_server)[1]
        _, to_server = client.received(to_client)
        to_client = b""


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("tcp://127.0.0.1:1", None),
        ("tcp://127.0.0.1:1?proxy=1", (True, False)),
        ("ws://127.0.0.1:1", (False, True)),
        ("ws://127.0.0.1:1?proxy=1", (True, True)),
    ],
)
def test_an_address_says_what_its_connections_begin_with(text: str, kinds: tuple[bool, bool] | None) -> None:
    layers = layers_for(parse_listen(text, proxy=True), None, Server())
    if kinds is None:
        assert layers is None, "a connection that needs none pays for none"
    else:
        assert layers is not None
        assert (layers.proxy is not None, layers.websocket is not None) == kinds
        assert layers.tls is None


def test_a_header_alone_is_passed_and_gone() -> None:
    layers = Layers(proxy=Proxy())
    assert (layers.read_size, layers.established, layers.passed) == (READ, False, False)
    assert layers.past_proxy(HEADER[:10]) is None
    assert layers.past_proxy(HEADER[10:] + b"NICK ann") == b"NICK ann"
    assert (layers.client, layers.established, layers.passed) == (CLIENT, True, True)
    assert layers.received(b"NICK ann") == (b"NICK ann", b"")
    assert layers.introduce(CLIENT) is CLIENT


def test_what_is_no_header_is_an_error_of_its_layer() -> None:
    with pytest.raises(ProxyError) as caught:
        Layers(proxy=Proxy(), websocket=WebSocket()).past_proxy(request())
    assert (caught.value.layer, caught.value.alert) == ("PROXY", b"")


def test_all_three(certificate: Certificate) -> None:
    """Header, handshake, request; then lines; then Close within close_notify."""
    where = Address("wss", "127.0.0.1", 1, proxy=True)
    layers = layers_for(where, server_context(str(certificate.cert), str(certificate.key)), Server())
    client = TLS(client_context(str(certificate.ca)), server_side=False, server_hostname="localhost")
    assert layers is not None
    assert layers.read_size == WS_READ
    assert layers.past_proxy(HEADER) == b""
    assert not layers.established
    handshake(layers, client)
    assert not layers.established, "TLS is, and WebSocket is not"
    lines, answer = layers.received(client.send(request() + frame(TEXT, b"NICK ann")))
    assert lines == b"NICK ann\r\n"
    assert layers.established
    assert not layers.passed
    assert client.received(answer)[0].startswith(b"HTTP/1.1 101 ")
    introduced = layers.introduce(CLIENT)
    assert introduced.host == CLIENT.host
    assert introduced.tls is not None
    assert taken_apart(client.received(layers.send(b"hello\r\n"))[0]) == [Frame(0x80 | TEXT, b"hello")]
    assert layers.send(b"no end yet") == b"", "no record without a message"
    assert layers.received(client.send(close())) == (b"", b"")
    assert (layers.ended, layers.over) == (True, False)
    said, _ = client.received(layers.close())
    assert [one.payload for one in taken_apart(said)] == [b"no end yet", b"\x03\xe8"]
    assert client.ended
    assert layers.close() == b""
    layers.received(client.close())
    assert layers.over


def test_close_notify_in_place_of_a_close_is_no_end(certificate: Certificate) -> None:
    context = server_context(str(certificate.cert), str(certificate.key))
    layers = Layers(tls=TLS(context), websocket=WebSocket())
    client = TLS(client_context(str(certificate.ca)), server_side=False, server_hostname="localhost")
    handshake(layers, client)
    layers.received(client.send(request()) + client.close())
    assert (layers.ended, layers.over) == (False, True)


def test_a_refused_request_is_answered_within_tls(certificate: Certificate) -> None:
    context = server_context(str(certificate.cert), str(certificate.key))
    layers = Layers(tls=TLS(context), websocket=WebSocket())
    client = TLS(client_context(str(certificate.ca)), server_side=False, server_hostname="localhost")
    handshake(layers, client)
    _, answer = layers.received(client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
    assert client.received(answer)[0].startswith(b"HTTP/1.1 426 ")
    assert layers.failed == "426: Only WebSockets are served here."
    client.received(layers.close())
    assert client.ended


def test_tls_alone_reads_more_at_once() -> None:
    assert Layers(tls=TLS(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))).read_size == TLS_READ
