"""Lines over WebSocket: messages in, messages out, and how it ends.  § is of RFC 6455."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.websocket import MESSAGE, WebSocket
from tests.websockets import BINARY, CLOSE, PING, PONG, TEXT, Frame, close, frame, request, taken_apart


def opened(subprotocol: str = "") -> WebSocket:
    websocket = WebSocket()
    headers = [f"Sec-WebSocket-Protocol: {subprotocol}"] if subprotocol else []
    lines, answer = websocket.received(request(*headers))
    assert lines == b""
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert websocket.established
    return websocket


@pytest.fixture
def websocket() -> WebSocket:
    return opened()


def code(data: bytes) -> int | None:
    """The code of the Close that is all there is in `data`."""
    (only,) = taken_apart(data)
    assert only.first == 0x80 | CLOSE
    return struct.unpack("!H", only.payload)[0] if only.payload else None


# -- messages of the client's ------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("subprotocol", ["", "text.ircv3.net", "binary.ircv3.net"])
def test_a_message_is_a_line_whichever_type_it_has(subprotocol: str, opcode: int) -> None:
    """IRCv3: "servers could accept either incoming message type"."""
    assert opened(subprotocol).received(frame(opcode, b"NICK ann")) == (b"NICK ann\r\n", b"")


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (b"", b"\r\n"),
        (b"NICK ann\r\n", b"NICK ann\r\n"),
        (b"NICK ann\n", b"NICK ann\r\n"),
        (b"NICK ann\r\n\r\n", b"NICK ann\r\n"),
        (b"PRIVMSG #tea :hello\nQUIT", b"PRIVMSG #tea :hello QUIT\r\n"),
        (b"PRIVMSG #tea :hello\r\nQUIT\r\n", b"PRIVMSG #tea :hello  QUIT\r\n"),
        (b"a\rb", b"a b\r\n"),
        (b"\nQUIT", b" QUIT\r\n"),
        ("PRIVMSG #té :é".encode(), "PRIVMSG #té :é\r\n".encode()),
        (b"nul\0 stays", b"nul\0 stays\r\n"),
    ],
)
def test_a_message_is_one_line_and_never_two(websocket: WebSocket, message: bytes, line: bytes) -> None:
    """IRCv3: "each message MUST consist of a single IRC line"."""
    assert websocket.received(frame(TEXT, message)) == (line, b"")


def test_a_message_in_fragments_with_a_ping_between(websocket: WebSocket) -> None:
    """§5.4: "Control frames … MAY be injected in the middle of a fragmented message"."""
    e = "é".encode()
    pieces = [
        frame(TEXT, b"PRIVMSG ann :" + e[:1], fin=False),
        frame(PING, b"still there?"),
        frame(0, b"", fin=False),
        frame(0, e[1:] + b"!"),
    ]
    lines, answer = websocket.received(b"".join(pieces))
    assert lines == b"PRIVMSG ann :" + e + b"!\r\n"
    assert taken_apart(answer) == [Frame(0x80 | PONG, b"still there?")]


def test_binary_messages_are_what_they_are(websocket: WebSocket) -> None:
    """Bytes that are no UTF-8 are the protocol's to refuse."""
    assert websocket.received(frame(BINARY, b"PRIVMSG a :\xff\xfe")) == (b"PRIVMSG a :\xff\xfe\r\n", b"")


def test_several_pings_of_one_chunk_are_answered_by_the_last(websocket: WebSocket) -> None:
    """§5.5.3: "MAY elect to send a Pong frame for only the most recently processed Ping frame"."""
    lines, answer = websocket.received(frame(PING, b"1") + frame(PONG, b"no") + frame(PING, b"2" * 125))
    assert (lines, taken_apart(answer)) == (b"", [Frame(0x80 | PONG, b"2" * 125)])


def test_the_longest_message_is_taken_and_a_longer_one_closes() -> None:
    """§7.4.1: 1009 is for "a message that is too big for it to process"."""
    fits = opened()
    assert fits.received(frame(TEXT, b"x" * MESSAGE))[0] == b"x" * MESSAGE + b"\r\n"
    assert not fits.failed
    assert fits.received(frame(TEXT, b"NICK a") + frame(TEXT, b"x" * (MESSAGE + 1)))[0] == b"NICK a\r\n"
    assert fits.failed
    assert code(fits.close()) == 1009


@pytest.mark.parametrize("size", [MESSAGE + 1, 2**63 - 1])
def test_no_message_grows_without_bound(websocket: WebSocket, size: int) -> None:
    """Neither for its header's promise, nor in one frame or many."""
    head = frame(BINARY, size=size)
    assert websocket.received(head) == (b"", b"")
    fed = 0
    while not websocket.failed:
        websocket.received(b"x" * 1000)
        fed += 1000
    assert MESSAGE < fed <= MESSAGE + 1000
    assert code(websocket.close()) == 1009


def test_no_message_grows_in_fragments(websocket: WebSocket) -> None:
    websocket.received(frame(TEXT, b"x", fin=False))
    for _ in range(MESSAGE):
        websocket.received(frame(0, b"x", fin=False))
    assert websocket.failed == "1009: a message of more than 16384 bytes"


VIOLATIONS = {
    "unmasked": (frame(TEXT, b"hello", mask=False), 1002),
    "reserved bit": (frame(TEXT, b"hello", rsv=4), 1002),
    "reserved opcode": (frame(3), 1002),
    "reserved control opcode": (frame(11), 1002),
    "continuation of nothing": (frame(0, b"hello"), 1002),
    "a message within a message": (frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), 1002),
    "a ping in fragments": (frame(PING, b"a", fin=False), 1002),
    "a ping of 126 bytes": (frame(PING, b"a" * 126), 1002),
    "a length not minimal": (struct.pack("!BBH", 0x81, 0x80 | 126, 125) + b"mask" + b"x" * 125, 1002),
    "a length of 64 bits": (struct.pack("!BBQ", 0x81, 0x80 | 127, 2**63), 1002),
    "a Close of one byte": (frame(CLOSE, b"\x03"), 1002),
    "a Close of no code": (close(999), 1002),
    "a Close of a code that is never sent": (close(1005), 1002),
    "a reason that is not UTF-8": (close(1000, b"\xff"), 1007),
    "text that is not UTF-8": (frame(TEXT, b"PRIVMSG a :\xff"), 1007),
    "text that ends within a character": (frame(TEXT, b"\xc3"), 1007),
    "text with a surrogate": (frame(TEXT, b"\xed\xa0\x80"), 1007),
}


@pytest.mark.parametrize(("data", "answered"), VIOLATIONS.values(), ids=VIOLATIONS)
def test_a_violation_is_answered_by_a_close_that_names_its_kind(
    websocket: WebSocket, data: bytes, answered: int
) -> None:
    """§7.1.7, §8.1: "that endpoint MUST _Fail the WebSocket Connection_"; what came before still counts."""
    lines, _ = websocket.received(frame(TEXT, b"NICK ann") + data)
    assert lines == b"NICK ann\r\n"
    assert websocket.failed.startswith(f"{answered}: ")
    assert websocket.failed.isprintable()
    assert not websocket.ended
    assert websocket.received(frame(TEXT, b"more")) == (b"", b"")
    assert code(websocket.close()) == answered
    assert websocket.close() == b""


# -- messages of ours --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 125, 126, 512, 65_535, 65_536, 100_000])
@pytest.mark.parametrize(
    ("subprotocol", "opcode"), [("", TEXT), ("text.ircv3.net", TEXT), ("binary.ircv3.net", BINARY)]
)
def test_a_line_is_a_message_of_the_type_agreed_on(subprotocol: str, opcode: int, size: int) -> None:
    websocket = opened(subprotocol)
    assert taken_apart(websocket.send(b"x" * size + b"\r\n")) == [Frame(0x80 | opcode, b"x" * size)]


def test_each_line_is_a_message_however_the_session_cuts_them(websocket: WebSocket) -> None:
    sent = [websocket.send(piece) for piece in (b"a\r\nb\r\n", b"c", b"d\r", b"\ne\n", b"f\r\ng")]
    assert [[frame.payload for frame in taken_apart(frames)] for frames in sent] == [
        [b"a", b"b"],
        [],
        [],
        [b"cd", b"e"],
        [b"f"],
    ]
    assert [frame.payload for frame in taken_apart(websocket.close())] == [b"g", b"\x03\xe8"]


def test_text_that_is_not_utf8_is_replaced_and_binary_stays() -> None:
    """IRCv3: "Servers MUST NOT relay non-UTF-8 content to clients using text messages"."""
    line = "é ".encode() + b"\xff\r\n"
    assert taken_apart(opened().send(line)) == [Frame(0x80 | TEXT, "é \N{REPLACEMENT CHARACTER}".encode())]
    assert taken_apart(opened("binary.ircv3.net").send(line)) == [Frame(0x80 | BINARY, line[:-2])]


def test_a_broadcast_is_framed_for_each_type_and_never_for_another_line() -> None:
    """The frames of the last lines are kept: for those lines, that type, and no half of one."""
    text, binary, half = opened(), opened("binary.ircv3.net"), opened()
    half.send(b"half ")
    line = b"PRIVMSG #tea :\xff\r\n"
    for _ in range(2):
        assert taken_apart(text.send(line))[0] == Frame(0x80 | TEXT, "PRIVMSG #tea :\ufffd".encode())
        assert taken_apart(binary.send(line))[0] == Frame(0x80 | BINARY, line[:-2])
    assert taken_apart(half.send(line))[0].payload == "half PRIVMSG #tea :\ufffd".encode()
    assert taken_apart(text.send(b"PRIVMSG #tea :!\r\n"))[0].payload == b"PRIVMSG #tea :!"


# -- ends --------------------------------------------------------------------------------------


def test_our_close_is_1000_and_comes_once(websocket: WebSocket) -> None:
    """§7.4.1"""
    assert code(websocket.close()) == 1000
    assert websocket.close() == b""
    with pytest.raises(RuntimeError):
        websocket.send(b"late\r\n")
    assert websocket.received(frame(PING, b"hello")) == (b"", b""), "nothing follows a Close"
    assert not websocket.ended
    assert websocket.received(close(1000)) == (b"", b"")
    assert websocket.ended


@pytest.mark.parametrize("peers", [1000, 1001, 3000, 4999, None])
def test_the_peers_close_is_answered_with_its_code_after_what_is_owed(
    websocket: WebSocket, peers: int | None
) -> None:
    """§5.5.1: "typically echos the status code it received"; one may "delay sending a Close frame"."""
    lines, answer = websocket.received(
        frame(TEXT, b"QUIT") + close(peers, b"bye" if peers else b"") + b"\x81"
    )
    assert (lines, answer) == (b"QUIT\r\n", b"")
    assert websocket.ended
    assert not websocket.failed
    assert websocket.received(frame(TEXT, b"ignored")) == (b"", b"")
    assert taken_apart(websocket.send(b"ERROR :bye\r\n"))[0].payload == b"ERROR :bye"
    assert code(websocket.close()) == peers


def test_a_refused_handshake_is_an_answer_and_no_close() -> None:
    websocket = WebSocket(["https://chat.example.org"])
    lines, answer = websocket.received(request("Origin: https://evil.example"))
    assert lines == b""
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert websocket.failed == "403: This origin is not allowed here."
    assert not websocket.established
    assert websocket.received(request()) == (b"", b"")
    assert websocket.close() == b""


def test_nothing_is_sent_before_the_handshake() -> None:
    with pytest.raises(RuntimeError):
        WebSocket().send(b"early\r\n")
    assert WebSocket().close() == b""


# -- any bytes, any cut ------------------------------------------------------------------------

FRAMES = st.one_of(
    st.builds(frame, st.sampled_from([TEXT, BINARY, 0, PING, PONG]), st.binary(max_size=200)),
    st.builds(frame, st.sampled_from([TEXT, 0]), st.text(max_size=40).map(str.encode), fin=st.booleans()),
    st.builds(frame, st.integers(0, 15), st.binary(max_size=130), mask=st.booleans(), rsv=st.integers(0, 7)),
    st.builds(close, st.none() | st.integers(0, 65_535)),
    st.binary(max_size=30),
)  # fmt: skip


@given(frames=st.lists(FRAMES, max_size=8), cuts=st.lists(st.integers(0, 800), max_size=10))
def test_any_frames_cut_anywhere_say_the_same_and_never_raise(frames: list[bytes], cuts: list[int]) -> None:
    data = request() + b"".join(frames)

    def heard(pieces: list[bytes]) -> tuple[bytes, bool, bool]:
        websocket = WebSocket()
        lines = b"".join([websocket.received(piece)[0] for piece in pieces])
        return lines, websocket.ended, bool(websocket.failed)

    ends = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    whole = heard([data])
    assert heard([data[a:b] for a, b in pairwise(ends)]) == whole
    assert heard([bytes([byte]) for byte in data]) == whole
    assert whole[0].count(b"\n") == whole[0].count(b"\r") == whole[0].count(b"\r\n")


@given(pieces=st.lists(st.binary(max_size=300), max_size=8), binary=st.booleans())
def test_what_is_sent_is_the_lines_of_the_stream(pieces: list[bytes], binary: bool) -> None:
    websocket = opened("binary.ircv3.net" if binary else "")
    frames = [one for piece in pieces for one in taken_apart(websocket.send(piece))]
    frames += taken_apart(websocket.close())[:-1]
    lines = b"".join(pieces).split(b"\n")
    expected = [line[:-1] if line.endswith(b"\r") else line for line in lines]
    if not lines[-1]:
        del expected[-1]
    if not binary:
        expected = [line.decode("utf-8", "replace").encode() for line in expected]
    assert [one.payload for one in frames] == expected
