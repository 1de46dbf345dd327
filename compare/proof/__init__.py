"""The generator proven: a client in C, which shares nothing with it, asks the same server the same.

`python -m compare.proof` needs a C compiler.  `compare` itself uses nothing of this.
"""
