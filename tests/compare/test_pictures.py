"""The pictures: what they say in words, their intervals, their axes; and what is shown on other pages."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compare import page, pictures
from compare.findings import Findings
from compare.pictures import dash, line_style, log_ticks, microseconds
from compare.publish import main_picture
from compare.statistics import Interval
from tests.compare.whole import whole

SVG = "{http://www.w3.org/2000/svg}"


def interval(low: float, median: float, high: float) -> Interval:
    return Interval(low, median, high, 5)


def parsed(svg: str) -> ElementTree.Element:
    """What an element of a page is once it stands in one."""
    outer = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return ElementTree.fromstring(svg if "xmlns=" in svg else svg.replace("<svg", outer, 1))


def texts(svg: str) -> list[str]:
    return ["".join(one.itertext()) for one in parsed(svg).iter(f"{SVG}text")]


def whiskers(svg: str) -> int:
    """Lines in ink, across: one for each interval, without its caps."""
    return len(re.findall(r'<path d="M [\d.]+ ([\d.]+) \nL [\d.]+ \1 \n"[^>]*stroke: var\(--ink\)', svg))


def test_a_bar_has_its_name_its_number_and_its_interval() -> None:
    rows = [("gevent", "ours", interval(6.8, 6.9, 7.1)), ("epoll", "control", interval(4.8, 4.9, 5.0))]
    svg = pictures.bars(rows, "two bars", "a")
    assert texts(svg) == ["gevent", "epoll", "6.9", "4.9"]
    assert whiskers(svg) == 2
    assert parsed(svg).get("aria-label") == "two bars"
    assert parsed(svg).get("role") == "img"


def test_a_far_outliers_bar_is_cut_and_says_so() -> None:
    rows = [
        ("a", "ours", interval(1, 1, 1)),
        ("b", "bare", interval(2, 2, 2)),
        ("c", "peer", interval(9, 90, 99)),
    ]
    assert "90 (bar cut)" in texts(pictures.bars(rows, "", "a"))
    assert "1 (bar cut)" not in texts(pictures.bars(rows, "", "a"))


@pytest.mark.parametrize("kind", ["ours", "bare", "control"])
def test_the_colour_says_whose_it_is(kind: str) -> None:
    svg = pictures.bars([("a", kind, interval(1, 1, 1))], "", "a")
    assert {"ours": "--ours", "bare": "--bare"}.get(kind, "--other") in svg


def test_pictures_have_no_colours_of_their_own() -> None:
    """They take the page's: light, dark, print."""
    assert not re.search(r"#[0-9a-fA-F]{6}", pictures.bars([("a", "ours", interval(1, 2, 3))], "", "a"))


def test_a_name_is_only_a_name() -> None:
    evil = '<script>alert("$x^2$")</script>'
    svg = pictures.bars([(evil, "yours", interval(1, 1, 1))], evil, "a")
    assert evil in texts(svg)
    assert parsed(svg).get("aria-label") == evil
    assert "<script" not in svg


@given(
    st.floats(1e-3, 1e6, allow_nan=False),
    st.floats(1.0, 1e6, allow_nan=False),
)
@example(999999.9999999999, 1.0)
def test_a_logarithmic_axis_has_never_a_single_tick(low: float, times: float) -> None:
    ticks = log_ticks(low, low * times)
    assert 2 <= len(ticks) <= 9
    assert ticks == sorted(set(ticks))
    inside = [one for one in ticks if low <= one <= low * times]
    assert len(inside) >= 2 or (ticks[0] <= low and ticks[-1] >= low * times)


@pytest.mark.parametrize(("low", "high"), [(7.0, 7.4), (5.0, 25.0), (50.0, 9_000.0), (30.0, 250.0)])
def test_growth_has_ticks_beside_what_was_measured(low: float, high: float) -> None:
    points = {"gevent": [(1, interval(low, low, low)), (5_000, interval(high, high, high))]}
    svg = pictures.against_connections(points, ["gevent"], "µs", "", "a")
    told = [one for one in texts(svg) if one not in ("connections", "µs", "1", "5k")]
    assert len(told) >= 2


def test_growth_has_whiskers() -> None:
    points = {"gevent": [(1, interval(4, 5, 6)), (100, interval(8, 8, 8))]}
    svg = pictures.against_connections(points, ["gevent"], "µs", "", "a")
    upright = re.findall(r'<path d="M ([\d.]+) ([\d.]+) \nL \1 ([\d.]+) \n"[^>]*var\(--c0\)', svg)
    heights = [abs(float(low) - float(high)) for _, low, high in upright]
    assert heights[0] > 10
    assert heights[1] == 0


def test_latency_is_drawn_on_a_scale_of_nines() -> None:
    """HDR's: from 90 to 99 is as far as from 99 to 99.9."""
    found = [one for one in Findings(whole(rounds=2)).latencies() if one.cell.id == "echo-at-60"]
    svg = pictures.curves(found, [one.name for one in found], "", "a")
    assert [one for one in texts(svg) if one in ("50", "90", "99", "99.9")] == ["50", "90", "99", "99.9"]
    at = {
        "".join(one.itertext()): float(re.findall(r"[\d.]+", one.get("x") or one.get("transform") or "")[0])
        for one in parsed(svg).iter(f"{SVG}text")
    }
    assert at["99"] - at["90"] == pytest.approx(at["99.9"] - at["99"], abs=0.1)
    assert len([one for one in texts(svg) if one.endswith((" µs", " ms"))]) >= 2


def test_no_two_of_many_curves_look_alike() -> None:
    names = [f"contender {at}" for at in range(32)]
    styles = {(line_style(names, one)["color"], line_style(names, one)["linestyle"]) for one in names}
    assert len(styles) == 32
    assert {dash(at) for at in range(8)} == {0, 1, 2, 3}


def test_times_are_told_in_their_unit() -> None:
    assert [microseconds(one) for one in (30, 1000, 1500, 2e6)] == ["30 µs", "1 ms", "1.5 ms", "2 s"]


def test_the_picture_for_other_pages_stands_alone() -> None:
    """On GitHub it is an image: it has a namespace, a size, its colours in light and dark, and paper."""
    picture = main_picture(Findings(whole(rounds=3)))
    root = parsed(picture.svg)
    assert root.tag == f"{SVG}svg"
    assert float(root.get("width") or 0) > 600
    assert "prefers-color-scheme: dark" in picture.svg
    (paper,) = [one for one in root.iter(f"{SVG}rect") if one.get("fill") == "var(--paper)"]
    assert paper.get("width") == "100%"
    for colour in set(re.findall(r"var\((--\w+)\)", picture.svg)):
        assert picture.svg.count(f"{colour}:") == 2, colour
    assert not re.search(r"https?://(?!www\.w3\.org/)", picture.svg)
    assert (root.findtext(f"{SVG}title") or "") == picture.words


def test_it_shows_every_workload_and_whom_ours_are_compared_with() -> None:
    picture = main_picture(Findings(whole(rounds=3)))
    told = texts(picture.svg)
    assert set(page.TITLES.values()) <= {one.strip() for one in told}
    assert told.count("twisted") == told.count("gevent") == len(page.TITLES)
    assert {"pyftpdlib", "ngircd", "aiorpcx", "epoll", "uvloop"} <= set(told)
    assert "forks" not in told
    numbers = re.findall(r' (?:x|y|width|height)="([^"%]+)"', picture.svg)
    assert all(math.isfinite(float(one)) for one in numbers)
