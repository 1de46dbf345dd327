"""Transfers: what is sent when, how each end is answered, what the store holds afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.files.orders import Connect, Listen, Outcome
from protocols.files.settings import FilesPassive, FilesSettings, FilesTLS, FilesUser
from protocols.files.store import Problem, StoreError
from protocols.files.transfer import Download, File, Terms, Upload, open_download
from protocols.session import Peer
from stores.files_memory import MemoryFiles, MemoryReader, MemoryTree
from tests.core.files import ANN, FIRST_PORT, Client, World


@pytest.fixture(params=[True, False], ids=["quick store", "slow store"])
def world(request: pytest.FixtureRequest) -> World:
    return World(MemoryFiles(quick=request.param).add("tea", b"green\nblack\n").add("pub/a", b"a"))


# -- how it ends -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.NOT_CONNECTED, 425),
        (Outcome.TLS_FAILED, 522),
        (Outcome.NOT_RESUMED, 522),
        (Outcome.RESET, 426),
        (Outcome.TRUNCATED, 426),
        (Outcome.STALLED, 426),
        (Outcome.FAILED, 451),
        (Outcome.CANCELLED, 426),
    ],
)
@pytest.mark.parametrize("command", ["RETR tea", "STOR new", "APPE tea", "STOU", "LIST"])
def test_what_did_not_end_well_is_never_226(world: World, outcome: Outcome, code: int, command: str) -> None:
    """RFC 959 §4.2.2.  An upload cut by RST is 426, and nothing of it has its final name."""
    client = world.login()
    assert client.codes("PASV", command, "NOOP") == [227, 150]
    if isinstance(client.transfer, Upload):
        client.write(b"half")
    before = dict(world.store.nodes)
    assert [int(line[:3]) for line in client.finish(outcome)] == [code, 200]
    assert world.store.nodes == before
    assert world.store.content("tea") == b"green\nblack\n"
    assert world.store.open == set()


def test_a_transfer_without_a_connection_to_use_is_425(world: World) -> None:
    client = world.login()
    assert client.codes("RETR tea", "STOR x", "LIST", "PASV", "RETR tea") == [425, 425, 425, 227, 150]
    client.download()
    assert client.codes("RETR tea") == [226, 425]


def test_what_is_refused_leaves_the_listener_for_the_next(world: World) -> None:
    client = world.login()
    assert client.codes("PASV", "RETR missing", "RETR tea") == [227, 550, 150]


def test_a_file_that_became_shorter_is_not_whole(world: World) -> None:
    """Nobody is told 226 for less than there was."""
    client = world.login()
    client.send("PASV", "RETR tea")
    del world.store.nodes["tea",].data[5:]
    assert client.download() == b"green"
    assert client.codes() == [451]


def test_the_reply_of_a_complete_upload_waits_for_the_store() -> None:
    """226 is said once the file has its final name, which may take a while (fsync)."""
    world = World(MemoryFiles(quick=False))
    client = world.login()
    client.send("PASV", "STOR x", "NOOP")
    world.run_calls = False
    assert client.upload(b"data") == []
    assert world.store.content("x") is None
    client.answer(client.calls.pop())
    assert client.codes() == [226, 200]
    assert world.store.content("x") == b"data"


def test_a_store_that_cannot_keep_an_upload_is_no_226(world: World) -> None:
    client = world.login()
    client.send("PASV", "STOR d/x", "MKD d", "STOR d/x")
    client.write(b"data")
    del world.store.nodes["d",]
    client.transfer.end()  # type: ignore[union-attr]
    assert client.finish()[0].startswith("550")
    assert world.store.open == set()


def test_a_commit_that_no_thread_has_begun_is_given_up_with_its_client() -> None:
    world = World(MemoryFiles(quick=False))
    for runs in (False, True):
        client = world.login()
        client.send("PASV", "STOR x")
        world.run_calls = False
        client.upload(b"data")
        call = client.calls.pop()
        if runs:
            call.function(*call.args)
        client.lose()
        if not runs:
            call.function(*call.args)
        world.run_calls = True
        assert world.store.content("x") == (b"data" if runs else None)
        assert world.store.open == set()


def test_an_error_of_the_store_that_is_none_of_its_words_is_451(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bug in a store costs one answer; its words are for our log."""

    def broken(*args: object) -> None:
        raise ValueError("secret path")

    monkeypatch.setattr(MemoryTree, "open_read", broken)
    assert world.login().send("PASV", "RETR tea", "NOOP")[1:] == [
        "451 Local error in processing.", "200 Done."]  # fmt: skip
    assert "secret path" in caplog.text


# -- ABOR --------------------------------------------------------------------------------


def test_abor_with_nothing_to_abort(world: World) -> None:
    """RFC 959 §4.1.3: 225."""
    client = world.login()
    assert client.codes("ABOR", "PASV", "ABOR", "LIST") == [225, 227, 225, 150]


@pytest.mark.parametrize("command", ["RETR tea", "STOR x", "LIST"])
def test_abor_overtakes_what_waits(world: World, command: str) -> None:
    """RFC 959 §4.1.3: 426 for the transfer, then 226; what was queued before runs after them."""
    client = world.login()
    said = client.codes("PASV", command, "NOOP", "ABOR", "PWD")
    if not world.store.quick:
        said.insert(1, 150)  # ABOR came before the file was open
    assert said == [227, 150, 426, 226, 200, 257]
    assert world.store.open == set()


def test_abor_while_the_file_is_being_opened() -> None:
    world = World(MemoryFiles(quick=False).add("tea", b"green"))
    client = world.login()
    client.send("PASV")
    world.run_calls = False
    assert client.codes("RETR tea", "NOOP", "ABOR", "ABOR") == [225]
    client.answer(client.calls.pop())
    assert client.codes() == [426, 226, 200]
    assert client.begun is None
    assert world.store.open == set()


def test_abor_after_the_last_byte(world: World) -> None:
    """The transfer was complete when ABOR came: both are 226 (RFC 959 §4.1.3, case 1)."""
    client = world.login()
    client.send("PASV", "RETR tea")
    transfer = client.transfer
    client.begun = None
    while transfer.read(99):  # type: ignore[union-attr]
        pass
    client.session.received(b"ABOR\r\n", 0.0)
    client.report(client.session.finished, transfer, Outcome.COMPLETE)
    assert client.codes() == [226, 226]


def test_an_upload_that_was_aborted_is_not_whole_because_it_ended(world: World) -> None:
    """ABOR, then the client's FIN on the data connection: that is no complete file."""
    client = world.login()
    client.send("PASV", "STOR x")
    client.write(b"half")
    transfer = client.transfer
    client.begun = None
    client.session.received(b"ABOR\r\n", 0.0)
    client.report(client.session.finished, transfer, Outcome.COMPLETE)
    assert client.codes() == [426, 226]
    assert world.store.content("x") is None


def test_stat_is_answered_during_a_transfer(world: World) -> None:
    client = world.login()
    client.send("PASV", "STOR x", "NOOP")
    client.write(b"12345")
    assert " STOR /x: 5 bytes so far" in client.send("STAT")
    assert client.send("STAT tea") == [], "with a path it waits"
    assert [line[:3] for line in client.upload(b"")][:2] == ["226", "200"]


@pytest.mark.parametrize(
    "end",
    [
        lambda client: client.end(),
        lambda client: client.lose(),
        lambda client: client.send("ABOR"),
    ],
    ids=["FIN", "RST", "ABOR"],
)
@pytest.mark.parametrize("late", [0.0, 0.009])
def test_a_client_that_dies_just_after_its_data_has_sent_no_whole_file(
    end: Callable[[Client], object], late: float
) -> None:
    """Its data connection ends microseconds before the control connection: 226 has to wait for that."""
    world = World(limits={"upload_grace": 0.01})
    client = world.login()
    client.send("PASV", "STOR x")
    assert client.upload(b"half", lambda data: [data]) == []
    world.pass_time(late)
    end(client)
    world.pass_time(1.0)
    assert world.store.content("x") is None
    assert world.store.open == set()
    assert world.login().send("SIZE x") == ["213 4"]


def test_the_grace_of_an_upload_ends_and_the_stop_waits_for_it() -> None:
    world = World(limits={"upload_grace": 0.01})
    client = world.login()
    client.send("PASV", "STOR x", "NOOP")
    client.upload(b"whole")
    assert client.drain() == []
    assert world.store.content("x") is None
    world.pass_time(0.011)
    assert client.codes() == [226, 421]
    assert world.store.content("x") == b"whole"


@pytest.mark.parametrize("close_notify", ["require", "accept"])
def test_over_tls_close_notify_says_that_a_file_is_whole(close_notify: Literal["require", "accept"]) -> None:
    world = World(limits={"upload_grace": 0.01})
    world.server.settings = FilesSettings(tls=FilesTLS(close_notify=close_notify), users={"ann": ANN})
    client = world.login(tls="TLSv1.3 X")
    client.send("PASV", "STOR x")
    assert bool(client.upload(b"whole")) is (close_notify == "require")


# -- uploads -----------------------------------------------------------------------------


def test_an_upload_is_seen_by_nobody_but_its_owner_until_it_is_whole(world: World) -> None:
    ann, bob = world.login(), world.login("bob")
    ann.send("PASV", "STOR x")
    ann.write(b"half")
    other = world.login()
    assert other.send("SIZE x") == ["213 4"]
    assert other.codes("MDTM x", "RNFR x", "PASV", "RETR x", "LIST x") == [550, 550, 227, 550, 550]
    assert other.retr("NLST") == b"tea\r\npub\r\n"
    assert bob.codes("SIZE x") == [550]
    assert [line[:3] for line in ann.upload(b"whole")] == ["226"]
    assert bob.retr("RETR x") == b"halfwhole"


@pytest.mark.parametrize("resume", [["APPE x"], ["REST 4", "STOR x"]])
def test_a_cut_upload_is_resumed(world: World, resume: list[str]) -> None:
    """curl asks SIZE and says APPE; lftp says REST and STOR (RFC 3659 §5)."""
    client = world.login()
    client.send("PASV", "STOR x")
    client.write(b"half")
    client.finish(Outcome.RESET)
    assert client.send("SIZE x") == ["213 4"]
    assert client.codes("PASV", *resume)[-1] == 150
    assert [line[:3] for line in client.upload(b"done")] == ["226"]
    assert world.store.content("x") == b"halfdone"
    assert world.store.parts == {}


def test_who_reads_what_is_being_replaced_gets_the_whole_file(world: World) -> None:
    client = world.login()
    client.send("PASV", "STOR tea")
    client.write(b"half")
    client.finish(Outcome.RESET)
    assert client.retr("RETR tea") == b"green\nblack\n"
    assert b" 12 " in client.retr("LIST tea")


@pytest.mark.parametrize("asked", ["SIZE tea", "MLST tea"])
def test_nobody_takes_the_size_of_a_cut_upload_for_that_of_the_file(world: World, asked: str) -> None:
    """curl ends a download at the size that it was told, and says that all is well."""
    client = world.login()
    client.send("PASV", "STOR tea")
    client.write(b"half")
    client.finish(Outcome.RESET)
    assert client.codes(asked, "PASV", "RETR tea")[-1] == 450
    assert client.retr("RETR tea") == b"green\nblack\n"
    assert client.codes(asked, "DELE pub/x", "REST 4", "PASV", "STOR tea")[-1] == 150
    client.upload(b"whole")
    assert client.retr("RETR tea") == b"halfwhole"


def test_a_cut_upload_as_large_as_the_file_misleads_nobody(world: World) -> None:
    client = world.login()
    client.send("PASV", "STOR tea")
    client.write(b"x" * 12)
    client.finish(Outcome.RESET)
    assert client.send("SIZE tea") == ["213 12"]
    assert client.retr("RETR tea") == b"green\nblack\n"


@pytest.mark.parametrize("resume", [["APPE x"], ["REST 4", "STOR x"]])
def test_nobody_resumes_an_upload_that_still_runs(world: World, resume: list[str]) -> None:
    """A client whose connection was cut may be back before we know."""
    one, two = world.login(), world.login()
    one.send("PASV", "STOR x")
    one.write(b"half")
    assert two.codes("SIZE x", "PASV", *resume)[-1] == 450
    one.finish(Outcome.RESET)
    assert two.codes("PASV", *resume)[-1] == 150
    two.upload(b"done")
    assert world.store.content("x") == b"halfdone"


def test_what_was_cut_before_the_file_was_replaced_is_not_gone_on_with(world: World) -> None:
    world.server.settings = FilesSettings(users={"ann": ANN, "bob": ANN})
    ann, bob = world.login(), world.login("bob")
    ann.send("PASV", "STOR x")
    ann.write(b"long ago")
    ann.finish(Outcome.RESET)
    assert bob.stor("STOR x", b"new") == [226]
    assert ann.send("SIZE x") == ["213 3"]
    assert ann.stor("APPE x", b"er") == [226]
    assert world.store.content("x") == b"newer"


def test_appe_that_is_cut_leaves_what_was_there(world: World) -> None:
    client = world.login()
    client.send("PASV", "APPE tea")
    client.write(b"more")
    client.finish(Outcome.RESET)
    assert world.store.content("tea") == b"green\nblack\n"


def test_stou_names_the_file_in_150(world: World) -> None:
    """RFC 1123 §4.1.2.9: "150 FILE: pppp", and never the name of a file that is there."""
    client = world.login()
    assert client.send("PASV", "STOU tea")[1] == "150 FILE: /tea.1"
    client.upload(b"x")
    client.send("PASV", "CWD pub")
    assert client.send("STOU")[-1] == "150 FILE: /pub/upload"
    client.upload(b"y")
    assert (world.store.content("tea.1"), world.store.content("pub/upload")) == (b"x", b"y")


def test_the_last_complete_upload_wins(world: World) -> None:
    one, two = world.login(), world.login()
    one.send("PASV", "STOR x")
    two.send("PASV", "STOR x")
    one.write(b"111")
    two.write(b"22")
    two.upload(b"22")
    assert world.store.content("x") == b"2222"
    one.upload(b"111")
    assert world.store.content("x") == b"111111"


def test_a_full_disk_is_452_and_what_was_there_is_untouched() -> None:
    """RFC 959 §4.2.2: "insufficient storage space"."""
    world = World(MemoryFiles(room=4).add("x", b"before"))
    client = world.login()
    assert client.stor("STOR x", b"12345") == [452]
    assert world.store.content("x") == b"before"


@pytest.mark.parametrize(("command", "fits"), [("STOR x", 10), ("APPE tea", 8), ("STOU", 10)])
def test_an_upload_over_its_bound_is_552(command: str, fits: int) -> None:
    """`upload_bytes` bounds what the file has in the end."""
    for size in (fits, fits + 1):
        world = World(MemoryFiles().add("tea", b"12"), limits={"upload_bytes": 10})
        client = world.login()
        client.send("PASV", command)
        codes = [line[:3] for line in client.upload(b"x" * size, lambda data: [data[:3], data[3:]])]
        assert codes == (["226"] if size == fits else ["552"])


# -- TYPE, REST, RANG --------------------------------------------------------------------


@given(data=st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"x", b""])).map(b"".join), seed=st.integers())
def test_ascii_loses_nothing_wherever_it_is_cut(data: bytes, seed: int) -> None:
    """RFC 959 §3.1.1.1: CR LF is the line end; a lone CR, also the last byte, stays."""

    def cut(data: bytes) -> list[bytes]:
        at = sorted(random.Random(seed).choices(range(len(data) + 1), k=4))
        return [data[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True)]

    world = World()
    client = world.login()
    client.send("TYPE A", "PASV", "STOR x")
    assert client.upload(data, cut)[0].startswith("226")
    assert world.store.content("x") == data.replace(b"\r\n", b"\n")


@given(data=st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"x"])).map(b"".join), size=st.integers(1, 9))
def test_ascii_there_and_back_is_the_same(data: bytes, size: int) -> None:
    """What a file holds is what comes back from a client that sends what it was sent."""
    world = World(MemoryFiles().add("x", data))
    client = world.login()
    client.send("TYPE A", "PASV", "RETR x")
    sent = client.download(size)
    assert b"\n" not in sent.replace(b"\r\n", b"")
    client.codes()
    assert client.stor("STOR y", sent) == [226]
    assert world.store.content("y") == data


def test_rest_begins_behind_and_holds_for_one_transfer(world: World) -> None:
    """RFC 3659 §5; the value survives PASV and TYPE."""
    client = world.login()
    assert client.codes("REST 6", "TYPE A", "TYPE I") == [350, 200, 200]
    assert client.retr("RETR tea") == b"black\n"
    assert client.retr("RETR tea") == b"green\nblack\n"
    assert client.codes("REST 12", "PASV", "RETR tea") == [350, 227, 150]
    assert client.download() == b""
    assert client.codes("REST 13", "PASV", "RETR tea", "REST x", "REST -1") == [226, 350, 227, 554, 501, 501]


def test_rest_and_rang_count_bytes_and_not_lines(world: World) -> None:
    client = world.login()
    assert client.codes("TYPE A", "REST 3", "PASV", "RETR tea", "REST 3", "STOR tea") == [
        200, 350, 227, 504, 350, 504]  # fmt: skip
    assert client.codes("REST 3", "LIST") == [350, 150], "a listing has no bytes to begin at"


def test_rang_limits_a_download(world: World) -> None:
    """draft-bryan-ftp-range: first and last byte."""
    client = world.login()
    client.codes("RANG 2 4")
    assert client.retr("RETR tea") == b"een"
    client.codes("RANG 6 100")
    assert client.retr("RETR tea") == b"black\n"
    assert client.codes("RANG 2 1") == [350]
    assert client.retr("RETR tea") == b"green\nblack\n"
    assert client.codes("RANG 1 2", "PASV", "STOR x", "RANG 1") == [350, 227, 501, 501]


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


# -- permissions -------------------------------------------------------------------------


def test_each_permission_is_asked_for() -> None:
    """What a user may not do is 550, before the store is asked."""
    needs = {
        "RETR x": "read", "STOR x": "write", "STOU": "write", "APPE x": "append", "LIST": "list",
        "NLST": "list", "MLSD": "list", "MLST x": "list", "SIZE x": "list", "MDTM x": "list",
        "STAT x": "list", "DELE x": "delete", "RMD d": "delete", "RNFR x": "rename", "RNTO y": "rename",
        "MKD e": "mkdir", "SITE CHMOD 644 x": "chmod", "MFMT 20200101000000 x": "mtime",
        "MDTM 20200101000000 x": "mtime", "HASH x": "read", "XSHA256 x": "read",
    }  # fmt: skip
    for command, permission in needs.items():
        every = set(needs.values())
        may_not = FilesUser(password="sesame", permissions=tuple(every - {permission}))
        world = World(MemoryFiles().add("x", b"x").add("d"), users={"ann": may_not})
        assert world.login().codes("PASV", command) == [227, 550], command
        may = FilesUser(password="sesame", permissions=("list", permission))
        world = World(MemoryFiles().add("x", b"x").add("d"), users={"ann": may})
        assert 550 not in world.login().codes("PASV", command), command


def test_the_log_says_who_moved_what_and_how_it_ended(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "protocols.files")
    world = World(MemoryFiles().add("tea", b"green"))
    client = world.login()
    client.send("PASV", "RETR tea")
    world.now = 1.5
    client.download()
    client.send("PASV", "STOR a\x1b[2Jb")
    client.write(b"123")
    client.lose()
    assert "192.0.2.1:40000: ann: RETR /tea: 5 bytes in 1.500 s: complete" in caplog.text
    assert "ann: STOR /a\\x1b[2Jb: 3 bytes in 0.000 s: aborted" in caplog.text
    assert "sesame" not in caplog.text
