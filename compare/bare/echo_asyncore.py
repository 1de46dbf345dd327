"""Echo with asyncore, the standard library's event loop until Python 3.11 (pyasyncore since)."""
# mypy: ignore-errors

import asyncore
import socket
import sys
from typing import Any


class Echo(asyncore.dispatcher_with_send):
    def handle_read(self) -> None:
        if data := self.recv(65536):
            self.send(data)


class Server(asyncore.dispatcher):
    def __init__(self, port: int) -> None:
        super().__init__()
        self.create_socket()
        self.set_reuse_addr()
        self.bind(("127.0.0.1", port))
        self.listen(1024)

    def handle_accepted(self, sock: socket.socket, addr: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Echo(sock)


Server(int(sys.argv[1]))
asyncore.loop(use_poll=True)
