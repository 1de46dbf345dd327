"""Puts a run of `twofold compare` into docs/results/, and what it says into README.md.

python docs/results.py RESULT.json

Writes run.json (every round), run.html (the page) and main.svg (the picture that README.md shows), and
replaces what stands between the two markers in README.md.  Commit what changed.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from compare import page  # noqa: E402
from compare.findings import Findings  # noqa: E402
from compare.publish import excerpt, impersonal, main_picture, replace_between  # noqa: E402
from compare.results import BadFile, read, write  # noqa: E402

FOLDER = "docs/results"


def publish(result: Path, root: Path) -> None:
    """Raises BadFile or ValueError, in one line, before anything is written."""
    results = impersonal(read(result))
    readme = root / "README.md"
    text = replace_between(
        readme.read_text("utf-8"), excerpt(results, f"{FOLDER}/main.svg", f"{FOLDER}/"), readme
    )
    folder = root / FOLDER
    write(results, folder / "run.json")
    (folder / "run.html").write_text(page.draw({"run.json": results}), "utf-8")
    (folder / "main.svg").write_text(main_picture(Findings(results)).svg, "utf-8")
    readme.write_text(text, "utf-8")


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit((__doc__ or "").strip())
    try:
        publish(Path(sys.argv[1]), ROOT)
    except (BadFile, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
