"""UDP echo as gevent's documentation shows it."""
# mypy: ignore-errors

import sys
from typing import Any

from gevent.server import DatagramServer


class Echo(DatagramServer):
    def handle(self, data: bytes, address: Any) -> None:
        self.socket.sendto(data, address)


Echo(f"127.0.0.1:{sys.argv[1]}").serve_forever()
