"""Remote calls with Twisted's AMP, after the example in its documentation."""
# mypy: ignore-errors

import sys

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory
from twisted.protocols import amp


class Add(amp.Command):
    arguments = ((b"a", amp.Integer()), (b"b", amp.Integer()))
    response = ((b"total", amp.Integer()),)


class Math(amp.AMP):
    noisy = False

    @Add.responder
    def add(self, a: int, b: int) -> dict[str, int]:
        return {"total": a + b}

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        super().connectionMade()


TCP4ServerEndpoint(reactor, int(sys.argv[1]), interface="127.0.0.1").listen(Factory.forProtocol(Math))
reactor.run()
