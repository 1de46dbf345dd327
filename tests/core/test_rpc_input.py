"""What a peer may do wrong, or much of: sizes, depths, bytes of any kind, in any cuts."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.rpc import Service
from protocols.rpc.message import Unspeakable, notification_line, say, too_deep
from protocols.session import CLOSE, Call, Cancel, Close
from tests.core.rpc import calls, codes, connect, lines, play, request, said, serve
from tests.specification import service as specified

service = Service("input")


@service.method
def echo(value: Any) -> Any:
    """The value."""
    return value


@service.method
def strange(what: str) -> Any:
    """Values that JSON has no words for."""
    return STRANGE[what]


@service.method(run="thread")
def later(value: Any = None) -> Any:
    """The value, in a thread."""
    return value


loop: list[Any] = []
loop.append(loop)

STRANGE: dict[str, Any] = {
    "nan": math.nan,
    "infinity": [{"deep": -math.inf}],
    "surrogate": "\ud800",
    "surrogate key": {"\udfff": 1},
    "object": object(),
    "huge": 10**5000,
    "loop": loop,
    "tuple key": {(1, 2): 3},
}


def test_an_overlong_line_is_answered_once_and_the_next_is_understood() -> None:
    """rpc.md: "over-long line: −32600 with id null, then resynchronised at the next newline"."""
    session = connect(serve(service, line=1000))
    answers = []
    for _ in range(1600):
        answers += said(session.received(b"x" * 65_536, 0.0))  # 100 MiB
    answers += said(session.received(b"\n" + lines(request("echo", [1], 1)), 0.0))
    error = {"code": -32600, "message": "Invalid Request", "data": {"problem": "line too long", "most": 1000}}
    assert answers == [
        {"jsonrpc": "2.0", "error": error, "id": None},
        {"jsonrpc": "2.0", "result": 1, "id": 1},
    ]


def test_a_line_of_just_the_limit_is_no_longer_than_that() -> None:
    line = lines(request("echo", ["x" * 900], 1))
    for limit, expected in ((len(line) - 1, []), (len(line) - 2, [-32600])):
        session = connect(serve(service, line=limit))
        answers = said(session.received(line, 0.0))
        assert [one["error"]["code"] for one in answers if "error" in one] == expected


@pytest.mark.parametrize("bracket", [b"[", b'{"a":', b'{"jsonrpc":"2.0","method":"echo","id":1,"params":['])
def test_brackets_without_end_are_a_parse_error(bracket: bytes) -> None:
    session = connect(serve(service))
    (message,) = said(session.received(bracket * (100_000 // len(bracket)) + b"\n", 0.0))
    assert message["error"] == {
        "code": -32700,
        "message": "Parse error",
        "data": {"problem": "nested too deep", "depth": 100},
    }


def test_depth_counts_every_bracket_of_the_line_but_those_in_strings() -> None:
    session = connect(serve(service, depth=10))

    def ask(value: bytes) -> Any:
        return said(
            session.received(b'{"jsonrpc":"2.0","method":"echo","params":[%b],"id":1}\n' % value, 0.0)
        )

    assert "result" in ask(b"[" * 8 + b"]" * 8)[0]
    assert ask(b"[" * 9 + b"]" * 9)[0]["error"]["data"]["problem"] == "nested too deep"
    assert ask(b'"' + b"[{" * 500 + b'"')[0]["result"] == "[{" * 500
    assert ask(b'"\\"' + b"[" * 500 + b'\\\\"')[0]["result"] == '"' + "[" * 500 + "\\"
    assert "result" in ask(b"[" + b"[]," * 500 + b"[]]")[0]


@settings(deadline=None)
@given(st.lists(st.sampled_from([b"[", b"]", b"{", b"}", b'"', b'\\"', b"\\\\", b"1", b","]), max_size=60))
def test_depth_is_what_a_walk_over_the_bytes_finds(parts: list[bytes]) -> None:
    line = b"".join(parts)
    deepest = depth = 0
    in_string = escaped = False
    for byte in line:
        if in_string:
            in_string = escaped or byte != 0x22
            escaped = byte == 0x5C and not escaped
        elif byte == 0x22:
            in_string = True
        else:
            depth += (byte in b"[{") - (byte in b"]}")
            deepest = max(deepest, depth)
    for limit in range(1, 8):
        assert too_deep(line, limit) == (deepest > limit)


def test_a_number_of_10000_digits_is_refused_where_a_number_is_wanted_and_kept_as_an_id() -> None:
    digits = b"9" * 10_000
    session = connect(serve(service))
    line = b'{"jsonrpc":"2.0","method":"echo","params":[%b],"id":1}\n' % digits
    assert codes(session.received(line, 0.0)) == [-32602]
    line = b'{"jsonrpc":"2.0","method":"echo","params":[1],"id":%b}\n' % digits
    (answer,) = session.received(line, 0.0)
    assert isinstance(answer, bytes)
    assert b'"id":%b}' % digits in answer


@pytest.mark.parametrize(
    "ident",
    ["1", "-0", "1.0", "1e2", "1.50", '"a"', '"\\u00e9\\n"', '"é"', '""', "null", "123456789012345678901"],
)
@pytest.mark.parametrize("method", ["echo", "later", "nothing"])
def test_an_id_is_given_back_byte_for_byte(ident: str, method: str) -> None:
    """§5: "It MUST be the same as the value of the id member in the Request Object"."""
    session = connect(serve(service))
    text = f'{{"jsonrpc":"2.0","method":"{method}","id": {ident} ,"params":[1]}}\n'
    orders = list(session.received(text.encode(), 0.0))
    orders += [order for call in calls(orders) for order in session.replied(call, 1, 0.0)]
    (answer,) = (order for order in orders if isinstance(order, bytes))
    assert answer.endswith(f'"id":{ident}}}\n'.encode())


@pytest.mark.parametrize("what", STRANGE)
def test_a_result_that_json_cannot_say_is_an_error_that_says_so(what: str) -> None:
    """rpc.md: NaN/Infinity and a lone surrogate out."""
    session = connect(serve(service))
    orders = list(session.received(lines(request("strange", [what], 1)), 0.0))
    (call,) = calls(session.received(lines(request("later", id=2)), 0.0))
    orders += session.replied(call, STRANGE[what], 0.0)
    for message in said(orders):
        assert message["error"]["code"] == -32603
        assert message["error"]["data"]["problem"].startswith("the method's result: ")
    with pytest.raises(Unspeakable):
        notification_line("x", [STRANGE[what]])


def test_null_is_no_reason_to_suspect_a_nan() -> None:
    session = connect(serve(service))
    value = [None, {"null": None}, 1.5, "null"]
    assert said(session.received(lines(request("echo", [value], 1)), 0.0))[0]["result"] == value
    assert say(None) == b"null"


def test_what_a_method_says_in_raw_json_stays_on_one_line() -> None:
    raw = msgspec.Raw(b'{"a":null,\n"b":1}')
    assert say([raw]) == b'[{"a":null, "b":1}]'
    with pytest.raises(Unspeakable):
        say([raw, math.inf])


def test_a_batch_beyond_the_limit_is_one_error() -> None:
    session = connect(serve(specified, batch=3))
    assert len(said(session.received(lines([1, 2, 3]), 0.0))[0]) == 3
    (message,) = said(session.received(lines([1, 2, 3, 4]), 0.0))
    assert message["error"]["data"] == {"problem": "batch too long", "most": 3}
    assert message["id"] is None


def test_no_answer_holds_a_raw_newline() -> None:
    session = connect(serve(service))
    (answer,) = session.received(lines(request("echo", ["a\nb\r\u2028"], 1)), 0.0)
    assert isinstance(answer, bytes)
    assert answer.count(b"\n") == 1
    assert json.loads(answer)["result"] == "a\nb\r\u2028"


# -- any bytes, any cuts ---------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
methods = st.sampled_from(["echo", "later", "strange", "rpc.cancel", "rpc.subscribe", "rpc.discover", "no"])
ids = st.sampled_from([1, 2, "a", "é", None, 1.5, True, [], {}])
requests = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0") | st.just("2.0") | json_values, "method": methods | methods | json_values},
    optional={"params": st.lists(json_values, max_size=2) | json_values, "id": ids, "x": json_values},
)
texts = st.one_of(
    requests.map(json.dumps),
    requests.map(lambda value: json.dumps(value, ensure_ascii=False)),
    st.lists(requests | json_values, max_size=4).map(json.dumps),
    json_values.map(json.dumps),
).map(lambda text: text.encode("utf-8", "surrogatepass"))
messy = st.lists(
    st.one_of(texts, st.binary(max_size=30)).flatmap(
        lambda text: st.sampled_from(
            [text + b"\n", text + b"\n", text + b"\r\n", text[:-3], text[3:] + b"\n"]
        )
    ),
    max_size=6,
).map(b"".join)


def plain(orders: list[Any]) -> list[Any]:
    """Orders in a form that can be compared: which call it is does not matter, what it does does."""
    out = []
    for order in orders:
        if isinstance(order, Call):
            out.append(("call", order.function, list(order.args), dict(order.kwargs), order.run))
        elif isinstance(order, Cancel):
            out.append(("cancel", list(order.call.args)))
        else:
            out.append(order)
    return out


def conversation(chunks: list[bytes], line: int = 400) -> list[Any]:
    session = connect(serve(service, in_flight=2, queued=2, line=line, batch=3))
    orders = play(session, [chunk for chunk in chunks if chunk], end=True)
    waiting = calls(orders)
    while waiting:
        call = waiting.pop(0)
        more = [*session.replied(call, "done", 0.0)]
        while session.more:
            more += session.resumed(0.0)
        waiting += calls(more)
        orders += more
    return orders


@settings(deadline=None)
@given(messy, st.data())
def test_any_bytes_in_any_cuts_give_the_same_orders(data: bytes, draw: st.DataObject) -> None:
    whole = plain(conversation([data]))
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=8)))
    cut = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert plain(conversation(cut)) == whole
    assert plain(conversation([data[at : at + 1] for at in range(len(data))])) == whole
    assert [order for order in whole if isinstance(order, Close)] == [CLOSE]
    assert whole[-1] == CLOSE
    for order in whole:
        if isinstance(order, bytes):
            assert order.endswith(b"\n")
            for message in [json.loads(order)] if order[:1] == b"{" else json.loads(order):
                assert message["jsonrpc"] == "2.0"
                assert ("result" in message) != ("error" in message)
                assert "id" in message


@settings(deadline=None)
@given(requests)
def test_the_fast_way_and_the_slow_way_answer_alike(value: Any) -> None:
    """A batch of one goes the slow way only: its member is answered as the line alone is."""
    text = json.dumps(value).encode()
    alone = plain(conversation([text + b"\n"], 1_000_000))
    batch = plain(conversation([b"[" + text + b"]\n"], 1_000_000))
    answers = [json.loads(one) for one in batch if isinstance(one, bytes)]
    # What is no JSON makes the whole batch none: then that is one answer, not an array.
    members = [one for answer in answers for one in (answer if isinstance(answer, list) else [answer])]
    assert members == [json.loads(one) for one in alone if isinstance(one, bytes)]
    assert [order for order in alone if isinstance(order, tuple)] == [
        order for order in batch if isinstance(order, tuple)
    ]
