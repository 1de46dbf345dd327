"""JSON-RPC 2.0, one JSON text per line, in UTF-8: server and client, without I/O.

What a service's author needs is here by name; the rest is in the modules.
"""

from protocols.rpc.connection import Connection
from protocols.rpc.errors import ErrorKind, RPCError
from protocols.rpc.service import Service, Topic

__all__ = ["Connection", "ErrorKind", "RPCError", "Service", "Topic"]
