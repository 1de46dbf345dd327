"""The two drivers' code for each protocol, side by side: from the installed files, with colours."""

from __future__ import annotations

import html
import importlib.util
import io
import keyword
import tokenize
from dataclasses import dataclass
from pathlib import Path

MODULES = {"echo": "echo", "rpc": "rpc", "chat": "chat", "files": "files"}
"""Of each service, the module that both drivers have."""


@dataclass(frozen=True, slots=True)
class Pane:
    """One driver's file: its title, where it is, and its code as HTML."""

    title: str
    name: str
    code: str


def panes(service: str) -> tuple[Pane, ...]:
    """Twisted's and gevent's; empty where a service has none of its own."""
    found = []
    for title, package in (("Twisted", "twisted_impl"), ("gevent", "gevent_impl")):
        if service not in MODULES:
            continue
        path = _source(f"{package}.{MODULES[service]}")
        if path:
            found.append(Pane(title, f"{package}/{path.name}", coloured(path.read_text("utf-8"))))
    return tuple(found)


def _source(module: str) -> Path | None:
    """Where it is, without importing it: that would start a reactor here."""
    package, _, name = module.rpartition(".")
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        return None
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in (Path(folder) / f"{name}.py", Path(folder) / name / "__init__.py"):
            if path.exists():
                return path
    return None


def coloured(code: str) -> str:
    """Python as HTML: keywords, strings and comments each in a <span>, everything escaped."""
    lines = code.splitlines(keepends=True)
    parts: list[str] = []
    row, column = 1, 0

    def plain(to_row: int, to_column: int) -> None:
        nonlocal row, column
        while (row, column) < (to_row, to_column) and row <= len(lines):
            end = to_column if row == to_row else len(lines[row - 1])
            parts.append(html.escape(lines[row - 1][column:end]))
            row, column = (row, end) if row == to_row else (row + 1, 0)

    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        kind = _kind(token)
        if kind:
            plain(*token.start)
            parts.append(f'<span class="{kind}">')
            plain(*token.end)
            parts.append("</span>")
    plain(len(lines) + 1, 0)
    return "".join(parts)


def _kind(token: tokenize.TokenInfo) -> str:
    if token.type == tokenize.COMMENT:
        return "comment"
    if token.type == tokenize.STRING:
        return "string"
    return "keyword" if token.type == tokenize.NAME and keyword.iskeyword(token.string) else ""
