"""The page's pictures: matplotlib's SVG, made to take the page's colours (light, dark, print).

Matplotlib knows no CSS, so it draws in colours that mean something else: each is replaced by the
custom property that it stands for.  Text stays text.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from compare.findings import Line, Percentiles
from compare.statistics import Interval

SERIES = 8
"""Colours for curves; a ninth contender gets the first again, drawn otherwise."""

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
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = text[text.index("<svg") :].strip()
    text = re.sub(r'<g id="[^"]*">', "<g>", text)
    head, end, body = text.partition(">")
    box = re.search(r'viewBox="[^"]*"', head)
    assert box
    assert end
    for colour, css in _CSS.items():
        body = body.replace(colour, css)
    # Families that are not there are looked for in vain: the page's own is what is meant.
    body = re.sub(r"(font: [^;'\"]*?px)[^;\"]*", r"\1 system-ui, sans-serif", body)
    body = body.replace(' xmlns="http://www.w3.org/2000/svg"', "")
    return f'<svg {box[0]} role="img" aria-label="{_attribute(words)}">{body}'


def _attribute(words: str) -> str:
    return words.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def bars(lines: Sequence[Line], unit: str, number: Any, words: str, salt: str) -> str:
    """One bar for each contender, the cheapest on top, with its interval and its number."""
    rows = [(one.name, one.kind, one.cost) for one in lines]
    return interval_bars(rows, unit, number, words, salt)


def interval_bars(
    rows: Sequence[tuple[str, str, Interval]], unit: str, number: Any, words: str, salt: str
) -> str:
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(5.0, 0.45 + 0.23 * len(rows))
        # A far outlier would press all others flat: its bar is cut, its number is not.
        usual = sorted(cost.median for *_, cost in rows)[len(rows) // 2] * 4
        top = max(min(max(cost.high for *_, cost in rows), usual), 1e-9)
        for at, (_name, kind, cost) in enumerate(rows):
            shown = max(0.0, min(cost.median, top))
            axes.barh(at, shown, 0.66, color=_KINDS.get(kind, _KINDS["other"]))
            if cost.median <= top:
                axes.hlines(at, max(0.0, cost.low), min(cost.high, top), color=_INK, linewidth=1.6)
            cut = " (bar cut)" if cost.median > top else ""
            end = max(shown, min(cost.high, top)) + top * 0.015
            axes.text(end, at, number(cost.median) + cut, va="center", ha="left", fontsize=9)
        axes.set_yticks(range(len(rows)), [name for name, *_ in rows])
        for label, (_name, kind, _cost) in zip(axes.get_yticklabels(), rows, strict=True):
            label.set(color=_INK, fontweight="bold" if kind == "ours" else "normal")
        axes.tick_params(length=0)
        axes.set_xlim(0, top * 1.22)
        axes.invert_yaxis()
        axes.spines["bottom"].set_visible(False)
        axes.set_xticks([])
        axes.set_xlabel(unit, fontsize=9)
        return _svg(figure, words, salt)


def curves(found: Sequence[Percentiles], names: Sequence[str], words: str, salt: str) -> str:
    """Latency by percentile, on a scale of nines: each further nine takes as much room as the last."""
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(5.0, 3.1)
        for one in found:
            points = [(-math.log10(1 - p / 100), value) for p, value in one.curve if value > 0]
            axes.plot(*zip(*points, strict=True), **line_style(names, one.name)) if points else None
        axes.set_yscale("log")
        axes.set_xticks([-math.log10(1 - p / 100) for p in (50, 90, 99, 99.9)], ["50", "90", "99", "99.9"])
        axes.set_xlabel("percentile")
        axes.yaxis.set_major_formatter(lambda value, _at: microseconds(value))
        axes.yaxis.set_minor_formatter(lambda _value, _at: "")
        axes.grid(visible=True, linewidth=0.7)
        return _svg(figure, words, salt)


def against_connections(
    points: Points, names: Sequence[str], unit: str, words: str, salt: str, logarithmic: bool = True
) -> str:
    """How something grows with connections; intervals as whiskers."""
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(5.0, 3.1)
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
            axes.set_yscale("log")
            axes.yaxis.set_minor_formatter(lambda _value, _at: "")
        else:
            axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(
            lambda value, _at: f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
        )
        ticks = sorted({at for measured in points.values() for at, _ in measured})
        told = [at for at in ticks if at in (1, 10, 100, 1000, 5000, 10_000)] or ticks
        axes.set_xticks(told, [_thousands(at) for at in told])
        axes.xaxis.set_minor_formatter(lambda _value, _at: "")
        axes.set_xlabel("connections")
        axes.set_ylabel(unit)
        axes.grid(visible=True, linewidth=0.7)
        return _svg(figure, words, salt)


def _thousands(count: float) -> str:
    return f"{count / 1000:g}k" if count >= 1000 else f"{count:g}"


def line_style(names: Sequence[str], name: str) -> dict[str, Any]:
    """The same contender looks the same in every picture of its service."""
    index = names.index(name)
    return {
        "color": _CURVES[index % SERIES],
        "linestyle": DASHES[(index // 2) % len(DASHES)],
        "linewidth": 1.7,
    }


def microseconds(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1_000_000:g} s"
    return f"{value / 1000:g} ms" if value >= 1000 else f"{value:g} µs"
