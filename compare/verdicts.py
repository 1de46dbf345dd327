"""What a run comes to, in words: a sentence for each workload, and whether ours do what is asked of them."""

from __future__ import annotations

from dataclasses import dataclass

from compare.findings import ASKED, NONE_SEEN, OURS, TAGS_ASKED, Figure, Findings, untagged
from compare.results import Cell

FRAMEWORKS = dict(zip(OURS, ("Twisted", "gevent"), strict=True))

BESIDE: dict[str, dict[str, tuple[str, ...]]] = {
    "echo": {"twisted": ("bare-twisted",), "gevent": ("bare-gevent",)},
    "udp": {"twisted": ("bare-twisted",), "gevent": ("bare-gevent",)},
    "tls": {"twisted": ("bare-twisted",), "gevent": ("bare-gevent",)},
    "rpc": {"twisted": ("aiorpcx",), "gevent": ("aiorpcx",)},
    "chat": {"twisted": ("ngircd", "bare-twisted"), "gevent": ("ngircd", "bare-gevent")},
    "files": {"twisted": ("pyftpdlib",), "gevent": ("pyftpdlib",)},
}
"""With whom a workload's sentence compares ours; services in the order of the page."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Something that ours may cost at most, as a ratio, and what they did cost."""

    service: str
    words: str
    limit: float
    ratio: Figure

    @property
    def answer(self) -> str:
        """By the interval, not by its middle: where the limit lies within, nothing is decided."""
        if self.ratio.ratio.high <= self.limit:
            return "yes"
        return "no" if self.ratio.ratio.low > self.limit else "undecided"


def headline(findings: Findings, service: str) -> Cell | None:
    """The load by which a workload is judged: its first."""
    return next((one for one in findings.results.cells if one.service == service and one.rated), None)


def verdicts(findings: Findings) -> dict[str, str]:
    """One sentence for each service of which ours were measured beside something else."""
    found = {}
    for service, beside in BESIDE.items():
        cell = headline(findings, service)
        if cell and (words := _sentence(findings, cell, beside)):
            found[service] = words
    return found


def _sentence(findings: Findings, cell: Cell, beside: dict[str, tuple[str, ...]]) -> str:
    parts = []
    few = []
    for name, others in beside.items():
        said = {other: findings.figure("", (cell.id, name), (cell.id, other)) for other in others}
        few += [figure.few for figure in said.values() if figure]
        more = [
            f"{figure.verdict} than {other}"
            for other, figure in said.items()
            if figure and not _alike(figure)
        ]
        none = [
            f"{figure.verdict} between ours and {other}"
            for other, figure in said.items()
            if figure and _alike(figure)
        ]
        words = ([f"ours takes {' and '.join(more)}"] if more else []) + none
        if words:
            parts.append(f"in {FRAMEWORKS[name]}, {', '.join(words)}")
    if few and all(few):
        return f"With {cell.label()}: too few rounds to tell a difference."
    if between := findings.between_ours(cell):
        parts.append(f"of these two, {favoured(between)}")
    return f"With {cell.label()}: {'; '.join(parts)}." if parts else ""


def _alike(figure: Figure) -> bool:
    return figure.verdict.startswith(NONE_SEEN)


def winner(figure: Figure) -> str | None:
    """Of a ratio twisted / gevent: whose cost is lower; None where no difference was seen."""
    if _alike(figure):
        return None
    return FRAMEWORKS["twisted" if figure.ratio.median < 1 else "gevent"]


def favoured(figure: Figure) -> str:
    """`gevent takes 1.17 times less CPU`, or that no difference was seen."""
    name = winner(figure)
    if name is None:
        return figure.verdict
    times = max(figure.ratio.median, 1 / figure.ratio.median)
    return f"{name} takes {times:.2f} times less {figure.cost}"


def asked(findings: Findings) -> list[Asked]:
    """Everything that a limit was set for, as far as it was measured."""
    found = []
    for cell in findings.results.cells:
        limits = [((cell.id, other), limit) for other, limit in ASKED.get(cell.id, {}).items()]
        if cell.tags:
            limits.append(((untagged(cell), ""), TAGS_ASKED))
        for (id_, other), limit in limits:
            for name in OURS:
                words = f"{cell.label()}: {name} / {other or 'the same without tags'}"
                if figure := findings.figure(words, (cell.id, name), (id_, other or name)):
                    found.append(Asked(cell.service, words, limit, figure))
    return found
