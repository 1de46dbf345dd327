"""`python -m gevent_impl SERVICE`: run one service under gevent.  `call`: ask an rpc server."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import click

from gevent_impl.call import call
from gevent_impl.listen import inherited_scheme
from gevent_impl.service import Load, Service, say
from protocols import launch
from protocols.listen import CannotStart
from protocols.services import SERVICES
from protocols.services import Service as ServiceEntry
from protocols.settings import Flag, Settings, SettingsError, flags, load

MakeService: TypeAlias = Callable[[Load, "str | None"], Service]


class OneLine(click.Group):
    """A group whose usage errors are one line, as all that we have to say against an input."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs | {"standalone_mode": False})
        except click.NoSuchOption as error:
            say(launch.unknown_flag(error.option_name))
        except click.BadOptionUsage as error:
            no_value = "requires an argument" in error.message
            say(launch.no_value(error.option_name) if no_value else error.format_message())
        except click.ClickException as error:
            say(error.format_message())
        sys.exit(launch.BAD_SETTINGS)


@click.group(cls=OneLine, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run one of twofold's services under gevent, or call a method of one."""


def command(entry: ServiceEntry, make_service: MakeService | None = None) -> click.Command:
    """The command that runs a service; without `make_service`, that of its module in here."""
    declared = flags(entry.settings())

    def run(config: str | None, **given: Any) -> None:
        if words := click.get_current_context().args:
            say(launch.surplus(words[0]))
            sys.exit(launch.BAD_SETTINGS)
        _run(
            entry, make_service, config, {flag.name: given[flag.name.replace("-", "_")] for flag in declared}
        )

    class Command(click.Command):
        def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
            return super().parse_args(ctx, launch.with_values(args, declared))

    config = click.Option(["--config"], metavar="FILE", help=f"settings, in TOML: the table [{entry.name}]")
    return Command(
        entry.name,
        params=[config, *map(_option, declared)],
        callback=run,
        help=entry.description,
        context_settings={"allow_extra_args": True},
    )


def _option(flag: Flag) -> click.Option:
    default = " ".join(flag.default) if flag.repeated else flag.default
    text = flag.help if default in (None, "") else f"{flag.help}  [default: {default}]"
    # The values stay strings: what is impossible is told by the settings, in the same words everywhere.
    return click.Option(
        [f"--{flag.name}"], multiple=flag.repeated, help=text, metavar=flag.type.__name__.upper()
    )


def _run(
    entry: ServiceEntry, make_service: MakeService | None, config: str | None, given: dict[str, Any]
) -> NoReturn:
    kind = entry.settings()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # What our lines do not show need not be found out for each (Logging HOWTO, "Optimization").
    logging.logThreads = logging.logMultiprocessing = logging.logProcesses = False
    logging._srcfile = None

    def read() -> Settings:
        return load(kind, entry.name, text=_text(config), source=config or "", flags=given)

    try:
        make = make_service or import_module(f"gevent_impl.{entry.name}").make_service
        service = make(read, config)
        inherited = launch.inherited(os.environ, os.getpid())
        listen = launch.asked(given["listen"], service.settings.listen, inherited, inherited_scheme)
        service.open(launch.parse_all(listen, entry))
    except SettingsError as error:
        say(str(error))
        sys.exit(launch.BAD_SETTINGS)
    except CannotStart as error:
        say(str(error))
        sys.exit(launch.OPEN_FAILED)
    service.run()
    sys.stdout.flush()
    # A thread that can't be stopped must not keep the process from stopping.
    os._exit(0)


def _text(config: str | None) -> bytes | None:
    if config is None:
        return None
    try:
        return Path(config).read_bytes()
    except OSError as error:
        raise SettingsError(f"{config}: {error.strerror}") from None


for _entry in SERVICES.values():
    main.add_command(command(_entry))
main.add_command(call)

if __name__ == "__main__":
    main(prog_name="python -m gevent_impl")
