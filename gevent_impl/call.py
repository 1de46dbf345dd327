"""`python -m gevent_impl call`: one call to an rpc server, from a shell."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import click
import gevent
import msgspec

from gevent_impl.rpc_client import RPCClient
from protocols.listen import AddressError
from protocols.rpc.failures import CallFailed, RemoteError
from protocols.rpc.message import Unspeakable


@click.command()
@click.argument("address", metavar="tcp://HOST:PORT")
@click.argument("method")
@click.argument("arguments", nargs=-1, metavar="[ARG]...")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=30.0, show_default=True,
              help="seconds to wait for the answer")  # fmt: skip
@click.option("--indent/--no-indent", default=None, help="spread the result over lines; if to a terminal")
def call(address: str, method: str, arguments: tuple[str, ...], timeout: float, indent: bool | None) -> None:
    """Call METHOD and print its result as JSON.

    An ARG is JSON, or else a string: 1, '[1, 2]', true, hello.  NAME=ARG gives a parameter by
    its name; all or none of them.  The address may also be tls://HOST:PORT?ca=FILE&name=HOSTNAME
    or unix:///PATH.  A token for rpc.authenticate is taken from the environment, TWOFOLD_TOKEN.

    The result goes to standard output.  An error goes to standard error, with exit status 1.
    """
    try:
        client = RPCClient(address, token=os.environ.get("TWOFOLD_TOKEN", ""), reconnect=False)
    except AddressError as error:
        raise click.UsageError(str(error)) from None
    _let_interrupt()
    try:
        with client:
            result = client.call(method, _params(arguments), timeout=timeout, type=msgspec.Raw)
    except RemoteError as error:
        data = "" if error.data is None else f" {msgspec.json.encode(error.data).decode()}"
        sys.exit(f"error {error.code}: {error.message}{data}")
    except CallFailed as error:
        sys.exit(f"error: {error}")
    except Unspeakable as error:  # an argument that is not UTF-8
        raise click.UsageError(str(error)) from None
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    text = bytes(result)
    if sys.stdout.isatty() if indent is None else indent:
        text = msgspec.json.format(text)
    sys.stdout.buffer.write(text + b"\n")


def _let_interrupt() -> None:
    """Let Ctrl-C end the wait for the answer; raised in the hub, as it would be, it is a traceback."""
    waiting, loop = gevent.getcurrent(), gevent.get_hub().loop
    signal.signal(signal.SIGINT, lambda *_: loop.run_callback_threadsafe(waiting.throw, KeyboardInterrupt()))


def _params(arguments: tuple[str, ...]) -> list[Any] | dict[str, Any] | None:
    if not arguments:
        return None
    named = [argument.partition("=") for argument in arguments]
    if all(equals and name.isidentifier() for name, equals, _ in named):
        return {name: _value(text) for name, _, text in named}
    return [_value(argument) for argument in arguments]


def _value(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return text
