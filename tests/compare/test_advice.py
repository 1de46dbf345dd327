"""Which to pick: computed from the run, and never surer than the run is."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from compare import page
from compare.advice import DEPENDS, EITHER, QUESTIONS, UNKNOWN, Advice, advise
from compare.findings import Findings
from compare.results import Results
from compare.workloads import every
from tests.compare import whole as everything


def whole(rounds: int = 5, jitter: float = 0.01) -> Results:
    return everything.whole(rounds, jitter, timed=False)


def advice(run: Results) -> dict[str, Advice]:
    return {one.title: one for one in advise(Findings(run))}


def scaled(run: Results, cells: str, **costs: float) -> Results:
    """The same run, but for what these contenders cost in the cells that begin so."""
    for one in run.rounds:
        if one.cell.startswith(cells) and one.name in costs:
            one.server_cpu *= costs[one.name]
            one.pss_after = one.pss_before + int((one.pss_after - one.pss_before) * costs[one.name])
    return run


def alike(run: Results) -> Results:
    """Gevent's rounds are Twisted's: there is nothing to see."""
    twins = {(one.cell, one.number): one for one in run.rounds if one.name == "twisted"}
    for one in run.rounds:
        if one.name == "gevent":
            twin = twins[one.cell, one.number]
            one.server_cpu, one.operations = twin.server_cpu, twin.operations
            one.pss_before, one.pss_after = twin.pss_before, twin.pss_after
    return run


def test_every_question_asks_loads_that_there_are() -> None:
    ids = {one.id for one in every(1.0)}
    assert {id_ for loads in QUESTIONS.values() for id_ in loads} <= ids


def test_a_whole_run_answers_every_question() -> None:
    """ "which to pick for many idle connections, for small requests, for large files" """
    found = advice(whole())
    assert list(found) == list(QUESTIONS)
    assert found["Many idle connections"].pick == "Twisted"
    assert found["Large files"].pick == "gevent"


def test_no_winner_is_written_down() -> None:
    """With the costs changed over, so are the answers."""
    found = advice(scaled(scaled(whole(), "echo-memory", twisted=6.0), "files", twisted=0.5))
    assert found["Large files"].pick == "Twisted"
    assert found["Many idle connections"].pick == DEPENDS  # the other services' memory is as it was


def test_no_difference_is_no_answer_but_said() -> None:
    found = advice(alike(whole()))
    assert {one.pick for one in found.values()} == {EITHER}
    assert all("within the noise" in one.sure for one in found.values())
    assert "no difference seen in 6 of 6 loads" in found["Small requests"].sure


def test_what_speaks_for_it_stands_first() -> None:
    found = advice(whole())["Small requests"]
    assert found.pick == "gevent"
    assert found.evidence[0].verdict.startswith("gevent takes")
    assert found.evidence[-1].verdict == "no difference seen"


def test_the_evidence_has_its_numbers_and_their_interval() -> None:
    first = advice(whole())["Many idle connections"].evidence[0]
    assert first.load == "echo, 10,000 idle connections"
    assert re.fullmatch(r"Twisted 6\.\d+, gevent 14\.\d KiB per connection", first.costs)
    assert re.fullmatch(r"Twisted takes 2\.\d\d times less memory", first.verdict)
    assert re.fullmatch(r"ratio 0\.4\d+, 95 %: 0\.4\d+ … 0\.4\d+", first.interval)


@pytest.mark.parametrize(
    ("jitter", "rounds", "said"),
    [(0.002, 5, "Sure"), (0.03, 5, "Fairly"), (0.002, 1, "too few rounds")],
)
def test_how_sure_it_is_follows_from_the_rounds(jitter: float, rounds: int, said: str) -> None:
    found = advice(whole(rounds=rounds, jitter=jitter))["Large files"]
    assert said in found.sure or any(said in one.verdict for one in found.evidence)


def test_a_noisy_run_is_not_sure_of_anything() -> None:
    run = whole()
    for one in run.rounds:
        one.other_cpu = 0.4
    found = advice(run)
    memory = found.pop("Many idle connections")
    assert all(one.sure.startswith("Not very") for one in found.values())
    assert memory.sure.startswith("Sure")  # others' work is not in it


def test_one_round_is_not_called_sure() -> None:
    run = whole()
    run.rounds = [one for one in run.rounds if one.number == 1 or one.cell == "echo"]
    found = advice(run)["Many idle connections"]
    assert found.sure.startswith("Fairly: it was measured too seldom")


def test_who_takes_less_still_is_named() -> None:
    assert "epoll" in advice(whole())["Many idle connections"].cheapest
    assert advice(whole())["One line to many members"].cheapest.startswith("Nobody else")


def test_who_took_fewer_connections_is_not_the_cheapest() -> None:
    """`blocking` takes one connection: what that costs says nothing of 1,000."""
    run = scaled(whole(), "echo-memory", epoll=50.0, blocking=0.001, **{"bare-twisted": 50.0})
    run.cells = [one for one in run.cells if one.measure != "memory" or one.id == "echo-memory"]
    run.rounds = [one for one in run.rounds if one.cell in {each.id for each in run.cells}]
    found = advice(run)["Many idle connections"]
    assert found.evidence[0].load == "echo, 1,000 idle connections"
    assert found.cheapest.startswith("Nobody else")


def test_too_few_rounds_answer_nothing() -> None:
    """It is not \"either\" what nobody looked at long enough."""
    found = advice(whole(rounds=2))["Large files"]
    assert (found.pick, found.sure[:10]) == (UNKNOWN, "Not at all")
    assert "With RETR of 1,024 MiB: too few rounds to tell a difference." in page.draw([whole(rounds=2)])


def test_noise_leaves_open_what_it_may_have_hidden() -> None:
    run = alike(whole())
    for one in run.rounds:
        one.other_cpu = 0.4
    found = advice(run)
    assert found["Large files"].pick == UNKNOWN
    assert found["Many idle connections"].pick == EITHER  # others' work is not in a server's memory


def test_one_round_of_memory_tells_only_large_differences() -> None:
    run = scaled(alike(whole(jitter=0.0)), "echo-memory", gevent=1.03)
    run.rounds = [one for one in run.rounds if one.number == 1 or one.cell == "echo"]
    assert advice(run)["Many idle connections"].pick == EITHER


def test_a_run_of_one_framework_gives_no_advice() -> None:
    run = whole()
    run.rounds = [one for one in run.rounds if one.name != "gevent"]
    assert advise(Findings(run)) == []
    assert "Which to pick" not in page.draw([run])


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.quiet = 0

    def handle_starttag(self, tag: str, _attrs: object) -> None:
        self.quiet += tag in ("style", "script", "svg", "details")

    def handle_endtag(self, tag: str) -> None:
        self.quiet -= tag in ("style", "script", "svg", "details")

    def handle_data(self, data: str) -> None:
        if not self.quiet:
            self.words += re.findall("[A-Za-z]{2,}", data)  # numbers are looked at, not read


def test_two_minutes_are_enough_to_read_it() -> None:
    """Noise and advice come first, in fewer words than one reads in that time, at 250 a minute."""
    text = page.draw([whole()])
    top = text[: text.index("<h2>Ratios</h2>")]
    order = ["Noise floor:", "Which to pick", "Many idle connections", "In one sentence each"]
    assert sorted(order, key=top.index) == order
    reader = _Words()
    reader.feed(top[: top.index("In one sentence each")])
    assert 200 < len(reader.words) < 2 * 250
