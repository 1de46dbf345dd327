"""Virtual paths: what a client calls a file, as the names on the way to it from the user's home.

Everything is done on names, and nothing on the disk: `..` takes the last name away, and at the home it
takes nothing.  What links do is the store's matter.
"""

from __future__ import annotations

from protocols.files.store import Path


def resolve(argument: str, directory: Path) -> Path:
    """What `argument` means in `directory`.  `/` is the user's home."""
    path = [] if argument.startswith("/") else list(directory)
    for name in argument.split("/"):
        if name == "..":
            del path[-1:]
        elif name not in ("", "."):
            path.append(name)
    return tuple(path)


def shown(path: Path) -> str:
    """The path as the client may use it, absolute."""
    return "/" + "/".join(path)


def quoted(path: Path) -> str:
    """For 257: RFC 959 appendix II, "the embedded double-quotes" are doubled."""
    return '"' + shown(path).replace('"', '""') + '"'


def printable(text: str) -> str:
    """A name for the log: what is not UTF-8 and what would move a terminal's cursor is escaped."""
    text = text.encode(errors="surrogateescape").decode(errors="backslashreplace")
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
