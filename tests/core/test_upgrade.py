"""A WebSocket's opening handshake: RFC 6455 §4.2, and IRCv3's subprotocols."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.upgrade import LONGEST, Refusal, Upgrade, accept
from tests.websockets import ACCEPT, KEY, request


def answered(data: bytes, *origins: str) -> str:
    done = Upgrade(origins).received(data)
    assert done is not None
    assert done[1] == b""
    return done[0].decode()


def refused(data: bytes, *origins: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        Upgrade(origins).received(data)
    return caught.value


def test_the_example_of_the_rfc() -> None:
    """§1.3"""
    assert accept(KEY) == ACCEPT.encode()


def test_a_request_to_upgrade_is_answered_by_101() -> None:
    """§4.2.2"""
    assert answered(request()).split("\r\n") == [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {ACCEPT}",
        "",
        "",
    ]


def test_a_request_byte_by_byte_with_frames_behind_it() -> None:
    whole = request("Sec-WebSocket-Protocol: text.ircv3.net")
    upgrade = Upgrade()
    for at in range(len(whole) - 1):
        assert upgrade.received(whole[at : at + 1]) is None
    done = upgrade.received(whole[-1:] + b"\x81\x80")
    assert done is not None
    assert done[0].startswith(b"HTTP/1.1 101 ")
    assert done[1] == b"\x81\x80"


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([], None),
        (["text.ircv3.net"], "text.ircv3.net"),
        (["binary.ircv3.net"], "binary.ircv3.net"),
        (["text.ircv3.net, binary.ircv3.net"], "text.ircv3.net"),
        (["binary.ircv3.net,text.ircv3.net"], "binary.ircv3.net"),
        (["chat", "binary.ircv3.net", "text.ircv3.net"], "binary.ircv3.net"),
        (["chat, superchat"], None),
        (["TEXT.IRCV3.NET"], None),
    ],
)
def test_the_clients_first_choice_that_is_known_is_taken(offered: list[str], chosen: str | None) -> None:
    """IRCv3: "respecting the client's order of preference"; none known: "MAY continue" without."""
    upgrade = Upgrade()
    done = upgrade.received(request(*(f"Sec-WebSocket-Protocol: {one}" for one in offered)))
    assert done is not None
    assert upgrade.subprotocol == chosen
    said = [line for line in done[0].decode().split("\r\n") if line.startswith("Sec-WebSocket-Protocol")]
    assert said == ([f"Sec-WebSocket-Protocol: {chosen}"] if chosen else [])


def test_extensions_are_never_agreed_on() -> None:
    """§9.1: those that are not named in the answer are not in use."""
    said = answered(request("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"))
    assert "extensions" not in said.lower()


ORIGINS = ("https://chat.example.org", "https://OTHER.example.org:8443")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://chat.example.org", True),
        ("https://CHAT.example.org", True),
        ("https://other.example.org:8443", True),
        ("https://other.example.org", False),
        ("http://chat.example.org", False),
        ("https://chat.example.org.evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_an_origin_is_one_of_those_in_the_settings(origin: str, allowed: bool) -> None:
    """§10.2: "the server SHOULD validate the |Origin| field"."""
    data = request(f"Origin: {origin}")
    assert answered(data).startswith("HTTP/1.1 101 "), "no origins in the settings: any"
    if allowed:
        assert answered(data, *ORIGINS).startswith("HTTP/1.1 101 ")
    else:
        assert refused(data, *ORIGINS).status == 403


def test_two_origins_are_none() -> None:
    data = request("Origin: https://chat.example.org", "Origin: https://evil.example")
    assert refused(data, *ORIGINS).status == 403


def test_without_an_origin_it_is_no_browser() -> None:
    """§4.2.1: "SHOULD NOT be interpreted as coming from a browser client"."""
    assert answered(request(), *ORIGINS).startswith("HTTP/1.1 101 ")


@pytest.mark.parametrize(
    ("data", "status", "header"),
    [
        (b"NICK ann\r\nUSER ann 0 * :Ann\r\n\r\n", 400, ""),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, ""),
        (b"\r\n\r\n\r\n", 400, ""),
        (request(version="1.0"), 400, ""),
        (request(Host=None), 400, ""),
        (request(method="POST"), 405, "Allow: GET"),
        (request(method="HEAD"), 405, "Allow: GET"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 426, "Upgrade: websocket"),
        (request(Upgrade=None), 426, "Upgrade: websocket"),
        (request(Upgrade="h2c"), 426, "Upgrade: websocket"),
        (request(Connection="keep-alive"), 426, "Upgrade: websocket"),
        (request(Sec_WebSocket_Version=None), 426, "Sec-WebSocket-Version: 13"),
        (request(Sec_WebSocket_Version="8"), 426, "Sec-WebSocket-Version: 13"),
        (request("Sec-WebSocket-Version: 8"), 426, "Sec-WebSocket-Version: 13"),
        (request(Sec_WebSocket_Key=None), 400, ""),
        (request(Sec_WebSocket_Key=""), 400, ""),
        (request(Sec_WebSocket_Key="dGhl"), 400, ""),
        (request(Sec_WebSocket_Key="no base64 at all, sir!!!"), 400, ""),
        (request(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ\xff="), 400, ""),
        (request(f"Sec-WebSocket-Key: {KEY}"), 400, ""),
        (request(Content_Length="3") + b"abc", 400, ""),
        (request(Content_Length="3"), 400, ""),
        (request(Transfer_Encoding="chunked") + b"0\r\n\r\n", 400, ""),
        (request(Transfer_Encoding="brotli"), 501, ""),
        (request(Cookie="x" * LONGEST)[:-2], 431, ""),
        (b"GET / HTTP/1.1\r\n" + b"x" * LONGEST * 2, 431, ""),
        (request("Host: two"), 400, ""),
        (request("no colon"), 400, ""),
        (request("Sec WebSocket: space"), 400, ""),
    ],
)
def test_a_bad_request_is_answered_in_http_and_says_what_is_wrong(
    data: bytes, status: int, header: str
) -> None:
    """§4.2.1: "the server MUST stop processing … and return an HTTP response with an appropriate error"."""
    refusal = refused(data)
    assert refusal.status == status, refusal
    head, _, body = refusal.response().decode().partition("\r\n\r\n")
    lines = head.split("\r\n")
    assert lines[0].startswith(f"HTTP/1.1 {status} ")
    assert "Connection: close" in lines
    assert f"Content-Length: {len(body)}" in lines
    assert body == f"{refusal}\n"
    assert not header or header in lines


NAMES = st.sampled_from(
    ["Connection", "Upgrade", "Sec-WebSocket-Key", "Sec-WebSocket-Protocol", "Origin", "Content-Length"]
)


@given(data=st.binary(max_size=200), headers=st.lists(st.tuples(NAMES, st.text(max_size=20)), max_size=4))
def test_any_bytes_are_answered_or_waited_for(data: bytes, headers: list[tuple[str, str]]) -> None:
    tampered = request(*(f"{name}: {value.encode().decode('latin-1')}" for name, value in headers))
    for sent in (data, tampered, tampered[: len(data)] + data, b"GET / HTTP/1.1\r\n" + data + b"\r\n\r\n"):
        try:
            done = Upgrade(ORIGINS).received(sent)
            answer = b"HTTP/1.1 101 " if done is None else done[0]
        except Refusal as refusal:
            answer = refusal.response()
        assert answer.startswith((b"HTTP/1.1 101 ", b"HTTP/1.1 4", b"HTTP/1.1 501 "))
