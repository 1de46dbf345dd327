"""Who may log in, and what each may do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from protocols.files.paths import resolve
from protocols.files.settings import FilesSettings
from protocols.files.store import Path

ALL: Final = frozenset({"list", "read", "write", "append", "delete", "rename", "mkdir", "chmod", "mtime"})
READ_ONLY: Final = frozenset({"list", "read"})
ANONYMOUS: Final = ("anonymous", "ftp")
"""Names by which anybody logs in, with any password (RFC 1635)."""

NOBODY: Final = "$scrypt$ln=14,r=8,p=1$bm9ib2R5J3Mgc2FsdA$bm9ib2R5J3MgcGFzc3dvcmQgZm9yIHRoaXMgdGltZSE"
"""Nobody's password: to refuse an unknown name takes as long as to refuse a known one."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who has logged in, or could."""

    name: str
    home: Path
    permissions: frozenset[str]
    secret: str | None
    """A password, plain or as a PHC string; None where any will do."""


def permissions(said: Iterable[str]) -> frozenset[str]:
    """Single permissions, out of single ones and the words for several."""
    words = {"all": ALL, "read-only": READ_ONLY}
    return frozenset().union(*(words.get(one, frozenset({one})) for one in said))


def anonymous_allowed(settings: FilesSettings, configured: bool) -> bool:
    """Off as soon as there is a configuration or a user, unless it is asked for."""
    if settings.anonymous:
        return settings.anonymous == "read-only"
    return not (configured or settings.users or settings.user)


def find(settings: FilesSettings, name: str, configured: bool) -> User | None:
    """The user of this name, who has yet to prove it."""
    known = settings.users.get(name)
    if known is not None:
        return User(name, resolve(known.home, ()), permissions(known.permissions), known.password)
    for one in settings.user:
        known_as, _, password = one.partition(":")
        if known_as == name:
            return User(name, (), ALL if settings.write else READ_ONLY, password)
    if name.lower() in ANONYMOUS and anonymous_allowed(settings, configured):
        return User("anonymous", resolve(settings.anonymous_home, ()), READ_ONLY, None)
    return None


def secret_for(settings: FilesSettings, user: User | None) -> str:
    """What the password is compared with.

    For a name that nobody has: something that takes as long as for the others, and never matches.
    """
    if user is not None:
        return user.secret or ""
    secrets = [one.password for one in settings.users.values()]
    secrets += [one.partition(":")[2] for one in settings.user]
    hashed = any(one.startswith("$") for one in secrets)
    return NOBODY if hashed else ""
