"""Echo as Twisted's documentation shows it; with a certificate and key, over its own TLS."""
# mypy: ignore-errors

import sys

from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol


class Echo(Protocol):
    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


port, *files = sys.argv[1:]
where = "ssl:{}:certKey={}:privateKey={}" if files else "tcp:{}"
endpoint = serverFromString(reactor, where.format(port, *files) + ":interface=127.0.0.1")
endpoint.listen(Factory.forProtocol(Echo))
reactor.run()
