"""Where a run is kept: looked at before anything is measured, and not lost when it fails after all."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO, cast

from rich.console import Console

from compare import page
from compare.results import Results, write


class CannotKeep(Exception):
    """Nothing can be written to a folder; the text is one line for its owner."""


class Patient(Console):
    """A console whose reader may go away (`twofold compare | head`, a closed terminal): the run goes on."""

    def __init__(self) -> None:
        super().__init__(file=cast(TextIO, Lossy(sys.stdout)))


class Lossy:
    """A file whose other end may be gone: what is written from then on is lost without a word."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._gone = False

    def write(self, text: str) -> int:
        """As a file's."""
        return self._try(lambda: self._file.write(text)) or len(text)

    def flush(self) -> None:
        """As a file's."""
        self._try(self._file.flush)

    def _try(self, do: Callable[[], int | None]) -> int | None:
        if self._gone:
            return None
        try:
            return do()
        except OSError:
            self._gone = True
            # What the interpreter still holds for it, it must be able to get rid of when it ends.
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), self._file.fileno())
            return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def prepare(folder: Path) -> None:
    """Make the folder, and see that a file can be made in it.  Raises CannotKeep."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
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
    if path.exists():  # another run began in the same second
        path = path.with_name(f"{path.stem}-{os.getpid()}.json")
    write(results, path)
    path.with_suffix(".html").write_text(page.draw({path.name: results}), "utf-8")
    return path
