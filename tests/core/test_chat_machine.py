"""Several clients at random: what must hold of the network after each step, whatever they say."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from protocols.chat.caps import ECHO_MESSAGE
from protocols.chat.casemap import fold
from protocols.chat.modes import FOUNDER, HALFOP, PREFIX_BY_SIGIL
from protocols.chat.network.bans import means
from protocols.chat.network.deliveries import Delivery
from protocols.chat.network.events import Event, Restore
from protocols.chat.network.network import Network
from protocols.chat.network.records import User
from protocols.chat.network.registered import is_founder
from protocols.chat.settings import ChatLimits, Oper
from protocols.session import Reason
from tests.core.chat import Client, World, make_accounts
from tests.core.chat_accounts import log_in
from tests.core.chat_keeping import Memory

NICKS = st.sampled_from(["ann", "ANN", "bob", "cyd", "dan", "eve", "gil", "[x]", "9", "a b"])
CHANNELS = st.sampled_from(["#a", "#A", "#b", "#c", "c", "#a,#b"])
CAPS = ["server-time", "message-tags", "echo-message", "extended-join", "away-notify",
        "labeled-response", "batch", "invite-notify", "setname", "extended-monitor", "multi-prefix",
        "draft/multiline", "draft/event-playback", "draft/read-marker",
        "draft/message-redaction", "draft/metadata-3"]  # fmt: skip
MODES = st.sampled_from(
    ["+o {n}", "-o {n}", "+v {n}", "+h {n}", "+b {n}", "-b {n}", "+e {n}", "+I {n}", "+b m:{n}", "+k key",
     "-k x", "+l 2", "-l", "+i", "-i", "+m", "-m", "+n", "-n", "+s", "+t", "+U", "-U", "+M", "+C", "b", "+x",
     "+ov-h {n} {n} {n}", "+q {n}", "-q {n}", "-qo {n} {n}", ""]
)  # fmt: skip
PLACES = st.integers(0, 4)
WORDS = st.sampled_from(["", "x", "two words", ":colon"])
ACCOUNTS = make_accounts(gil="sesame", hal="sesame")
LIMITS = ChatLimits(metadata_keys=2, metadata_subs=2, channels=2, list_modes=3, monitor=2, whowas=3)


class Machine(RuleBasedStateMachine):
    """Five connections that come, talk and go; and a second network, which is given the same events."""

    def __init__(self) -> None:
        super().__init__()
        self.keeper = Memory()
        opers = (Oper(name="admin", password="sesame"),)
        self.world = World(ACCOUNTS, keeper=self.keeper, limits=LIMITS, oper=opers)
        self.clients: list[Client] = []
        self.said = 0
        self.renamed: list[User | None] = []
        self.twin = Network(LIMITS)
        network = self.world.server.network
        apply = network.apply

        def both(event: Event) -> list[Delivery]:
            deliveries = apply(event)
            again = self.twin.apply(event)
            assert [type(one) for one in deliveries] == [type(one) for one in again]
            return deliveries

        network.apply = both  # type: ignore[method-assign]

    def client(self, at: int) -> Client:
        """The connection in this place; a new one, registered, if there is none."""
        self.clients = [one for one in self.clients if not one.closed]
        while len(self.clients) <= at:
            client = self.world.connect()
            self.clients.append(client)
            nicks = self.world.server.network.nicks
            nick = next(one for one in ("ann", "bob", "cyd", "dan", "eve", "fay") if one not in nicks)
            client.send(f"NICK {nick}", "USER u 0 * :Name")
        return self.clients[at]

    def send(self, at: int, line: str) -> None:
        self.world.host.now += 1
        self.client(at).send(line)

    @rule(nick=NICKS)
    def stranger(self, nick: str) -> None:
        """Somebody connects, and may lose the race for the nick."""
        self.world.connect().send("JOIN #a", f"NICK {nick}", "PRIVMSG ann :x", "QUIT")

    @rule(nick=st.sampled_from(["gil", "GIL", "hal"]))
    def share(self, nick: str) -> None:
        """One more connection of an account: it may share a nick."""
        client = self.world.connect().send("CAP REQ :sasl", f"NICK {nick}", "USER u 0 * :Name")
        log_in(client, nick)
        client.send("CAP END")
        if client.session.user is None:
            client.send("QUIT")
        else:
            self.clients.append(client)

    @rule(
        at=PLACES,
        words=st.sampled_from(["IDENTIFY gil sesame", "IDENTIFY hal sesame", "IDENTIFY x y", "LOGOUT"]),
    )
    def ask_nickserv(self, at: int, words: str) -> None:
        self.send(at, f"NS {words}")

    @rule(at=PLACES, nick=NICKS)
    def rename(self, at: int, nick: str) -> None:
        self.renamed.append(self.client(at).session.user)
        self.send(at, f"NICK {nick}")

    @rule(at=PLACES, caps=st.lists(st.sampled_from(CAPS), max_size=4), add=st.booleans())
    def negotiate(self, at: int, caps: list[str], add: bool) -> None:
        self.send(at, "CAP REQ :" + " ".join(one if add else "-" + one for one in caps))
        self.send(at, "CAP END")

    @rule(at=PLACES, channel=CHANNELS, key=st.sampled_from(["", "key"]))
    def join(self, at: int, channel: str, key: str) -> None:
        self.send(at, f"JOIN {channel} {key}")

    @rule(at=PLACES, channel=CHANNELS, modes=MODES, nick=NICKS)
    def mode(self, at: int, channel: str, modes: str, nick: str) -> None:
        self.send(at, f"MODE {channel} {modes.format(n=nick)}")

    @rule(
        at=PLACES,
        line=st.sampled_from(["PART {c} :{w}", "KICK {c} {n} :{w}", "INVITE {n} {c}", "TOPIC {c} :{w}",
                              "NAMES {c}", "WHO {c}", "LIST", "JOIN 0",
                              "CHATHISTORY LATEST {c} * 5", "REDACT {c} x :{w}", "MARKREAD {c}",
                              "BATCH +1 draft/multiline {c}", "@batch=1 PRIVMSG {c} :{w}", "BATCH -1"]),
        channel=CHANNELS,
        nick=NICKS,
        words=WORDS,
    )  # fmt: skip
    def on_channels(self, at: int, line: str, channel: str, nick: str, words: str) -> None:
        self.send(at, line.format(c=channel, n=nick, w=words))

    @rule(
        at=PLACES,
        line=st.sampled_from(["WHO {n}", "WHOIS {n}", "WHOWAS {n}", "AWAY :{w}", "SETNAME :{w}", "LUSERS",
                              "MODE {n} +iBg", "ACCEPT {n}", "ACCEPT -{n},*",
                              "MODE {n} -i", "MODE {n} +RTo-o", "MONITOR + {n}",
                              "MONITOR - {n}", "MONITOR C", "QUIT :{w}", "@label=l PING x"]),
        nick=NICKS,
        words=WORDS,
    )  # fmt: skip
    def among_users(self, at: int, line: str, nick: str, words: str) -> None:
        self.send(at, line.format(n=nick, w=words))

    @rule(at=PLACES, line=st.sampled_from(["KILL {n} :x", "WALLOPS :x", "WHOIS {n}"]), nick=NICKS)
    def as_operator(self, at: int, line: str, nick: str) -> None:
        self.send(at, "OPER admin sesame")
        self.send(at, line.format(n=nick))

    @rule(at=PLACES, channel=st.sampled_from(["#a", "#b", "#c"]), account=st.sampled_from(["gil", "hal"]))
    def found(self, at: int, channel: str, account: str) -> None:
        """Somebody who is on a channel, logged in, makes it its own, unless another's it is."""
        for line in (f"NS IDENTIFY {account} sesame", "JOIN 0", f"JOIN {channel}", f"CS REGISTER {channel}",
                     f"TOPIC {channel} :x", f"MODE {channel} +i"):  # fmt: skip
            self.send(at, line)

    @rule(
        at=PLACES,
        channel=CHANNELS,
        words=st.sampled_from(["REGISTER {c}", "OP {c}", "AMODE {c} +o hal", "AMODE {c} -o hal", "INFO {c}",
                               "AMODE {c} +v gil", "LIST *", "UNREGISTER {c}"]),
    )  # fmt: skip
    def ask_chanserv(self, at: int, channel: str, words: str) -> None:
        self.send(at, f"CS {words.format(c=channel)}")
        codes = [line.rpartition(" ")[2] for line in self.client(at).lines() if "If that is" in line]
        for code in codes:
            self.send(at, f"CS UNREGISTER {channel} {code}")

    @rule(
        at=PLACES,
        line=st.sampled_from(["KLINE {n}!*@* :x", "KLINE 1 {n}!*@* :x", "KLINE 3s {n}!*@*", "UNKLINE {n}!*@*",
                              "DLINE 198.51.100.0/24", "UNDLINE 198.51.100.0/24", "DLINE 192.0.2.0/24",
                              "DLINE 2s 2001:db8::/32", "KLINE", "DLINE LIST"]),
        nick=st.sampled_from(["cyd", "dan", "gil"]),
    )  # fmt: skip
    def keep_out(self, at: int, line: str, nick: str) -> None:
        self.send(at, "OPER admin sesame")
        self.send(at, line.format(n=nick))

    @rule(
        at=PLACES,
        line=st.sampled_from(["{t} SET {k} :{w}", "{t} SET {k} :{w}", "{t} CLEAR", "* SUB {k} b",
                              "* UNSUB {k}", "{t} SYNC", "*ALL SYNC", "{t} LIST", "{t} GET {k} b", "* SUBS"]),
        whose=st.one_of(CHANNELS, NICKS, st.just("*")),
        key=st.sampled_from(["a", "b", "c", "A"]),
        words=WORDS,
    )  # fmt: skip
    def metadata(self, at: int, line: str, whose: str, key: str, words: str) -> None:
        self.send(at, "CAP REQ :draft/metadata-3 batch")
        self.send(at, "METADATA " + line.format(t=whose, k=key, w=words))

    @rule(at=PLACES, reason=st.sampled_from(Reason))
    def lose(self, at: int, reason: Reason) -> None:
        self.client(at).lose(reason)

    @rule(
        at=PLACES,
        command=st.sampled_from(["PRIVMSG", "NOTICE"]),
        status=st.sampled_from(["", "", "@", "+", "@+"]),
        to=st.one_of(CHANNELS, NICKS),
    )
    def speak(self, at: int, command: str, status: str, to: str) -> None:
        """Nobody sees a message that they may not."""
        client = self.client(at)
        for one in self.world.clients.values():
            one.data = b""
        self.said += 1
        text = f"words-{self.said}"
        allowed = self.audience(client, status, to)
        self.send(at, f"{command} {status}{to} :{text}")
        for session, other in self.world.clients.items():
            heard = sum(text in line for line in other.lines())
            echoes = other is client and bool(session.caps & ECHO_MESSAGE)
            assert heard <= allowed.get(other, 0) + echoes * len(to.split(","))

    def audience(self, client: Client, status: str, target: str) -> dict[Client, int]:
        """How often each may hear it: counted from the network, not from what it says."""
        network, heard = self.world.server.network, dict[Client, int]()
        for at, one in enumerate(target.split(",")):
            if at:
                status = ""  # it was written before the first target only
            channel = network.channels.get(fold(one))
            nick = network.nicks.get(fold(one))
            for session, other in self.world.clients.items():
                user = session.user
                if user is None or user.id not in network.users:
                    continue
                if channel is not None and other is not client and user in channel.members:
                    rank = channel.members[user]
                    wanted = min((PREFIX_BY_SIGIL[sigil].bit for sigil in status), default=0)
                    if "U" in channel.flags and channel.members.get(client.session.user, 0) == 0:  # type: ignore[call-overload]
                        wanted = max(wanted, HALFOP)
                    heard[other] = heard.get(other, 0) + (rank >= wanted)
                elif nick is not None and not status and (user is nick or user is client.session.user):
                    # The author's other connections see both sides of what is said.
                    heard[other] = heard.get(other, 0) + (user is nick or other is not client)
        return heard

    # -- what always holds ---------------------------------------------------------------

    @invariant()
    def nicks_name_one_user_each(self) -> None:
        network = self.world.server.network
        assert {fold(user.nick): user for user in network.users.values()} == network.nicks
        assert {user.id: user for user in network.users.values()} == network.users

    @invariant()
    def membership_is_symmetric(self) -> None:
        network = self.world.server.network
        for name, channel in network.channels.items():
            assert channel.members or channel.founder, "an empty channel is gone"
            assert fold(channel.name) == name
            assert all(user.channels[name] is channel for user in channel.members)
            assert all(user.invites[name] is channel for user in channel.invited)
        for user in network.users.values():
            assert len(user.channels) <= LIMITS.channels
            assert all(user in channel.members for channel in user.channels.values())
            assert all(user in channel.invited for channel in user.invites.values())
            assert all(network.channels[name] is channel for name, channel in user.invites.items())

    @invariant()
    def connections_and_users_agree(self) -> None:
        server = self.world.server
        network = server.network
        assert {one: user for user in network.users.values() for one in user.sessions} == network.sessions
        assert server.here.sessions.keys() == network.sessions.keys()
        alive = [one for one in self.world.clients.values() if not one.closed]
        assert {one.session.name for one in alive if one.session.user} == network.sessions.keys()
        assert all(user.account for user in network.users.values() if len(user.sessions) > 1)
        assert server.newcomers == {one.session for one in alive if one.session.user is None}

    @invariant()
    def what_is_counted_is_there(self) -> None:
        network = self.world.server.network
        assert set(network.operators) == {one for one in network.users.values() if "o" in one.modes}
        assert set(network.invisible) == {one for one in network.users.values() if "i" in one.modes}
        assert len(network.former) <= LIMITS.whowas
        told = {(key, who) for key, subscribers in network.subscribers.items() for who in subscribers}
        assert told == {(key, who) for who, keys in network.subscribed.items() for key in keys}
        assert network.subscribed.keys() <= network.sessions.keys()
        assert all(network.subscribed.values())
        logged_in = [one for one in network.users.values() if one.account]
        assert all(one.metadata is network.metadata[fold(one.account)] for one in logged_in)
        assert all(len(one.metadata) <= LIMITS.metadata_keys for one in network.users.values())
        users = network.users.values()
        accepted = {(one, other) for one in users for other in one.accepted}
        assert accepted == {(other, one) for one in users for other in one.accepted_by}
        assert all(one in users for pair in accepted for one in pair)
        pairs = {(nick, who) for nick, watchers in network.monitored.items() for who in watchers}
        assert pairs == {(nick, who) for who, nicks in network.monitoring.items() for nick in nicks}
        assert network.monitoring.keys() <= network.sessions.keys()

    @invariant()
    def the_same_events_make_the_same_network(self) -> None:
        assert self.world.server.network.snapshot() == self.twin.snapshot()

    @invariant()
    def nobody_is_here_who_is_kept_out(self) -> None:
        """A ban is looked at when it is set, and when somebody comes."""
        network = self.world.server.network
        for user in network.users.values():
            if user not in self.renamed:
                bans = [ban for ban in network.bans.values() if not ban.over(user.signon)]
                whence = user.nick, user.username, user.host, user.address
                assert not any(means(ban, *whence) for ban in bans)

    @invariant()
    def only_founders_own(self) -> None:
        for channel in self.world.server.network.channels.values():
            owners = [user for user, rank in channel.members.items() if rank & FOUNDER]
            assert all(is_founder(channel, user.account) for user in owners)

    @invariant()
    def what_lasts_is_kept(self) -> None:
        """A network that begins with what is kept has all that is to outlive this one."""
        network, later = self.world.server.network, Network(LIMITS)
        for thing in self.keeper.everything():
            later.apply(Restore("", 0.0, thing))
        assert later.bans == network.bans
        assert later.metadata == {account: values for account, values in network.metadata.items() if values}
        lasting = [channel for channel in network.channels.values() if channel.founder]
        expected = {fold(one.name): {**one.snapshot(), "members": {}, "invited": []} for one in lasting}
        assert {name: channel.snapshot() for name, channel in later.channels.items()} == expected

    @invariant()
    def groups_are_never_stale(self) -> None:
        """Who is on a channel is in one of its groups, by its capabilities."""
        server = self.world.server
        for channel in server.network.channels.values():
            groups: Any = server.here._channel(channel)
            grouped = {session: caps for caps, sessions in groups.items() for session in sessions}
            expected = [session for user in channel.members for session in server.here.of(user)]
            assert grouped == {session: session.caps for session in expected}


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
