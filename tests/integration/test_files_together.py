"""files through sockets: two who want the same file."""

from __future__ import annotations

import os

import pytest

from tests.ftp_client import finish
from tests.ftp_servers import Files, Login, OwnFiles

overs = pytest.mark.parametrize("over", ["tcp", "auth"])
ONE = b"one of them " * 10_000
TWO = b"and the other " * 5_000


@overs
def test_the_last_complete_upload_wins_and_there_is_never_a_mixture(
    login: Login, files: Files, name: str, over: str
) -> None:
    one, two, three = (login(over=over) for _ in range(3))
    here = [ftp.begin(f"STOR {name}") for ftp in (one, two, three)]
    for number, data in enumerate(here):
        data.send(bytes([number]) * 300_000)
    assert not (files.root / name).exists()
    for number in (1, 0):
        finish(here[number])
        (one, two)[number].hears(226)
        assert (files.root / name).read_bytes() == bytes([number]) * 300_000
    here[2].reset()
    three.hears(426)
    assert (files.root / name).read_bytes() == bytes(300_000)


def test_two_uploads_under_their_own_name_are_one_too_many(own_files: OwnFiles) -> None:
    files = own_files("--uploads=direct")
    with files.login() as one, files.login() as two, one.begin("STOR tea") as data:
        data.send(ONE)
        two.passive()
        two.does("STOR tea", 450)
        finish(data)
        one.hears(226)
        assert (files.root / "tea").read_bytes() == ONE
        two.give("STOR tea", TWO)


def test_a_file_may_go_or_be_renamed_while_it_is_sent(login: Login, files: Files, name: str) -> None:
    content = os.urandom(3_000_000)
    for command in (f"DELE {name}", f"RNFR {name}"):
        (files.root / name).write_bytes(content)
        ftp, other = login(), login()
        with ftp.begin(f"RETR {name}", buffer=4096) as data:
            data.read(1)
            other.does(command, 250 if command.startswith("DELE") else 350)
            if command.startswith("RNFR"):
                other.does(f"RNTO {name}.new", 250)
            assert data.read_to_end() == content[1:]
        ftp.hears(226)
        assert not (files.root / name).exists()


def test_a_file_may_go_while_its_successor_arrives(login: Login, files: Files, name: str) -> None:
    (files.root / name).write_bytes(b"before")
    ftp, other = login(), login()
    with ftp.begin(f"STOR {name}") as data:
        data.send(ONE)
        os.unlink(files.root / name)
        other.does(f"DELE {name}", 450)  # of the upload, which is in use
        finish(data)
    ftp.hears(226)
    assert (files.root / name).read_bytes() == ONE


def test_a_directory_may_go_while_a_file_arrives_in_it(login: Login, files: Files, name: str) -> None:
    """The part is gone with it, or was moved with it: the upload is where its directory is, or fails."""
    (files.root / name).mkdir()
    ftp, other = login(), login()
    with ftp.begin(f"STOR {name}/tea") as data:
        data.send(ONE)
        other.does(f"RNFR {name}", 350)
        other.does(f"RNTO {name}.new", 250)
        finish(data)
    ftp.hears(226)
    assert (files.root / f"{name}.new" / "tea").read_bytes() == ONE
