"""What is asked and what must be answered: bytes in, a verdict out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare import dialects
from compare.dialects import WrongAnswer


def _replies(depth: int) -> list[bytes]:
    return [
        json.dumps({"jsonrpc": "2.0", "result": 3, "id": ident}).encode() + b"\n"
        for ident in range(1, depth + 1)
    ]


@given(st.permutations(range(16)))
def test_json_rpc_answers_may_come_in_any_order(order: list[int]) -> None:
    """JSON-RPC 2.0 §6: ids tell the replies apart."""
    replies = _replies(16)
    dialects.check("jsonrpc", b"", b"".join(replies[at] for at in order), 16)


@pytest.mark.parametrize(
    "reply",
    [
        b"".join(_replies(2)[:1] * 2),
        _replies(1)[0] + b'{"jsonrpc":"2.0","id":2,"result":4}\n',
        _replies(1)[0] + b'{"jsonrpc":"2.0","id":2,"error":{"code":-32601,"message":""}}\n',
        b"3\n3\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
def test_a_wrong_sum_is_noticed(reply: bytes) -> None:
    with pytest.raises(WrongAnswer):
        dialects.check("jsonrpc", b"", reply, 2)


@given(st.permutations(sorted(dialects.amp_answers(16))))
def test_amp_answers_may_come_in_any_order(boxes: list[bytes]) -> None:
    dialects.check("amp", b"", b"".join(boxes), 16)


def test_a_wrong_amp_total_is_noticed() -> None:
    right = b"".join(dialects.amp_answers(1))
    with pytest.raises(WrongAnswer):
        dialects.check("amp", b"", right.replace(b"\0\x013", b"\0\x014"), 1)


@given(st.integers(0, 60))
def test_amp_is_whole_only_at_its_last_byte(cut: int) -> None:
    whole = b"".join(sorted(dialects.amp_answers(2)))
    assert dialects.is_whole("amp", b"", whole[:cut], 2) is (cut >= len(whole))


@pytest.mark.parametrize("data", [b"\0", b"\0\x05ab", b"HTTP/1.1 400 Bad Request"])
def test_what_is_no_box_is_refused(data: bytes) -> None:
    with pytest.raises(WrongAnswer):
        dialects.split_boxes(data)


def test_an_echo_names_the_first_byte_that_changed() -> None:
    message = dialects.echo_message(1024)
    with pytest.raises(WrongAnswer, match="byte 1,000 of 1,024"):
        dialects.check("echo", message, message[:1000] + b"\0" + message[1001:], 1)


@given(st.integers(0, 9999), st.integers(0, 2000))
def test_a_stamp_keeps_the_length(connection: int, size: int) -> None:
    message = dialects.echo_message(size)
    assert len(dialects.stamped(message, connection)) == len(message) == size


def test_two_connections_send_different_bytes() -> None:
    message = dialects.echo_message(64)
    assert dialects.stamped(message, 1) != dialects.stamped(message, 2)
