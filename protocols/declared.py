"""What a struct of settings declares: each thing that can be set, with its bounds and its words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import msgspec
from msgspec import inspect


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that can be set: its path below the service's table, and what it may be."""

    path: tuple[str, ...]
    type: inspect.Type
    default: Any
    help: str
    secret: bool
    """No flag sets it."""
    private: bool
    """No message repeats it."""

    @property
    def expected(self) -> str:
        return _expected(self.type)


def fields(kind: type[msgspec.Struct]) -> list[Field]:
    """Everything that can be set in this struct and the structs within, in the order declared."""
    return list(_fields(cast(inspect.StructType, inspect.type_info(kind)), ()))


def _fields(struct: inspect.StructType, above: tuple[str, ...]) -> Iterator[Field]:
    for field in struct.fields:
        path, type_ = (*above, field.encode_name), field.type
        description, secret, private = "", False, False
        while isinstance(type_, (inspect.Metadata, inspect.UnionType)):
            if isinstance(type_, inspect.Metadata):
                description = (type_.extra_json_schema or {}).get("description", description)
                secret = (type_.extra or {}).get("secret", secret)
                private = (type_.extra or {}).get("private", secret)
                type_ = type_.type
            else:  # `X | None`: absent is None, and TOML has no null
                type_ = next(one for one in type_.types if not isinstance(one, inspect.NoneType))
        if isinstance(type_, inspect.StructType):
            yield from _fields(type_, path)
            continue
        default = None if field.default is msgspec.NODEFAULT else field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        yield Field(path, type_, default, description, secret, private)


def _expected(type_: inspect.Type) -> str:
    if isinstance(type_, inspect.Metadata):  # of what is in a list: its title says more than a pattern
        return str((type_.extra_json_schema or {}).get("title") or _expected(type_.type))
    if isinstance(type_, (inspect.IntType, inspect.FloatType)):
        name = "int" if isinstance(type_, inspect.IntType) else "float"
        signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
        bounds = [
            f"{sign} {int(bound) if bound == int(bound) else bound}"
            for key, sign in signs.items()
            if (bound := getattr(type_, key)) is not None
        ]
        return " ".join([name, " and ".join(bounds)]).strip()
    if isinstance(type_, inspect.BoolType):
        return "true or false"
    if isinstance(type_, inspect.LiteralType):
        return "one of " + ", ".join(map(shown, type_.values))
    if isinstance(type_, inspect.StrType):
        return (
            f"str matching {type_.pattern}"
            if type_.pattern
            else "str, not empty"
            if type_.min_length
            else "str"
        )
    if isinstance(type_, (inspect.ListType, inspect.VarTupleType)):
        return f"list of {_expected(type_.item_type)}" + (", not empty" if type_.min_length else "")
    return "a table"


def shown(value: object) -> str:
    """A value on one line, as TOML writes it and not too long."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, (bool, str, list)):
        text = json.dumps(value, default=str)
    else:
        text = "a very large number" if isinstance(value, int) and abs(value) > 10**40 else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def shown_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else shown(name)
