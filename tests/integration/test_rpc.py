"""rpc through sockets, both drivers from one body: errors, order, batches, how a method runs."""

from __future__ import annotations

import re
import subprocess
from typing import Any

import pytest

from tests import servers
from tests.rpc_clients import TOKEN, Connect, Peer, methods, request
from tests.rpc_methods import SECRET, UNSAYABLE
from tests.servers import Own, Running

WAITING = ("hold", "hold_otherwise", "hold_in_thread")
"""The methods that wait at a gate: a coroutine or a greenlet, a Deferred, a thread."""

waiting = pytest.mark.parametrize("method", WAITING)


# -- errors --------------------------------------------------------------------------------


def test_an_error_of_the_methods_choosing_is_answered_with_its_data(peer: Peer) -> None:
    assert peer.error("refuse") == {"code": 42, "message": "Out of tea", "data": {"tin": "blue"}}


@pytest.mark.parametrize("method", ["fail", "fail_in_thread", "fail_concurrently"])
def test_an_exception_is_logged_with_its_traceback_and_answered_without(
    rpc: Running, peer: Peer, method: str
) -> None:
    """rpc.md: `data` carries "never a traceback, a path, or a secret"."""
    before = rpc.log.count(SECRET)
    assert peer.error(method) == {"code": -32603, "message": "Internal error"}
    rpc.tracebacks += 1
    rpc.wait_for(SECRET, before + 1)
    assert f"method {method} failed" in rpc.log
    assert peer.call("add", 1, 2) == 3


@pytest.mark.parametrize("which", UNSAYABLE)
def test_a_result_that_json_cannot_say_is_an_error(peer: Peer, which: str) -> None:
    """RFC 8259 §6: "Numeric values that cannot be represented in the grammar below (such as Infinity
    and NaN) are not permitted"; §8.1: text "MUST be encoded using UTF-8".
    """
    error = peer.error("unsayable", which)
    assert error["code"] == -32603
    assert error["data"]["problem"].startswith("the method's result: ")
    assert peer.call("add", 1, 2) == 3


def test_an_unknown_method_and_wrong_parameters_are_told(peer: Peer) -> None:
    assert peer.error("no such") == {"code": -32601, "message": "Method not found"}
    data = {"parameter": "b", "expected": "int", "problem": "Expected `int`, got `str`"}
    assert peer.error("add", a=1, b="x") == {"code": -32602, "message": "Invalid params", "data": data}


def test_an_id_comes_back_byte_for_byte(peer: Peer) -> None:
    """§5: "It MUST be the same as the value of the id member in the Request Object"."""
    for ident in (b'"\\u00e9"', b'"\xc3\xa9"', b"1.50", b"-0", b"1e400", b"9" * 100, b"null", b'""'):
        peer.client.send(b'{"jsonrpc":"2.0","method":"add","params":[1,2],"id": %b }\n' % ident)
        assert peer.client.read_line() == b'{"jsonrpc":"2.0","result":3,"id":%b}' % ident


# -- order ---------------------------------------------------------------------------------


@waiting
def test_answers_leave_in_order_of_completion(peer: Peer, gate: str, method: str) -> None:
    """A call that waits makes nobody else wait."""
    first, second = peer.ask(method, f"{gate} 1"), peer.ask(method, f"{gate} 2")
    assert peer.call("add", 1, 2) == 3
    peer.until_counted(f"{gate} 2", now=1)
    peer.tell("open", f"{gate} 2")
    assert peer.result(second) == f"{gate} 2"
    peer.tell("open", f"{gate} 1")
    assert peer.result(first) == f"{gate} 1"


def test_a_batch_leaves_whole_when_its_last_answer_is_in(peer: Peer, gate: str) -> None:
    """§6, with what is answered at once, later, never, and wrongly."""
    peer.send(
        [
            request("hold", gate, id="slow"),
            request("add", 1, 2, id="quick"),
            request("add", 3, 4),
            request("hold_in_thread", gate, id="thread"),
            {"jsonrpc": "2.0", "id": "wrong"},
            7,
            request("refuse", id="refused"),
        ]
    )
    assert peer.call("add", 5, 6) == 11  # which arrived after the batch
    peer.tell("open", gate)
    answers = peer.read()
    assert [answer["id"] for answer in answers] == ["slow", "quick", "thread", "wrong", None, "refused"]
    assert [answer.get("result") for answer in answers] == [gate, 3, gate, None, None, None]
    assert [answer.get("error", {}).get("code") for answer in answers] == [
        None, None, None, -32600, -32600, 42,
    ]  # fmt: skip


def test_a_batch_of_notifications_is_never_answered(peer: Peer, gate: str) -> None:
    """§6: the server "MUST NOT return an empty Array and should return nothing at all"."""
    peer.send([request("open", gate), request("hold", gate), request("no such"), request("refuse")])
    peer.until_counted(gate, begun=1, now=0)
    peer.end()


def test_ten_thousand_pipelined_requests_are_answered_in_order(connect: Connect) -> None:
    """Inline methods are done in the order in which they were asked."""
    client = connect().client
    line = b'{"jsonrpc":"2.0","method":"add","params":[%d,1],"id":%d}\n'
    said = client.exchange(b"".join(line % (i, i) for i in range(10_000)))
    answer = b'{"jsonrpc":"2.0","result":%d,"id":%d}'
    assert said.splitlines() == [answer % (i + 1, i) for i in range(10_000)]


# -- how a method runs ---------------------------------------------------------------------


def test_an_inline_method_runs_on_the_loop_and_the_others_do_not(peer: Peer) -> None:
    assert peer.call("ident") == peer.call("ident")
    assert peer.call("ident_in_thread") != peer.call("ident")


def test_a_thread_that_waits_keeps_nobody_waiting(connect: Connect, gate: str) -> None:
    holder, other = connect(), connect()
    held = holder.ask("hold_in_thread", gate)
    other.until_counted(gate, now=1)
    other.tell("open", gate)
    assert holder.result(held) == gate


# -- which service -------------------------------------------------------------------------


def start(implementation: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """A server that is not expected to start."""
    command = [*servers.command(implementation, "rpc"), "--listen", "tcp://127.0.0.1:0", *flags]
    return subprocess.run(
        command, env=servers.environment(), capture_output=True, text=True, timeout=servers.PATIENCE
    )


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ("no_such_module:service", r"no_such_module:service: ModuleNotFoundError: .*no_such_module.*"),
        ("tests.rpc_methods:no_such", r"tests.rpc_methods:no_such: AttributeError: .*no_such.*"),
        ("tests.rpc_methods:SECRET", r"tests.rpc_methods:SECRET: expected a Service, found str"),
        ("tests.rpc_methods", r"tests.rpc_methods: expected package.module:object"),
    ],
)
def test_a_service_that_cannot_be_loaded_is_one_line_and_status_2(
    implementation: str, service: str, words: str
) -> None:
    methods(implementation)
    done = start(implementation, "--service", service)
    assert done.returncode == 2, done.stderr
    assert re.fullmatch(words + "\n", done.stderr), done.stderr


@pytest.mark.parametrize("over", ["tcp", "tcp6", "unix"])
def test_a_method_knows_who_called_it(own: Own, over: str) -> None:
    peer = Peer(own("rpc", listen=(over,)).connect(over))
    said = peer.call("peer")
    if over == "unix":
        assert said == "unix"
    else:
        host, port = peer.client.sock.getsockname()[:2]
        assert said == (f"[{host}]:{port}" if over == "tcp6" else f"{host}:{port}")
    peer.end()


def test_without_a_service_the_demonstration_is_offered(own: Own) -> None:
    peer = Peer(own("rpc").connect())
    assert peer.call("upper", "tea") == "TEA"
    assert peer.call("primes", 100) == 25
    assert peer.call("sleep", 0) == 0
    moving = peer.ask("progress", 3, 0)
    told = [peer.read() for _ in range(3)]
    assert told == [request("progress", step=step, steps=3) for step in (1, 2, 3)]
    assert peer.result(moving) == 3
    peer.end()


# -- discovery -----------------------------------------------------------------------------


def discovered(*flags: str) -> list[dict[str, Any]]:
    """What both servers answer to rpc.discover."""
    documents = []
    for implementation in ("twisted", "gevent"):
        with servers.serving(implementation, "rpc", *flags) as running:
            peer = Peer(running.connect())
            documents.append(peer.call("rpc.discover"))
            peer.end()
    return documents


@pytest.mark.parametrize("service", ["", "tests.specification:service"])
def test_both_servers_describe_themselves_in_the_same_words(service: str) -> None:
    twisted, gevent = discovered(*(["--service", service] if service else []))
    assert twisted == gevent
    check_openrpc(twisted)


def test_the_tests_own_methods_are_described(peer: Peer) -> None:
    document = peer.call("rpc.discover")
    check_openrpc(document)
    hold = next(method for method in document["methods"] if method["name"] == "hold")
    assert hold["params"] == [{"name": "gate", "required": True, "schema": {"type": "string"}}]
    assert hold["result"]["schema"] == {"type": "string"}
    assert [topic["name"] for topic in document["x-topics"]] == ["news", "flood"]


def check_openrpc(document: dict[str, Any]) -> None:
    """The rules of the OpenRPC specification (1.2.6) for what such a document uses."""
    assert document.keys() <= {"openrpc", "info", "methods", "components", "x-topics"}
    assert re.fullmatch(r"1\.\d+\.\d+", document["openrpc"])
    assert {"title", "version"} <= document["info"].keys() <= {"title", "version", "description"}
    assert document["components"].keys() <= {"schemas", "errors"}
    names = [method["name"] for method in document["methods"]]
    assert len(names) == len(set(names))  # "The method name MUST be unique"
    for method in document["methods"]:
        assert {"name", "params"} <= method.keys()
        assert method["paramStructure"] in ("by-name", "by-position", "either")
        params = method["params"]
        assert len({one["name"] for one in params}) == len(params)
        # "all optional params (non-required params) MUST be positioned after all required params"
        required = [one["required"] for one in params]
        assert required == sorted(required, reverse=True)
        for descriptor in (*params, method["result"]):
            assert descriptor.keys() - {"required"} == {"name", "schema"}
            check_schema(descriptor["schema"], document)
        codes = []
        for error in method.get("errors", ()):
            error = referred(error, document)
            assert isinstance(error["code"], int)
            assert error["message"]
            codes.append(error["code"])
        assert len(codes) == len(set(codes))
    for topic in document["x-topics"]:
        check_schema(topic["schema"], document)
    for schema in document["components"]["schemas"].values():
        check_schema(schema, document)


def referred(found: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    """Where a `$ref` leads."""
    if "$ref" not in found:
        return found
    assert found.keys() == {"$ref"}
    at: Any = document
    for step in found["$ref"].removeprefix("#/").split("/"):
        at = at[step]
    assert isinstance(at, dict)
    return at


def check_schema(schema: dict[str, Any], document: dict[str, Any]) -> None:
    """JSON Schema: every keyword that holds schemas, and the types there are."""
    schema = referred(schema, document) if schema.keys() == {"$ref"} else schema
    types = schema.get("type", [])
    for kind in [types] if isinstance(types, str) else types:
        assert kind in ("string", "number", "integer", "boolean", "null", "array", "object")
    for inner in (*schema.get("anyOf", ()), *schema.get("prefixItems", ())):
        check_schema(inner, document)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            check_schema(schema[key], document)
    for inner in schema.get("properties", {}).values():
        check_schema(inner, document)
    assert set(schema.get("required", ())) <= schema.get("properties", {}).keys()


# -- from server to client -----------------------------------------------------------------


@pytest.mark.parametrize("method", ["tell_around", "tell_around_in_thread"])
def test_what_a_call_notifies_leaves_at_once_and_before_its_result(
    peer: Peer, gate: str, method: str
) -> None:
    told = peer.ask(method, gate)
    assert peer.read() == request("before")
    peer.tell("open", gate)
    assert peer.read() == request("after")
    assert peer.result(told) == gate


def test_what_a_thread_notifies_leaves_before_its_result(peer: Peer) -> None:
    told = peer.ask("tell_in_thread", 1000)
    assert [peer.read() for _ in range(1000)] == [request("told", number) for number in range(1000)]
    assert peer.result(told) == 1000


def test_what_an_inline_method_notifies_follows_its_result(peer: Peer) -> None:
    """Nothing overtakes the orders that are being carried out."""
    assert peer.call("tell", 3) == 3
    assert [peer.read() for _ in range(3)] == [request("told", number) for number in range(3)]


# -- authentication ------------------------------------------------------------------------


def test_a_method_wants_the_token_until_it_is_shown(rpc: Running, connect: Connect) -> None:
    """The token came from the settings' file: a flag could be read by everybody (ps)."""
    peer, other = connect(), connect()
    assert peer.error("secret") == {"code": -32004, "message": "Authentication required"}
    for wrong in ("", TOKEN[:-1], TOKEN + "n", "é"):
        assert peer.error("rpc.authenticate", wrong)["code"] == -32005
    assert peer.error("secret")["code"] == -32004
    assert peer.call("rpc.authenticate", token=TOKEN) is True
    assert peer.call("secret") == "blue"
    assert other.error("secret")["code"] == -32004
    assert TOKEN not in rpc.log


def test_without_a_token_in_the_settings_nobody_is_authenticated(own_rpc: Any) -> None:
    peer = Peer(own_rpc().connect())
    assert peer.error("rpc.authenticate", "") == {"code": -32006, "message": "Authentication not set up"}
    assert peer.error("secret")["code"] == -32004
    peer.end()
