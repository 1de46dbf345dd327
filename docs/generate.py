"""Writes the pages of `docs/` that are made from declarations, and from the code itself.

python docs/generate.py            write them
python docs/generate.py --check    exit status 1, and their names, if they are not current
"""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS)]

import idioms  # noqa: E402

from protocols.reference import reference  # noqa: E402
from protocols.services import SERVICES  # noqa: E402


def pages() -> dict[Path, str]:
    """Each generated page and what it should say."""
    return {DOCS / "settings.md": reference(SERVICES.values()), DOCS / "idioms.md": idioms.page()}


def stale() -> list[Path]:
    """The pages that say something else, or are missing."""
    return [
        page
        for page, text in pages().items()
        if not page.exists() or page.read_text(encoding="utf-8") != text
    ]


def main(arguments: list[str]) -> int:
    try:
        return _main(arguments)
    except idioms.NotThere as error:
        print(error)
        return 1


def _main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        for page in stale():
            print(f"{page.relative_to(DOCS.parent)} is not current: run python docs/generate.py")
        return 1 if stale() else 0
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
