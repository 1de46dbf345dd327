"""The `[files]` table: what it may hold, and one line for what it may not."""

from __future__ import annotations

import re

import pytest

from protocols.files.settings import FilesSettings
from protocols.settings import SettingsError, load

WHOLE = b"""
[files]
listen = ["tcp://127.0.0.1:2121"]
root = "/srv/files"
banner = "files ready"
anonymous = "read-only"
anonymous_home = "/pub"
symlinks = "inside"
sendfile = true
uploads = "rename"
fsync = true
[files.passive]
ports = ["30000-30999", "4000"]
masquerade = "203.0.113.7"
masquerade_map = { "10.0.0.1" = "203.0.113.8" }
timeout = 30
[files.active]
enabled = true
privileged_ports = false
foreign_addresses = false
timeout = 30
[files.limits]
connections = 512
connections_per_ip = 0
send_stall = 60
login_attempts = 3
login_delay = 3.0
idle = 300
stall = 300
command_bytes = 2048
rate_down = 0
rate_up = 0
upload_bytes = 0
[files.tls]
certificate = "cert.pem"
key = "key.pem"
minimum = "1.2"
require_control = false
require_data = false
resume_data = "require"
close_notify = "accept"
[files.users.ann]
password = "$scrypt$ln=14,r=8,p=1$salt$key"
home = "/ann"
permissions = ["list", "read", "write", "append", "delete", "rename", "mkdir", "chmod", "mtime"]
[files.users.bob]
password = "sesame"
permissions = ["read-only"]
"""


def test_everything_that_can_be_set_is_understood() -> None:
    settings = load(FilesSettings, "files", text=WHOLE, source="a.toml")
    assert settings.users["ann"].home == "/ann"
    assert settings.users["bob"].permissions == ("read-only",)
    assert settings.passive.masquerade_map == {"10.0.0.1": "203.0.113.8"}
    assert settings.tls.resume_data == "require"


def test_the_defaults_are_safe() -> None:
    """Loopback, nobody may write, nobody is named."""
    settings = load(FilesSettings, "files")
    assert settings.listen == ("tcp://127.0.0.1:2121",)
    assert (settings.users, settings.active.foreign_addresses, settings.uploads) == ({}, False, "rename")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[files.users.bob]\nhome='/'", "users.bob.password: expected str, not empty, got nothing"),
        ("[files.users.bob]\npassword=3", "users.bob.password: expected str, not empty, got int"),
        (
            "[files.users.bob]\npassword='x'\nhoem='/'",
            "users.bob.hoem: unknown key, expected one of password,",
        ),
        ("[files.users.bob]\npassword='x'\nhome='x'", 'users.bob.home: expected str matching ^/, got "x"'),
        (
            "[files.users.bob]\npassword='x'\npermissions=['fly']",
            "users.bob.permissions: expected list of one",
        ),
        ("[files.users]\nbob='secret'", "users.bob: expected a table, got str"),
        ("[files]\nusers=3", "users: expected a table, got int"),
        ("[files.passive]\nports=['x']", "passive.ports: expected list of str matching"),
        ("[files.passive]\nports=['9-8']", "passive.ports: expected ports and ranges such as 30000-30999"),
        ("[files.passive]\nports=['65536']", "passive.ports: expected ports and ranges such as 30000-30999"),
        ("[files.passive]\nmasquerade='ftp.example.org'", "passive.masquerade: expected str matching"),
        ("[files.passive]\nmasquerade='1.2.3.256'", "passive.masquerade: expected IPv4 addresses"),
        ("[files.passive.masquerade_map]\nx='y'", "passive.masquerade_map.x: expected str matching"),
        ("[files.passive.masquerade_map]\n'1.2.3.4'=3", 'passive.masquerade_map."1.2.3.4": expected str'),
        ("[files]\nuser=['bob']", "user: expected list of NAME:PASSWORD"),
        ("[files]\nwrite=true", "write: expected a user beside it, since anonymous only reads, got true"),
        ("[files.tls]\nminimum='1.1'", 'tls.minimum: expected one of "1.2", "1.3", got "1.1"'),
        ("[files]\nanonymous='read'", 'anonymous: expected one of "", "off", "read-only", got "read"'),
        ("[files.limits]\nlogin_attempts=0", "limits.login_attempts: expected int >= 1, got 0"),
    ],
)
def test_what_can_not_be_meant_is_one_line_that_names_it(text: str, line: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"a.toml: files.{line}")) as raised:
        load(FilesSettings, "files", text=text.encode(), source="a.toml")
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)
