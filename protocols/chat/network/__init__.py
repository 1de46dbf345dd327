"""The network as a fold: who is there, on which channels, and what an event does to that.

`Network.apply` is the only door.  What an event does depends on the network and on the event
alone, which is plain data: no clock, no randomness, no session in here.  So the same events in the
same order make the same network, wherever they are applied.
"""
