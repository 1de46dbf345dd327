"""`twofold compare`: both implementations, and what a user would pick instead, side by side.

Each contender is a process of its own; nothing of it is imported here.
"""
