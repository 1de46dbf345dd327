"""What can be set for the chat service: the `[chat]` table and the tables below it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from protocols.proxy import networks
from protocols.session import Limits
from protocols.settings import Settings, Unfit


class ChatLimits(Limits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one client may hold and say.  Lengths are bytes."""

    nick: Annotated[int, Meta(ge=1, le=64, description="bytes of a nick")] = 32
    channel: Annotated[int, Meta(ge=2, le=200, description="bytes of a channel's name, # included")] = 64
    topic: Annotated[int, Meta(ge=0, le=390, description="bytes of a topic")] = 390
    away: Annotated[int, Meta(ge=1, le=390, description="bytes of an away message")] = 200
    kick: Annotated[int, Meta(ge=0, le=390, description="bytes of a KICK's reason")] = 390
    list_modes: Annotated[int, Meta(ge=0, description="masks on the lists of one channel")] = 60
    monitor: Annotated[int, Meta(ge=0, description="nicks that one client may monitor")] = 100
    whowas: Annotated[int, Meta(ge=0, description="former users that WHOWAS remembers")] = 100
    targets: Annotated[int, Meta(ge=1, description="targets of one message")] = 4
    channels: Annotated[int, Meta(ge=1, description="channels that one client may be on")] = 100
    registered_channels: Annotated[
        int, Meta(ge=0, description="channels that may be registered to one account")
    ] = 20
    multiline_bytes: Annotated[int, Meta(ge=512, description="bytes of one multiline message")] = 4096
    multiline_lines: Annotated[int, Meta(ge=1, description="lines of one multiline message")] = 32
    metadata_keys: Annotated[int, Meta(ge=0, description="metadata keys of one target")] = 100
    metadata_subs: Annotated[int, Meta(ge=0, description="metadata keys that one client subscribes to")] = 100


class ChatFlood(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bucket of tokens per connection: a command costs one or more, see `commands`."""

    enabled: Annotated[bool, Meta(description="delay clients that send too fast")] = True
    burst: Annotated[float, Meta(ge=1, description="tokens of a full bucket")] = 40
    rate: Annotated[float, Meta(gt=0, description="tokens that come back each second")] = 4
    queue: Annotated[
        int, Meta(ge=1024, description="bytes that may wait for tokens; more is Excess Flood")
    ] = 65_536


class ChatTimeouts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long silence may last."""

    register: Annotated[float, Meta(gt=0, description="seconds in which a client must register")] = 30
    ping: Annotated[
        float, Meta(gt=0, description="seconds of silence before PING, and again before the end")
    ] = 120


class ChatAccounts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How accounts are made and used."""

    register: Annotated[bool, Meta(description="clients may make accounts")] = True
    register_limit: Annotated[
        int, Meta(ge=0, description="accounts that one address may make in an hour; 0: no limit")
    ] = 10
    login_delay: Annotated[
        float, Meta(ge=0, description="seconds before a wrong password is answered, for each from an address")
    ] = 2.0
    register_before_connect: Annotated[bool, Meta(description="also before they are registered")] = False
    register_email: Annotated[bool, Meta(description="REGISTER needs an address; no mail is sent")] = False
    hash_iterations: Annotated[int, Meta(ge=4096, description="iterations of SCRAM-SHA-256")] = 4096
    multiclient: Annotated[bool, Meta(description="connections of one account may share its nick")] = True
    reserve_nicks: Annotated[bool, Meta(description="a nick that is an account's name is only for it")] = True


class ChatHistory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is remembered of what was said."""

    enabled: Annotated[bool, Meta(description="keep history")] = True
    channel_messages: Annotated[int, Meta(ge=0, description="messages kept of a channel")] = 2048
    direct_messages: Annotated[int, Meta(ge=0, description="messages kept between two users")] = 512
    messages: Annotated[
        int, Meta(ge=0, description="messages kept in all, of which the oldest give way; 0: no limit")
    ] = 1_000_000
    query_max: Annotated[int, Meta(ge=1, description="messages that one CHATHISTORY gives")] = 100
    redact_seconds: Annotated[
        float, Meta(ge=0, description="seconds in which authors may redact what they said; 0: for ever")
    ] = 0
    playback_tagmsg: Annotated[tuple[str, ...], Meta(description="client tags that are worth keeping")] = (
        "+draft/persist",
    )


class Oper(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who may become an operator of the server."""

    name: Annotated[str, Meta(min_length=1, description="what OPER names")]
    password: Annotated[str, Meta(min_length=1, description="plain or PHC string", extra={"secret": True})]
    title: Annotated[str, Meta(description="what WHOIS says of the operator")] = "is an IRC operator"
    host: Annotated[
        str,
        Meta(
            pattern=r"^([A-Za-z0-9.-][A-Za-z0-9./:-]{0,62})?$",
            description="what others see as the operator's host; empty: what they saw before",
        ),
    ] = ""


class ChatSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The chat service: IRC."""

    listen: Annotated[
        tuple[str, ...],
        Meta(min_length=1, description="addresses to listen on: tcp://, tls://, unix://, ws:// or wss://"),
    ] = ("tcp://127.0.0.1:6667",)
    name: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9.-]{1,63}$", description="the server's name, as clients see it")
    ] = "irc.example.org"
    network: Annotated[
        str, Meta(pattern=r"^\S{1,32}$", description="the network's name, as clients see it")
    ] = "Example"
    description: Annotated[str, Meta(max_length=200, description="what WHOIS says of the server")] = (
        "an IRC server"
    )
    password: Annotated[
        str, Meta(description="what PASS must say; empty: nothing", extra={"secret": True})
    ] = ""
    motd: Annotated[tuple[str, ...], Meta(description="the message of the day, by lines")] = ()
    motd_file: Annotated[str, Meta(description="a file with the message of the day instead")] = ""
    admin: Annotated[tuple[str, ...], Meta(description="what ADMIN says: place, organisation, address")] = ()
    casemapping: Annotated[Literal["ascii"], Meta(description="which names are the same")] = "ascii"
    default_user_modes: Annotated[
        str, Meta(pattern="^[iwBRTg]*$", description="user modes that everybody starts with")
    ] = ""
    proxy_from: Annotated[tuple[str, ...], Meta(description="addresses whose PROXY header is believed")] = (
        "127.0.0.1",
    )
    ws_origins: Annotated[tuple[str, ...], Meta(description="origins of WebSockets; none: any")] = ()
    cloak: Annotated[bool, Meta(description="show a keyed hash instead of a client's address")] = True
    sts: Annotated[str, Meta(description="the policy of the sts capability; empty: none")] = ""
    database: Annotated[str, Meta(description="the file of accounts and history; empty: in memory")] = ""
    limits: ChatLimits = ChatLimits()
    flood: ChatFlood = ChatFlood()
    timeouts: ChatTimeouts = ChatTimeouts()
    accounts: ChatAccounts = ChatAccounts()
    history: ChatHistory = ChatHistory()
    oper: Annotated[
        tuple[Oper, ...], Meta(description="operators of the server", extra={"secret": True})
    ] = ()

    def __post_init__(self) -> None:
        try:
            networks(self.proxy_from)
        except ValueError:
            raise Unfit("proxy_from", "addresses and networks such as 10.0.0.0/8") from None
