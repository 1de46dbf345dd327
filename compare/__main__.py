"""The `twofold` command: `compare` measures and writes, `report` draws what was written."""

from __future__ import annotations

import math
import resource
import sys
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path

import click
from rich.console import Console

from compare import contenders, environment, page, table, workloads
from compare.between import Between
from compare.findings import Findings
from compare.interrupt import raise_for_all, uninterrupted
from compare.keeping import CannotKeep, Patient, keep, prepare
from compare.progress import Bar, Lines
from compare.publish import main_picture
from compare.results import BadFile, Results, read
from compare.run import BY_HAND, Plan, Run, expected, named

QUICK_BUDGET = 110.0
"""Seconds after which --quick begins no further round: the whole must be done in 120."""

FULL_BUDGET = 2_580.0
"""The same of a full run, which must be done in 45 minutes."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Network services specified once, implemented twice, and measured side by side."""


def _names(_context: click.Context, _parameter: click.Parameter, value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]


def _finite(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):
        raise click.BadParameter("that is not a number")
    return value


STATUS = """\b
Exit status:
  0    measured; who could not be is named, with the reason
  1    nobody could be measured, or the result had to be written elsewhere
  2    a command that can't be meant, or a folder that can't be written to
  130  stopped by Ctrl-C, SIGTERM or SIGHUP: what was measured is kept
"""


@main.command(epilog=STATUS)
@click.option("--quick", is_flag=True, help="The headline cells only: done within two minutes.")
@click.option(
    "--only", default="", callback=_names, metavar="NAME,…", help="These contenders alone, and your own."
)
@click.option(
    "--services",
    default=",".join(contenders.SERVICES),
    show_default=True,
    callback=_names,
    metavar="NAME,…",
    help="These services alone.",
)
@click.option(
    "--rounds", type=click.IntRange(1), default=5, show_default=True, help="How often each is measured."
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.05, 600),
    callback=_finite,
    help="How long a window lasts.  [default: 1; quick: 0.5]",
)
@click.option(
    "--list", "list_", is_flag=True, help="Say who can be compared and how long it takes; measure nothing."
)
@click.option(
    "--contender", "own", multiple=True, metavar="NAME='COMMAND {port}'", help="Compare this one too."
)
@click.option(
    "--serves",
    type=click.Choice(contenders.SERVICES),
    default="echo",
    show_default=True,
    help="Which service the --contender serves.",
)
@click.option(
    "--takes",
    type=click.IntRange(1),
    default=contenders.ANY,
    metavar="NUMBER",
    help="How many connections the --contender can take.  [default: any]",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
    help="The folder for the result file and its page.",
)
def compare(
    quick: bool,
    only: list[str],
    services: list[str],
    rounds: int,
    seconds: float | None,
    list_: bool,
    own: tuple[str, ...],
    serves: str,
    takes: int,
    output: Path,
) -> None:
    """Measure ours and what a user would pick instead, on this machine.

    Writes DIR/TIME.json and DIR/TIME.html.  Ctrl-C keeps what was measured.
    """
    try:
        own_ = contenders.all_yours(own, serves, takes, services)
        chosen = contenders.choose([*contenders.TABLE, *own_], services, only)
    except contenders.BadContender as error:
        raise click.UsageError(str(error)) from None
    if not chosen:
        raise click.UsageError("nobody to compare: no such contender serves that")
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if seconds is None:
        seconds = 0.5 if quick else 1.0
    every = workloads.quick(seconds) if quick else workloads.every(seconds)
    cells, left_out = workloads.within([one for one in every if named(chosen, one)], hard)
    plan = Plan(chosen, cells, rounds, QUICK_BUDGET if quick else FULL_BUDGET)
    if list_:
        for one in chosen:
            click.echo(f"{one.service:5} {one.name:16} {one.kind:8} {one.framework:13} {one.note}".rstrip())
        minutes = math.ceil(min(expected(plan), plan.budget) / 60)
        click.echo(f"about {minutes} minute{'s' if minutes != 1 else ''}", err=True)
        return
    if not cells:
        raise click.UsageError(f"{hard} descriptors are too few for anything: raise ulimit -n")
    try:
        prepare(output)
    except CannotKeep as error:
        raise click.UsageError(str(error)) from None
    raise_for_all()
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        sys.exit(_measured(plan, quick, left_out, output))
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        sys.exit(130)


def _measured(plan: Plan, quick: bool, left_out: list[str], output: Path) -> int:
    """Measure, keep it, show it; the exit status.  Raises KeyboardInterrupt, once all is kept."""
    started = datetime.now(timezone.utc)
    results = Results(
        started=started.isoformat(timespec="seconds"), quick=quick, environment=environment.look()
    )
    results.notes += left_out
    console = Patient()
    try:
        with ExitStack() as stack:
            watcher = stack.enter_context(Bar(console)) if console.is_terminal else Lines(console)
            Run(plan, results, watcher).go()
    finally:
        with uninterrupted():
            status = _kept(results, output, f"{started:%Y%m%d-%H%M%S}", console)
    return 130 if results.interrupted.startswith(BY_HAND) else status


def _kept(results: Results, output: Path, name: str, console: Console) -> int:
    """Write, then show: whatever becomes of one, there is the other.  The exit status."""
    path, why = None, ""
    try:
        path, why = keep(results, output, name)
    except CannotKeep as error:
        why = str(error)
    table.show(results, console)
    if path:
        console.print(
            f"{path} and {path.with_suffix('.html').name}", markup=False, highlight=False, soft_wrap=True
        )
    if why:
        click.echo(why, err=True)
    measured = any(one.operations or one.samples or one.pss_after for one in results.rounds)
    if not measured and not results.interrupted:
        click.echo("nobody could be measured", err=True)
    return 0 if measured and not why and not results.interrupted else 1


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The page.  [default: beside the first file]",
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path, dir_okay=False),
    help="An SVG of what the first file says of each workload, for a page of yours.",
)
def report(files: tuple[Path, ...], output: Path | None, picture: Path | None) -> None:
    """Draw result files again; of several, say what changed from the first to each of the others."""
    runs, bad = {}, []
    for path in dict.fromkeys(files):
        try:
            runs[str(path)] = read(path)
        except BadFile as error:
            bad.append(str(error))
    if bad:
        click.echo("\n".join(bad), err=True)
        sys.exit(2)
    output = output or files[0].with_suffix(".html")
    try:
        output.write_text(page.draw(runs), "utf-8")
        if picture:
            picture.parent.mkdir(parents=True, exist_ok=True)
            picture.write_text(main_picture(Findings(runs[str(files[0])])).svg, "utf-8")
    except OSError as error:
        click.echo(f"{error.filename or output}: {error.strerror}", err=True)
        sys.exit(1)
    console = Console()
    for name, results in runs.items():
        if len(runs) > 1:
            console.rule(name)
        table.show(results, console)
    if len(runs) > 1:
        table.show_between(Between({name: Findings(one) for name, one in runs.items()}), console)
    console.print(str(output), markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main(prog_name="twofold")
