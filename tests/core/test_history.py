"""History, in SQLite and in memory: one body for both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.chat.history import History, Kept, Query, Reference, Target, UnknownMessage
from protocols.chat.network.deliveries import EVENT, MESSAGE, TAGS, Line, Remember
from protocols.chat.network.multiline import Multiline
from protocols.chat.settings import ChatHistory
from stores.chat import MIGRATIONS
from stores.database import Database
from stores.history import SqlHistory
from stores.history_memory import MemoryHistory
from tests.core.history import START, TEA, Subcommand, ask, at, fill, msgid, said


@pytest.fixture(params=["sqlite", "memory"])
def history(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[History]:
    if request.param == "memory":
        yield MemoryHistory(20, 5)
        return
    database = Database(str(tmp_path / "chat.db"), MIGRATIONS)
    yield SqlHistory(database, ChatHistory(channel_messages=20, direct_messages=5))
    database.close()


# -- asking ----------------------------------------------------------------------------


@pytest.mark.parametrize("named", [at, msgid])
@pytest.mark.parametrize(
    ("subcommand", "numbers", "limit", "expected"),
    [
        ("LATEST", (), 50, range(10)),
        ("LATEST", (), 5, range(5, 10)),
        ("LATEST", (4,), 50, range(5, 10)),
        ("LATEST", (4,), 2, range(8, 10)),
        ("BEFORE", (6,), 50, range(6)),
        ("BEFORE", (6,), 2, range(4, 6)),
        ("AFTER", (3,), 50, range(4, 10)),
        ("AFTER", (3,), 3, range(4, 7)),
        ("AROUND", (7,), 1, [7]),
        ("AROUND", (7,), 3, range(6, 9)),
        ("AROUND", (0,), 4, range(2)),
        ("BETWEEN", (0, 9), 50, range(1, 9)),
        ("BETWEEN", (9, 0), 50, range(1, 9)),
        ("BETWEEN", (0, 9), 3, range(1, 4)),
        ("BETWEEN", (9, 0), 3, range(6, 9)),
        ("BETWEEN", (4, 4), 50, []),
    ],
)
def test_a_query_gives_what_the_specification_says(
    history: History,
    named: type[Reference],
    subcommand: Subcommand,
    numbers: tuple[int, ...],
    limit: int,
    expected: list[int],
) -> None:
    """draft/chathistory: references are excluded, but AROUND's; "ascending time order"."""
    fill(history)
    references = [named(number) for number in numbers]
    first, second = (*references, None, None)[:2]
    assert ask(history, subcommand, first, second, limit) == list(expected)


def test_messages_of_one_time_keep_their_order(history: History) -> None:
    """ "a consistent message order ... which determinately orders any two messages (even if they share
    a timestamp)"."""
    for number in range(6):
        line = Line(f":a PRIVMSG #tea :{number}", START, None, f"id{number}")
        history.remember(Remember("#tea", line, MESSAGE, "ann"))
    assert ask(history, "BEFORE", msgid(3)) == [0, 1, 2]
    assert ask(history, "AFTER", msgid(3)) == [4, 5]
    assert ask(history, "BEFORE", at(0)) == []
    assert ask(history, "AFTER", at(0)) == []


def test_a_clock_that_is_set_back_makes_an_order_by_time(history: History) -> None:
    history.remember(said(5))
    history.remember(said(3))
    assert ask(history, "LATEST") == [3, 5]


def test_a_message_that_is_not_kept_is_no_reference(history: History) -> None:
    fill(history)
    with pytest.raises(UnknownMessage):
        ask(history, "BEFORE", msgid(77))
    with pytest.raises(UnknownMessage):
        ask(history, "AROUND", msgid(1), places=(("#other", 0),))


def test_places_are_apart(history: History) -> None:
    fill(history)
    history.remember(said(11, "#tea-room"))
    assert ask(history, "LATEST", places=(("#tea-room", 0),)) == [11]
    assert ask(history, "LATEST", places=(("#te", 0),)) == []
    assert ask(history, "LATEST", limit=3, places=(*TEA, ("#tea-room", 0))) == [8, 9, 11]


def test_events_and_tags_are_told_to_who_wants_them(history: History) -> None:
    """ "If the client has not negotiated the event-playback capability, the server MUST NOT send any
    lines other than PRIVMSG and NOTICE in the reply batch"."""
    history.remember(said(0))
    history.remember(said(1, kind=EVENT))
    history.remember(said(2, kind=TAGS))
    assert ask(history, "LATEST") == [0]
    assert ask(history, "LATEST", events=True) == [0, 1, 2]


def test_what_was_said_behind_closed_doors_is_told_from_a_time_on(history: History) -> None:
    fill(history, range(4))
    history.remember(said(4, is_open=False))
    history.remember(said(5, is_open=False))
    later = (START + 5) * 1000
    assert ask(history, "LATEST") == [0, 1, 2, 3, 4, 5]
    assert ask(history, "LATEST", places=(("#tea", later),)) == [0, 1, 2, 3, 5]
    assert history.find((("#tea", later),), "id4") is None
    with pytest.raises(UnknownMessage):
        ask(history, "BEFORE", msgid(4), places=(("#tea", later),))


def test_a_line_comes_back_as_it_was(history: History) -> None:
    line = Line(
        ":ann!u@h PRIVMSG #tea :caf\u00e9 \U0001f375", START + 0.123, None, "id1", {"+a": "b;c", "+d": ""}
    )
    line.account, line.bot = "Ann", True
    history.remember(Remember("#tea", line, MESSAGE, "ann"))
    (kept,) = history.query(Query("LATEST", TEA, None, None, 1, False))
    assert kept.line().build(~0) == line.build(~0)
    assert kept.author == "ann"


def test_a_message_of_several_lines_comes_back_as_one(history: History) -> None:
    line = Multiline(":ann!u@h PRIVMSG #tea :", (("a", False), ("", False), ("b", True)), START, None, "id1")
    history.remember(Remember("#tea", line, MESSAGE, "ann"))
    (kept,) = history.query(Query("LATEST", TEA, None, None, 1, False))
    assert kept.line().build(~0) == line.build(~0)
    assert kept.line().build(0) == line.build(0)


@given(st.floats(0, 4e9))
def test_a_time_is_the_same_whether_it_is_told_or_kept(seconds: float) -> None:
    line = Line("x", seconds, None, "id1")
    history = MemoryHistory(1, 1)
    history.remember(Remember("#tea", line, MESSAGE, "ann"))
    (kept,) = history.query(Query("LATEST", TEA, None, None, 1, False))
    assert kept.line().build(~0) == line.build(~0)


# -- limits ----------------------------------------------------------------------------


def test_a_channel_keeps_its_newest(history: History) -> None:
    """More than the limit may be there for a while, and less never."""
    fill(history, range(100))
    kept = ask(history, "LATEST", limit=1000)
    assert 20 <= len(kept) <= 20 + 20 // 8 + 1
    assert kept[-1] == 99


def test_other_limits_hold_from_the_next_message_on(history: History) -> None:
    """SIGHUP: the settings were read again."""
    fill(history)
    assert ask(history, "LATEST") == list(range(10))
    history.limit(ChatHistory(channel_messages=3, direct_messages=5))
    fill(history, range(10, 11))
    assert ask(history, "LATEST") == [8, 9, 10]


def test_who_comes_and_goes_pushes_no_message_out(history: History) -> None:
    history.remember(said(0))
    for number in range(1, 100):
        history.remember(said(number, kind=EVENT))
    assert ask(history, "LATEST") == [0]


def test_a_place_of_which_little_is_said_is_trimmed_after_each_start(tmp_path: Path) -> None:
    for start in range(0, 12, 3):
        database = Database(str(tmp_path / "chat.db"), MIGRATIONS)
        history = SqlHistory(database, ChatHistory(channel_messages=4))
        fill(history, range(start, start + 3))
        assert len(ask(history, "LATEST")) <= 6
        database.close()


def test_memory_has_an_end() -> None:
    history = MemoryHistory(20, 5, most=30)
    for place in range(10):
        for number in range(10):
            history.remember(said(number, f"#{place}"))
    kept = [len(ask(history, "LATEST", places=((f"#{place}", 0),))) for place in range(10)]
    assert kept == [0] * 7 + [10] * 3


# -- direct messages and targets ---------------------------------------------------------


def test_a_conversation_is_found_by_the_last_nick(history: History) -> None:
    history.remember(said(0, "ann bob", ann="Bob", bob="ann"))
    history.remember(said(1, "ann bob", ann="Bobby", bob="ann"))
    assert history.conversations("ann", "bobBY") == ["ann bob"]
    assert history.conversations("ann", "bob") == []
    assert history.conversations("bob", "ann") == ["ann bob"]
    assert history.conversations("cyd", "ann") == []


def test_targets_are_those_whose_last_message_is_between_two_times(history: History) -> None:
    """draft/chathistory TARGETS."""
    history.remember(said(0))
    history.remember(said(1, "ann bob", ann="Bob", bob="ann"))
    history.remember(said(2, "#other"))
    history.remember(said(3, "ann cyd", ann="cyd"))
    history.remember(said(4, "bob cyd", bob="cyd"))
    history.remember(said(5, kind=EVENT))
    channels = {"#Tea": ("#tea", 0), "#other": ("#other", 0), "#empty": ("#empty", 0)}

    def targets(after: int, before: int, limit: int = 10) -> list[str]:
        found = history.targets("ann", channels, (START + after) * 1000, (START + before) * 1000, limit)
        return [target.name for target in found]

    assert targets(-1, 9) == ["#Tea", "Bob", "#other", "cyd"]
    assert targets(-1, 9, 2) == ["#Tea", "Bob"]
    assert targets(0, 3) == ["Bob", "#other"]
    assert targets(0, 1) == []
    history.remember(said(6))
    assert targets(-1, 5) == ["Bob", "#other", "cyd"]
    assert history.targets("", {}, 0, 1 << 60, 10) == []


def test_two_identities_of_one_nick_are_one_target(history: History) -> None:
    history.remember(said(0, "*bob ann", ann="bob"))
    history.remember(said(1, "ann bob", ann="Bob", bob="ann"))
    (target,) = history.targets("ann", {}, 0, 1 << 60, 10)
    assert (target.name.lower(), target.time) == ("bob", (START + 1) * 1000)
    assert isinstance(target, Target)


def test_an_accounts_name_does_not_pass_on_what_was_said(history: History) -> None:
    history.remember(said(0, "ann bob", ann="bob", bob="ann"))
    history.mark("bob", "ann", 5)
    history.forget_account("bob")
    assert history.conversations("bob", "ann") == []
    assert history.marker("bob", "ann") == 0
    assert ask(history, "LATEST", places=(("ann bob", 0),)) == []
    (place,) = history.conversations("ann", "bob")
    assert ask(history, "LATEST", places=((place, 0),)) == [0]


# -- redacting and markers ---------------------------------------------------------------


def test_what_is_redacted_is_gone_and_still_a_reference(history: History) -> None:
    fill(history)
    found = history.find(TEA, "id4")
    assert found is not None
    assert (found[0], found[1].author) == ("#tea", "ann")
    history.redact("#tea", "id4")
    assert history.find(TEA, "id4") is None
    assert ask(history, "LATEST") == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert ask(history, "BEFORE", msgid(4), limit=2) == [2, 3]
    assert ask(history, "AROUND", msgid(4), limit=3) == [3, 5, 6]


def test_only_messages_are_found_to_be_redacted(history: History) -> None:
    history.remember(said(0, kind=EVENT))
    history.remember(said(1, kind=TAGS))
    assert history.find(TEA, "id0") is None
    assert history.find(TEA, "id1") is not None
    assert history.find((("#other", 0),), "id1") is None


def test_a_marker_never_goes_back(history: History) -> None:
    assert history.marker("ann", "#tea") == 0
    assert history.mark("ann", "#tea", 5) == 5
    assert history.mark("ann", "#tea", 3) == 5
    assert history.mark("ann", "bob", 7) == 7
    assert (history.marker("ann", "#tea"), history.marker("ann", "bob")) == (5, 7)
    assert history.marker("bob", "#tea") == 0


def test_the_marker_that_was_not_touched_for_longest_gives_way(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stores.history.MARKERS", 2)
    monkeypatch.setattr("stores.history_memory.MARKERS", 2)
    for time, target in enumerate(["a", "b", "a", "c"], 1):
        history.mark("ann", target, time)
    assert [history.marker("ann", one) for one in "abc"] == [3, 0, 4]


# -- both twins, at random ----------------------------------------------------------------

REFERENCES = st.one_of(st.builds(msgid, st.integers(-1, 12)), st.builds(at, st.integers(-1, 12)), st.none())


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(str(tmp_path_factory.mktemp("history") / "chat.db"), MIGRATIONS)
    yield database
    database.close()


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from([MESSAGE, EVENT, TAGS]), st.booleans()), max_size=12
    ),
    gone=st.integers(0, 15),
    asked=st.lists(
        st.tuples(
            st.sampled_from(["LATEST", "BEFORE", "AFTER", "BETWEEN", "AROUND"]),
            REFERENCES,
            REFERENCES,
            st.integers(1, 6),
            st.integers(0, 6),
            st.booleans(),
        ),
        max_size=6,
    ),
)
def test_both_give_the_same_answers(
    shared: Database,
    rows: list[tuple[int, int, bool]],
    gone: int,
    asked: list[tuple[Subcommand, Reference | None, Reference | None, int, int, bool]],
) -> None:
    shared.write(lambda connection: connection.execute("DELETE FROM message"))
    twins: list[History] = [SqlHistory(shared, ChatHistory()), MemoryHistory(100, 100)]
    for twin in twins:
        for number, (second, kind, is_open) in enumerate(rows):
            line = Line(f":a X #tea :{number}", START + second, None, f"id{number}")
            twin.remember(Remember("#tea", line, kind, "ann", is_open))
        if twin.find(TEA, f"id{gone}") is not None:
            twin.redact("#tea", f"id{gone}")
    for subcommand, first, second, limit, since, events in asked:
        query = Query(subcommand, (("#tea", (START + since) * 1000),), first, second, limit, events)
        answers: list[list[Kept] | str] = []
        for twin in twins:
            try:
                answers.append(twin.query(query))
            except UnknownMessage as unknown:
                answers.append(str(unknown))
        assert answers[0] == answers[1]
