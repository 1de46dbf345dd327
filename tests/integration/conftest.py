"""rpc's fixtures, for the tests in here."""

from tests.rpc_clients import connect, gate, own_rpc, peer, rpc, token_file

__all__ = ["connect", "gate", "own_rpc", "peer", "rpc", "token_file"]
