"""The two drivers' code on the page: whole, as it is, and never run to be shown."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.panes import MODULES, coloured, panes

ROOT = Path(__file__).resolve().parents[2]


def plain(code: str) -> str:
    """Without its colours."""
    return html.unescape(re.sub(r"</?span[^>]*>", "", code))


@pytest.mark.parametrize("service", MODULES)
def test_both_files_are_shown_whole(service: str) -> None:
    twisted, gevent = panes(service)
    assert (twisted.title, gevent.title) == ("Twisted", "gevent")
    for pane in (twisted, gevent):
        assert plain(pane.code) == (ROOT / pane.name).read_text("utf-8")


def test_what_has_no_drivers_of_its_own_has_no_panes() -> None:
    assert panes("udp") == ()


def test_no_reactor_is_installed_to_show_code() -> None:
    code = "import sys; from compare.panes import panes; panes('chat'); print([*sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "compare.panes" in done.stdout
    assert "twisted.internet.reactor" not in done.stdout


def test_keywords_strings_and_comments_have_colours() -> None:
    found = coloured("def a():\n    return '<b>'  # & so on\n")
    assert '<span class="keyword">return</span>' in found
    assert '<span class="string">&#x27;&lt;b&gt;&#x27;</span>' in found
    assert '<span class="comment"># &amp; so on</span>' in found


LINES = ["x = 1", "if x:", "    y = '''a", "b'''", "# c", "", "    pass", 'é = "ß"', "z = (1,", "  2)"]


@given(st.lists(st.sampled_from(LINES)))
def test_code_survives_its_colours(lines: list[str]) -> None:
    """What is Python is shown letter by letter."""
    code = "\n".join(lines) + "\n"
    try:
        compile(code, "shown", "exec")
    except SyntaxError:
        return
    assert plain(coloured(code)) == code
