"""Every link in the project's pages leads somewhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_link_leads_somewhere() -> None:
    done = subprocess.run([sys.executable, ROOT / "docs" / "links.py"], capture_output=True, text=True)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
