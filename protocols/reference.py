"""The page `docs/settings.md`, from what the services declare; `docs/generate.py` writes it."""

from __future__ import annotations

import json
from collections.abc import Iterable

from protocols.declared import Field, fields
from protocols.services import Service
from protocols.settings import flags

HEAD = """\
# Settings

This page is made from the declarations by `python docs/generate.py`; do not edit it.

Every service starts without any setting, on loopback. What is to be different is said in a file,
on the command line, or both:

    twistd -n --pidfile= {name} --config twofold.toml --limits-idle 60
    python -m gevent_impl {name} --config twofold.toml --limits-idle 60

The file is TOML, one table for each service. What the command line says replaces what the file
says. A key that is not on this page, a value of another type, or one out of bounds ends the
launcher with exit status 2 and one line such as

    twofold.toml: rpc.limits.line: expected int >= 64, got -5

Secrets have no flag, since everybody on the machine can read a command line.

## Addresses

`listen` takes a list of addresses, and `--listen` one, as often as it is given.

| address | what it is |
|---|---|
| `tcp://HOST:PORT` | TCP; `[::1]` for IPv6; port 0 lets the kernel choose |
| `udp://HOST:PORT` | UDP |
| `unix:///PATH?mode=0660` | a unix socket; mode 0600 unless said otherwise |
| `tls://HOST:PORT?cert=FILE&key=FILE` | TLS 1.2 or later over TCP; both files PEM |
| `ws://HOST:PORT` | WebSocket |
| `wss://HOST:PORT?cert=FILE&key=FILE` | WebSocket over TLS |
| chat's, but for `unix://`, with `?proxy=1` | each connection begins with a PROXY header, version 1 or 2 |
| any with `?fd=N` | the listening socket inherited as descriptor N, instead of a new one |
"""


def reference(services: Iterable[Service]) -> str:
    """The whole page, in Markdown."""
    services = list(services)
    parts = [HEAD.format(name=services[0].name)]
    parts += [_service(service) for service in services]
    return "\n".join(parts)


def _service(service: Service) -> str:
    kind = service.settings()
    flag = {one.path: f"`--{one.name}`" for one in flags(kind)}
    schemes = ", ".join(f"`{scheme}://`" for scheme in service.schemes)
    lines = [f"## {service.name}", "", f"{service.description}. Listens on {schemes}."]
    table: tuple[str, ...] | None = None
    # TOML wants a table's own keys before the tables within it.
    for field in sorted(fields(kind), key=lambda one: one.path[:-1]):
        if field.path[:-1] != table:
            table = field.path[:-1]
            lines += ["", f"`[{'.'.join((service.name, *table))}]`", ""]
            lines += ["| key | what it takes | default | flag | meaning |", "|---|---|---|---|---|"]
        lines.append(_row(field, flag.get(field.path, "none")))
    return "\n".join(lines) + "\n"


def _row(field: Field, flag: str) -> str:
    default = "none" if field.default is None else f"`{json.dumps(field.default)}`"
    cells = [f"`{field.path[-1]}`", field.expected, default, flag, field.help]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
