"""Data connections: how a transfer comes by one, and what the driver is told of it."""

from __future__ import annotations

import pytest

from protocols.files.orders import Connect, Listen, Outcome
from protocols.files.settings import FilesPassive
from protocols.files.store import Problem, StoreError
from protocols.files.transfer import Download, File, Terms, Upload, open_download
from protocols.session import Peer
from stores.files_memory import MemoryFiles, MemoryReader
from tests.core.files import FIRST_PORT, World

# -- data connections --------------------------------------------------------------------


def test_passive_mode_waits_for_the_listener() -> None:
    """The answer has the port, so it comes when the port is there; what is said meanwhile waits."""
    client = World().login()
    client.session.received(b"PASV\r\nNOOP\r\n", 0.0)
    listen = client.session.waits_for
    assert isinstance(listen, Listen)
    assert (listen.host, listen.port, listen.allow) == ("192.0.2.9", 0, "192.0.2.1")
    client.listening.append(listen)
    client.report(client.session.listening, listen, 1027)
    assert client.lines() == ["227 Entering Passive Mode (192,0,2,9,4,3).", "200 Done."]


def test_epsv_says_the_port_and_refuses_the_other_protocol() -> None:
    """RFC 2428 §3."""
    client = World().login()
    assert client.send("EPSV") == [f"229 Entering Extended Passive Mode (|||{FIRST_PORT}|)"]
    assert client.codes("EPSV 1", "EPSV 2", "EPSV x") == [229, 522, 501]
    assert client.send("EPSV 2") == ["522 Network protocol not supported, use (1)"]


def test_epsv_all_leaves_epsv_alone() -> None:
    """RFC 2428 §4: the server "MUST reject all data connection setup commands other than EPSV"."""
    client = World().login()
    assert client.codes("EPSV ALL", "PASV", "PORT 192,0,2,1,200,1", "EPRT |1|192.0.2.1|51201|", "EPSV") == [
        200, 503, 503, 503, 229]  # fmt: skip


def test_on_ipv6_pasv_points_to_epsv() -> None:
    where = {"host": "2001:db8::1", "local": "2001:db8::9"}
    client = World().login(**where)
    assert client.codes("PASV", "PORT 1,2,3,4,200,1", "EPSV 1", "EPSV 2", "EPRT |2|2001:DB8::1|51201|") == [
        501, 501, 522, 229, 200]  # fmt: skip
    assert isinstance(client.session.via, Connect)
    assert client.session.via.host == "2001:db8::1"
    client = World(passive=FilesPassive(masquerade="203.0.113.7")).login(**where)
    assert client.send("PASV")[0].startswith("227 Entering Passive Mode (203,0,113,7,")


def test_link_local_addresses_keep_the_zone_that_a_socket_needs() -> None:
    """EPRT has no zone, and neither has what is compared."""
    client = World().login(host="fe80::1%eth0", local="fe80::9%eth0")
    assert client.codes("EPRT |2|fe80::1|51201|", "STAT", "LIST") == [200, 211, 150]
    assert client.begun is not None
    assert isinstance(client.begun.via, Connect)
    assert (client.begun.via.host, client.begun.via.local_host) == ("fe80::1%eth0", "fe80::9%eth0")
    client.download()
    client.send("EPSV")
    assert (client.listening[0].host, client.listening[0].allow) == ("fe80::9%eth0", "fe80::1")


def test_mapped_addresses_are_ipv4() -> None:
    """A dual-stack listener reports ::ffff:192.0.2.1; the client knows nothing of it."""
    client = World().login(host="::ffff:192.0.2.1", local="::ffff:192.0.2.9")
    assert client.send("PASV")[0].startswith("227 Entering Passive Mode (192,0,2,9,")
    assert client.codes("PORT 192,0,2,1,200,1", "EPSV 1") == [200, 229]


def test_masquerading_goes_by_the_address_that_was_reached() -> None:
    passive = FilesPassive(masquerade="203.0.113.7", masquerade_map={"192.0.2.9": "203.0.113.8"})
    world = World(passive=passive)
    assert "(203,0,113,8," in world.login().send("PASV")[0]
    assert "(203,0,113,7," in world.login(local="192.0.2.10").send("PASV")[0]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("PORT 192,0,2,1,4,0", 200),
        ("PORT 192,0,2,1,3,255", 501),
        ("PORT 192,0,2,2,200,1", 501),
        ("PORT 192,0,2,1,256,1", 501),
        ("PORT 192,0,2,1,200", 501),
        ("EPRT |1|192.0.2.1|1024|", 200),
        ("EPRT !1!192.0.2.1!1024!", 200),
        ("EPRT |1|192.0.2.1|80|", 501),
        ("EPRT |1|198.51.100.1|1024|", 501),
        ("EPRT |2|2001:db8::1|1024|", 522),
        ("EPRT |1|2001:db8::1|1024|", 501),
        ("EPRT |1|host|1024|", 501),
        ("EPRT |1|192.0.2.1|65536|", 501),
        ("EPRT 1", 501),
    ],
)
def test_active_mode_goes_to_the_client_alone(command: str, code: int) -> None:
    """RFC 2577 §3: no other address and no system port, or the server attacks for others."""
    client = World().login()
    assert client.codes(command, "LIST") == [code, 150 if code == 200 else 425]
    if code == 200:
        assert client.begun is not None
        via = client.begun.via
        assert isinstance(via, Connect)
        assert (via.host, via.port, via.local_host) == ("192.0.2.1", 1024, "192.0.2.9")


def test_a_new_way_closes_the_old_listener() -> None:
    client = World().login()
    client.send("PASV", "PASV", "EPSV")
    assert len(client.listening) == 1
    client.send("PORT 192,0,2,1,200,1")
    assert client.listening == []
    client.send("PASV", "QUIT")
    assert client.listening == []


def test_a_session_without_an_address_has_no_data_connections() -> None:
    world = World()
    client = world.connect(host="", local="")
    client.send("USER ann", "PASS sesame")
    assert client.codes("PASV", "EPSV", "PORT 1,2,3,4,5,6") == [425, 425, 425]


def test_ports_that_others_have_are_passed_over() -> None:
    world = World(passive=FilesPassive(ports=("30000-30003",)))
    world.in_use = {30000, 30001, 30003}
    assert world.login().send("EPSV") == ["229 Entering Extended Passive Mode (|||30002|)"]
    assert sorted(world.server.ports._free) == [30000, 30001, 30003]


def test_ports_run_out_and_come_back(caplog: pytest.LogCaptureFixture) -> None:
    """425, logged once; a port that is given up is free again."""
    world = World(MemoryFiles().add("x", b"x"), passive=FilesPassive(ports=("30000", "30001-30002")))
    clients = [world.login() for _ in range(5)]
    assert [client.codes("PASV")[0] for client in clients] == [227, 227, 227, 425, 425]
    assert caplog.text.count("no passive port is free") == 1
    clients[0].lose()
    assert clients[3].codes("EPSV") == [229]
    clients[1].send("RETR x")
    assert clients[4].codes("PASV") == [425], "the port is in use until the transfer is over"
    clients[1].finish(Outcome.NOT_CONNECTED)
    assert clients[4].codes("PASV") == [227]
    for client in clients[1:]:
        client.lose()
    assert sorted(world.server.ports._free) == [30000, 30001, 30002]


def test_a_listener_that_can_not_be_opened_is_425() -> None:
    world = World(passive=FilesPassive(ports=("30000-30001",)))
    world.descriptors_gone = True
    client = world.login()
    assert client.codes("PASV", "LIST") == [425, 425]
    world.descriptors_gone = False
    assert client.codes("PASV") == [227]


def test_who_comes_from_elsewhere_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    client = World().login()
    client.send("PASV")
    stranger = Peer("198.51.100.66", 1)
    assert client.session.strayed(client.listening[0], stranger, 0.0) == ()
    assert "refused: a data connection from 198.51.100.66:1" in caplog.text


# -- what the driver is told -------------------------------------------------------------


def test_what_sendfile_may_carry() -> None:
    """Binary files with a descriptor, from the offset on; never what has to be converted."""

    class Disk(MemoryReader):
        def fileno(self) -> int | None:
            return 7

    def transfer(text: bool, offset: int, count: int | None) -> Download:
        reader = Disk(MemoryFiles(), bytearray(10), offset)
        return open_download("RETR", "/x", Terms(), reader, text=text, offset=offset, count=count)

    assert transfer(False, 3, None).file() == File(7, 3, None)
    assert transfer(False, 3, 4).file() == File(7, 3, 4)
    assert transfer(True, 0, None).file() is None
    for terms in (Terms(sendfile=False), Terms(protected=True)):
        assert Download("RETR", "/x", terms, Disk(MemoryFiles(), bytearray(10), 0)).file() is None
    sent = transfer(False, 3, None)
    sent.moved(6)
    assert sent.short
    sent.moved(1)
    assert not sent.short
    assert sent.bytes == 7


def test_the_numbers_that_a_driver_obeys_come_from_the_settings() -> None:
    world = World(
        MemoryFiles().add("x", b"x"),
        passive=FilesPassive(timeout=7),
        limits={"rate_down": 1000, "rate_up": 500, "stall": 9.0},
    )
    client = world.login()
    client.send("PASV", "RETR x")
    assert (client.transfer.rate, client.transfer.stall, client.transfer.connect_timeout) == (1000, 9.0, 7)
    client.download()
    client.send("PORT 192,0,2,1,200,1", "STOR y")
    assert (client.transfer.rate, client.transfer.connect_timeout) == (500, 30)


def test_whoever_ends_a_transfer_first_ends_it() -> None:
    """A commit in a thread and a lost connection on the loop: one of them has the file."""
    tree = MemoryFiles().enter("ann", ())
    from protocols.files.store import How

    for first, kept in (("commit", True), ("abandon", False)):
        transfer = Upload("STOR", "/x", Terms(), tree.open_write(("x",), How.REPLACE))
        transfer.write(b"x")
        getattr(transfer, first)()
        transfer.commit()
        transfer.abandon()
        assert (tree.store.content("x") == b"x") is kept
        tree.store.nodes.pop(("x",), None)


def test_what_the_store_refuses_meanwhile_is_kept_for_the_reply() -> None:
    from protocols.files.store import How

    store = MemoryFiles(room=0)
    transfer = Upload("STOR", "/x", Terms(), store.enter("ann", ()).open_write(("x",), How.REPLACE))
    with pytest.raises(StoreError):
        transfer.write(b"x")
    assert transfer.error is not None
    assert transfer.error.problem is Problem.NO_SPACE
