"""The page `docs/idioms.md`: the words of `idioms.in.md`, and the drivers' code cut out of their files.

Where the words have a line such as

    <!-- code: twisted_impl/session.py Class.method other | gevent_impl/session.py Class.method -->

the page has a table with that code, Twisted's on the left.  A name that is not there any more is an
error: a page about code that is gone would be worse than none.
"""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORDS = ROOT / "docs" / "idioms.in.md"

HEAD = "<!-- Made from idioms.in.md and the drivers by `python docs/generate.py`; do not edit it. -->\n\n"

_MARKER = re.compile(r"<!-- code: (?P<twisted>[^|\n]+) \| (?P<gevent>[^|\n]+) -->")

_TABLE = """\
<table>
<tr>
<th align="left">Twisted: {twisted_file}</th>
<th align="left">gevent: {gevent_file}</th>
</tr>
<tr valign="top"><td>

```python
{twisted_code}
```

</td><td>

```python
{gevent_code}
```

</td></tr>
</table>"""


class NotThere(Exception):
    """A marker names code that does not exist."""


def page(words: str | None = None) -> str:
    """The whole page, in Markdown.  Raises NotThere."""
    if words is None:
        words = WORDS.read_text(encoding="utf-8")
    return HEAD + _MARKER.sub(_side_by_side, words)


def _side_by_side(marker: re.Match[str]) -> str:
    parts = {}
    for side, named in marker.groupdict().items():
        file, *names = named.split()
        parts[f"{side}_file"] = f'<a href="../{file}">{file}</a>'
        parts[f"{side}_code"] = "\n\n".join(cut(file, name) for name in names)
    return _TABLE.format(**parts)


def cut(file: str, name: str) -> str:
    """The source of one function, method or class (`name`, `Class.name`), not indented.  Raises NotThere."""
    path = ROOT / file
    if not path.is_file():
        raise NotThere(f"docs/idioms.in.md: there is no file {file}")
    source = path.read_text(encoding="utf-8")
    node: ast.AST = ast.parse(source)
    for part in name.split("."):
        node = _within(node, part, f"docs/idioms.in.md: {file} has no {name}")
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    lines = source.splitlines()[first - 1 : node.end_lineno]
    return textwrap.dedent("\n".join(lines))


def _within(node: ast.AST, name: str, otherwise: str) -> ast.AST:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and child.name == name:
            return child
    raise NotThere(otherwise)
