"""WebSocket through sockets, in the clear and over TLS: the handshake, lines both ways, every end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.clients import Client, TLSClient
from tests.integration.probing import ask, facts_of, names
from tests.servers import Authority, Certificate, Own, Running
from tests.websockets import BINARY, CLOSE, PING, PONG, TEXT, Frame, WebSocketClient, close, frame, request

OVER = ("tcp", "ws", "wss", "ws+proxy", "wss+proxy")
FLAGS = ("--proxy-from", "127.0.0.0/8")
ORIGIN = "https://chat.example.org"
Open = Callable[..., WebSocketClient]


@pytest.fixture(scope="module")
def server(implementation: str, certificate: Certificate) -> Iterator[Running]:
    if implementation == "target":
        pytest.skip("the probe is ours alone")
    with servers.serving(implementation, "probe", *FLAGS, listen=OVER, certificate=certificate) as running:
        yield running


@pytest.fixture(params=["ws", "wss"])
def over(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open(server: Running, over: str) -> Iterator[Open]:
    """Opens a WebSocket with these headers."""
    opened: list[WebSocketClient] = []

    def open(*headers: str, **options: object) -> WebSocketClient:
        opened.append(WebSocketClient(server.connect(over), *headers, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open
    for one in opened:
        one.client.close()


@pytest.fixture
def watcher(server: Running) -> Iterator[Client]:
    with server.connect("tcp") as client:
        yield client


def named(client: WebSocketClient) -> str:
    name = f"w{next(names)}"
    assert client.ask(f"name {name}") == f"named {name}"
    return name


# -- lines -------------------------------------------------------------------------------------


def test_a_line_there_is_a_line_back(open: Open) -> None:
    client = open()
    assert client.ask("ping a") == "pong a"
    client.send("count 3")
    assert [client.read_frame().payload for _ in range(3)] == [b"0", b"1", b"2"]


@pytest.mark.parametrize(("subprotocol", "opcode"), [("text.ircv3.net", TEXT), ("binary.ircv3.net", BINARY)])
def test_the_type_of_messages_is_the_one_agreed_on(open: Open, subprotocol: str, opcode: int) -> None:
    """IRCv3 WebSocket"""
    client = open(f"Sec-WebSocket-Protocol: {subprotocol}")
    assert f"Sec-WebSocket-Protocol: {subprotocol}" in client.head
    client.client.send(frame(opcode, b"ping a"))
    assert client.read_frame() == Frame(0x80 | opcode, b"pong a")


def test_bytes_glued_to_the_request_are_not_lost(open: Open) -> None:
    assert open(glue=frame(TEXT, b"ping a")).read_frame().payload == b"pong a"


def test_everything_cut_at_every_byte_is_understood(server: Running, over: str, watcher: Client) -> None:
    client = server.connect(over)
    for byte in request() + frame(TEXT, b"ping a", fin=False) + frame(PING, b"!") + frame(0, b"b"):
        client.send(bytes([byte]))
        assert ask(watcher, "ping between") == "pong between"
    with WebSocketClient(client, open=False) as websocket:
        assert websocket.read_head().startswith("HTTP/1.1 101 ")
        assert websocket.read_frame() == Frame(0x80 | PONG, b"!")
        assert websocket.read_frame().payload == b"pong ab"


def test_a_message_smuggles_no_second_line(open: Open) -> None:
    """IRCv3: "each message MUST consist of a single IRC line"."""
    client = open()
    name = named(client)
    client.client.send(frame(BINARY, f"to {name} hello\r\nping b\n".encode()))
    assert client.read_frame().payload == b"hello ping b"
    assert client.ask("ping c") == "pong c"


def test_a_broadcast_reaches_each_in_its_own_type(server: Running, open: Open, watcher: Client) -> None:
    name = f"all{next(names)}"
    text, binary = open(), open("Sec-WebSocket-Protocol: binary.ircv3.net")
    for client in (text, binary):
        client.client.send(frame(TEXT, f"name {name}".encode()))
        client.read_frame()
    watcher.send(f"name {name}\n".encode())
    watcher.read_line()
    watcher.send(f"to {name} hello there\n".encode())
    assert watcher.read_line() == b"hello there"
    assert text.read_frame() == Frame(0x80 | TEXT, b"hello there")
    assert binary.read_frame() == Frame(0x80 | BINARY, b"hello there")


def test_much_at_once_arrives_whole_at_a_slow_reader(server: Running, over: str) -> None:
    with WebSocketClient(server.connect(over, buffer=4096)) as client:
        client.send("count 20000")
        for number in range(20_000):
            assert client.read_frame().payload == b"%d" % number


def test_who_connects_is_seen_with_its_tls(open: Open, over: str) -> None:
    said = open().ask("who").split(" ", 4)
    assert said[0] == "127.0.0.1"
    assert said[4].startswith("TLSv1.3 " if over == "wss" else "None")


# -- ends --------------------------------------------------------------------------------------


def test_our_close_is_1000_and_waits_for_the_peers(open: Open, watcher: Client) -> None:
    """RFC 6455 §7.1.1"""
    client = open()
    name = named(client)
    client.send("close")
    assert client.read_frame() == Frame(0x80 | CLOSE, b"\x03\xe8")
    client.client.send(close())
    assert client.client.read_to_end() == b""
    client.client.close()
    assert facts_of(watcher, name)[-1] == "disconnected:EOF"


@pytest.mark.parametrize("code", [1000, 1001, 4000, None])
def test_the_peers_close_is_an_end_and_is_answered(open: Open, watcher: Client, code: int | None) -> None:
    client = open()
    name = named(client)
    client.client.send(frame(TEXT, b"ping last") + close(code))
    assert client.read_frame().payload == b"pong last"
    assert client.closed() == code
    client.client.close()
    assert facts_of(watcher, name)[-3:] == ["ended", "close", "disconnected:EOF"]


def test_what_is_owed_to_a_peer_that_closed_arrives_before_our_close(open: Open) -> None:
    """RFC 6455 §5.5.1: one "MAY delay sending a Close frame until its current message is sent"."""
    client = open()
    client.client.send(frame(TEXT, b"more 1000000") + close())
    assert len(client.read_frame().payload) == 1_000_000
    assert client.closed() == 1000


def test_an_end_without_a_close_is_a_reset(open: Open, watcher: Client) -> None:
    """RFC 6455 §7.1.5: "considered to be 1006": anybody on the way could have made it."""
    client = open()
    name = named(client)
    client.client.half_close()
    client.client.sock.close()
    assert facts_of(watcher, name)[-1] == "disconnected:RESET"


VIOLATIONS = {
    "unmasked": (frame(TEXT, b"ping a", mask=False), 1002),
    "reserved bit": (frame(TEXT, b"ping a", rsv=4), 1002),
    "not UTF-8": (frame(TEXT, b"ping \xff"), 1007),
    "too big": (frame(TEXT, b"x" * 16_385), 1009),
    "too big in its header": (frame(BINARY, b"x" * 20_000, size=2**40), 1009),
    "too big in fragments": (frame(TEXT, b"x" * 9_000, fin=False) + frame(0, b"x" * 9_000), 1009),
}


@pytest.mark.parametrize(("data", "code"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_a_violation_is_answered_by_its_close_after_what_is_owed(
    open: Open, watcher: Client, data: bytes, code: int
) -> None:
    client = open()
    name = named(client)
    client.client.send(frame(TEXT, b"ping before") + data + frame(TEXT, b"ping after"))
    assert client.read_frame().payload == b"pong before"
    assert client.closed() == code
    client.client.close()
    assert facts_of(watcher, name)[-1] == "disconnected:EOF"


def test_a_session_that_raises_costs_its_connection_only(own: Own) -> None:
    running = own("probe", listen=("tcp", "ws"))
    with WebSocketClient(running.connect("ws")) as client, WebSocketClient(running.connect("ws")) as other:
        client.send("raise")
        with pytest.raises(ConnectionResetError):
            client.read_frame()
        assert other.ask("ping x") == "pong x"
    running.tracebacks = 1


# -- the handshake -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"NICK ann\r\nUSER ann 0 * :Ann\r\n\r\n", 400),
        (request(method="POST"), 405),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 426),
        (request(Sec_WebSocket_Version="12"), 426),
        (request(Sec_WebSocket_Key="short"), 400),
        (request() * 2, 0),
    ],
    ids=["irc", "post", "a browser's", "version", "key", "two"],
)
def test_a_bad_request_is_answered_in_http_and_closed(
    server: Running, over: str, sent: bytes, status: int
) -> None:
    """RFC 6455 §4.2.1; and no session hears of it."""
    with server.connect(over) as client:
        client.send(sent)
        if status:
            said = client.read_to_end()
            assert said.startswith(f"HTTP/1.1 {status} ".encode())
            assert b"\r\nConnection: close\r\n" in said
        else:
            websocket = WebSocketClient(client, open=False)
            assert websocket.read_head().startswith("HTTP/1.1 101 ")
            assert websocket.closed() == 1002


def test_a_handshake_that_is_given_up_is_no_session(server: Running, over: str, watcher: Client) -> None:
    with server.connect(over) as client:
        client.send(request()[:40])
        assert ask(watcher, "there") == "there "
        if isinstance(client, TLSClient):
            client.half_close()
        client.sock.close()
    assert ask(watcher, "there") == "there "


def test_origins_are_checked_and_reread_at_sighup(own: Own, tmp_path: Path) -> None:
    """RFC 6455 §10.2"""
    file = tmp_path / "twofold.toml"
    file.write_text(f"[chat]\nws_origins = ['{ORIGIN}']\n")
    running = own("chat", "--config", str(file), listen=("tcp", "ws"))

    def status(*headers: str) -> str:
        with WebSocketClient(running.connect("ws"), open=False) as client:
            client.client.send(request(*headers))
            return client.read_head().split()[1]

    assert status(f"Origin: {ORIGIN}") == "101"
    assert status("Origin: https://evil.example") == "403"
    assert status() == "101"
    file.write_text("[chat]\n")
    running.signal(signal.SIGHUP)
    running.wait_for("reread ")
    assert status("Origin: https://evil.example") == "101"


def test_irc_is_spoken_over_a_websocket(own: Own) -> None:
    running = own("chat", listen=("tcp", "ws"))
    with WebSocketClient(running.connect("ws"), "Sec-WebSocket-Protocol: text.ircv3.net") as client:
        client.send("NICK ann")
        client.send("USER ann 0 * :Ann é")
        welcome = client.read_frame()
        assert welcome.first == 0x80 | TEXT
        assert welcome.payload.decode().split()[1:3] == ["001", "ann"]
        client.client.send(frame(BINARY, b"PRIVMSG ann :\xff"))
        while " FAIL " not in (said := client.read_frame().payload.decode()):
            assert "\r" not in said
            assert "\n" not in said
        assert " FAIL PRIVMSG INVALID_UTF8 " in said
        client.send("QUIT")
        while client.read_frame().first != 0x80 | CLOSE:
            pass


def test_sighup_rereads_the_certificates_of_websockets(own: Own, authority: Authority) -> None:
    old = authority.issue("for websockets")
    running = own("probe", listen=("tcp", "wss"), certificate=old)
    with WebSocketClient(running.connect("wss")) as before:
        new = authority.issue("for websockets")
        running.signal(signal.SIGHUP)
        running.wait_for("reread the certificates\n")
        with WebSocketClient(running.connect("wss")) as after:
            assert after.client.serial == new.serial != old.serial  # type: ignore[attr-defined]
            assert after.ask("ping x") == "pong x"
        assert before.ask("ping x") == "pong x"


# -- limits, proxies, the stop -----------------------------------------------------------------


def test_one_too_many_is_told_in_a_message_and_over_tls_not_at_all(
    own: Own, certificate: Certificate
) -> None:
    running = own("probe", "--limits-connections", "1", listen=("tcp", "ws", "wss"), certificate=certificate)
    with running.connect("tcp") as here:
        assert ask(here, "ping x") == "pong x"
        with WebSocketClient(running.connect("ws")) as excess:
            assert excess.read_frame().payload == b"refused too many connections"
            assert excess.closed() == 1000
        with pytest.raises(ConnectionResetError):
            running.connect("wss")


@pytest.mark.parametrize("over", ["ws+proxy", "wss+proxy"], indirect=True)
def test_behind_a_proxy_the_client_is_seen(server: Running, over: str) -> None:
    """PROXY, TLS, WebSocket: in this order."""
    secure = over.startswith("wss")
    client = server.connect(over, **({"handshake": False} if secure else {}))
    client.sock.sendall(b"PROXY TCP6 2001:db8::1 2001:db8::9 56324 443\r\n")
    if secure:
        client.handshake()  # type: ignore[attr-defined]
    with WebSocketClient(client) as websocket:
        assert websocket.ask("who").startswith("2001:db8::1 56324 2001:db8::9 443 ")


def test_the_stop_is_told_in_a_message_and_closes(own: Own, certificate: Certificate) -> None:
    running = own("probe", listen=("tcp", "ws", "wss"), certificate=certificate)
    clients = [WebSocketClient(running.connect(over)) for over in ("ws", "wss")]
    for client in clients:
        assert client.ask("ping x") == "pong x"
    half = running.connect("ws")
    half.send(request()[:30])
    running.signal(signal.SIGTERM)
    for client in clients:
        assert client.read_frame().payload == b"drained"
        assert client.closed() == 1000
        client.client.close()
    running.ended()
    half.close()


@pytest.mark.slow
def test_a_handshake_has_ten_seconds(own: Own, certificate: Certificate) -> None:
    running = own("probe", listen=("tcp", "ws", "wss"), certificate=certificate)
    for over in ("ws", "wss"):
        with running.connect(over) as client:
            client.send(request()[:-1])
            with pytest.raises(ConnectionResetError):
                client.read_to_end()
