"""What is said of the chat workload: its own words, and what tags cost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from compare import chat_gate, page, workloads
from compare.contenders import SERVICES, TABLE
from compare.findings import Findings, unit
from compare.progress import Watcher
from compare.results import Cell, Gate, Results, Round, Row
from compare.run import Plan, Run
from compare.verdicts import asked, verdicts

PLAIN, TAGS = (one for one in workloads.every(1.0) if one.id in ("chat", "chat-tags"))
REGISTRATION = next(one for one in workloads.every(1.0) if one.measure == "registration")


@pytest.fixture
def chat(empty: Results) -> Callable[..., Findings]:
    """A run of chat, from each contender's CPU in µs per operation, round by round, by cells."""

    def make(**cells: dict[str, list[float]]) -> Findings:
        empty.cells = [PLAIN, TAGS, REGISTRATION]
        for id_, costs in cells.items():
            for name, values in costs.items():
                empty.rows.append(
                    Row(
                        name=name,
                        service="chat",
                        kind="ours",
                        framework="",
                        command="",
                        config="<Port = {port}>",
                    )
                )
                for number, cost in enumerate(values, 1):
                    empty.rounds.append(
                        Round(
                            cell=id_.replace("_", "-"),
                            name=name,
                            number=number,
                            connections=8 if id_ == "chat_registration" else 201,
                            seconds=1.0,
                            operations=10_000,
                            server_cpu=cost / 100,
                        )
                    )
        return Findings(empty)

    return make


def test_quick_has_a_headline_of_every_service() -> None:
    assert {one.service for one in workloads.quick(0.5)} == set(SERVICES)


def test_cells_of_chat_say_what_they_are() -> None:
    assert PLAIN.label() == "one sender, 200 members, 64 B, 1 line in flight"
    assert TAGS.label() == PLAIN.label() + ", with server-time and message-tags"
    assert Cell(id="a", service="chat", measure="closed", connections=201, size=64, depth=32).label() == (
        "one sender, 200 members, 64 B, 32 lines in flight"
    )
    assert [unit(one) for one in (PLAIN, REGISTRATION)] == ["µs CPU per delivery", "µs CPU per registration"]


def test_the_verdict_is_about_the_peer_and_the_frameworks(chat: Callable[..., Findings]) -> None:
    found = chat(
        chat={"twisted": [2.0, 2.1, 2.0], "ngircd": [4.0, 4.2, 4.0], "bare-twisted": [8.0, 8.1, 8.2]},
    )
    ((service, words),) = verdicts(found).items()
    assert service == "chat"
    assert "in Twisted, ours takes 2.00 times less CPU than ngircd" in words
    assert "and 4.00 times less CPU than bare-twisted" in words
    assert asked(found) == []


def test_what_tags_cost_is_a_ratio_to_the_same_without(chat: Callable[..., Findings]) -> None:
    """ "costing at most 1.5 times that": for the members that asked for them."""
    costs = {"twisted": [4.0, 4.0, 4.0], "ngircd": [4.0, 4.0, 4.0]}
    found = chat(chat=costs, chat_tags={"twisted": [5.0, 5.2, 5.0]})
    figure = next(one for one in found.figures() if "without tags" in one.words)
    assert figure.words == "chat-tags: twisted / without tags (asked: at most 1.5)"
    assert figure.ratio.median == pytest.approx(1.25)
    (limit,) = asked(found)
    assert limit.words.endswith("with server-time and message-tags: twisted / the same without tags")
    assert (limit.limit, limit.ratio.ratio.median, limit.answer) == (1.5, pytest.approx(1.25), "yes")


def test_a_ratio_to_words_is_twisteds_alone(chat: Callable[..., Findings]) -> None:
    costs = {name: [4.0, 4.0, 4.0] for name in ("twisted", "gevent", "words", "ngircd")}
    words = [one.words for one in chat(chat=costs).figures()]
    assert "chat: twisted / words" in words
    assert "chat: gevent / words" not in words
    assert "chat: gevent / ngircd" in words


def test_registrations_have_a_rate_and_count_nobody_short(chat: Callable[..., Findings]) -> None:
    (line,) = chat(chat_registration={"gevent": [200.0, 210.0]}).lines(REGISTRATION)
    assert line.rate
    assert line.rate.median == 10_000
    assert line.remarks == ()


def test_the_page_shows_a_contenders_own_settings(chat: Callable[..., Findings]) -> None:
    text = page.draw([chat(chat={"ngircd": [4.0]}, chat_registration={"ngircd": [40.0]}).results])
    assert "&lt;Port = {port}&gt;" in text
    assert "Flood control" in text
    assert "µs CPU per registration" in text


def test_who_offers_no_tags_is_not_measured_with_them(empty: Results) -> None:
    class Silent(Watcher):
        """Nobody listens."""

    contenders = [one for one in TABLE if one.service == "chat" and one.name in ("twisted", "ngircd")]
    run = Run(Plan(contenders, [PLAIN, TAGS], 1), empty, Silent())
    empty.cells = [PLAIN, TAGS]
    empty.gates = [
        Gate(service="chat", name="twisted", facts={chat_gate.TAGS: True}),
        Gate(service="chat", name="ngircd", facts={chat_gate.TAGS: False}),
    ]
    assert run.unable() == {("chat-tags", "ngircd")}
