"""docs/idioms.md shows the drivers' code as it is, and nothing that is not there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def idioms() -> ModuleType:
    spec = importlib.util.spec_from_file_location("idioms", ROOT / "docs" / "idioms.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current(idioms: ModuleType) -> None:
    current = (ROOT / "docs" / "idioms.md").read_text(encoding="utf-8") == idioms.page()
    assert current, "run python docs/generate.py"


def test_every_table_has_both_drivers(idioms: ModuleType) -> None:
    page = idioms.page()
    markers = idioms.WORDS.read_text(encoding="utf-8").count("<!-- code:")
    assert markers > 10
    assert "<!-- code:" not in page
    assert len(re.findall(r'Twisted: <a href="\.\./(twisted_impl/\w+\.py)">\1<', page)) == markers
    assert len(re.findall(r'gevent: <a href="\.\./(gevent_impl/\w+\.py)">\1<', page)) == markers


def test_code_is_cut_out_whole_and_not_indented(idioms: ModuleType) -> None:
    code = idioms.cut("protocols/rpc/method.py", "Parameter.required")
    assert code == (
        "@property\ndef required(self) -> bool:\n    return self.default is inspect.Parameter.empty"
    )


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ("twisted_impl/session.py SessionProtocol.nonesuch", "has no SessionProtocol.nonesuch"),
        ("twisted_impl/session.py nonesuch", "has no nonesuch"),
        ("twisted_impl/nonesuch.py Session", "no file twisted_impl/nonesuch.py"),
    ],
)
def test_what_is_gone_is_an_error(idioms: ModuleType, left: str, said: str) -> None:
    with pytest.raises(idioms.NotThere, match=said):
        idioms.page(f"<!-- code: {left} | gevent_impl/session.py Connection.send -->")
