"""Checks that every link in the project's pages leads to a file, and to a heading, that is there.

python docs/links.py            exit status 1, and one line for each, if one does not

Links to other hosts are not followed: a test must not depend on somebody else's server.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_LINK = re.compile(r"(?<!!)\[(?:[^\[\]]|\[[^\]]*\])*\]\((?P<to>[^()\s]+)\)")
_HREF = re.compile(r'<a href="(?P<to>[^"]+)"')
_FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)


def pages() -> list[Path]:
    """What a reader reads; templates of pages have their links checked on the page."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md"), *(ROOT / "tests").glob("**/*.md")]
    return sorted(page for page in found if not page.name.endswith(".in.md"))


def broken(page: Path) -> Iterator[str]:
    """One line for each link of the page that leads nowhere."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for match in (*_LINK.finditer(text), *_HREF.finditer(text)):
        to = match["to"]
        if re.match(r"[a-z][a-z0-9+.-]*:", to):
            continue
        file, _, heading = to.partition("#")
        target = (page.parent / file).resolve() if file else page
        if not target.exists():
            yield f"{page.relative_to(ROOT)}: {to}: there is no such file"
        elif heading and heading not in anchors(target):
            yield f"{page.relative_to(ROOT)}: {to}: there is no such heading"


def anchors(page: Path) -> set[str]:
    """The names by which a forge lets one link to this page's headings."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return {
        re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")
        for heading in _HEADING.findall(text)
    }


def main() -> int:
    found = [line for page in pages() for line in broken(page)]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
