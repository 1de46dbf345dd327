"""The OpenRPC document that rpc.discover answers, made from annotations, docstrings and tables.

https://spec.open-rpc.org, 1.2.6.  Topics have no place there and stand under `x-topics`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from protocols.rpc.errors import CANCELLED, ERRORS, NOT_AUTHENTICATED, TIMED_OUT, TOO_MANY_CALLS, ErrorKind
from protocols.rpc.method import Method
from protocols.rpc.service import Service

VERSION = "1.2.6"

_FIRST_SENTENCE = re.compile(r"(.+?\.)(?:\s|\Z)", re.DOTALL)


def document(service: Service, builtin: Iterable[Method]) -> dict[str, Any]:
    """Everything that a client could ask about the service, in a fixed order."""
    methods = [*service.methods.values(), *builtin]
    topics = list(service.topics.values())
    types = [one.type for method in methods for one in method.parameters]
    types += [method.returns for method in methods]
    types += [topic.type for topic in topics]
    found, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    schemas = iter(found)
    params = {method.name: [next(schemas) for _ in method.parameters] for method in methods}
    described = [_method(method, params[method.name], next(schemas)) for method in methods]
    info: dict[str, Any] = {"title": service.name, "version": service.version}
    if service.docs:
        info["description"] = service.docs
    return {
        "openrpc": VERSION,
        "info": info,
        "methods": described,
        "components": {
            "schemas": components,
            "errors": {_key(kind): _error(kind) for kind in ERRORS},
        },
        "x-topics": [
            {"name": topic.name, "description": topic.docs, "schema": next(schemas)} for topic in topics
        ],
    }


def _method(method: Method, params: list[dict[str, Any]], result: dict[str, Any]) -> dict[str, Any]:
    errors: list[dict[str, Any]] = [_error(kind) for kind in method.errors if kind not in ERRORS]
    shared = [kind for kind in method.errors if kind in ERRORS]
    if method.authenticated:
        shared.append(NOT_AUTHENTICATED)
    if method.run != "inline":
        shared += [CANCELLED, TIMED_OUT, TOO_MANY_CALLS]
    errors += [{"$ref": f"#/components/errors/{_key(kind)}"} for kind in shared]
    first = _FIRST_SENTENCE.match(method.docs)
    described: dict[str, Any] = {"name": method.name}
    if method.docs:
        described["summary"] = " ".join((first[1] if first else method.docs).split())
        described["description"] = method.docs
    described["paramStructure"] = (
        "by-name" if any(one.keyword_only for one in method.parameters) else "either"
    )
    described["params"] = [
        {"name": one.name, "required": one.required, "schema": schema}
        for one, schema in zip(method.parameters, params, strict=True)
    ]
    described["result"] = {"name": "result", "schema": result}
    if errors:
        described["errors"] = errors
    return described


def _error(kind: ErrorKind) -> dict[str, Any]:
    error: dict[str, Any] = {"code": kind.code, "message": kind.message}
    if kind.meaning:
        error["x-meaning"] = kind.meaning
    return error


def _key(kind: ErrorKind) -> str:
    """ "Too many calls waiting" as a component's name: TooManyCallsWaiting."""
    return "".join(word[:1].upper() + word[1:] for word in kind.message.split())
