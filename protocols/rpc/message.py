"""JSON-RPC 2.0 texts: what one line says, and the lines to answer with.

Decoding has three ways.  A `quick_decoder` knows the methods and their parameters, and
`decode_request` what a request is; they are typed and fast, and only ever say yes.  Whatever
they refuse is read again by `read_request`, whose one job is to say which error it is.
Duplicate members: the last one counts (RFC 8259 §4 leaves it open), on all of them.

Not in here: what methods there are, and what their parameters mean.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, Literal, Union

import msgspec
from msgspec import Raw

from protocols.rpc.errors import INVALID_REQUEST, PARSE_ERROR, ErrorKind, RPCError

ABSENT = Raw(b"")
"""A member that is not there; no JSON text is empty."""

NULL = b"null"
"""The id of an answer to what has none, and of a parse error (JSON-RPC 2.0 §5)."""

ID_STARTS = frozenset(b'"-0123456789n')
"""First bytes of "a String, Number, or NULL value" (§4): what an id can be."""


RESULT, ID, END = b'{"jsonrpc":"2.0","result":', b',"id":', b"}\n"
"""What stands around the result and the id in an answer."""


class Request(msgspec.Struct, gc=False):
    """One request or, without an id, one notification (§4).

    `params` and `id` stay as they came: an id goes back byte for byte, and what the
    parameters should be only the method knows.
    """

    method: str
    jsonrpc: Literal["2.0"]
    params: Raw = ABSENT
    id: Raw = ABSENT


def quick_request(name: str, params: Any, function: Callable[..., Any]) -> type[msgspec.Struct]:
    """The type of a request for one method, with its parameters and all, to be decoded in one go.

    Its instances have `params` (what `function` takes), `id`, `name` and `function`.
    """
    fields: list[Any] = [("jsonrpc", Literal["2.0"]), ("params", params), ("id", Raw, ABSENT)]
    if params == tuple[()]:
        fields[1] = ("params", params, ())
    return msgspec.defstruct(
        "Request",
        fields,
        tag_field="method",
        tag=name,
        gc=False,
        kw_only=True,
        namespace={"name": name, "function": staticmethod(function)},
    )


def quick_decoder(requests: Sequence[type[msgspec.Struct]]) -> Callable[[bytes], Any]:
    """Decodes a line that is one of these requests; for any other it raises ValueError."""
    if not requests:
        return _nothing_is_quick
    return msgspec.json.Decoder(Union[tuple(requests)]).decode  # noqa: UP007 (made as it runs)


def _nothing_is_quick(line: bytes) -> Any:
    raise ValueError


class _Members(msgspec.Struct):
    """The same members, whatever they hold."""

    jsonrpc: Raw = ABSENT
    method: Raw = ABSENT
    params: Raw = ABSENT
    id: Raw = ABSENT


class Refusal(RPCError):
    """A line or a batch's member that is no request, and the id to answer it with."""

    def __init__(self, kind: ErrorKind, data: Any = None, ident: bytes = NULL) -> None:
        super().__init__(kind, data)
        self.ident = ident


class Unspeakable(Exception):
    """A value that JSON has no words for; the text says why."""


decode_request = msgspec.json.Decoder(Request).decode
encode = msgspec.json.Encoder().encode
_decode_members = msgspec.json.Decoder(_Members).decode
_decode_batch = msgspec.json.Decoder(list[Raw]).decode

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = bytes.maketrans(b"[]{}", b"\x01\xff\x01\xff")


# -- reading ---------------------------------------------------------------------------


def too_deep(line: bytes, depth: int) -> bool:
    """Are more than `depth` brackets open at once somewhere?  Those in strings don't count."""
    if len(line) <= depth or line.count(b"[") + line.count(b"{") <= depth:
        return False
    steps = _STRING.sub(b"", line).translate(_STEPS, _NOT_BRACKETS)
    # As signed bytes: +1 opens, -1 closes, and the sum so far is the depth.
    return max(accumulate(memoryview(steps).cast("b")), default=0) > depth


def check(line: bytes, depth: int) -> None:
    """Raises Refusal for what no parser should be given, or would let through."""
    try:
        # msgspec skips over what it keeps raw without looking at the UTF-8 in it.
        line.isascii() or line.decode()
    except UnicodeDecodeError as error:
        raise Refusal(PARSE_ERROR, {"problem": "not UTF-8", "byte": error.start}) from None
    if too_deep(line, depth):
        # RFC 8259 §9: "An implementation may set limits on the maximum depth of nesting."
        raise Refusal(PARSE_ERROR, {"problem": "nested too deep", "depth": depth})


def read_batch(line: bytes, most: int) -> list[Raw] | None:
    """The members of a batch, each still unread, or None if the line is no array.

    §6: "If the batch rpc call itself fails to be recognized as an valid JSON or as an Array
    with at least one value, the response from the Server MUST be a single Response object."
    """
    if line.lstrip(b" \t\r")[:1] != b"[":
        return None
    try:
        members = _decode_batch(line)
    except msgspec.DecodeError:
        raise Refusal(PARSE_ERROR) from None
    if not members:
        raise Refusal(INVALID_REQUEST)
    if len(members) > most:
        raise Refusal(INVALID_REQUEST, {"problem": "batch too long", "most": most})
    return members


def read_request(text: bytes | Raw) -> Request:
    """The one request that `text` is; raises Refusal with the id to answer, if it is none."""
    try:
        request = decode_request(text)
    except msgspec.ValidationError:
        pass
    except (msgspec.DecodeError, RecursionError):
        raise Refusal(PARSE_ERROR) from None
    else:
        _ident(request.id)
        _structured(request.params, bytes(request.id))
        return request
    try:
        members = _decode_members(text)
    except msgspec.ValidationError:
        raise Refusal(INVALID_REQUEST) from None  # JSON, but no object
    except (msgspec.DecodeError, RecursionError):
        # A wrong type further left had hidden the syntax error from the typed decoder.
        raise Refusal(PARSE_ERROR) from None
    ident = _ident(members.id)
    method = bytes(members.method)
    if method[:1] != b'"':
        raise Refusal(INVALID_REQUEST, None, ident or NULL)
    version = bytes(members.jsonrpc)
    if version[:1] != b'"' or msgspec.json.decode(version) != "2.0":
        # §4: 'MUST be exactly "2.0"'.
        raise Refusal(INVALID_REQUEST, {"member": "jsonrpc", "expected": "2.0"}, ident or NULL)
    _structured(members.params, ident)
    # Only duplicates come this far: the first of them was wrong, the last is right.
    return Request(msgspec.json.decode(method), "2.0", members.params, members.id)


def _ident(raw: Raw) -> bytes:
    ident = bytes(raw)
    if ident and ident[0] not in ID_STARTS:
        raise Refusal(INVALID_REQUEST, {"member": "id", "expected": "a string, a number or null"})
    return ident


def _structured(raw: Raw, ident: bytes) -> None:
    """§4.2: "If present, parameters for the rpc call MUST be provided as a Structured value."."""
    params = bytes(raw)
    if params and params[:1] not in (b"[", b"{"):
        data = {"member": "params", "expected": "an array or an object"}
        raise Refusal(INVALID_REQUEST, data, ident or NULL)


def id_key(ident: bytes) -> bytes:
    """What rpc.cancel compares: strings by their characters, numbers as they are written."""
    return encode(msgspec.json.decode(ident)) if b"\\" in ident else ident


# -- writing ---------------------------------------------------------------------------


def say(value: Any) -> bytes:
    """`value` as JSON on one line.  Raises Unspeakable, never anything else."""
    try:
        text = encode(value)
        # msgspec writes NaN and Infinity as null: look again wherever a null came out.
        # (`find`: `in` tries the needle as a number first, and is four times as slow.)
        if text.find(b"null") >= 0 and value is not None and _not_finite(_plain(value)):
            raise Unspeakable("NaN and Infinity have no place in JSON")
    except UnicodeEncodeError:
        raise Unspeakable("a lone surrogate has no place in UTF-8") from None
    except RecursionError:
        raise Unspeakable("it is nested too deep, or holds itself") from None
    except (TypeError, ValueError, OverflowError, NotImplementedError) as error:
        raise Unspeakable(str(error)) from None
    # Only what a method gives as msgspec.Raw can hold a line break, as white space.
    return text if text.find(b"\n") < 0 else text.replace(b"\n", b" ")


def _plain(value: Any) -> Any:
    """Structs and the like as dicts and lists; msgspec.Raw, which is JSON already, as None."""
    return msgspec.to_builtins(value, enc_hook=lambda raw: None)


def _not_finite(value: Any) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(_not_finite(one) for pair in value.items() for one in pair)
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(map(_not_finite, value))
    return False


def result_line(ident: bytes, result: bytes) -> bytes:
    """The answer to a call; `result` and `ident` are JSON texts."""
    return b"".join((RESULT, result, ID, ident, END))


def error_line(ident: bytes, kind: ErrorKind, data: Any = None) -> bytes:
    """The answer to what went wrong; `data` is left out if None or not to be said in JSON."""
    error: dict[str, Any] = {"code": kind.code, "message": kind.message}
    if data is not None:
        try:
            error["data"] = Raw(say(data))
        except Unspeakable as why:
            error["data"] = {"problem": f"the error's data: {why}"}
    return b'{"jsonrpc":"2.0","error":%b,"id":%b}\n' % (encode(error), ident)


def batch_line(answers: list[bytes]) -> bytes:
    """One array of the lines that would have answered each member alone."""
    return b"[%b]\n" % b",".join([answer[:-1] for answer in answers])


def notification_line(method: str, params: Any = None) -> bytes:
    """A notification; `params` is what encodes as an array or an object, or None for none.

    Raises Unspeakable, also for params of another shape.
    """
    if params is None:
        return b'{"jsonrpc":"2.0","method":%b}\n' % say(method)
    text = say(params)
    if text[:1] not in (b"[", b"{"):
        raise Unspeakable("params must be an array or an object")
    return b'{"jsonrpc":"2.0","method":%b,"params":%b}\n' % (say(method), text)
