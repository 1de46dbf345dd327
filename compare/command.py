"""The `twofold` script, where what it needs may not be installed."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command, or say in one line what to install first."""
    try:
        from compare.__main__ import main as run
    except ModuleNotFoundError as error:
        sys.exit(f"twofold: no module {error.name!r}; install the extra: pip install 'twofold[compare]'")
    run()
