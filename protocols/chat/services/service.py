"""What a service is: a name, a table of commands, and how it hears and answers.

A service is not a user: it has no record in the network, is on no channel, and nobody can have its
nick.  It is told things by `PRIVMSG NickServ :...` or by a command of its own (`NS ...`), and answers
with notices to who asked, which are part of a labeled answer.  HELP is made from the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from protocols.chat.commands.accounts import log_trouble
from protocols.session import Call

if TYPE_CHECKING:
    from protocols.chat.session import ChatSession

Run = Callable[["ChatSession", list[str]], "Iterator[None] | None"]


class Unable(Exception):
    """A service does not do what it was asked for; the words say why."""


@dataclass(frozen=True, slots=True)
class ServiceCommand:
    """One command of a service, given the words after its name.

    `least` is how many words it needs, `cost` what it takes from the bucket, `account` if one must
    be logged in for it.  It raises `Unable`.  One that may have much to say returns an iterator, as a
    command in `commands.table` does.
    """

    run: Run
    least: int
    syntax: str
    about: str
    cost: float = 1
    account: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    """One service.  `aliases` are the commands by which it is told things without PRIVMSG."""

    name: str
    about: str
    aliases: tuple[str, ...]
    commands: Mapping[str, ServiceCommand] = field(repr=False)

    def answer(self, session: ChatSession, words: str) -> None:
        """It says this to who asked."""
        session.notice(words, self.name)

    def call(self, session: ChatSession, call: Call, answered: Callable[[Any], None]) -> None:
        """Run something slow; `answered` gets its result, and may raise `Unable`."""
        self.call_timed(session, call, lambda result, now: answered(result))

    def call_timed(self, session: ChatSession, call: Call, answered: Callable[[Any, float], None]) -> None:
        """The same, and when that was."""

        def over(result: Any, now: float) -> None:
            if isinstance(result, Exception):
                log_trouble(result)
                self.answer(session, "That can't be done now. Please try again later.")
            else:
                self.go_on(session, lambda: answered(result, now))

        session.call(call, over)

    def go_on(self, session: ChatSession, then: Callable[[], None]) -> None:
        """Do this, which may raise `Unable`."""
        try:
            then()
        except Unable as unable:
            self.answer(session, str(unable))

    def hear(self, session: ChatSession, text: str) -> Iterator[None] | None:
        """Somebody registered said this to it."""
        name, *arguments = text.split() or ["HELP"]
        name = name.upper()
        if name == "HELP":
            self._help(session, arguments)
            return None
        command = self.commands.get(name)
        try:
            if command is None:
                raise Unable(f"There is no such command. /msg {self.name} HELP lists those there are.")
            session.charge(command.cost - 1)
            if len(arguments) < command.least:
                raise Unable(f"Syntax: {name} {command.syntax}")
            if command.account and not (session.user and session.user.account):
                raise Unable("You must be logged in to an account for that.")
            return command.run(session, arguments)
        except Unable as unable:
            self.answer(session, str(unable))
            return None

    def _help(self, session: ChatSession, arguments: list[str]) -> None:
        name = arguments[0].upper() if arguments else ""
        command = self.commands.get(name)
        if command is not None:
            self.answer(session, f"Syntax: {name} {command.syntax}".rstrip())
            self.answer(session, f"{name} {command.about}.")
        elif name:
            self.answer(session, f"There is no help on {name}.")
        else:
            self.answer(session, f"{self.name} {self.about}. Its commands:")
            for name, one in self.commands.items():
                self.answer(session, f"{name} {one.syntax}".rstrip() + f" - {one.about}")
