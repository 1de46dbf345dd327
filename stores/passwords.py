"""`python -m stores.passwords`: a password as a file of settings may keep it."""

from __future__ import annotations

import os
import sys

import click

from protocols.passwords import make_secret


@click.command()
def main() -> None:
    """Hash a password, for a file of settings.

    It is the first line of standard input; on a terminal it is asked for twice, and not shown.
    """
    if sys.stdin.isatty():
        said: str = click.prompt("password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        said = sys.stdin.buffer.readline().rstrip(b"\r\n").decode(errors="surrogateescape")
    if not said:
        click.echo("error: the password is empty", err=True)
        sys.exit(1)
    click.echo(make_secret(said, os.urandom(16)))


if __name__ == "__main__":
    main(prog_name="python -m stores.passwords")
