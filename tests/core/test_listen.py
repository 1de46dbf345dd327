"""Addresses: what each form means, and the one line for each that can't be meant."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.listen import SCHEMES, Address, AddressError, CannotListen, parse_connect, parse_listen


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp://127.0.0.1:7007", Address("tcp", "127.0.0.1", 7007)),
        ("tcp://127.0.0.1:7007/", Address("tcp", "127.0.0.1", 7007)),
        ("tcp://localhost:0", Address("tcp", "localhost", 0)),
        ("tcp://[::1]:7007", Address("tcp", "::1", 7007)),
        ("tcp://[fe80::1%eth0]:7", Address("tcp", "fe80::1%eth0", 7)),
        ("udp://0.0.0.0:7", Address("udp", "0.0.0.0", 7)),
        ("tcp://?fd=3", Address("tcp", fd=3)),
        ("tcp://127.0.0.1:7?fd=0", Address("tcp", "127.0.0.1", 7, fd=0)),
        ("unix:///run/echo", Address("unix", path="/run/echo")),
        ("unix:///run/echo?mode=0660", Address("unix", path="/run/echo", mode=0o660)),
        ("unix:///run/echo?mode=777&fd=4", Address("unix", path="/run/echo", mode=0o777, fd=4)),
        ("unix:///a%20b%3Fc+d#e", Address("unix", path="/a b?c+d#e")),
        ("unix://?fd=3", Address("unix", fd=3)),
        (
            "tls://localhost:1?cert=/a+b.pem&key=/k%26.pem",
            Address("tls", "localhost", 1, cert="/a+b.pem", key="/k&.pem"),
        ),
        ("tls://?fd=5&cert=c&key=k", Address("tls", fd=5, cert="c", key="k")),
        ("ws://[::1]:8067", Address("ws", "::1", 8067)),
        ("ws://?fd=3", Address("ws", fd=3)),
        ("wss://localhost:0?cert=c&key=k", Address("wss", "localhost", 0, cert="c", key="k")),
    ],
)
def test_an_address_to_listen_on(text: str, address: Address) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp://localhost:7008", Address("tcp", "localhost", 7008)),
        ("tcp://[::1]:7008", Address("tcp", "::1", 7008)),
        ("unix:///run/rpc", Address("unix", path="/run/rpc")),
        ("tls://host:1?ca=/ca.pem&name=other", Address("tls", "host", 1, ca="/ca.pem", name="other")),
        ("tls://host:1", Address("tls", "host", 1)),
    ],
)
def test_an_address_to_connect_to(text: str, address: Address) -> None:
    assert parse_connect(text) == address


def test_a_unix_socket_is_for_its_owner_alone_by_default() -> None:
    assert parse_listen("unix:///run/echo").mode == 0o600


SHAPES = "tcp://HOST:PORT, udp://HOST:PORT, unix:///PATH, tls://HOST:PORT, ws://HOST:PORT, wss://HOST:PORT"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", f"expected one of {SHAPES}"),
        ("7007", f"expected one of {SHAPES}"),
        ("tcp:127.0.0.1:7007", f"expected one of {SHAPES}"),
        (" tcp://127.0.0.1:7007", f"expected one of {SHAPES}"),
        ("TCP://127.0.0.1:7007", f"expected one of {SHAPES}"),
        ("http://127.0.0.1:7007", f"expected one of {SHAPES}"),
        ("tcp://", "expected tcp://HOST:PORT"),
        ("tcp://:7007", "expected tcp://HOST:PORT"),
        ("tcp://127.0.0.1", "expected tcp://HOST:PORT"),
        ("tcp://127.0.0.1:", "expected tcp://HOST:PORT"),
        ("tcp://127.0.0.1:http", "expected tcp://HOST:PORT"),
        ("tcp://127.0.0.1:-1", "expected tcp://HOST:PORT"),
        ("tcp://127.0.0.1:7/path", "expected tcp://HOST:PORT"),
        ("tcp://user@127.0.0.1:7", "expected tcp://HOST:PORT"),
        ("tcp://127.0.0.1:7#top", "expected tcp://HOST:PORT"),
        ("tcp://two words:7", "expected tcp://HOST:PORT"),
        ("tcp://[::1:7", "expected tcp://HOST:PORT"),
        ("tcp://127.0.0.1:65536", "the port must be 0 to 65535, not '65536'"),
        ("tcp://127.0.0.1:99999999999", "the port must be 0 to 65535, not '99999999999'"),
        ("tcp://::1:7007", "an IPv6 address goes in brackets: tcp://[::1]:PORT"),
        ("tcp://[localhost]:7", "'localhost' is not an IPv6 address"),
        ("tcp://[]:7", "'' is not an IPv6 address"),
        ("unix://run/echo", "expected unix:///PATH, with three slashes"),
        ("unix://", "expected unix:///PATH"),
        ("unix:///a%00b", "a control character has no place in an address"),
        ("unix:///a%0Ab", "a control character has no place in an address"),
        ("unix:///a%FF", "what %XX stands for must be UTF-8"),
        ("unix:///a?mode=rw", "mode must be permission bits such as 0660, not 'rw'"),
        ("unix:///a?mode=888", "mode must be permission bits such as 0660, not '888'"),
        ("unix:///a?mode=1777", "mode must be permission bits such as 0660, not '1777'"),
        ("tcp://h:1?fd=x", "fd must be a descriptor's number, not 'x'"),
        ("tcp://h:1?fd=-1", "fd must be a descriptor's number, not '-1'"),
        ("tcp://h:1?fd=+3", "fd must be a descriptor's number, not '+3'"),
        ("tcp://h:1?fd=1_0", "fd must be a descriptor's number, not '1_0'"),
        ("tcp://h:1?fd=2147483648", "fd must be a descriptor's number, not '2147483648'"),
        ("tcp://h:1?fd=", "fd needs a value"),
        ("tcp://h:1?fd", "fd needs a value"),
        ("tcp://h:1?fd=3&fd=4", "fd is given twice"),
        ("tcp://h:1?mode=0660", "unknown parameter 'mode' (known for tcp: fd)"),
        ("tcp://h:1?&fd=3", "unknown parameter '' (known for tcp: fd)"),
        ("tls://h:1?crt=a", "unknown parameter 'crt' (known for tls: cert, fd, key)"),
        ("tls://h:1", "tls needs ?cert=FILE&key=FILE"),
        ("tls://h:1?cert=a", "tls needs ?cert=FILE&key=FILE"),
        ("tls://h:1?key=a", "tls needs ?cert=FILE&key=FILE"),
        ("wss://h:1", "wss needs ?cert=FILE&key=FILE"),
        ("ws://h:1?cert=a", "unknown parameter 'cert' (known for ws: fd)"),
        ("tcp://h:1?proxy=1", "unknown parameter 'proxy' (known for tcp: fd)"),
        ("ws://h:1/path", "expected ws://HOST:PORT"),
    ],
)
def test_an_address_that_cannot_be_listened_on_says_why(text: str, why: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_listen(text)
    assert str(caught.value) == f"{text}: {why}"


@pytest.mark.parametrize(
    "text",
    [
        "tcp://127.0.0.1:1?proxy=1",
        "tls://127.0.0.1:1?cert=c&key=k&proxy=1",
        "ws://127.0.0.1:1?proxy=1",
        "wss://?fd=3&proxy=1&cert=c&key=k",
    ],
)
def test_a_service_may_let_a_proxy_speak_for_its_clients(text: str) -> None:
    assert parse_listen(text, proxy=True).proxy
    assert not parse_listen(text.replace("proxy=1", "proxy=0"), proxy=True).proxy
    with pytest.raises(AddressError, match=r"unknown parameter 'proxy'"):
        parse_listen(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tcp://h:1?proxy=yes", "proxy must be 0 or 1, not 'yes'"),
        ("tcp://h:1?proxy", "proxy needs a value"),
        ("unix:///a?proxy=1", "unknown parameter 'proxy' (known for unix: fd, mode)"),
        ("udp://h:1?proxy=1", "unknown parameter 'proxy' (known for udp: fd)"),
    ],
)
def test_a_proxy_that_cannot_be_meant_says_why(text: str, why: str) -> None:
    """A unix socket has no address to believe, and a datagram no beginning."""
    with pytest.raises(AddressError) as caught:
        parse_listen(text, proxy=True)
    assert str(caught.value) == f"{text}: {why}"


@pytest.mark.parametrize(
    "text", ["tcp://a\nb:7", "tcp://a\0:7", "unix:///a\tb", "tcp://a:7\r", "tcp://\udcff:7"]
)
def test_a_control_character_is_shown_escaped(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_listen(text)
    assert str(caught.value) == f"{text!r}: a control character has no place in an address"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("udp://h:1", "expected one of tcp://HOST:PORT, unix:///PATH, tls://HOST:PORT"),
        ("tcp://h:0", "expected tcp://HOST:PORT"),
        ("tcp://h", "expected tcp://HOST:PORT"),
        ("unix://", "expected unix:///PATH"),
        ("tcp://h:1?fd=3", "unknown parameter 'fd' (known for tcp: none)"),
        ("tls://h:1?cert=a", "unknown parameter 'cert' (known for tls: ca, name)"),
    ],
)
def test_an_address_that_cannot_be_connected_to_says_why(text: str, why: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_connect(text)
    assert str(caught.value) == f"{text}: {why}"


def test_a_scheme_that_the_service_does_not_speak_is_refused() -> None:
    with pytest.raises(AddressError, match=r"expected one of tcp://HOST:PORT, unix:///PATH$"):
        parse_listen("udp://127.0.0.1:7", ("tcp", "unix"))


@pytest.mark.parametrize(
    "text",
    [
        *("tcp://127.0.0.1:7007", "udp://[::1]:7", "unix:///run/echo", "tcp://?fd=3", "tls://host:1"),
        *("ws://[::1]:8067", "wss://host:443"),
    ],
)
def test_an_address_shows_as_it_is_written(text: str) -> None:
    query = "?cert=c&key=k" if text.startswith(("tls", "wss")) else ""
    assert str(parse_listen(text + query)) == text


def test_an_address_at_the_port_it_got() -> None:
    assert str(parse_listen("tcp://127.0.0.1:0").at(port=43127)) == "tcp://127.0.0.1:43127"


def test_a_listener_that_cannot_be_opened_is_one_line() -> None:
    error = CannotListen(parse_listen("tcp://127.0.0.1:7"), "Permission denied")
    assert str(error) == "cannot listen on tcp://127.0.0.1:7: Permission denied"


PARTS = [f"{scheme}://" for scheme in SCHEMES]
PARTS += ["[", "]", "::1", ":", "/", "?", "&", "=", "fd", "mode", "cert", "key", "%", "%00", "%ff", "@", "#"]
PARTS += ["proxy", "1"]
PARTS += ["7", "0660", "a", "\n", "\N{FULLWIDTH DIGIT NINE}", "\udcff"]


@given(text=st.lists(st.sampled_from(PARTS), max_size=12).map("".join) | st.text(max_size=40))
@example(text="tcp://h:\N{FULLWIDTH DIGIT NINE}")
@example(text="tcp://h:1?fd=" + "9" * 5000)
@example(text="tcp://h:" + "9" * 5000)
def test_nothing_but_an_address_error_of_one_line_is_raised(text: str) -> None:
    for parse in (parse_listen, parse_connect, partial(parse_listen, proxy=True)):
        try:
            shown = str(parse(text))
        except AddressError as error:
            shown = str(error)
        assert shown.isprintable()
