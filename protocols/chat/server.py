"""What the connections of one chat server share: the network, who is here, settings, names and ids."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable
from datetime import datetime, timezone

from protocols.chat import isupport
from protocols.chat.caps import CAP_NOTIFY, Offer
from protocols.chat.casemap import fold
from protocols.chat.commands.connection import tell_offer
from protocols.chat.commands.metadata import limits
from protocols.chat.here import Here, nothing
from protocols.chat.history import History
from protocols.chat.network.bans import banned_address, why
from protocols.chat.network.deliveries import TAGS, Remember
from protocols.chat.network.events import Event, LoseAccount, NewAccount, Restore
from protocols.chat.network.network import Network
from protocols.chat.sasl import MECHANISMS
from protocols.chat.services.table import SERVICES
from protocols.chat.session import ChatSession
from protocols.chat.settings import ChatLimits, ChatSettings
from protocols.chat.stores import Stores
from protocols.chat.throttle import Throttle
from protocols.delays import Delays
from protocols.session import Host, Order, Peer, Refused, Server, To

log = logging.getLogger("protocols.chat")

VERSION = "twofold-chat"


class ChatServer(Server):
    """Where chat sessions come from.

    `stores` hold what outlives it.
    """

    limits: ChatLimits

    def __init__(self, settings: ChatSettings, host: Host, stores: Stores) -> None:
        self.settings = settings
        self.limits = settings.limits
        self.proxy_from, self.ws_origins = settings.proxy_from, settings.ws_origins
        self.host = host
        self.stores = stores
        self.accounts = stores.accounts
        self.secret = stores.secret
        self.name = settings.name
        self.version = VERSION
        self.network = Network(settings.limits, (account.name for account in stores.owned))
        self.news = stores.news
        self._accounts = {fold(account.name): account.created for account in stores.owned}
        """The accounts as far as the network knows them, and when each was made."""
        self.services = SERVICES
        self.here = Here()
        self.here.keeper = stores.keeper
        for thing in stores.keeper.everything():
            self.here.deliver(self.network.apply(Restore("", host.wall(), thing)), None, [])
        self.history: History | None = None
        self._keep_history()
        self.offer = self._offer()
        self.isupport = tuple(isupport.lines(settings))
        """What every RPL_ISUPPORT says: made once, for it is said at each registration."""
        self.registrations = Throttle(3600.0)
        """Accounts that each address made within the last hour."""
        self.delays = Delays()
        self.newcomers: set[ChatSession] = set()
        """Connections that are not registered yet."""
        self.stopping = False
        self.rehash: Callable[[], None] = lambda: None
        """REHASH was said: the launcher puts here what SIGHUP does."""
        created = datetime.fromtimestamp(host.wall(), timezone.utc)
        self.created_words = f"{created:%Y-%m-%d %H:%M:%S} UTC"
        self._ids = host.token()
        self._count = 0

    def session(self) -> ChatSession:
        return ChatSession(self)

    def refusal(self, why: Refused) -> bytes:
        return f"ERROR :Closing Link: ({why.value})\r\n".encode()

    def close(self) -> None:
        self.stores.close()

    def reload(self, settings: ChatSettings) -> None:
        """Settings were read again; connections stay, and live by the new ones at once.

        The server's name stays what it was: clients know it by that.
        """
        self.settings = settings
        self.limits = settings.limits
        self.network.limit(settings.limits)
        self.proxy_from, self.ws_origins = settings.proxy_from, settings.ws_origins
        if self.stores.history is not None:
            self.stores.history.limit(settings.history)
        self._keep_history()
        before, self.offer = self.offer, self._offer()
        self.isupport = tuple(isupport.lines(settings))
        new, old = self.offer.listed(302), before.listed(302)
        added = [one for one in new if one not in old]
        gone = [name for name in before.caps if name not in self.offer.caps]
        if added or gone:
            orders: list[Order] = []
            for session in (*self.here.sessions.values(), *self.newcomers):
                session.caps &= ~sum(before.caps[name].bit for name in gone)
                if session.caps & CAP_NOTIFY:
                    lines = tell_offer(session, added, gone)
                    orders.append(To((session,), [line.build(session.caps) for line in lines]))
                if session.user is not None:
                    self.here.regroup(session.user)
            self.host.tell(orders)

    def _keep_history(self) -> None:
        """Begin to keep what is said, or stop, as the settings have it."""
        self.history = self.stores.history if self.settings.history.enabled else None
        self._playback = frozenset(self.settings.history.playback_tagmsg)
        self.here.remember = self.remember if self.history is not None else nothing

    def remember(self, said: Remember) -> None:
        """It is worth keeping; TAGMSG only for some of its tags."""
        if said.kind != TAGS or not self._playback.isdisjoint(said.line.tags or ()):
            assert self.history is not None
            self.history.remember(said)

    def _offer(self) -> Offer:
        mechanisms = list(MECHANISMS) if self.accounts is not None else []
        registering = ",".join(self.registering())
        multiline = f"max-bytes={self.limits.multiline_bytes},max-lines={self.limits.multiline_lines}"
        metadata = limits(self.settings)
        return Offer(
            mechanisms, self.settings.sts, registering, self.history is not None, multiline, metadata
        )

    def registering(self) -> list[str]:
        """account-registration: what its capability says; nothing if nobody may register."""
        settings = self.settings.accounts
        if self.accounts is None or not settings.register:
            return []
        said = ["custom-account-name"]
        if settings.register_email:
            said.insert(0, "email-required")
        # "servers should ensure that ... this functionality cannot be used to bypass any ...
        # requirements that clients send a server password with PASS".
        if settings.register_before_connect and not self.settings.password:
            said.insert(0, "before-connect")
        return said

    # -- coming and going ----------------------------------------------------------------

    def arrived(self, session: ChatSession) -> None:
        """The connection is registered."""
        log.info("%s: registered as %s", session.peer, session.nick)
        self.newcomers.discard(session)
        self.here.add(session)

    def forget(self, session: ChatSession) -> None:
        """The connection is over."""
        self.newcomers.discard(session)
        self.here.remove(session)

    def hear(self, out: list[Order]) -> None:
        """Other processes made and removed accounts."""
        while self.news:
            name, created = self.news.popleft()
            if created is None or created >= self._accounts.get(name, created):
                self.changed(name, created, out)

    def known(self, name: str, created: float | None, out: list[Order]) -> None:
        """Somebody has looked: the account of this name was made then; None: there is no such account."""
        if fold(name) in self._accounts:
            self.changed(name, created, out)
        elif created is not None:
            self._accounts[fold(name)] = created

    def changed(self, name: str, created: float | None, out: list[Order]) -> None:
        """There is an account of this name since then, or, with None, no longer.

        If it is not the one that the network knew, what that one had is nobody's any more.
        """
        before = self._accounts.get(fold(name))
        if before == created:
            return
        event: Event
        if created is None:
            del self._accounts[fold(name)]
            event = LoseAccount("", self.host.wall(), name)
        else:
            self._accounts[fold(name)] = created
            event = NewAccount("", self.host.wall(), name)
        if self.stores.history is not None:
            self.stores.history.forget_markers(fold(name))
        self.here.deliver(self.network.apply(event), None, out)

    def banned(self, address: str) -> str:
        """What who connects from there is told, if nobody may; else nothing."""
        ban = banned_address(self.network, address, self.host.wall()) if self.network.bans else None
        return why(ban) if ban is not None else ""

    # -- names and ids -------------------------------------------------------------------

    def addresses(self, peer: Peer) -> tuple[str, str]:
        """A client's address, and the host that others see instead."""
        address = peer.host or "localhost"
        if address.startswith(":"):
            address = "0" + address  # as a middle parameter it must not begin with a colon
        if not self.settings.cloak or not peer.host:
            return address, address
        made = hmac.digest(self.secret, address.encode(), "sha256").hex()
        return address, f"{made[:16]}.cloak"

    def next_msgid(self) -> str:
        """message-ids: unique, and meaning nothing.  (A counter: tokens cost a system call.)"""
        self._count += 1
        return f"{self._ids}-{self._count:x}"

    def next_batch(self) -> str:
        """A reference for a batch, which only its receiver sees."""
        self._count += 1
        return f"{self._count:x}"
