"""Echo as gevent's documentation shows it; with a certificate and key, over gevent.ssl."""
# mypy: ignore-errors

import socket
import sys
from typing import Any

from gevent.server import StreamServer


def echo(sock: Any, address: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while data := sock.recv(65536):
            sock.sendall(data)
    except OSError:
        pass  # the client is gone


port, *files = sys.argv[1:]
tls = {"certfile": files[0], "keyfile": files[1]} if files else {}
StreamServer(("127.0.0.1", int(port)), echo, **tls).serve_forever()
