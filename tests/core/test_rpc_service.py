"""Declaring a service: parameters from annotations, topics, tokens, discovery, loading."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from protocols.rpc import Connection, ErrorKind, Service
from protocols.rpc.errors import ERRORS
from protocols.rpc.method import describe
from protocols.rpc.service import LoadError, load
from protocols.rpc.settings import RPCLimits, RPCSettings
from protocols.session import Reason, Refused, To
from tests.core.rpc import Host, calls, codes, connect, lines, request, said, serve


class Point(msgspec.Struct):
    """Two numbers."""

    x: float
    y: float = 0


service = Service("declared", "2.5", "Some words.")
seen: list[Any] = []


@service.method
def shapes(
    start: Point,
    colour: Literal["red", "blue"] = "red",
    width: Annotated[int, Meta(ge=1, le=9)] = 1,
    name: str | None = None,
) -> list[Any]:
    """A line.  Two sentences."""
    seen.append((start, colour, width, name))
    return [start, colour, width, name]


@service.method
def named(a: int, *, b: int = 2) -> int:
    """By name only."""
    return a - b


@service.method(name="where.from")
def origin(a: int, connection: Connection, b: int = 0) -> list[Any]:
    """The connection is not asked for."""
    return [str(connection.peer), a, b]


@service.method(run="thread", errors=[ErrorKind(5, "Five", "odd")])
def slow(connection: Connection, steps: list[int]) -> int:
    """Tells as it goes."""
    for step in steps:
        connection.notify("step", [step])
    return len(steps)


@service.method(authenticated=True)
def secret() -> int:
    """For those who know."""
    return 42


@service.method
def anything(value=None):  # type: ignore[no-untyped-def]
    return value


ticks = service.topic("ticks", "Numbers.", int)


def ask(method: str, params: Any = None, token: str = "") -> Any:
    (message,) = said(connect(serve(service, token)).received(lines(request(method, params, 1)), 0.0))
    return message.get("result", message.get("error"))


# -- parameters ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "result"),
    [
        ([{"x": 1}], [{"x": 1, "y": 0}, "red", 1, None]),
        ([{"x": 1, "y": 2}, "blue", 9, "n"], [{"x": 1, "y": 2}, "blue", 9, "n"]),
        ({"start": {"x": 1}, "name": "n"}, [{"x": 1, "y": 0}, "red", 1, "n"]),
        ({"name": None, "start": {"x": 1}, "width": 3}, [{"x": 1, "y": 0}, "red", 3, None]),
    ],
)
def test_arguments_are_converted_from_the_annotations(params: Any, result: Any) -> None:
    assert ask("shapes", params) == result
    assert isinstance(seen[-1][0], Point)


@pytest.mark.parametrize(
    ("params", "data"),
    [
        ([], {"parameter": "start", "expected": "Point", "problem": "missing"}),
        (None, {"parameter": "start", "expected": "Point", "problem": "missing"}),
        ([{}], {"parameter": "start", "expected": "Point", "problem": "Object missing required field `x`"}),
        (
            [{"x": "1"}],
            {"parameter": "start.x", "expected": "Point", "problem": "Expected `float`, got `str`"},
        ),
        (
            [{"x": 1}, "green"],
            {"parameter": "colour", "expected": '"red" | "blue"', "problem": "Invalid enum value 'green'"},
        ),
        ([{"x": 1}, "red", 10], {"parameter": "width", "expected": "int", "problem": "Expected `int` <= 9"}),
        (
            {"start": {"x": 1}, "name": 5},
            {"parameter": "name", "expected": "str | null", "problem": "Expected `str | null`, got `int`"},
        ),
        ([1, 2, 3, 4, 5], {"expected": "at most 4 by position", "problem": "got 5 parameters"}),
        (
            {"start": {"x": 1}, "size": 5},
            {
                "parameter": "size",
                "expected": "start, colour, width, name",
                "problem": "no such parameter",
            },
        ),
    ],
)
def test_a_wrong_parameter_is_named_and_what_was_expected(params: Any, data: Any) -> None:
    """rpc.md: `data` carries which parameter, and what was expected."""
    before = len(seen)
    assert ask("shapes", params) == {"code": -32602, "message": "Invalid params", "data": data}
    assert len(seen) == before, "the method was called"


def test_a_keyword_only_parameter_comes_by_name() -> None:
    assert ask("named", {"a": 5, "b": 3}) == 2
    assert ask("named", {"a": 5}) == 3
    assert ask("named", [5]) == 3
    assert ask("named", [5, 3])["data"]["expected"] == "at most 1 by position"


def test_a_connection_is_given_where_it_stands() -> None:
    assert ask("where.from", [1, 2]) == ["127.0.0.1:40000", 1, 2]
    assert ask("where.from", {"a": 1}) == ["127.0.0.1:40000", 1, 0]
    assert ask("where.from", {"a": 1, "connection": 2})["data"]["parameter"] == "connection"


def test_a_parameter_without_annotation_takes_anything() -> None:
    assert ask("anything") is None
    assert ask("anything", [{"a": [1]}]) == {"a": [1]}


def test_a_method_that_peers_could_not_call_is_refused_at_declaration() -> None:
    fresh = Service("fresh")

    def many(*numbers: int) -> None: ...
    def options(**options: int) -> None: ...
    def odd(value: Service) -> None: ...
    async def waits() -> None: ...
    def fine() -> None: ...

    for function in (many, options, odd, waits):
        with pytest.raises(TypeError):
            fresh.method(function)
    with pytest.raises(TypeError):
        fresh.method(run="sometimes")(fine)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="protocol's own"):
        fresh.method(name="rpc.mine")(fine)
    fresh.method(run="concurrent")(waits)
    with pytest.raises(ValueError, match="declared already"):
        fresh.method(name="waits")(fine)


def test_a_type_is_described_without_its_module() -> None:
    assert describe(list[Point]) == "list[Point]"
    assert describe(dict[str, Point | None]) == "dict[str, Point | null]"
    assert describe(Any) == "any value"


# -- server to client ------------------------------------------------------------------


def test_a_method_tells_its_caller_through_the_host() -> None:
    server = serve(service)
    session = connect(server)
    (call,) = calls(session.received(lines(request("slow", [[1, 2]], 1)), 0.0))
    assert call.function(*call.args, **call.kwargs) == 2
    host = server.host
    assert isinstance(host, Host)
    assert [list(to.sessions) for to in host.told if isinstance(to, To)] == [[session], [session]]
    notes = [note for to in host.told if isinstance(to, To) for note in said(to.orders)]
    assert notes == [request("step", [1]), request("step", [2])]


def test_a_topic_reaches_those_who_subscribed_when_it_is_carried_out() -> None:
    server = serve(service)
    ann, bob, cem = connect(server), connect(server), connect(server)
    host = server.host
    assert isinstance(host, Host)
    ticks.publish(0)
    assert host.told == [], "nobody wants it"
    subscribe = lines(request("rpc.subscribe", {"topic": "ticks"}, 1))
    for session in (ann, bob):
        assert said(session.received(subscribe, 0.0))[0]["result"] is True
    assert said(ann.received(subscribe, 0.0))[0]["result"] is False
    service.publish("ticks", 7)
    cem.received(subscribe, 0.0)
    bob.received(lines(request("rpc.unsubscribe", ["ticks"])), 0.0)
    (to,) = host.told
    assert isinstance(to, To)
    assert list(to.sessions) == [ann, cem]
    assert said(to.orders) == [request("rpc.published", {"topic": "ticks", "value": 7})]
    for session in (ann, bob, cem):
        session.disconnected(Reason.EOF, 0.0)
    assert list(to.sessions) == []


def test_a_topic_may_lose_subscribers_while_it_is_told() -> None:
    server = serve(service)
    sessions = [connect(server) for _ in range(3)]
    for session in sessions:
        session.received(lines(request("rpc.subscribe", ["ticks"])), 0.0)
    for session in ticks.subscribers:
        session.disconnected(Reason.SEND_QUEUE, 0.0)
    assert len(ticks.subscribers) == 0


def test_a_topic_that_is_not_there_is_named() -> None:
    assert ask("rpc.subscribe", ["tocks"]) == {
        "code": -32602,
        "message": "Invalid params",
        "data": {"parameter": "topic", "expected": "ticks", "problem": "no such topic"},
    }


# -- tokens ----------------------------------------------------------------------------


def test_a_method_that_wants_the_token_says_so_until_it_is_shown() -> None:
    session = connect(serve(service, "s3cret"))

    def answer(method: str, params: Any = None) -> Any:
        (message,) = said(session.received(lines(request(method, params, 1)), 0.0))
        return message.get("result", message.get("error", {}).get("code"))

    assert answer("secret") == -32004
    assert answer("rpc.authenticate", ["wrong"]) == -32005
    assert answer("rpc.authenticate", ["s3crét"]) == -32005
    assert answer("secret") == -32004
    assert answer("rpc.authenticate", {"token": "s3cret"}) is True
    assert answer("secret") == 42


def test_without_a_token_nobody_is_authenticated() -> None:
    for token in ("", "x"):
        assert ask("rpc.authenticate", [token])["code"] == -32006


def test_a_token_is_never_logged_nor_said(caplog: Any) -> None:
    caplog.set_level(0)
    answer = json.dumps(ask("rpc.authenticate", ["guess"], token="s3cret"))
    assert "s3cret" not in answer + caplog.text
    assert "guess" not in answer + caplog.text


# -- the server ------------------------------------------------------------------------


def test_new_settings_hold_for_new_sessions() -> None:
    server = serve(service, "old", line=1000)
    before = connect(server)
    server.reload(RPCSettings(token="new", limits=RPCLimits(line=100, calls=5)))
    after = connect(server)
    old, new = (lines(request("rpc.authenticate", [token], 1)) for token in ("old", "new"))
    for session, line in ((before, old), (after, new)):
        assert said(session.received(line, 0.0))[0]["result"] is True
    assert codes(after.received(b"x" * 101 + b"\n", 0.0)) == [-32600]
    assert codes(before.received(b"x" * 101 + b"\n", 0.0)) == [-32700]
    assert server.slots.most == 5


def test_a_refused_connection_is_told_why_in_json() -> None:
    (message,) = said([serve(service).refusal(Refused.PER_IP)])
    assert message["error"]["code"] == -32008
    assert message["error"]["data"] == {"problem": "too many connections from your address"}
    assert message["id"] is None


def test_every_setting_is_described() -> None:
    for struct in (RPCLimits, RPCSettings):
        for field in msgspec.inspect.type_info(struct).fields:  # type: ignore[attr-defined]
            if field.name not in ("limits", "drain_timeout"):
                (schema,), components = msgspec.json.schema_components([struct])
                assert "description" in components[struct.__name__]["properties"][field.name], schema


def test_every_code_is_there_once() -> None:
    codes = [kind.code for kind in ERRORS]
    assert len(set(codes)) == len(codes)
    assert all(-32099 <= code <= -32000 for code in codes[5:])
    assert all(kind.meaning for kind in ERRORS)


# -- discovery -------------------------------------------------------------------------


def test_discovery_describes_every_method_from_its_declaration() -> None:
    document = ask("rpc.discover")
    assert document["openrpc"] == "1.2.6"
    assert document["info"] == {"title": "declared", "version": "2.5", "description": "Some words."}
    methods = {method["name"]: method for method in document["methods"]}
    assert {"shapes", "where.from", "rpc.discover", "rpc.cancel"} <= set(methods)
    shape = methods["shapes"]
    assert shape["summary"] == "A line."
    assert [one["name"] for one in shape["params"]] == ["start", "colour", "width", "name"]
    assert [one["required"] for one in shape["params"]] == [True, False, False, False]
    assert shape["params"][0]["schema"] == {"$ref": "#/components/schemas/Point"}
    assert shape["params"][2]["schema"] == {"type": "integer", "minimum": 1, "maximum": 9}
    assert document["components"]["schemas"]["Point"]["required"] == ["x"]
    assert [one["name"] for one in methods["where.from"]["params"]] == ["a", "b"]
    assert methods["named"]["paramStructure"] == "by-name"
    assert {"code": 5, "message": "Five", "x-meaning": "odd"} in methods["slow"]["errors"]
    assert {"$ref": "#/components/errors/AuthenticationRequired"} in methods["secret"]["errors"]
    assert len(document["components"]["errors"]) == len(ERRORS)
    assert document["x-topics"] == [
        {"name": "ticks", "description": "Numbers.", "schema": {"type": "integer"}}
    ]


def test_discovery_refers_to_nothing_that_is_not_there() -> None:
    document = ask("rpc.discover")
    for reference in [part.split('"')[0] for part in json.dumps(document).split('"$ref": "#/')[1:]]:
        found = document
        for name in reference.split("/"):
            found = found[name]


# -- loading ---------------------------------------------------------------------------


def factory() -> Service:
    """A function that makes one."""
    return Service("made")


def test_a_service_is_loaded_by_its_name() -> None:
    assert load("tests.specification:service").name == "specification"
    assert load("tests.core.test_rpc_service:factory").name == "made"


@pytest.mark.parametrize(
    "where",
    ["", "json", "json:", ":x", "no.such.module:x", "json:nothing", "json:JSONDecodeError", "json:__name__"],
)
def test_what_cannot_be_loaded_is_one_line(where: str) -> None:
    with pytest.raises(LoadError) as caught:
        load(where)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(where)
