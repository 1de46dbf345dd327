"""Each protocol, once, without I/O: no socket, no clock, no thread, no event loop.

`protocols.session` is the contract between what is in here and the drivers that run it.
"""
