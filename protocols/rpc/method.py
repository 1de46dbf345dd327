"""A method as it was declared: a plain annotated function, and how its parameters are bound.

Arguments are checked and converted from the annotations before the call, by decoders built
once.  The fast ones only ever say yes; what they refuse is bound again one parameter at a
time, to say which one and what was expected.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Raw
from msgspec.structs import astuple

from protocols.rpc.connection import Connection
from protocols.rpc.errors import INVALID_PARAMS, ErrorKind, RPCError
from protocols.rpc.message import quick_request

Run = Literal["inline", "thread", "concurrent"]

_AT = re.compile(r"(.*) - at `(?:key in )?\$?(.*)`", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as a peer sees it."""

    name: str
    type: Any
    default: Any
    keyword_only: bool

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty

    def field(self) -> Any:
        """The struct's field that decodes it; a default is given as it is, as Python gives it."""
        if self.required:
            return (self.name, self.type)
        return (self.name, self.type, msgspec.field(default_factory=lambda: self.default))


class Method:
    """One declared method: its words for the peer, and `bind` from params to arguments.

    `function` says the name, the parameters and the documentation.  It is also what runs,
    unless a `body` with the same parameters is given, in a framework's own idiom.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        name: str | None = None,
        run: Run = "inline",
        authenticated: bool = False,
        errors: Sequence[ErrorKind] = (),
        body: Callable[..., Any] | None = None,
    ) -> None:
        self.function = body or function
        self.name = name or function.__name__
        self.run = run
        self.authenticated = authenticated
        self.errors = tuple(errors)
        self.docs = inspect.getdoc(function) or ""
        if run not in get_args(Run):
            raise TypeError(f"{self.name}: run must be one of {', '.join(get_args(Run))}, not {run!r}")
        if run != "concurrent" and inspect.iscoroutinefunction(function):
            raise TypeError(f'{self.name}: a coroutine needs run="concurrent"')
        hints = get_type_hints(function, include_extras=True)
        self.returns = hints.get("return", Any)
        if not sayable(self.returns):
            self.returns = Any  # a Deferred, say: what it will be is not written down
        self._place: int | str | None = None
        self.parameters = tuple(self._parameters(inspect.signature(function), hints))
        self._positional = sum(not one.keyword_only for one in self.parameters)
        self._build()

    def _parameters(self, signature: inspect.Signature, hints: dict[str, Any]) -> list[Parameter]:
        found: list[Parameter] = []
        for place, one in enumerate(signature.parameters.values()):
            hint = hints.get(one.name, Any)
            if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
                raise TypeError(f"{self.name}: parameter {one} has no name for a peer; take a list or a dict")
            if hint is Connection:
                self._place = one.name if one.kind is one.KEYWORD_ONLY else place
            else:
                found.append(Parameter(one.name, hint, one.default, one.kind is one.KEYWORD_ONLY))
        return found

    def _build(self) -> None:
        """The fast decoders; a type that no peer could send is refused here, at declaration."""
        for one in self.parameters:
            if not sayable(one.type):
                raise TypeError(f"{self.name}: no JSON becomes the {describe(one.type)} of {one.name}")
        fields = [one.field() for one in self.parameters]
        by_name = msgspec.defstruct("Params", fields, kw_only=True, forbid_unknown_fields=True)
        self._by_name = msgspec.json.Decoder(by_name).decode
        self.by_position: Callable[[Raw], Sequence[Any]] | None = None
        """Decodes an array of all the parameters into the arguments, where it is that simple."""
        self.quick: type[msgspec.Struct] | None = None
        """A request for it by position, where a session may carry it out without asking more."""
        if self._place is not None or self._positional < len(fields):
            return
        array: Any
        if all(one.required for one in self.parameters):
            types = tuple(one.type for one in self.parameters)
            array = tuple[types] if types else tuple[()]  # type: ignore[valid-type]
            self.by_position = msgspec.json.Decoder(array).decode
        else:
            array = msgspec.defstruct("Params", fields, array_like=True, forbid_unknown_fields=True)
            decode = msgspec.json.Decoder(array).decode
            self.by_position = lambda params: astuple(decode(params))
        if self.run == "inline" and not self.authenticated:
            self.quick = quick_request(self.name, array, self.function)

    def bind(self, params: Raw, connection: Connection) -> tuple[Sequence[Any], dict[str, Any]]:
        """The arguments and keyword arguments for `function`.  Raises RPCError."""
        text = bytes(params)
        by_name = text[:1] != b"["
        try:
            if by_name:
                values = astuple(self._by_name(text or b"{}"))
            elif self.by_position is not None:
                values = tuple(self.by_position(params))
            else:
                values = self._bind_each(text)
        except (msgspec.ValidationError, RecursionError):
            values = self._bind_each(text or b"{}")
        keywords = {
            one.name: value
            for one, value in zip(
                self.parameters[self._positional :], values[self._positional :], strict=True
            )
        }
        arguments = list(values[: self._positional])
        if isinstance(self._place, int):
            arguments.insert(self._place, connection)
        elif self._place is not None:
            keywords[self._place] = connection
        return arguments, keywords

    def _bind_each(self, text: bytes) -> tuple[Any, ...]:
        """One parameter at a time.  Only duplicate names, whose last one counts, get through."""
        given = self._given(text)
        for name in given:
            if not any(name == one.name for one in self.parameters):
                names = ", ".join(one.name for one in self.parameters) or "no parameters"
                raise _wrong(name, names, "no such parameter")
        values = []
        for one in self.parameters:
            if one.name in given:
                values.append(self._convert(one, given[one.name]))
            elif one.required:
                raise _wrong(one.name, describe(one.type), "missing")
            else:
                values.append(one.default)
        return tuple(values)

    def _given(self, text: bytes) -> dict[str, Raw]:
        if text[:1] == b"{":
            return msgspec.json.decode(text, type=dict[str, Raw])
        pieces = msgspec.json.decode(text, type=list[Raw])
        if len(pieces) > self._positional:
            expected = f"at most {self._positional} by position"
            data = {"expected": expected, "problem": f"got {len(pieces)} parameters"}
            raise RPCError(INVALID_PARAMS, data)
        return {one.name: piece for one, piece in zip(self.parameters, pieces, strict=False)}

    def _convert(self, parameter: Parameter, piece: Raw) -> Any:
        try:
            return msgspec.json.decode(piece, type=parameter.type)
        except msgspec.ValidationError as error:
            problem, where = str(error), ""
            if located := _AT.fullmatch(problem):
                problem, where = located.groups()
            raise _wrong(parameter.name + where, describe(parameter.type), problem) from None
        except RecursionError:
            raise _wrong(parameter.name, describe(parameter.type), "nested too deep") from None


def _wrong(parameter: str, expected: str, problem: str) -> RPCError:
    return RPCError(INVALID_PARAMS, {"parameter": parameter, "expected": expected, "problem": problem})


def sayable(annotation: Any) -> bool:
    """Does JSON have words for the values of this type?"""
    try:
        msgspec.json.schema_components([annotation])
    except TypeError:
        return False
    return True


def describe(annotation: Any) -> str:
    """An annotation in words for a peer: `int`, `str | null`, `list[Point]`; no module's name."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return describe(inner[0])
    if origin in (Union, UnionType):
        return " | ".join(map(describe, inner))
    if origin is Literal:
        return " | ".join(msgspec.json.encode(one).decode() for one in inner)
    if origin is not None:
        return f"{getattr(origin, '__name__', 'object')}[{', '.join(map(describe, inner))}]"
    if annotation in (None, NoneType):
        return "null"
    if annotation is Any or annotation is Raw:
        return "any value"
    return str(getattr(annotation, "__name__", "any value"))
