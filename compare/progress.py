"""How far a run is: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


class Watcher(Protocol):
    """Whom a run tells what it does."""

    def expect(self, seconds: float) -> None:
        """About how long it will all take."""

    def doing(self, what: str) -> None:
        """What comes next."""

    def done(self, seconds: float) -> None:
        """So much of what was expected is behind us."""

    def say(self, line: str) -> None:
        """Something that should be read."""


class Lines:
    """For a log: a line for each new thing, with what is left of the expected time."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._total = 0.0
        self._done = 0.0
        self._said = ""

    def expect(self, seconds: float) -> None:
        self._total = seconds

    def doing(self, what: str) -> None:
        heading = what.partition(":")[0]
        if heading != self._said:
            self._said = heading
            left = max(0.0, self._total - self._done)
            self.console.print(f"{heading} (about {left:.0f} s left)", markup=False, highlight=False)

    def done(self, seconds: float) -> None:
        self._done += seconds

    def say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False)


class Bar:
    """For a terminal.  Drawn between windows only: redrawing costs CPU that is being measured."""

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            BarColumn(24),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            auto_refresh=False,
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._bar.stop()

    def expect(self, seconds: float) -> None:
        self._bar.update(self._task, total=seconds)

    def doing(self, what: str) -> None:
        self._bar.update(self._task, description=what, refresh=True)

    def done(self, seconds: float) -> None:
        self._bar.advance(self._task, seconds)

    def say(self, line: str) -> None:
        self._bar.console.print(line, markup=False, highlight=False)


class Clock:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self) -> float:
        return time.monotonic() - self._began
