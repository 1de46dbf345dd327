"""The page: one file that asks nobody for anything, whatever the contenders are called."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import msgspec
import pytest

from compare import page
from compare.findings import Findings
from compare.load.paced import histogram
from compare.results import Cell, Gate, Results, Round, Row
from tests.compare.whole import whole


@pytest.fixture
def results(measured: Callable[..., Results]) -> Results:
    run = measured(
        twisted=[8.0, 8.2, 8.1],
        bare_twisted=[15.0, 15.5, 15.2],
        bare_gevent=[13.0, 13.1, 13.2],
        bare_gevent_again=[13.1, 13.1, 13.0],
    )
    run.cells += [
        Cell(id="echo-at-30", service="echo", measure="paced", fraction=0.3),
        Cell(id="echo-memory", service="echo", measure="memory", connections=1000),
    ]
    for number in (1, 2):
        counts = histogram()
        for latency in range(100, 20_100):
            counts.record_value(latency * number)
        run.rounds.append(
            Round(
                cell="echo-at-30",
                name="twisted",
                number=number,
                connections=50,
                seconds=1,
                operations=20_000,
                samples=20_000,
                rate=20_000,
                histogram=counts.encode().decode("ascii"),
            )
        )
    run.rounds.append(
        Round(
            cell="echo-memory",
            name="twisted",
            number=1,
            connections=1000,
            pss_before=1 << 20,
            pss_after=3 << 20,
        )
    )
    return run


class _Checked(HTMLParser):
    """Every element that opens is closed, and what is said of pictures is kept."""

    VOID = frozenset({"meta", "br", "link", "line", "path", "use", "rect"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.pictures: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        words = dict(attrs)
        self.tags.add(tag)
        if words.get("role") == "img":
            self.pictures.append(words.get("aria-label") or "")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def _parsed(text: str) -> _Checked:
    checked = _Checked()
    checked.feed(text)
    checked.close()
    assert checked.open == []
    return checked


def test_the_page_loads_nothing(results: Results) -> None:
    text = page.draw([results])
    icon = '<link rel="icon" href="data:,">'  # without it, a browser asks the page's server for one
    assert icon in text
    text = text.replace(icon, "")
    assert not re.search(r"(?i)https?:|//[a-z]|url\((?!#)|@import|\bsrc=|\bhref=\"(?!#)", text)
    assert not _parsed(text).tags & {"link", "img", "iframe", "object", "embed"}


def test_every_picture_says_its_numbers_in_words(results: Results) -> None:
    pictures = _parsed(page.draw([results])).pictures
    assert len(pictures) == 4  # of the verdict, two of bars, one of latencies
    assert any("twisted 8.1" in words and "bare-twisted 15.2" in words for words in pictures)
    assert any("p50" in words for words in pictures)


def test_a_contenders_name_is_only_a_name(results: Results) -> None:
    evil = "<script>alert('1')</script>"
    results.rows.append(Row(name=evil, service="echo", kind="yours", framework=evil, command=evil))
    results.gates.append(Gate(service="echo", name=evil, refused=evil, notes=[evil]))
    results.rounds.append(Round(cell="echo", name=evil, number=1, connections=1, seconds=1, operations=10))
    results.notes.append(evil)
    text = page.draw([results])
    assert text.count("<script") == 1  # ours, which sorts the tables
    assert "&lt;script&gt;" in text


def test_the_noise_floor_comes_before_any_number(results: Results) -> None:
    """Rule 3: the gap between the two is the run's noise floor, printed first."""
    text = page.draw([results])
    assert text.index("Noise floor: bare-gevent twice differs by") < text.index("1.88 times less CPU")


def test_a_noisy_machine_is_said_to_be_one(measured: Callable[..., Results]) -> None:
    run = measured(bare_gevent=[10.0, 10.0, 10.0], bare_gevent_again=[11.0, 11.0, 11.0])
    assert Findings(run).too_noisy()
    assert "Too noisy: bare-gevent twice differs by 10.0%" in page.draw([run])


def test_neighbours_are_noise_too(measured: Callable[..., Results]) -> None:
    run = measured(bare_gevent=[10.0, 10.0, 10.0], bare_gevent_again=[10.0, 10.0, 10.0])
    assert not Findings(run).too_noisy()
    for one in run.rounds:
        one.other_cpu = 0.3
    assert "Too noisy: Other programs used 30% of a core meanwhile." in page.draw([run])


def test_two_rounds_tell_no_difference(measured: Callable[..., Results]) -> None:
    two = Findings(measured(twisted=[8.0, 8.0], bare_twisted=[15.0, 15.0]))
    assert [one.verdict for one in two.figures()] == ["no difference seen (too few rounds)"]


def test_few_idle_connections_have_no_ratio(empty: Results) -> None:
    """What 10 or 100 connections take is mostly the process's: 1,000 and 10,000 tell of each."""
    for at in (10, 100, 1_000, 10_000):
        empty.cells.append(Cell(id=f"echo-memory-{at}", service="echo", measure="memory", connections=at))
        for name in ("twisted", "bare-twisted"):
            empty.rounds.append(
                Round(
                    cell=f"echo-memory-{at}",
                    name=name,
                    number=1,
                    connections=at,
                    pss_before=1 << 20,
                    pss_after=(1 << 20) + at * (4096 if name == "twisted" else 8192),
                )
            )
    figures = Findings(empty).figures()
    assert [one.words for one in figures] == [
        "echo-memory-1000: twisted / bare-twisted",
        "echo-memory-10000: twisted / bare-twisted",
    ]
    assert [one.verdict for one in figures] == ["2.00 times less memory"] * 2
    assert "Memory of the server against idle connections" in page.draw([empty])  # all four are there


def test_the_page_says_how_where_and_what_it_can_not_show(results: Results) -> None:
    """Rules 6 and 7: what is recorded, and the limits of loopback."""
    text = page.draw([results])
    for words in (
        "Everything went over the loopback interface",
        "timed from when the request was meant to leave",
        "a processor, 2 cores",
        "Linux 6",
        "EPollReactor",
        "twisted 24.10.0",
        "stolen meanwhile",
        "load before",
        "core 1",
    ):
        assert words in text
    raw = text[text.index("All rounds, raw") :]
    assert all(f'<td class="n">{one.server_cpu:.4f}</td>' in raw for one in results.rounds if one.server_cpu)
    assert raw.count("█" * 10) == len([one for one in results.rounds if one.series])


def test_a_users_contender_is_in_every_picture_of_its_service() -> None:
    """ "Somebody else's echo server … appears in every echo picture"."""
    run = whole(rounds=2, services=("echo", "udp"))
    run.rows.append(Row(name="mine", service="echo", kind="yours", framework="yours", command="./mine"))
    run.rounds += [msgspec.structs.replace(one, name="mine") for one in run.rounds if one.name == "uvloop"]
    pictures = _parsed(page.draw([run])).pictures
    echo = [words for words in pictures if "epoll" in words]
    assert len(echo) > 10
    assert all("mine" in words for words in echo)
    assert not [words for words in pictures if "mine" in words and words not in echo]


def test_no_control_says_so(measured: Callable[..., Results]) -> None:
    assert "No control was measured" in page.draw([measured(twisted=[8.0])])


def test_nothing_measured_is_still_a_page(empty: Results) -> None:
    empty.interrupted = "stopped by hand in round 0 of 5"
    assert "Not whole: stopped by hand" in page.draw([empty])


def test_several_runs_stand_side_by_side(results: Results) -> None:
    text = page.draw([results, results])
    _parsed(text)
    assert "What changed between the files" in text
    assert text.count("How it was measured") == 2


def test_histograms_are_merged_and_thin_percentiles_left_out(results: Results) -> None:
    """Rule 5: histograms merged, percentiles never averaged."""
    (found,) = Findings(results).latencies()
    assert found.samples == 40_000
    assert [percentile for percentile, _ in found.values] == [50.0, 90.0, 99.0]
    # Half of all: x of the first round's, x / 2 of the second's.
    assert found.at(50.0) == pytest.approx(13_400, rel=0.01)


def test_a_row_near_the_generators_ceiling_is_marked(results: Results) -> None:
    """Rule 1: a row within 80 % of it is marked "generator-bound"."""
    results.ceilings["echo"] = 12_000.0
    assert all(one.bound for one in Findings(results).lines(results.cells[0]))
    results.ceilings["echo"] = 13_000.0
    assert not any(one.bound for one in Findings(results).lines(results.cells[0]))
