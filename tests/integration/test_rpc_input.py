"""rpc through sockets: bad input of every kind, each answered, the server serving as before."""

from __future__ import annotations

import pytest

from tests.rpc_clients import Connect, Peer, parse
from tests.servers import Running

PARSE_ERROR = b'{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"%b},"id":null}'
HEAD = b'{"jsonrpc":"2.0","id":1,"method":"echo","params":'
MIB = 1_048_576

overs = pytest.mark.parametrize("over", ["tcp", "tls"])

LINES = {
    "not UTF-8": (HEAD + b'["\xff"]}', "not UTF-8"),
    "not UTF-8 where nobody looks": (HEAD + b'[1],"more":{"inside":["\xc3\x28"]}}', "not UTF-8"),
    "a surrogate in UTF-8's clothes": (HEAD + b'["\xed\xa0\x80"]}', "not UTF-8"),
    "UTF-16": ('{"jsonrpc":"2.0"}'.encode("utf-16-le"), None),
    "not JSON": (b"HELO tea.example", None),
    "half a line": (HEAD + b"[", None),
    "nothing": (b"", None),
    "white space": (b" \t ", None),
    "a NUL": (b"\0", None),
    "two texts": (b"{} {}", None),
    "NaN": (HEAD + b"[NaN]}", None),
    "Infinity": (HEAD + b"[Infinity]}", None),
    "-Infinity inside": (HEAD + b'[{"a":[-Infinity]}]}', None),
    "NaN where nobody looks": (HEAD + b'[1],"more":NaN}', None),
    "a lone surrogate": (HEAD + b'["\\ud800"]}', None),
    "a raw tab in a string": (HEAD + b'["\t"]}', None),
    "100,000 brackets": (b"[" * 100_000, "nested too deep"),
    "100,000 braces": (b'{"a":' * 100_000, "nested too deep"),
    "100,000 closed brackets": (HEAD + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deep"),
}


@pytest.mark.parametrize("name", LINES)
def test_what_is_no_json_text_in_utf_8_is_a_parse_error(connect: Connect, name: str) -> None:
    """JSON-RPC 2.0 §5.1: -32700, "Invalid JSON was received by the server"; its id is null."""
    line, problem = LINES[name]
    peer, other = connect(), connect()
    peer.client.send(line + b"\n")
    error = peer.failure(None)
    assert (error["code"], error["message"]) == (-32700, "Parse error")
    assert error.get("data", {}).get("problem") == problem
    for one in (peer, other):
        assert one.call("add", 1, 2) == 3


def test_a_lone_surrogate_that_is_only_passed_over_does_no_harm(peer: Peer) -> None:
    """RFC 8259 §8.2 lets a grammar's text hold one; what nobody decodes is nobody's trouble."""
    peer.client.send(b'{"jsonrpc":"2.0","id":1,"method":"add","params":[1,2],"more":"\\ud800"}\n')
    answer = peer.read()
    assert answer.get("result") == 3 or answer["error"]["code"] == -32700
    assert peer.call("add", 1, 2) == 3


def test_of_duplicate_members_the_last_counts(peer: Peer) -> None:
    """RFC 8259 §4 leaves it open; docs/coverage.md says so."""
    peer.client.send(
        b'{"jsonrpc":"2.0","id":1,"id":2,"method":"add","method":"echo","params":[1],"params":{"value":3,"value":4}}\n'
    )
    assert peer.result(2) == 4


def test_a_number_of_ten_thousand_digits_is_an_answer_or_an_error(peer: Peer) -> None:
    digits = b"9" * 10_000
    peer.client.send(HEAD + b"[" + digits + b"]}\n")
    answer = peer.read()
    assert answer["id"] == 1
    assert "result" in answer or answer["error"]["code"] in (-32602, -32603, -32700)
    peer.client.send(b'{"jsonrpc":"2.0","id":%b,"method":"add","params":[1,2]}\n' % digits)
    assert peer.client.read_line() == b'{"jsonrpc":"2.0","result":3,"id":%b}' % digits
    peer.client.send(b'{"jsonrpc":"2.0","id":2,"method":"add","params":[%b,2]}\n' % digits)
    assert peer.failure(2)["code"] == -32602
    assert peer.call("add", 1, 2) == 3


def test_a_result_of_five_thousand_digits_is_an_answer_or_an_error(peer: Peer) -> None:
    """Python refuses to write an int of more than 4,300 digits."""
    peer.client.send(HEAD + b'["' + b"9" * 5000 + b'"]}\n')
    assert peer.result(1) == "9" * 5000
    assert peer.call("add", 2**62, 2**62) == 2**63


@overs
def test_a_line_of_100_mebibytes_costs_no_memory(rpc: Running, connect: Connect, over: str) -> None:
    """-32600 with id null as soon as it is too long; the rest is dropped up to its LF."""
    peer, other = connect(over), connect()
    peer.call("add", 1, 2)
    memory = rpc.memory()
    chunk = b"x" * MIB
    for number in range(100):
        peer.client.send(chunk)
        if number % 10 == 0:
            assert other.call("add", 1, 2) == 3
            assert rpc.memory() - memory < 8 * MIB
    error = peer.failure(None)
    assert (error["code"], error["data"]["problem"]) == (-32600, "line too long")
    peer.client.send(b"\n")
    assert peer.call("add", 1, 2) == 3  # in step again, and told once
    assert rpc.memory() - memory < 8 * MIB


@overs
def test_half_a_line_and_fin_is_one_last_line(connect: Connect, over: str) -> None:
    peer = connect(over)
    peer.client.send(HEAD + b"[")
    peer.client.half_close()
    assert peer.client.read_to_end() == PARSE_ERROR % b"" + b"\n"


def test_a_whole_request_without_its_lf_is_answered_at_fin(connect: Connect) -> None:
    peer = connect()
    peer.client.send(HEAD + b"[[1]]}")
    peer.client.half_close()
    assert peer.client.read_to_end() == b'{"jsonrpc":"2.0","result":[1],"id":1}\n'


def test_a_megabyte_a_byte_at_a_time_is_one_request(connect: Connect) -> None:
    """Linear time: 64 KiB in writes of a byte, into a line near the limit."""
    peer = connect()
    peer.client.send(HEAD + b'["' + b"x" * 900_000)
    for _ in range(10_000):
        peer.client.send(b"y")
    peer.client.send(b'"]}\n')
    assert peer.result(1) == "x" * 900_000 + "y" * 10_000


def test_everything_bad_at_once_is_answered_line_by_line(connect: Connect) -> None:
    peer = connect()
    good = b'{"jsonrpc":"2.0","id":7,"method":"add","params":[1,2]}'
    said = peer.client.exchange(b"".join(line + b"\n" + good + b"\n" for line, _ in LINES.values()))
    answers = [parse(line) for line in said.splitlines()]
    assert [answer["error"]["code"] for answer in answers[::2]] == [-32700] * len(LINES)
    assert [answer["result"] for answer in answers[1::2]] == [3] * len(LINES)
