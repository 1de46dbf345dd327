"""What can be set for the files service: the `[files]` table and the tables below it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from protocols.session import Limits
from protocols.settings import Settings, Unfit

Permission = Literal[
    "list", "read", "write", "append", "delete", "rename", "mkdir", "chmod", "mtime", "all", "read-only"
]

_IPV4 = r"^(\d{1,3}(\.\d{1,3}){3})?$"


class FilesLimits(Limits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one client may hold, move and try."""

    connections: Annotated[
        int, Meta(ge=1, description="connections at once, TLS handshakes included; data connections are not")
    ] = 512
    idle: Annotated[
        float, Meta(ge=0, description="seconds without a command or a transfer before the end; 0: never")
    ] = 300
    stall: Annotated[
        float, Meta(ge=0, description="seconds in which a transfer may move nothing; 0: for ever")
    ] = 300
    login_attempts: Annotated[
        int, Meta(ge=1, description="wrong passwords before the connection is closed")
    ] = 3
    login_delay: Annotated[
        float, Meta(ge=0, description="seconds before a wrong password is answered, for each from an address")
    ] = 3.0
    command_bytes: Annotated[
        int, Meta(ge=64, description="bytes of one command line; a longer one ends the connection")
    ] = 2048
    rate_down: Annotated[int, Meta(ge=0, description="bytes per second of one download; 0: no limit")] = 0
    rate_up: Annotated[int, Meta(ge=0, description="bytes per second of one upload; 0: no limit")] = 0
    upload_grace: Annotated[
        float,
        Meta(
            ge=0, description="seconds behind an upload in which the death of its client is noticed; 0: none"
        ),
    ] = 0.01
    upload_bytes: Annotated[
        int, Meta(ge=0, description="bytes that an uploaded file may have; 0: no limit")
    ] = 0


class FilesPassive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Data connections that the client opens: PASV and EPSV."""

    ports: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^\d{1,5}(-\d{1,5})?$")], ...],
        Meta(description="ports and ranges of ports to listen on; none: the kernel chooses"),
    ] = ()
    masquerade: Annotated[
        str, Meta(pattern=_IPV4, description="the IPv4 address that PASV tells instead of our own")
    ] = ""
    masquerade_map: Annotated[
        dict[str, Annotated[str, Meta(pattern=_IPV4)]],
        Meta(description="the same by the address at which the client reached us"),
    ] = {}
    timeout: Annotated[float, Meta(gt=0, description="seconds that a transfer waits for the client")] = 30

    def __post_init__(self) -> None:
        for one in self.ports:
            first, _, last = one.partition("-")
            if not 0 < int(first) <= int(last or first) <= 65_535:
                raise Unfit("ports", "ports and ranges such as 30000-30999")
        for key, addresses in (
            ("masquerade", [self.masquerade]),
            ("masquerade_map", self.masquerade_map.values()),
        ):
            if any(int(number) > 255 for one in addresses if one for number in one.split(".")):
                raise Unfit(key, "IPv4 addresses")


class FilesActive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Data connections that we open: PORT and EPRT."""

    enabled: Annotated[bool, Meta(description="offer active mode")] = True
    privileged_ports: Annotated[bool, Meta(description="connect to ports below 1024 as well")] = False
    foreign_addresses: Annotated[bool, Meta(description="connect to others than the client")] = False
    timeout: Annotated[float, Meta(gt=0, description="seconds that a connection may take")] = 30


class FilesTLS(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TLS by AUTH (RFC 4217).  Without a certificate AUTH is answered 502."""

    certificate: Annotated[str, Meta(description="the file of the certificate and its chain, in PEM")] = ""
    key: Annotated[str, Meta(description="the file of the key; empty: that of the certificate")] = ""
    minimum: Annotated[Literal["1.2", "1.3"], Meta(description="the oldest version spoken")] = "1.2"
    require_control: Annotated[bool, Meta(description="nobody logs in without TLS")] = False
    require_data: Annotated[bool, Meta(description="nothing is transferred without PROT P")] = False
    resume_data: Annotated[
        Literal["offer", "require"], Meta(description="must data connections resume a TLS session")
    ] = "offer"
    close_notify: Annotated[
        Literal["require", "accept"], Meta(description="is an upload whole without close_notify")
    ] = "require"


class FilesUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody who may log in."""

    password: Annotated[str, Meta(min_length=1, description="plain or PHC string", extra={"secret": True})]
    home: Annotated[str, Meta(pattern="^/", description="the directory below root that the user sees")] = "/"
    permissions: Annotated[tuple[Permission, ...], Meta(description="what the user may do")] = ("read-only",)


class FilesSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The files service: FTP."""

    listen: Annotated[
        tuple[str, ...],
        Meta(min_length=1, description="addresses to listen on: tcp://, or tls:// for implicit TLS"),
    ] = ("tcp://127.0.0.1:2121",)
    root: Annotated[str, Meta(min_length=1, description="everything is served from this directory")] = "."
    banner: Annotated[str, Meta(pattern=r"^[^\x00-\x1f]+$", max_length=400, description="what 220 says")] = (
        "files ready"
    )
    anonymous: Annotated[
        Literal["", "read-only", "off"],
        Meta(description="may anybody log in; empty: read-only without a configuration and users, else off"),
    ] = ""
    anonymous_home: Annotated[
        str, Meta(pattern="^/", description="the directory below root that anonymous sees")
    ] = "/"
    user: Annotated[
        tuple[Annotated[str, Meta(pattern="^[^:]+:.+$", title="NAME:PASSWORD")], ...],
        Meta(
            description="NAME:PASSWORD of somebody who may log in; everybody here can read a flag (ps)",
            extra={"private": True},
        ),
    ] = ()
    write: Annotated[bool, Meta(description="whoever `user` names may do all, and not only read")] = False
    symlinks: Annotated[
        Literal["inside", "never"], Meta(description="which links are followed: none leads out of the home")
    ] = "inside"
    sendfile: Annotated[bool, Meta(description="let the kernel copy downloads where it can")] = True
    uploads: Annotated[
        Literal["rename", "direct"],
        Meta(description="hidden until it is whole, or growing under its final name"),
    ] = "rename"
    fsync: Annotated[bool, Meta(description="226 only once the disk has the upload")] = False
    limits: FilesLimits = FilesLimits()
    passive: FilesPassive = FilesPassive()
    active: FilesActive = FilesActive()
    tls: FilesTLS = FilesTLS()
    users: Annotated[
        dict[str, FilesUser], Meta(description="who may log in, by name", extra={"secret": True})
    ] = {}  # noqa: RUF012  msgspec copies it

    def __post_init__(self) -> None:
        if self.write and not self.user:
            raise Unfit("write", "a user beside it, since anonymous only reads")
