"""Twisted's own `words` over IRC: everybody is let in, and channels are made as they are asked for."""
# mypy: ignore-errors

import sys

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.words.service import InMemoryWordsRealm, IRCFactory, IRCUser
from zope.interface import implementer


@implementer(ICredentialsChecker)
class Everybody:
    credentialInterfaces = (IUsernamePassword,)

    def requestAvatarId(self, credentials: IUsernamePassword) -> str:
        return credentials.username


class User(IRCUser):
    password = "any"

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        super().connectionMade()


realm = InMemoryWordsRealm("words.example.org")
realm.createGroupOnRequest = True
factory = IRCFactory(realm, Portal(realm, [Everybody()]))
factory.protocol = User
reactor.listenTCP(int(sys.argv[1]), factory, interface="127.0.0.1")
reactor.run()
