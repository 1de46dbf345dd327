"""Chat's load: every line to every member, once and in order, or the window says what was amiss."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compare.contenders import TABLE, Contender
from compare.load import chatters, fanout, members
from compare.load.__main__ import Worker
from compare.load.jobs import Job
from compare.measure import HERE
from compare.process import Server

MISBEHAVING = Path(__file__).with_name("chat_contender.py")
NULL = Contender(
    "null",
    "chat",
    "control",
    "",
    (sys.executable, str(HERE / "load" / "null_chat.py"), "{port}"),
    dialect="irc",
)
BARE = [one for one in TABLE if one.service == "chat" and one.kind == "bare"]


def _job(server: Server, **more: object) -> Job:
    words: dict[str, object] = {
        "kind": "fanout",
        "dialect": "irc",
        "port": server.port,
        "connections": 6,
        "size": 64,
        "warmup": 0.01,
        "seconds": 0.05,
        "pid": server.pid,
    }
    return Job(**{**words, **more})  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=[*BARE, NULL], ids=lambda one: one.name)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(request.param, None) as one:
        one.start()
        yield one


@pytest.mark.parametrize("depth", [1, 32])
def test_deliveries_are_lines_times_members(server: Server, depth: int) -> None:
    found = Worker().do(_job(server, depth=depth))
    assert found.problem == ""
    assert found.connections == 6
    assert found.operations == sum(found.series) > 0
    assert found.operations % (5 * depth) == 0
    assert len(found.series) == 10
    assert found.server_cpu > 0
    assert found.generator_cpu > 0


def test_registrations_are_counted_by_the_crowd(server: Server) -> None:
    found = Worker().do(_job(server, kind="registration"))
    assert found.problem == ""
    assert found.operations == sum(found.series) > 0
    assert found.server_cpu > 0


def test_idle_members_are_held_until_released(server: Server) -> None:
    worker = Worker()
    assert worker.do(_job(server, kind="idle", connections=20)).connections == 20
    assert len(worker.held) == 20
    assert worker.do(Job(kind="release")).problem == ""
    assert worker.held == []


def _problem(how: str, monkeypatch: pytest.MonkeyPatch, **more: object) -> str:
    monkeypatch.setattr(members, "PATIENCE", 0.5)
    monkeypatch.setattr(fanout, "PATIENCE", 0.5)
    command = (sys.executable, str(MISBEHAVING), "{port}", how)
    with Server(Contender(how, "chat", "yours", "", command, dialect="irc"), None) as server:
        server.start()
        return Worker().do(_job(server, **more)).problem


@pytest.mark.parametrize("tags", [False, True])
@pytest.mark.parametrize("depth", [1, 2])
def test_one_that_relays_as_it_should_is_measured(
    monkeypatch: pytest.MonkeyPatch, depth: int, tags: bool
) -> None:
    assert _problem("well", monkeypatch, depth=depth, tags=tags) == ""


@pytest.mark.parametrize("tags", [False, True])
@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("twice", "out of turn|got besides"),
        ("swaps", "out of turn"),
        ("changes", "out of turn"),
        ("forgets", "a member got nothing for"),
        ("leaves", "the server closed the connection"),
        ("echoes", "got besides"),
    ],
)
def test_what_one_member_gets_wrongly_is_noticed(
    monkeypatch: pytest.MonkeyPatch, how: str, why: str, tags: bool
) -> None:
    """Rule 4: same message bytes, checked on arrival, for all."""
    found = _problem(how, monkeypatch, depth=2, tags=tags)
    assert any(words in found for words in why.split("|")), found


@pytest.mark.parametrize(
    ("how", "why"), [("same id", "the same msgid twice"), ("no tags", "no time and msgid")]
)
def test_tags_are_read_in_every_line(monkeypatch: pytest.MonkeyPatch, how: str, why: str) -> None:
    assert why in _problem(how, monkeypatch, depth=2, tags=True)


@pytest.mark.parametrize(("how", "why"), [("refuses", "refused: b':it 433"), ("keeps out", "could not join")])
def test_one_that_does_not_let_members_in_is_quoted(
    monkeypatch: pytest.MonkeyPatch, how: str, why: str
) -> None:
    assert why in _problem(how, monkeypatch)


@pytest.mark.parametrize("contender", BARE, ids=lambda one: one.name)
def test_a_member_pings_beside_one_who_floods(contender: Contender) -> None:
    """The pings are counted each, and the answers to the flood are compared."""
    with Server(contender, None) as server:
        server.start()
        found = Worker().do(_job(server, kind="fairness", connections=2, rate=200, seconds=0.2))
    assert found.problem == ""
    assert found.intended == found.samples + found.unsent == 40


def test_a_flood_that_is_answered_wrongly_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    learn = chatters.Chatter.__init__

    def wrongly(self: chatters.Chatter, member: members.Member, words: bytes) -> None:
        learn(self, member, words)
        self.expected = self.expected.replace(b"fff", b"ffg")

    monkeypatch.setattr(chatters.Chatter, "__init__", wrongly)
    with Server(BARE[0], None) as server:
        server.start()
        found = Worker().do(_job(server, kind="fairness", connections=2, rate=200, seconds=0.2))
    assert found.problem == "the flood was answered wrongly"
