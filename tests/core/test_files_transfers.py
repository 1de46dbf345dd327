"""Transfers: what is sent when, how each end is answered, what the store holds afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.files.orders import Outcome
from protocols.files.settings import FilesSettings, FilesTLS, FilesUser
from protocols.files.transfer import Upload
from stores.files_memory import MemoryFiles, MemoryTree
from tests.core.files import ANN, Client, World


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
