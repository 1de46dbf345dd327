"""The services, in one table.  Not in here: what each of them does, which is in a module of its own."""

from __future__ import annotations

from typing import Final

from protocols.chat.casemap import fold
from protocols.chat.services.chanserv import CHANSERV
from protocols.chat.services.nickserv import NICKSERV
from protocols.chat.services.service import Service

SERVICES: Final[dict[str, Service]] = {fold(service.name): service for service in (NICKSERV, CHANSERV)}
"""By folded nick."""
