"""rpc's fixtures, for the tests in here."""

from tests.rpc_clients import gate, rpc, token_file

__all__ = ["gate", "rpc", "token_file"]
