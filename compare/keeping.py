"""Where a run is kept: looked at before anything is measured, and not lost when it fails after all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from compare import page
from compare.results import Results, write


class CannotKeep(Exception):
    """Nothing can be written to a folder; the text is one line for its owner."""


class Patient(Console):
    """A console whose reader may go away (`twofold compare | head`): the run goes on without."""

    def on_broken_pipe(self) -> None:
        with suppress(SystemExit):
            super().on_broken_pipe()


def prepare(folder: Path) -> None:
    """Make the folder, and see that a file can be made in it.  Raises CannotKeep."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CannotKeep(f"nothing can be written to {folder}: {error.strerror}") from None


def keep(results: Results, folder: Path, name: str) -> tuple[Path, str]:
    """Write NAME.json and NAME.html: into the folder, or, where that fails, where temporary files go.

    Returns the path of the result file, and why it is not in the folder.  Raises CannotKeep.
    """
    try:
        return _kept(results, folder / name), ""
    except OSError as error:
        why = f"could not write to {folder}: {error.strerror}"
    try:
        return _kept(results, Path(tempfile.mkdtemp(prefix="twofold-results-")) / name), why
    except OSError as error:
        raise CannotKeep(f"{why}; nor to {tempfile.gettempdir()}: {os.strerror(error.errno or 0)}") from None


def _kept(results: Results, path: Path) -> Path:
    """The page may be missing in the end: it can be drawn again."""
    path = path.with_suffix(".json")
    write(results, path)
    path.with_suffix(".html").write_text(page.draw({path.name: results}), "utf-8")
    return path
