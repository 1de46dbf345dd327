"""FTP over TLS: AUTH, PBSZ, PROT (RFC 4217)."""

from __future__ import annotations

import pytest

from protocols.files.settings import FilesTLS
from stores.files_memory import MemoryFiles
from tests.core.files import ANN, HASHED, Client, World


@pytest.fixture(params=[True, False], ids=["quick store", "slow store"])
def world(request: pytest.FixtureRequest) -> World:
    """Whether the store answers at once or from a thread, a client can't tell."""
    return World(MemoryFiles(quick=request.param).add("pub/tea.txt", b"green\nblack\n"))


def secured(world: World) -> Client:
    client = world.connect()
    assert client.codes("AUTH SSL") == [234]
    client.secure()
    return client


def test_auth_begins_tls_and_forgets_who_was_logged_in(world: World) -> None:
    """RFC 4217 §4, RFC 2228 §3."""
    client = world.login()
    assert client.codes("AUTH KERBEROS", "AUTH tls") == [504, 234]
    client.secure()
    assert client.codes("PWD", "AUTH TLS", "USER ann", "PASS sesame") == [530, 503, 331, 230]


@pytest.mark.parametrize("glued", [b"USER ann\r\n", b"x", b"\n", b"\x16\x03\x01"])
@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_glued_behind_auth_is_dropped_with_the_connection(glued: bytes, at_once: bool) -> None:
    """RFC 4217 §12: nothing said in the clear may be taken for said in TLS."""
    client = World().connect()
    if at_once:
        assert client.send_bytes(b"AUTH TLS\r\n" + glued) == []
    else:
        client.send_bytes(b"AUTH TLS\r\n")
        client.handshaking = False
        assert client.send_bytes(glued) == []
    assert client.aborted


def test_auth_that_waited_behind_a_call_is_not_glued_to_what_came_before() -> None:
    world = World(users={"ann": HASHED}, run_calls=False)
    client = world.connect()
    client.send("USER ann", "PASS sesame", "AUTH TLS")
    client.answer(client.calls.pop())
    assert client.codes() == [230, 234]
    client = world.connect()
    client.send("USER ann", "PASS sesame", "AUTH TLS", "NOOP")
    client.answer(client.calls.pop())
    assert client.aborted


def test_pbsz_and_prot_in_their_order(world: World) -> None:
    """RFC 4217 §9."""
    assert world.connect().codes("PBSZ 0", "PROT P") == [503, 503]
    client = secured(world)
    assert client.codes("PROT P", "PBSZ x", "PBSZ 65536", "PROT S", "PROT E", "PROT X", "PROT P") == [
        503, 501, 200, 536, 536, 504, 200]  # fmt: skip
    client.send("USER ann", "PASS sesame", "PASV", "LIST")
    assert client.transfer.protected
    client.download()
    client.send("PROT C", "PASV", "LIST")
    assert not client.transfer.protected


def test_implicit_tls_protects_data_from_the_start(world: World) -> None:
    client = world.login(tls="TLSv1.3 X")
    assert client.codes("AUTH TLS", "PASV", "LIST") == [503, 227, 150]
    assert client.transfer.protected


def test_without_a_certificate_there_is_no_auth() -> None:
    client = World(tls=False).connect()
    assert client.codes("AUTH TLS") == [502]
    assert not any("AUTH" in line for line in client.send("FEAT"))


def test_tls_may_be_required() -> None:
    """`require_control` and `require_data`; RFC 4217 §10: 521."""
    world = World(tls=True, users={"ann": ANN})
    settings = world.server.settings
    world.server.settings = type(settings)(
        users={"ann": ANN},
        tls=FilesTLS(require_control=True, require_data=True, resume_data="require", close_notify="accept"),
    )
    assert world.connect().codes("USER ann") == [530]
    client = secured(world)
    assert client.codes("USER ann", "PASS sesame", "PASV", "LIST", "PBSZ 0", "PROT P", "LIST") == [
        331, 230, 227, 521, 200, 200, 150]  # fmt: skip
    assert client.transfer.resumption
    assert client.transfer.truncation


def test_the_stop_in_a_handshake_says_nothing(world: World) -> None:
    client = world.connect()
    client.send("AUTH TLS")
    client.drain()
    assert client.aborted
