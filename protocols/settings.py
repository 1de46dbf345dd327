"""Settings, declared once per service as a struct: its TOML table, its flags, its page in `docs/`.

Nothing in here opens a file: the launchers read it and hand over its bytes.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from protocols.session import Limits


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every service's table may hold; each service adds its own and narrows `limits`."""

    listen: Annotated[
        tuple[str, ...], msgspec.Meta(min_length=1, description="where to listen; see the addresses above")
    ] = ()
    drain_timeout: Annotated[
        float,
        msgspec.Meta(ge=0, description="seconds that what is in flight may still take once told to stop"),
    ] = 10
    limits: Limits = Limits()
