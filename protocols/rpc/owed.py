"""What is owed for requests that have arrived: alone, in a batch, or while a call still runs."""

from __future__ import annotations

from math import inf

from protocols.rpc.message import batch_line
from protocols.session import Call


class Batch:
    """The answers to one batch, until the last is in.  §6: "an Array containing the
    corresponding Response objects", here in the order of the requests."""

    __slots__ = ("answers", "left", "room")

    def __init__(self, members: int, room: int) -> None:
        self.answers: list[bytes] = [b""] * members
        self.left = members
        self.room = room

    def put(self, place: int, answer: bytes) -> bytes | None:
        """One answer, or b"" for a notification; returns the line once it is whole."""
        self.answers[place] = answer
        self.room -= len(answer)
        self.left -= 1
        answers = [] if self.left else [one for one in self.answers if one]
        # §6: with nothing to answer "the server MUST NOT return an empty Array and should
        # return nothing at all".
        return batch_line(answers) if answers else None


class Owed:
    """One request between its arrival and its answer.

    `ident` is its id as it came, b"" for a notification.  `call` is what runs or waits for it,
    `due` the time by which it is answered, whatever the call does.
    """

    __slots__ = ("batch", "call", "due", "ident", "name", "place")

    def __init__(
        self, batch: Batch | None = None, place: int = 0, *, name: str = "", ident: bytes = b""
    ) -> None:
        self.batch = batch
        self.place = place
        self.name = name
        self.ident = ident
        self.call: Call | None = None
        self.due = inf
