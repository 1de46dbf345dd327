"""The page's pictures: matplotlib's SVG, made to take the page's colours (light, dark, print).

Matplotlib knows no CSS, so it draws in colours that mean something else: each is replaced by the
custom property that it stands for.  Text stays text.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from compare.findings import Percentiles
from compare.numbers import number
from compare.statistics import Interval

SERIES = 8
"""Colours for curves; a ninth contender gets the first again, drawn otherwise."""

WIDTH = 4.3
"""Inches: a phone makes pictures as narrow as its screen, and 10 points must still be readable there."""

DASHES = ("-", "--", ":", "-.")

_INK, _GRID, _FAINT, _WARN = "#010101", "#010102", "#010103", "#010104"
_KINDS = {"ours": "#010201", "bare": "#010202", "other": "#010203"}
_CURVES = tuple(f"#0103{index:02x}" for index in range(SERIES))
_CSS = {
    _INK: "var(--ink)",
    _GRID: "var(--line)",
    _FAINT: "var(--faint)",
    _WARN: "var(--warn)",
    **{colour: f"var(--{kind})" for kind, colour in _KINDS.items()},
    **{colour: f"var(--c{index})" for index, colour in enumerate(_CURVES)},
}

_STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a contender's name is only a name
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.edgecolor": _GRID,
    "axes.labelcolor": _FAINT,
    "text.color": _INK,
    "xtick.color": _GRID,
    "ytick.color": _GRID,
    "xtick.labelcolor": _FAINT,
    "ytick.labelcolor": _FAINT,
    "grid.color": _GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
}

Points = Mapping[str, Sequence[tuple[float, Interval]]]
"""Of each contender: where on the x axis, and what was measured there."""


def _svg(figure: Figure, words: str, salt: str) -> str:
    """The figure as an element of an HTML page: no prologue, no metadata, no addresses."""
    out = io.StringIO()
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": salt}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    text = out.getvalue()
    # A style sheet in a picture would hold for the whole page.
    text = re.sub(r"<(metadata|style)\b.*?</\1>", "", text, flags=re.DOTALL)
    text = text[text.index("<svg") :].strip()
    text = re.sub(r'<g id="[^"]*"', "<g", text)
    head, end, body = text.partition(">")
    box = re.search(r'viewBox="[^"]*"', head)
    assert box
    assert end
    for colour, css in _CSS.items():
        body = body.replace(colour, css)
    # Families that are not there are looked for in vain: the page's own is what is meant.
    # (Matplotlib from 3.11 on writes font-family, before that font.)
    body = re.sub(r"(font: [^;'\"]*?px|font-family:)[^;\"]*", r"\1 system-ui, sans-serif", body)
    body = body.replace(' xmlns="http://www.w3.org/2000/svg"', "")
    return f'<svg {box[0]} role="img" aria-label="{_attribute(words)}">{body}'


def _attribute(words: str) -> str:
    return words.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


Rows = Sequence[tuple[str, str, Interval]]
"""Of each bar: the contender's name, its kind, what it cost."""


def bars(rows: Rows, words: str, salt: str) -> str:
    """One bar for each contender, in the order of the rows, with its interval and its number."""
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(WIDTH, 0.25 + 0.23 * len(rows))
        _draw_bars(axes, rows)
        return _svg(figure, words, salt)


def panels(found: Sequence[tuple[str, str, Rows]], words: str, salt: str) -> str:
    """Bars of several loads in one picture, two abreast: each with its title and its unit."""
    with matplotlib.rc_context(_STYLE):
        tall = math.ceil(len(found) / 2)
        most = max((len(rows) for _title, _unit, rows in found), default=1)
        size = (9.6, (0.75 + 0.23 * most) * max(tall, 1))
        figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
        every = figure.subplots(max(tall, 1), 2, squeeze=False).flatten()
        for axes, (title, unit, rows) in zip(every, found, strict=False):
            _draw_bars(axes, rows)
            axes.set_ylim(most - 0.5, -0.9)  # bars are as thick in every panel
            axes.set_title(f"{title}\n", loc="left", fontsize=11, fontweight="bold", color=_INK)
            axes.text(0, 1.02, unit, transform=axes.transAxes, fontsize=9, color=_FAINT)
        for axes in every[len(found) :]:
            axes.set_axis_off()
        note = "Shorter is better.  Bold: this project's servers.  Whiskers: 95 % intervals."
        figure.supxlabel(note, fontsize=9, color=_FAINT)
        return _svg(figure, words, salt)


def _draw_bars(axes: Any, rows: Rows) -> None:
    # A far outlier would press all others flat: its bar is cut, its number is not.
    usual = sorted(cost.median for *_, cost in rows)[len(rows) // 2] * 4
    top = max(min(max(cost.high for *_, cost in rows), usual), 1e-9)
    for at, (_name, kind, cost) in enumerate(rows):
        shown = max(0.0, min(cost.median, top))
        axes.barh(at, shown, 0.66, color=_KINDS.get(kind, _KINDS["other"]))
        end = shown
        if 0 <= cost.median <= top:
            end = max(shown, min(cost.high, top))
            below, above = max(0.0, shown - max(0.0, cost.low)), end - shown
            _, caps, _ = axes.errorbar(
                *(shown, at),
                xerr=[[below], [above]],
                fmt="none",
                ecolor=_INK,
                elinewidth=1.2,
                capsize=2.2,
                capthick=1.2,
            )
            for cap in caps:
                cap.set_markerfacecolor(_INK)
        cut = " (bar cut)" if cost.median > top else ""
        axes.text(end + top * 0.02, at, number(cost.median) + cut, va="center", ha="left", fontsize=9)
    axes.set_yticks(range(len(rows)), [name for name, *_ in rows])
    for label, (_name, kind, _cost) in zip(axes.get_yticklabels(), rows, strict=True):
        label.set(color=_INK, fontweight="bold" if kind == "ours" else "normal")
    axes.tick_params(length=0)
    axes.set_xlim(0, top * 1.25)
    axes.invert_yaxis()
    axes.spines["bottom"].set_visible(False)
    axes.spines["left"].set_bounds(-0.5, len(rows) - 0.5)
    axes.set_xticks([])


def curves(found: Sequence[Percentiles], names: Sequence[str], words: str, salt: str) -> str:
    """Latency by percentile, on a scale of nines: each further nine takes as much room as the last."""
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(WIDTH, 2.9)
        for one in found:
            points = [(-math.log10(1 - p / 100), value) for p, value in one.curve if value > 0]
            axes.plot(*zip(*points, strict=True), **line_style(names, one.name)) if points else None
        values = [value for one in found for _p, value in one.curve if value > 0]
        _logarithmic(axes, values, microseconds)
        axes.set_xticks([-math.log10(1 - p / 100) for p in (50, 90, 99, 99.9)], ["50", "90", "99", "99.9"])
        axes.set_xlabel("percentile")
        axes.grid(visible=True, linewidth=0.7)
        return _svg(figure, words, salt)


def against_connections(
    points: Points, names: Sequence[str], unit: str, words: str, salt: str, logarithmic: bool = True
) -> str:
    """How something grows with connections; intervals as whiskers."""
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(WIDTH, 2.9)
        for name, measured in points.items():
            across = [at for at, _ in measured]
            middle = [one.median for _, one in measured]
            below = [max(0.0, one.median - one.low) for _, one in measured]
            above = [max(0.0, one.high - one.median) for _, one in measured]
            axes.errorbar(
                *(across, middle, [below, above]),
                capsize=2,
                marker="o",
                markersize=3,
                **line_style(names, name),
            )
        axes.set_xscale("log")
        if logarithmic:
            values = [value for seen in points.values() for _, one in seen for value in (one.low, one.high)]
            _logarithmic(axes, [value for value in values if value > 0], number)
        else:
            axes.set_ylim(bottom=0)
            axes.yaxis.set_major_formatter(lambda value, _at: number(value))
        ticks = sorted({at for measured in points.values() for at, _ in measured})
        told = [at for at in ticks if at in (1, 10, 100, 1000, 5000, 10_000)] or ticks
        axes.set_xticks(told, [_thousands(at) for at in told])
        axes.xaxis.set_minor_formatter(lambda _value, _at: "")
        axes.set_xlabel("connections")
        axes.set_ylabel(unit)
        axes.grid(visible=True, linewidth=0.7)
        return _svg(figure, words, salt)


def _logarithmic(axes: Any, values: Sequence[float], told: Callable[[float], str]) -> None:
    """A logarithmic axis with a tick or two in every decade, and never a single one."""
    axes.set_yscale("log")
    if values:
        low, high = min(values) / 1.1, max(values) * 1.1
        ticks = log_ticks(low, high)
        axes.set_ylim(min(low, ticks[0]), max(high, ticks[-1]))
        axes.set_yticks(ticks, [told(value) for value in ticks])
    axes.minorticks_off()


def log_ticks(low: float, high: float) -> list[float]:
    """At least two round numbers between (or just outside) these two, both above 0, and at most nine."""
    # One decade more at each end: just below a power of ten the logarithm is rounded to it.
    first, last = math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8)):
        found = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        inside = [value for value in found if low <= value <= high]
        if len(inside) >= 3:
            return inside[:: math.ceil(len(inside) / 9)]
    # Less than a third of a decade: the two round numbers around it, and what lies between.
    below = max(value for value in found if value <= low)
    above = min(value for value in found if value >= high and value > below)
    return sorted({below, *inside, above})


def _thousands(count: float) -> str:
    return f"{count / 1000:g}k" if count >= 1000 else f"{count:g}"


def line_style(names: Sequence[str], name: str) -> dict[str, Any]:
    """The same contender looks the same in every picture of its service."""
    index = names.index(name)
    return {
        "color": _CURVES[index % SERIES],
        "linestyle": DASHES[dash(index)],
        "linewidth": 1.7,
    }


def dash(index: int) -> int:
    """Which of the DASHES a contender's curves have; with its colour, no two of the first 32 are alike."""
    return (index // 2 + index // SERIES) % len(DASHES)


def microseconds(value: float) -> str:
    """A time as a tick says it."""
    if value >= 1_000_000:
        return f"{value / 1_000_000:g} s"
    return f"{value / 1000:g} ms" if value >= 1000 else f"{value:g} µs"
