"""The generator of the files workload: what it counts, and what it notices."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hdrh.histogram import HdrHistogram

from compare import files_root, ftp
from compare.contenders import TABLE, Contender
from compare.dialects import WrongAnswer
from compare.load import listing, transfers
from compare.load.__main__ import Worker
from compare.load.jobs import Job, Outcome
from compare.process import Server
from tests.compare.conftest import LARGE, files_contender

SERVERS = [one for one in TABLE if one.service == "files" and one.name in ("gevent", "pyftpdlib")]


def _job(server: Server, **more: object) -> Job:
    words: dict[str, object] = {
        "dialect": "ftp",
        "port": server.port,
        "folder": server.files["root"],
        "pid": server.pid,
        "ca": server.files["ca"],
    }
    return Job(**{**words, **more})  # type: ignore[arg-type]


@pytest.fixture(params=SERVERS, ids=lambda one: one.name)
def server(request: pytest.FixtureRequest, served: dict[str, str]) -> Iterator[Server]:
    with Server(request.param, None, served) as one:
        one.start()
        yield one


@pytest.mark.parametrize("transport", ["tcp", "tls"])
@pytest.mark.parametrize("kind", ["retr", "stor"])
def test_a_large_file_is_counted_in_mib(server: Server, kind: str, transport: str) -> None:
    found = Worker().do(_job(server, kind=kind, transport=transport, size=LARGE))
    assert found.problem == ""
    assert found.operations == LARGE >> 20
    assert found.server_cpu > 0
    assert found.seconds > 0


@pytest.mark.parametrize("kind", ["retr", "login"])
def test_small_files_and_logins_are_counted(
    server: Server, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfers, "SMALL", 20)
    found = Worker().do(_job(server, kind=kind, size=ftp.SMALL_SIZE))
    assert found.problem == ""
    assert (found.operations, found.series) == (20, [2] * 10)
    assert found.server_cpu > 0


@pytest.fixture
def many(served: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ftp, "MANY_FILES", 2000)
    (Path(served["root"]) / ftp.MANY).mkdir()
    for number in range(2000):
        (Path(served["root"]) / ftp.MANY / f"{number}").touch()


@pytest.mark.usefixtures("many")
def test_who_says_noop_beside_a_listing_is_timed(server: Server) -> None:
    found = Worker().do(_job(server, kind="fairness", rate=500, seconds=0.5, connections=2))
    assert found.problem == ""
    assert (found.intended, found.samples, found.connections) == (250, 250, 2)
    assert found.server_cpu > 0
    merged = HdrHistogram.decode(found.histogram)
    assert merged.get_total_count() == 250


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    ("how", "why"),
    [("well", ""), ("cuts", "1,999 lines for 2,000 files"), ("is curt", "NOOP was answered b'502")],
)
def test_a_wrong_listing_or_reply_beside_it_is_noticed(how: str, why: str, served: dict[str, str]) -> None:
    found = _found(files_contender(how), served, kind="fairness", rate=100, seconds=0.1, connections=2)
    assert why in found.problem
    assert bool(found.problem) == bool(why)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(("how", "unanswered"), [("sticks", 0), ("starves", 10)])
def test_who_lets_others_starve_is_measured_all_the_same(
    how: str, unanswered: int, served: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What had no answer counts with how long it had waited by then, and is reported."""
    monkeypatch.setattr(listing, "LONGEST", 0.1)
    found = _found(files_contender(how), served, kind="fairness", rate=100, seconds=0.1, connections=2)
    assert found.problem == ""
    assert (found.samples, found.unanswered, found.operations) == (10, unanswered, 10 - unanswered)
    if unanswered:
        assert HdrHistogram.decode(found.histogram).get_min_value() >= 90_000


def test_idle_sessions_are_held_until_released(server: Server) -> None:
    worker = Worker()
    assert worker.do(_job(server, kind="idle", connections=10)).connections == 10
    assert len(worker.held) == 10
    assert worker.do(Job(kind="release")).problem == ""
    assert worker.held == []


def _found(contender: Contender, files: dict[str, str], **more: object) -> Outcome:
    with Server(contender, None, files) as server:
        server.start()
        return Worker().do(_job(server, **more))


@pytest.mark.parametrize("kind", ["retr", "stor"])
@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("changes", "block 0 came changed"),
        ("cuts", "bytes came|bytes were stored|came changed"),
        ("adds", "bytes came|bytes were stored"),
        ("fails", "not 226 or 250: b'426"),
        ("goes away", "PASV was answered"),
        ("is busy", "not 220: b'421"),
        ("keeps out", "not 331: b'530"),
    ],
)
def test_what_arrives_wrongly_is_noticed(how: str, why: str, kind: str, served: dict[str, str]) -> None:
    """Rule 4: same message bytes, checked on arrival, for all."""
    found = _found(files_contender(how), served, kind=kind, size=LARGE)
    assert any(words in found.problem for words in why.split("|")), found.problem


def test_one_that_moves_them_as_it_should_is_measured(served: dict[str, str]) -> None:
    for kind in ("retr", "stor"):
        assert _found(files_contender("well"), served, kind=kind, size=LARGE).problem == ""


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        (b"220 hello\r\n", b"220 hello\r\n"),
        (b"220 hello", b""),
        (b"220-hello\r\n", b""),
        (
            b"220-hello\r\n220-more\r\n 220 not yet\r\n220 now\r\n226 n",
            b"220-hello\r\n220-more\r\n 220 not yet\r\n220 now\r\n",
        ),
        (b"226 one\r\n226 two\r\n", b"226 one\r\n"),
        (b"", b""),
    ],
)
def test_a_reply_ends_in_its_code_and_a_space(text: bytes, whole: bytes) -> None:
    """RFC 959 §4.2: the last line begins with the same code, "immediately followed by Space"."""
    assert text[: ftp.whole_reply(text)] == whole


def test_a_passive_port_is_the_last_two_numbers() -> None:
    assert ftp.passive_port(b"227 Entering Passive Mode (127,0,0,1,4,1).\r\n") == 1025
    for wrong in (b"227 (10,0,0,1,4,1)\r\n", b"227 nothing\r\n", b"500 what\r\n"):
        with pytest.raises(WrongAnswer):
            ftp.passive_port(wrong)


def test_the_folder_is_gone_afterwards() -> None:
    with files_root.served(LARGE, 3) as folder:
        assert (folder / ftp.LARGE).stat().st_size == LARGE
        assert (folder / ftp.SMALL).stat().st_size == ftp.SMALL_SIZE
        assert len(os.listdir(folder / ftp.MANY)) == 3
    assert not folder.exists()
