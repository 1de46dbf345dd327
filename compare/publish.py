"""What a project shows of a run elsewhere than on its page: one picture, one sentence for each workload.

Made for a README: the picture is a file of its own, on paper of its own, readable on light and dark pages.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

import msgspec

from compare import pictures
from compare.advice import advise
from compare.findings import Findings, unit
from compare.page import TEMPLATES, TITLES, card_lines, rows, told
from compare.results import Results
from compare.verdicts import headline, verdicts

BEGIN, END = "<!-- measured: written by docs/results.py -->", "<!-- /measured -->"


class MainPicture(msgspec.Struct, frozen=True):
    """An SVG document, and the words that say the same."""

    svg: str
    words: str


def main_picture(findings: Findings) -> MainPicture:
    """What an operation costs, of each workload: ours, what they are compared with, the user's own."""
    panels, said = [], []
    for service, title in TITLES.items():
        cell = headline(findings, service)
        if cell and (lines := card_lines(findings, cell)):
            shape = "" if service == "chat" else f"; {cell.label()}"  # chat's title says it
            panels.append((title, unit(cell) + shape, rows(lines)))
            said.append(f"{title}, {unit(cell)}: {told(lines)}")
    words = "What the server pays, with 95 % intervals. " + ". ".join(said)
    return MainPicture(standalone(pictures.panels(panels, words, "main"), words), words)


def standalone(svg: str, words: str) -> str:
    """A document of what was an element of our page: it brings its colours and its paper."""
    # A style sheet in an SVG that is shown as an image knows the reader's preference, not the page's
    # colours: with paper of its own it is readable on either.
    css = (TEMPLATES / "page.css").read_text("utf-8")
    palettes = re.findall(r":root \{([^}]*--paper[^}]*)\}", css)
    light, dark = (" ".join(one.split()) for one in palettes[:2])
    head, _, body = svg.partition(">")
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', head)
    assert box
    width, height = (float(one) for one in box.groups())
    margin = 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{-margin} {-margin} {width + 2 * margin:g} {height + 2 * margin:g}" '
        f'width="{width + 2 * margin:g}" height="{height + 2 * margin:g}" role="img">'
        f"<title>{html.escape(words)}</title>"
        f"<style>svg {{ {light} }} @media (prefers-color-scheme: dark) {{ svg {{ {dark} }} }}</style>"
        f'<rect x="{-margin}" y="{-margin}" width="100%" height="100%" rx="10" fill="var(--paper)"/>{body}\n'
    )


def impersonal(results: Results) -> Results:
    """The same run without where on this machine its programs are: for others, that says nothing."""
    replace = msgspec.structs.replace
    return replace(
        results,
        rows=[replace(one, command=_elsewhere(one.command)) for one in results.rows],
        gates=[
            replace(one, refused=_elsewhere(one.refused), notes=[_elsewhere(note) for note in one.notes])
            for one in results.gates
        ],
        rounds=[replace(one, problem=_elsewhere(one.problem)) for one in results.rounds],
        notes=[_elsewhere(note) for note in results.notes],
        interrupted=_elsewhere(results.interrupted),
    )


def _elsewhere(words: str) -> str:
    """Absolute paths, but not those in addresses, as their last name, or from our own folder on."""
    return re.sub(
        r"(?<![\w/:.\]}-])/(?:[^\s/'\"]+/)*?(?=compare/bare/|[^\s/'\"]+(?![^\s'\",;:)]))", "", words
    )


def excerpt(results: Results, picture: str, folder: str) -> str:
    """Markdown: the machine and the day, the picture, the sentences, and what to pick."""
    findings, env = Findings(results), results.environment
    cores = f"{env.cores} core{'s' if env.cores != 1 else ''}"
    where = f"{env.cpu}, {cores}, {env.kernel}, {env.python}"
    lines = [
        f"Measured on {results.started[:10]} on {where}: {counted(results)}. {findings.noise_words()}",
        "",
        f"![What an operation costs the server, by workload and contender]({picture})",
        "",
    ]
    lines += [f"- **{TITLES[service]}.** {words}" for service, words in verdicts(findings).items()]
    if advice := advise(findings):
        lines += ["", "| for | pick | because | how sure |", "|---|---|---|---|"]
        for one in advice:
            first = one.evidence[0]
            because = f"{first.load}: {first.costs}: {first.verdict} ({first.interval})"
            lines.append(f"| {one.title} | **{one.pick}** | {because} | {one.sure} |")
    lines += ["", f"Every round, the page and the picture are in [{folder}]({folder})."]
    return "\n".join(lines)


def counted(results: Results) -> str:
    """How much it was."""
    rounds = sum(not one.problem for one in results.rounds)
    return f"{rounds:,} windows of {len(results.cells)} loads in {results.seconds / 60:.0f} minutes"


def replace_between(text: str, excerpt: str, path: Path) -> str:
    """The text with the excerpt where its markers are.  Raises ValueError, in one line, if it has none."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path}: no place for it: {BEGIN} and {END} are missing")
    return f"{before}{BEGIN}\n{excerpt}\n{END}{after}"
