"""What the operating system refuses, as the problems that the files service has replies for."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from protocols.files.store import Problem, StoreError

PROBLEMS: Final = {
    errno.ENOENT: Problem.MISSING,
    errno.EEXIST: Problem.EXISTS,
    errno.EACCES: Problem.DENIED,
    errno.EPERM: Problem.DENIED,
    errno.EROFS: Problem.DENIED,
    errno.ENOTDIR: Problem.NOT_A_DIRECTORY,
    errno.EISDIR: Problem.IS_A_DIRECTORY,
    errno.ENOTEMPTY: Problem.NOT_EMPTY,
    errno.EBUSY: Problem.BUSY,
    errno.ETXTBSY: Problem.BUSY,
    errno.EINVAL: Problem.BAD_NAME,
    errno.EILSEQ: Problem.BAD_NAME,
    errno.ENAMETOOLONG: Problem.BAD_NAME,
    errno.ELOOP: Problem.OUTSIDE,  # a link, where none was a moment ago
    errno.EXDEV: Problem.UNSUPPORTED,
    errno.EOPNOTSUPP: Problem.UNSUPPORTED,
    errno.ENXIO: Problem.NOT_A_FILE,
    errno.ENOSPC: Problem.NO_SPACE,
    errno.EDQUOT: Problem.NO_SPACE,
    errno.EFBIG: Problem.QUOTA,
}
"""Anything else is Problem.IO."""


@contextmanager
def told() -> Iterator[None]:
    """What the system refuses is a StoreError."""
    try:
        yield
    except OSError as error:
        problem = PROBLEMS.get(error.errno or 0, Problem.IO)
        raise StoreError(problem, f"{error.strerror} (errno {error.errno})") from None
