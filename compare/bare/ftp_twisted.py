"""Twisted's own FTP server, as `twistd ftp` makes it, with a user of our own.  PORT ROOT"""
# mypy: ignore-errors

import sys

from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import Portal
from twisted.internet import reactor
from twisted.protocols.ftp import FTP, BaseFTPRealm, FTPFactory
from twisted.python.filepath import FilePath
from zope.interface import implementer

port, root = sys.argv[1:]


@implementer(ICredentialsChecker)
class OneUser:
    credentialInterfaces = (IUsernamePassword,)

    def requestAvatarId(self, credentials: IUsernamePassword) -> str:
        if (credentials.username, credentials.password) != ("ftp", "files"):
            raise UnauthorizedLogin
        return credentials.username


class Realm(BaseFTPRealm):
    def getHomeDirectory(self, avatarId: str) -> FilePath:
        return FilePath(root)


class Control(FTP):
    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)  # without it each transfer waits 40 ms for an acknowledgement
        super().connectionMade()


factory = FTPFactory(Portal(Realm(root), [AllowAnonymousAccess(), OneUser()]))
factory.protocol = Control
reactor.listenTCP(int(port), factory, interface="127.0.0.1")
reactor.run()
