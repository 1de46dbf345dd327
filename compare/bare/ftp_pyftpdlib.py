"""pyftpdlib as its tutorial runs it: TLS on offer, sendfile, its log in a file.  PORT ROOT CERT KEY"""
# mypy: ignore-errors

import logging
import sys
import tempfile

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_FTPHandler
from pyftpdlib.servers import FTPServer

port, root, cert, key = sys.argv[1:]
users = DummyAuthorizer()
users.add_user("ftp", "files", root, perm="elradfmwMT")
users.add_anonymous(root)
TLS_FTPHandler.authorizer = users
TLS_FTPHandler.certfile, TLS_FTPHandler.keyfile = cert, key
with tempfile.NamedTemporaryFile(suffix=".log") as log:
    logging.basicConfig(filename=log.name, level=logging.INFO)
    FTPServer(("127.0.0.1", int(port)), TLS_FTPHandler).serve_forever()
