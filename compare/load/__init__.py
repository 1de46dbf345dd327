"""The load generator: a process of its own, on a core of its own, close to its sockets.

`client` is what the rest of `compare` talks to; everything else here runs in that process.
"""
