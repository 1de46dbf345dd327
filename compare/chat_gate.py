"""What a chat server is asked before it is measured: each question is a short talk among a few clients.

A question raises WrongAnswer, Lost or OSError where the answer is no (compare.gate).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from compare import irc
from compare.dialects import WrongAnswer
from compare.load.members import Member, registered
from compare.process import Server

LINES = 32
"""As many as the workload has in flight."""


@contextmanager
def _members(server: Server, *nicks: str, tags: bool = False) -> Iterator[list[Member]]:
    """Clients of these nicks, all on the channel, who have read all that there was."""
    found: list[Member] = []
    try:
        for nick in nicks:
            found.append(registered(server.port, nick.encode(), tags))
            found[-1].join()
        for one in found:
            one.lines()
        yield found
        for one in found:
            one.leave()
    finally:
        for one in found:
            one.sock.close()


def _must_be(what: str, found: list[bytes], right: bool) -> None:
    if not right:
        raise WrongAnswer(f"{what}: {b''.join(found)[:100]!r}")


def _numeric(one: Member, text: bytes, numeric: bytes) -> None:
    """What is said to `text` is this numeric."""
    one.say(text)
    found = one.lines()
    right = any(irc.commands(line) == [numeric] for line in found)
    _must_be(f"{text[:30].strip().decode()} was not answered {numeric.decode()}", found, right)


# -- needed ----------------------------------------------------------------------------


def registers(server: Server, _ca: str) -> None:
    with _members(server, "ann", "bob", "cleo") as members:
        for one in members:
            _must_be("more than the answer to PING came", found := one.lines(), not found)


def relays(server: Server, _ca: str) -> None:
    """Each line once to each of the others, in the order in which they were said, and not to the sender."""
    with _members(server, "ann", "bob", "cleo") as (ann, *others):
        text = irc.messages(1, LINES, 64)
        ann.say(text)
        _must_be("the sender got", found := ann.lines(), not found)
        for one in others:
            relayed = b"".join(found := one.lines())
            prefix = irc.prefix_of(relayed[: relayed.find(b"\n") + 1], text[: text.find(b"\n") + 1])
            whole = b"".join(prefix + line for line in text.splitlines(True))
            _must_be(f"{one.nick.decode()} did not get these {LINES} lines, but", found, relayed == whole)


def lets_go(server: Server, _ca: str) -> None:
    """`leave` waits for the end; the nick is free again then, or nobody could come back."""
    for _ in range(2):
        with _members(server, "ann"):
            pass


# -- of ours, and noted of the others ----------------------------------------------------


def tags(server: Server, _ca: str) -> None:
    """IRCv3 server-time and message-tags: all get the same time and the same id."""
    with _members(server, "ann", "bob", "cleo", tags=True) as (ann, bob, cleo):
        text = irc.messages(1, 2, 64)
        ann.say(text)
        ann.lines()
        found = bob.lines()
        _must_be("bob did not get two lines, but", found, len(found) == 2)
        irc.Tagged().check(b"".join(found), text)
        _must_be("not what bob got", found := cleo.lines(), found == found)


def pongs(server: Server, _ca: str) -> None:
    with _members(server, "ann") as (ann,):
        found = ann.ping(b":are you there")
        _must_be("PING :are you there was answered", found, b"are you there" in found[-1])


def in_use(server: Server, _ca: str) -> None:
    with _members(server, "ann", "bob") as (_ann, bob):
        _numeric(bob, b"NICK ann\r\n", b"433")


def apart(server: Server, _ca: str) -> None:
    with _members(server, "ann", "bob") as (ann, bob):
        ann.join(b"#other")
        ann.say(b"PRIVMSG #other :for others\r\n")
        ann.lines()
        _must_be("bob, who is not there, got", found := bob.lines(), not found)


def pieces(server: Server, _ca: str) -> None:
    with _members(server, "ann", "bob") as (ann, bob):
        text = irc.messages(1, 2, 64)
        for at in range(len(text)):
            ann.say(text[at : at + 1])
        ann.lines()
        found = bob.lines()
        _must_be("bob did not get two lines, but", found, len(found) == 2 and found[1].endswith(text[64:]))


def farewell(server: Server, _ca: str) -> None:
    with _members(server, "bob") as (bob,):
        with _members(server, "ann"):
            bob.lines()
        found = bob.lines()
        _must_be("of ann's QUIT bob got", found, [irc.commands(line) for line in found] == [[b"QUIT"]])


def nobody(server: Server, _ca: str) -> None:
    with _members(server, "ann") as (ann,):
        _numeric(ann, b"PRIVMSG nobody :are you there\r\n", b"401")


def too_long(server: Server, _ca: str) -> None:
    with _members(server, "ann") as (ann,):
        _numeric(ann, irc.message(1, 400).strip() + b"x" * 200 + b"\r\n", b"417")


def last_words(server: Server, _ca: str) -> None:
    with _members(server, "bob") as (bob,):
        ann = registered(server.port, b"ann")
        try:
            ann.join()
            bob.lines()
            text = irc.messages(1, LINES, 64)
            ann.say(text)
            ann.finish()
        finally:
            ann.sock.close()
        said = [line for line in bob.lines() if irc.commands(line) == [b"PRIVMSG"]]
        _must_be(f"of {LINES} lines bob got {len(said)}", said[-1:], len(said) == LINES)


NEEDED = (
    ("registers several clients, who join a channel and are answered PONG", registers),
    ("relays 32 lines to the others, once and in order, and not to the sender", relays),
    ("ends a connection after QUIT, and its nick is free again", lets_go),
)
FURTHER = (
    ("a message has a time and an id, the same for all (server-time, message-tags)", tags),
    ("PONG says what PING said", pongs),
    ("a nick in use is refused with 433", in_use),
    ("who is not on a channel gets nothing of it", apart),
    ("lines that come byte by byte are whole", pieces),
    ("QUIT is told to the channel", farewell),
    ("a message to nobody is answered 401", nobody),
    ("a line over 512 bytes is answered 417, and the connection stays", too_long),
    ("what was said before FIN is relayed", last_words),
)
TAGS = FURTHER[0][0]
"""Who can do this is measured with tags, too."""
