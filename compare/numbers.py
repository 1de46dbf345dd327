"""Numbers as a reader wants them, alike on the terminal, on the page and in its pictures."""

from __future__ import annotations

from compare.statistics import Interval


def number(value: float) -> str:
    """Three digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(interval: Interval) -> str:
    return f"{number(interval.low)} … {number(interval.high)}"
