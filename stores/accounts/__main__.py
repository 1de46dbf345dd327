"""`python -m stores.accounts`: accounts from the command line, also beside a running server.

The server reads accounts from the file whenever it needs one, so that what is done here holds at once, and
looks every other second whether somebody has changed it; who is logged in stays so until they leave.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Any

import click

from protocols.chat.accounts import Unavailable
from protocols.chat.naming import Unacceptable, check_email, check_name, check_password
from protocols.chat.services.table import SERVICES
from protocols.chat.settings import ChatAccounts
from protocols.listen import CannotStart
from stores.accounts import SqlAccounts
from stores.chat import MIGRATIONS
from stores.database import Database

LONGEST = 64
"""Bytes of a name: what `limits.nick` may be at the most."""


class Failed(click.ClickException):
    """One line on standard error, and exit status 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"error: {self.message}", err=True)


@contextmanager
def _opened(file: str, create: bool = False) -> Iterator[SqlAccounts]:
    if not create and not Path(file).is_file():
        raise Failed(f"{file}: no such database")
    try:
        database = Database(file, MIGRATIONS)
    except CannotStart as error:
        raise Failed(str(error)) from None
    try:
        yield SqlAccounts(database)
    except Unavailable as error:
        raise Failed(f"{file}: {error}") from None
    except Unacceptable as error:
        raise Failed(error.words) from None
    finally:
        database.close()


def _password(name: str) -> str:
    """From standard input: its first line, or asked for twice on a terminal."""
    if sys.stdin.isatty():
        said: str = click.prompt("password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        said = sys.stdin.readline().rstrip("\r\n")
    check_password(name, said, weak=True)
    try:
        check_password(name, said)
    except Unacceptable as weak:
        click.echo(f"warning: {weak.words}", err=True)
    return said


ITERATIONS = click.option(
    "--iterations",
    type=click.IntRange(4096),
    default=ChatAccounts().hash_iterations,
    show_default=True,
    help="of SCRAM-SHA-256, as accounts.hash_iterations.",
)


@click.group()
@click.option("--database", "file", required=True, help="the file that the setting chat.database names.")
@click.pass_context
def main(context: click.Context, file: str) -> None:
    """The accounts of a chat server, which may be running.  Exit status 1: it was not done."""
    context.obj = file


@main.command()
@click.argument("name")
@click.option("--email", default="*", help="an address; no mail is sent.")
@click.option("--create", is_flag=True, help="make the database if there is none.")
@ITERATIONS
@click.pass_obj
def add(file: str, name: str, email: str, create: bool, iterations: int) -> None:
    """Make an account; the password comes from standard input."""
    with _opened(file, create) as accounts:
        check_name(name, LONGEST, SERVICES)
        email = check_email(email, required=False)
        if accounts.register(name, _password(name), email, time.time(), iterations) is None:
            raise Failed(f"there is an account {name}")


@main.command()
@click.argument("name")
@click.pass_obj
def remove(file: str, name: str) -> None:
    """Remove an account; who is logged in stays so until they leave."""
    with _opened(file) as accounts:
        if not accounts.remove(name):
            raise Failed(f"there is no account {name}")


@main.command()
@click.argument("name")
@ITERATIONS
@click.pass_obj
def password(file: str, name: str, iterations: int) -> None:
    """Set an account's password, which comes from standard input."""
    with _opened(file) as accounts:
        if accounts.find(name) is None or not accounts.set_password(name, _password(name), iterations):
            raise Failed(f"there is no account {name}")


@main.command("list")
@click.argument("name", required=False)
@click.pass_obj
def list_(file: str, name: str | None) -> None:
    """All accounts, or one: name, when it was made (UTC), address; separated by tabs."""
    with _opened(file) as accounts:
        found = accounts.every() if name is None else [accounts.find(name)]
        for one in found:
            if one is None:
                raise Failed(f"there is no account {name}")
            made = datetime.fromtimestamp(one.created, timezone.utc)
            click.echo(f"{one.name}\t{made:%Y-%m-%d %H:%M:%S}\t{one.email or '-'}")


if __name__ == "__main__":
    main(prog_name="python -m stores.accounts")
