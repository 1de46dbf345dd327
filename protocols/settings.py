"""Settings, declared once per service as a struct: its TOML table, its flags, its page in `docs/`.

A service declares what can be set with `msgspec.Struct` (frozen, keyword-only, no unknown fields),
each field with its bounds and a description.  Nothing in here opens a file: a launcher reads it
and hands over the bytes.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec
from msgspec import inspect

from protocols.declared import Field, fields, shown, shown_key
from protocols.session import Limits

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLES = ("echo", "chat", "rpc", "files")
"""The tables that one file may hold, each for one service."""

Listen = Annotated[
    tuple[str, ...],
    msgspec.Meta(min_length=1, description="addresses to listen on; the flag can be repeated"),
]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every service's table holds; a service gives `listen` its default and narrows `limits`."""

    listen: Listen
    drain_timeout: Annotated[
        float,
        msgspec.Meta(ge=0, description="seconds that what is in flight may still take at the stop"),
    ] = 10
    limits: Limits = Limits()


T = TypeVar("T", bound=msgspec.Struct)
Where: TypeAlias = "Callable[[Sequence[str]], str]"


class SettingsError(Exception):
    """Settings that can't be meant: one line with the file or flag, the key and what was expected."""


class Unfit(ValueError):
    """Raised by a struct's `__post_init__`: what `key` holds is of the right type, and can't be meant."""

    def __init__(self, key: str, expected: str) -> None:
        super().__init__(f"{key}: expected {expected}")
        self.key = key
        self.expected = expected


# -- the command line ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of a launcher: `--NAME`, whose value replaces what the file says at `path`.

    `type` is that of one value; a `repeated` flag's values are gathered in a list.
    """

    name: str
    path: tuple[str, ...]
    type: type[bool] | type[float] | type[int] | type[str]
    default: Any
    help: str
    repeated: bool = False


_FLAG_TYPES: dict[type[inspect.Type], type[bool] | type[float] | type[int] | type[str]] = {
    inspect.BoolType: bool,
    inspect.FloatType: float,
    inspect.IntType: int,
    inspect.LiteralType: str,
    inspect.StrType: str,
}


def flags(kind: type[msgspec.Struct]) -> list[Flag]:
    """The flags for what can be set, but for secrets: everybody may read a command line (ps)."""
    made = []
    for field in fields(kind):
        repeated = isinstance(field.type, (inspect.ListType, inspect.VarTupleType))
        one = field.type.item_type if repeated else field.type  # type: ignore[attr-defined]
        one = one.type if isinstance(one, inspect.Metadata) else one
        if not field.secret and type(one) in _FLAG_TYPES:
            name = _flag(field.path)
            made.append(Flag(name, field.path, _FLAG_TYPES[type(one)], field.default, field.help, repeated))
    return made


def _flag(path: Sequence[str]) -> str:
    return "-".join(path).replace("_", "-")


# -- reading ---------------------------------------------------------------------------


def load(
    kind: type[T],
    table: str,
    *,
    text: bytes | None = None,
    source: str = "",
    flags: Mapping[str, object] | None = None,
) -> T:
    """The settings of one service: its defaults, what its table of the file says, what the flags say.

    `text` is what the file holds and `source` its name.  `flags` maps names of `flags(kind)` to
    values, typed or as the strings of a command line; None, or no value of a repeated one, is not
    given.  The other services' tables are not looked into.  Raises SettingsError.
    """
    said = {} if text is None else _table(text, source, table)
    declared = {field.path: field for field in fields(kind)}
    where = f"{source}: {table}"
    _no_unknown(said, declared, (), where)
    _converted(kind, said, declared, lambda path: f"{where}.{'.'.join(path)}")
    for name, value in (flags or {}).items():
        field = next((one for one in declared.values() if _flag(one.path) == name and not one.secret), None)
        if field is None:
            raise SettingsError(f"--{name}: unknown flag")
        if value is None or value == [] or value == ():
            continue
        *above, last = field.path
        inner = said
        for key in above:
            inner = inner.setdefault(key, {})
        inner[last] = _typed(field, value)
    return _converted(kind, said, declared, lambda path: f"--{_flag(path)}")


def _table(text: bytes, source: str, table: str) -> dict[str, Any]:
    try:
        whole = tomllib.loads(text.decode())
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise SettingsError(
            f"{source}: expected UTF-8, got byte 0x{text[error.start]:02x} (line {line})"
        ) from None
    except RecursionError:
        raise SettingsError(f"{source}: nested too deep") from None
    except tomllib.TOMLDecodeError as error:
        last = text.rstrip().count(b"\n") + 1
        what = " ".join(str(error).replace("at end of document", f"at the end, line {last}").split())
        raise SettingsError(f"{source}: {what}") from None
    except ValueError:  # int() refuses more digits than sys.get_int_max_str_digits()
        raise SettingsError(f"{source}: a number has too many digits") from None
    for name, content in whole.items():
        if name not in TABLES:
            what = "table" if isinstance(content, dict) else "key"
            tables = ", ".join(f"[{one}]" for one in TABLES)
            raise SettingsError(f"{source}: {shown_key(name)}: unknown {what}, expected {tables}")
        if not isinstance(content, dict):
            raise SettingsError(f"{source}: {name}: expected a table, got {shown(content)}")
    said: dict[str, Any] = whole.get(table, {})
    return said


def _no_unknown(
    said: Any, declared: Mapping[tuple[str, ...], Field], path: tuple[str, ...], where: str
) -> None:
    """Unknown keys before wrong values: a wrong value is often a key in the wrong table."""
    known = list(dict.fromkeys(one[len(path)] for one in declared if one[: len(path)] == path != one))
    if not known or not isinstance(said, dict):
        return
    for key, value in said.items():
        if key not in known:
            raise SettingsError(f"{where}.{shown_key(key)}: unknown key, expected one of {', '.join(known)}")
        _no_unknown(value, declared, (*path, key), f"{where}.{key}")


def _converted(
    kind: type[T], said: dict[str, Any], declared: Mapping[tuple[str, ...], Field], where: Where
) -> T:
    try:
        settings = msgspec.convert(said, kind)
    except msgspec.ValidationError as error:
        # "Expected `int` >= 1024 - at `$.limits.line`": the path is what is wanted from it
        _, found, at = str(error).rpartition(" - at `$.")
        path = tuple(re.findall(r"\w+", at.split("[")[0])) if found else ()
        unfit = error.__cause__
        if isinstance(unfit, Unfit):
            path = (*path, unfit.key)
        field = declared.get(path)
        if field is not None and not isinstance(unfit, Unfit):
            _by_name(field, _at(said, path), where)
        missing = re.search(r"missing required field `(\w+)`", str(error))
        if missing is not None and (needed := declared.get((*path, missing[1]))) is not None:
            raise SettingsError(f"{where(needed.path)}: expected {needed.expected}, got nothing") from None
        expected = unfit.expected if isinstance(unfit, Unfit) else field.expected if field else "a table"
        raise SettingsError(
            f"{where(path)}: expected {expected}, got {_got(field, _at(said, path))}"
        ) from None
    for path, field in declared.items():
        value = _at(said, path)
        if isinstance(value, float) and not math.isfinite(value):
            raise SettingsError(f"{where(path)}: expected finite {field.expected}, got {shown(value)}")
    return settings


def _by_name(field: Field, said: Any, where: Where) -> None:
    """Raises SettingsError for the entry at fault in a table whose keys are names, such as users."""
    if not isinstance(field.type, inspect.DictType) or not isinstance(said, dict):
        return
    kind = field.type.value_type
    for name, value in said.items():

        def there(path: Sequence[str], name: str = name) -> str:
            return where((*field.path, shown_key(name), *path))

        if not isinstance(kind, inspect.StructType):
            one = Field(field.path, kind, None, "", field.secret, field.private)
            if not isinstance(value, str) or not re.search(getattr(kind, "pattern", None) or "", value):
                raise SettingsError(f"{there(())}: expected {one.expected}, got {_got(one, value)}") from None
        elif not isinstance(value, dict):
            raise SettingsError(f"{there(())}: expected a table, got {type(value).__name__}") from None
        else:
            inner = {one.path: one for one in fields(kind.cls)}
            _no_unknown(value, inner, (), there(()))
            _converted(kind.cls, value, inner, there)


def _typed(field: Field, value: object) -> object:
    """A flag's value, which may be text, as what TOML would have given."""
    repeated = isinstance(field.type, (inspect.ListType, inspect.VarTupleType))
    if repeated:
        return list(value) if isinstance(value, (list, tuple)) else [value]
    kind = _FLAG_TYPES.get(type(field.type), str)
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        raise SettingsError(f"--{_flag(field.path)}: expected {field.expected}, got {shown(value)}") from None


def _at(said: Any, path: Sequence[str]) -> Any:
    for key in path:
        said = said.get(key) if isinstance(said, dict) else None
    return said


def _got(field: Field | None, value: object) -> str:
    # A secret of the wrong type is still a secret.
    return type(value).__name__ if field and field.private else shown(value)
