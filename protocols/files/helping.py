"""What HELP says of each command: filled from the table of commands once that is there."""

from __future__ import annotations

from typing import Final

HELP: Final[dict[str, str]] = {}
"""By command; "" is the index, of several lines."""
