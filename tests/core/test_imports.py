"""What may import what: the seam of docs/architecture.md, as rules on the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

WAITS = {"socket", "socketserver", "select", "selectors", "threading", "_thread", "asyncio", "time", "signal"}
WAITS |= {"subprocess", "multiprocessing", "concurrent", "queue", "sched"}

FORBIDDEN = {
    # no session knows a socket, a clock, a thread or an event loop
    "protocols": WAITS | {"twisted", "gevent", "stores", "twisted_impl", "gevent_impl", "compare", "tests"},
    # plain blocking code, which either driver runs where it may block
    "stores": {"asyncio", "twisted", "gevent", "twisted_impl", "gevent_impl", "compare", "tests"},
    # what repeats between the drivers is the comparison
    "twisted_impl": {"gevent", "gevent_impl", "compare", "tests"},
    "gevent_impl": {"twisted", "twisted_impl", "compare", "tests"},
}


def imported(source: str) -> Iterator[tuple[str, int]]:
    """Every module that is named in an import, also within functions, and by import_module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or "", node.lineno
            yield from ((f"{node.module}.{name.name}", node.lineno) for name in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.args[0].value, node.lineno


def patches(source: str) -> Iterator[int]:
    """Lines that reach for gevent's monkey patching."""
    for name, line in imported(source):
        if f"{name}.".startswith("gevent.monkey."):
            yield line
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and (
            node.attr.startswith("patch_")
            or (node.attr == "monkey" and isinstance(node.value, ast.Name) and node.value.id == "gevent")
        ):
            yield node.lineno


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_imports_only_what_it_may(package: str) -> None:
    assert sources(package)
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sources(package)
        for name, line in imported(path.read_text(encoding="utf-8"))
        if name.partition(".")[0] in FORBIDDEN[package]
    ]
    assert not wrong


def test_nothing_is_monkey_patched() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for folder in (*FORBIDDEN, "twisted", "compare", "tests", "docs")
        for path in sources(folder)
        for line in patches(path.read_text(encoding="utf-8"))
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import socket", "socket"),
        ("import os.path as time", "os.path"),
        ("from time import monotonic", "time"),
        ("from twisted import internet", "twisted.internet"),
        ("def f():\n    if x:\n        import select", "select"),
        ("importlib.import_module('gevent.socket')", "gevent.socket"),
        ("__import__('time')", "time"),
    ],
)
def test_an_import_is_seen_however_it_is_written(source: str, name: str) -> None:
    assert name in {name for name, _ in imported(source)}


@pytest.mark.parametrize(
    "source",
    [
        "from gevent import monkey",
        "import gevent.monkey",
        "gevent.monkey",
        "mk.patch_all()",
        "import gevent.monkey as m",
    ],
)
def test_monkey_patching_is_seen_however_it_is_written(source: str) -> None:
    assert list(patches(source))


def test_a_module_that_only_begins_alike_is_another() -> None:
    assert not list(patches("import gevent.monkeys"))
