"""A channel of IRC, after the chat server in Twisted's documentation: lines, and who gets them."""
# mypy: ignore-errors

import sys
from collections import defaultdict

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver


class Chat(LineReceiver):
    nick = b"*"

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)

    def connectionLost(self, reason: object) -> None:
        for members in self.factory.channels.values():
            members.discard(self)

    def lineReceived(self, line: bytes) -> None:
        command, _, rest = line.partition(b" ")
        if command == b"PRIVMSG":
            message = b":%b!user@host PRIVMSG %b" % (self.nick, rest)
            for member in self.factory.channels[rest.partition(b" ")[0]]:
                if member is not self:
                    member.sendLine(message)
        elif command == b"NICK":
            self.nick = rest
        elif command == b"USER":
            self.sendLine(b":chat 001 %b :Welcome\r\n:chat 422 %b :No message" % (self.nick, self.nick))
        elif command == b"JOIN":
            self.factory.channels[rest].add(self)
            for member in self.factory.channels[rest]:
                member.sendLine(b":%b!user@host JOIN %b" % (self.nick, rest))
        elif command == b"PING":
            self.sendLine(b":chat PONG chat %b" % rest)
        elif command == b"QUIT":
            self.transport.loseConnection()


factory = Factory.forProtocol(Chat)
factory.channels = defaultdict(set)
TCP4ServerEndpoint(reactor, int(sys.argv[1]), interface="127.0.0.1").listen(factory)
reactor.run()
