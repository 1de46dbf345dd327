"""Two members of chat for `load.fairness`: one floods with PING, the other pings now and then.

Each PING is answered to its sender alone, in words that the server chooses once: so they are learnt.
"""

from __future__ import annotations

from itertools import count

from compare.dialects import WrongAnswer
from compare.load.connections import Lost
from compare.load.jobs import Job
from compare.load.members import Member, registered

_NUMBER = count()
"""Who left a moment ago may still have its nick."""


class Chatter:
    """What `load.fairness` wants of a connection, over a registered member."""

    def __init__(self, member: Member, words: bytes) -> None:
        """Learns the answer to PING with these words.  Raises Lost, WrongAnswer."""
        self.member = member
        self.sock = member.sock
        self.message = b"PING %b\r\n" % words
        member.lines()  # what the welcome still owed
        found = member.ping(words)
        self.expected = found[-1]
        if len(found) != 1:
            raise WrongAnswer(f"PING was answered {b''.join(found)[:100]!r}")
        self.sock.setblocking(False)

    def check(self, reply: bytes) -> None:
        if reply != self.expected:
            raise Lost(f"PING was answered {reply[:100]!r}")


def pair(job: Job, members: list[Member]) -> list[Chatter]:
    """The pinger and the flood, whose lines have `job.size` bytes; `members` is who must be closed."""
    found = []
    for nick, words in ((b"p", b"here"), (b"f", b"f" * (job.size - len(b"PING \r\n")))):
        members.append(registered(job.port, b"%b%06d" % (nick, next(_NUMBER))))
        found.append(Chatter(members[-1], words))
    return found
