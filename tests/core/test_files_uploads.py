"""Uploads: what is whole, what was cut, who sees it and who goes on with it."""

from __future__ import annotations

import pytest

from protocols.files.orders import Outcome
from protocols.files.settings import FilesSettings
from stores.files_memory import MemoryFiles
from tests.core.files import ANN, World


@pytest.fixture(params=[True, False], ids=["quick store", "slow store"])
def world(request: pytest.FixtureRequest) -> World:
    return World(MemoryFiles(quick=request.param).add("tea", b"green\nblack\n").add("pub/a", b"a"))


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


@pytest.mark.parametrize("size", [12, 13])
def test_a_cut_upload_no_smaller_than_the_file_cuts_off_nobody(world: World, size: int) -> None:
    """Whoever waits for more than there is will say so."""
    client = world.login()
    client.send("PASV", "STOR tea")
    client.write(b"x" * size)
    client.finish(Outcome.RESET)
    assert client.send("SIZE tea") == [f"213 {size}"]
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
