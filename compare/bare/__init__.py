"""Servers with the structure that each framework's own documentation shows.

Each is a script of at most 30 lines that takes its port, reads 65,536 bytes at a time with
TCP_NODELAY set, and prints nothing: where they differ is what is being compared.
"""
