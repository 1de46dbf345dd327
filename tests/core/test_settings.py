"""Settings: what a file and a command line may say, and the one line for what they may not."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from protocols.declared import fields
from protocols.echo import EchoSettings
from protocols.session import Limits
from protocols.settings import Listen, Settings, SettingsError, Unfit, flags, load


class TeaLimits(Limits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    line: Annotated[int, Meta(ge=64, le=2**20, description="bytes of one line")] = 1024


class Tea(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table with a setting of each kind."""

    listen: Listen = ("tcp://127.0.0.1:7",)
    name: Annotated[str, Meta(min_length=1, description="who we are")] = "tea"
    kind: Annotated[Literal["black", "green"], Meta(description="which")] = "green"
    hot: Annotated[bool, Meta(description="or not")] = True
    motd: Annotated[str | None, Meta(description="what to say")] = None
    token: Annotated[str | None, Meta(description="a password", extra={"secret": True})] = None
    pets: Annotated[tuple[str, ...], Meta(description="by name")] = ()
    limits: TeaLimits = TeaLimits()

    def __post_init__(self) -> None:
        if self.name in self.pets:
            raise Unfit("pets", "names that are not our own")


def tea(text: str | bytes | None = None, **given: object) -> Tea:
    """The rpc table of a file called twofold.toml, and flags with `_` for `-`."""
    data = text.encode() if isinstance(text, str) else text
    named = {name.replace("_", "-"): value for name, value in given.items()}
    return load(Tea, "rpc", text=data, source="twofold.toml", flags=named)


def complaint(text: str | bytes | None = None, **given: object) -> str:
    with pytest.raises(SettingsError) as caught:
        tea(text, **given)
    return str(caught.value)


def test_what_has_the_right_type_and_cannot_be_meant_is_told_as_a_wrong_type_is() -> None:
    """A struct may say in `__post_init__` what no type can."""
    assert complaint("[rpc]\npets = ['tea']") == (
        'twofold.toml: rpc.pets: expected names that are not our own, got ["tea"]'
    )
    assert complaint(pets=["tea"]) == '--pets: expected names that are not our own, got ["tea"]'
    assert complaint(b"rpc = 3").startswith("twofold.toml: rpc: expected a table")


# -- the file --------------------------------------------------------------------------


def test_without_file_and_flags_the_defaults_hold() -> None:
    assert tea() == tea("") == Tea()


def test_the_table_of_the_service_is_read() -> None:
    settings = tea(
        """
        [rpc]
        listen = ["tcp://[::1]:1", "unix:///run/tea"]
        drain_timeout = 2
        kind = "black"
        motd = "hello"
        [rpc.limits]
        line = 64
        idle = 1.5
        """
    )
    assert settings == Tea(
        listen=("tcp://[::1]:1", "unix:///run/tea"),
        drain_timeout=2,
        kind="black",
        motd="hello",
        limits=TeaLimits(line=64, idle=1.5),
    )


def test_the_other_services_tables_are_left_alone() -> None:
    """One file serves them all; each service's launcher judges its own table."""
    assert tea("[echo]\nlimits.idle = -1\n[chat]\nnetwork = 'x'\n[files]\n") == Tea()
    assert load(EchoSettings, "echo", text=b"[rpc]\nx = 1", source="f") == EchoSettings()


KNOWN = "listen, drain_timeout, limits, name, kind, hot, motd, token, pets"
LIMITS = "connections, connections_per_ip, idle, send_queue, send_stall, line"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[rpc.limits]\nline = -5", "rpc.limits.line: expected int >= 64 and <= 1048576, got -5"),
        ("[rpc.limits]\nline = 64.0", "rpc.limits.line: expected int >= 64 and <= 1048576, got 64.0"),
        ("[rpc.limits]\nline = true", "rpc.limits.line: expected int >= 64 and <= 1048576, got true"),
        ("[rpc.limits]\nline = '64'", 'rpc.limits.line: expected int >= 64 and <= 1048576, got "64"'),
        ("[rpc.limits]\nidle = -0.5", "rpc.limits.idle: expected float >= 0, got -0.5"),
        ("[rpc.limits]\nidle = nan", "rpc.limits.idle: expected float >= 0, got nan"),
        ("[rpc.limits]\nidle = inf", "rpc.limits.idle: expected finite float >= 0, got inf"),
        (
            f"[rpc.limits]\nidle = 1{'0' * 400}",
            "rpc.limits.idle: expected float >= 0, got a very large number",
        ),
        ("[rpc.limits]\nsend_stall = 0", "rpc.limits.send_stall: expected float > 0, got 0"),
        ("[rpc]\nlimits = 3", "rpc.limits: expected a table, got 3"),
        ("[[rpc.limits]]", "rpc.limits: expected a table, got [{}]"),
        ("[rpc]\nlisten = []", "rpc.listen: expected list of str, not empty, got []"),
        ("[rpc]\nlisten = 'tcp'", 'rpc.listen: expected list of str, not empty, got "tcp"'),
        ("[rpc]\nlisten = ['a', 7]", 'rpc.listen: expected list of str, not empty, got ["a", 7]'),
        ("[rpc]\nlisten = 2026-01-02", "rpc.listen: expected list of str, not empty, got 2026-01-02"),
        ("[rpc]\nname = ''", 'rpc.name: expected str, not empty, got ""'),
        ("[rpc]\nname = 'a\\b\"'\nhot = 1", "rpc.hot: expected true or false, got 1"),
        ("[rpc]\nkind = 'white'", 'rpc.kind: expected one of "black", "green", got "white"'),
        ("[rpc]\nkind = 3", 'rpc.kind: expected one of "black", "green", got 3'),
        ("[rpc]\nmotd = {a = 1}", "rpc.motd: expected str, got a table"),
        (f"[rpc]\nhot = '{'x' * 100}'", f'rpc.hot: expected true or false, got "{"x" * 56}...'),
        ('[rpc]\nhot = """a\nb"""', 'rpc.hot: expected true or false, got "a\\nb"'),
        ("[rpc]\ncolour = 1", f"rpc.colour: unknown key, expected one of {KNOWN}"),
        ("[rpc]\n'a\\nb' = 1", f'rpc."a\\\\nb": unknown key, expected one of {KNOWN}'),
        ("[rpc]\nline = -1", f"rpc.line: unknown key, expected one of {KNOWN}"),
        ("[rpc.limits]\nlines = 1", f"rpc.limits.lines: unknown key, expected one of {LIMITS}"),
        ("[rpc]\nhot = 1\n[rpc.limits]\nx = 1", f"rpc.limits.x: unknown key, expected one of {LIMITS}"),
        ("rpc = 1", "rpc: expected a table, got 1"),
        ("echo = []", "echo: expected a table, got []"),
        ("line = 1", "line: unknown key, expected [echo], [chat], [rpc], [files]"),
        ("[rcp]", "rcp: unknown table, expected [echo], [chat], [rpc], [files]"),
    ],
)
def test_what_cannot_be_meant_is_one_line(text: str, line: str) -> None:
    assert complaint(text) == f"twofold.toml: {line}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[rpc]\n\nname = tea\n", 3),
        ("[rpc]\nname = 'a'\nname = 'b'\n", 3),
        ("[rpc\n", 1),
        ("[rpc]\nname =", 2),
        ("[rpc]\nlisten = [\n", 2),
    ],
)
def test_bad_toml_names_its_line(text: str, line: int) -> None:
    said = complaint(text)
    assert said.startswith("twofold.toml: ")
    assert f"line {line}" in said
    assert said.isprintable()


def test_bytes_that_are_not_utf_8_name_their_line() -> None:
    """TOML 1.0: "A TOML file must be a valid UTF-8 encoded Unicode document"."""
    assert complaint(b"[rpc]\n# caf\xe9\n") == "twofold.toml: expected UTF-8, got byte 0xe9 (line 2)"


def test_what_would_exhaust_the_parser_is_one_line() -> None:
    assert complaint("a = " + "[" * 100_000) == "twofold.toml: nested too deep"
    assert complaint(f"a = {'1' * 5000}") == "twofold.toml: a number has too many digits"


def test_a_secret_is_never_shown() -> None:
    assert complaint("[rpc]\ntoken = 123456") == "twofold.toml: rpc.token: expected str, got int"


# -- the command line ------------------------------------------------------------------


def test_a_flag_replaces_what_the_file_says() -> None:
    text = "[rpc]\nlisten = ['tcp://a:1', 'tcp://b:2']\nhot = true\n[rpc.limits]\nline = 64\nidle = 3"
    settings = tea(text, listen=["tcp://c:3"], hot="false", limits_line="128")
    assert settings == Tea(listen=("tcp://c:3",), hot=False, limits=TeaLimits(line=128, idle=3))


@pytest.mark.parametrize("value", [128, "128"])
def test_a_flag_may_come_typed_or_as_text(value: object) -> None:
    assert tea(limits_line=value).limits.line == 128


@pytest.mark.parametrize("value", [None, [], ()])
def test_a_flag_that_was_not_given_changes_nothing(value: object) -> None:
    assert tea("[rpc]\nlisten = ['tcp://a:1']", listen=value).listen == ("tcp://a:1",)


def test_a_flag_that_looks_like_a_number_is_still_text() -> None:
    assert tea(name="7").name == "7"


def test_every_flag_takes_its_own_default() -> None:
    given = {flag.name.replace("-", "_"): flag.default for flag in flags(Tea)}
    assert tea(**given) == Tea()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"limits_line": "-5"}, "--limits-line: expected int >= 64 and <= 1048576, got -5"),
        ({"limits_line": "many"}, '--limits-line: expected int >= 64 and <= 1048576, got "many"'),
        ({"limits_idle": "nan"}, "--limits-idle: expected float >= 0, got nan"),
        ({"limits_idle": "inf"}, "--limits-idle: expected finite float >= 0, got inf"),
        ({"hot": "maybe"}, '--hot: expected true or false, got "maybe"'),
        ({"kind": "white"}, '--kind: expected one of "black", "green", got "white"'),
        ({"name": ""}, '--name: expected str, not empty, got ""'),
        ({"token": "x"}, "--token: unknown flag"),
        ({"limits": "x"}, "--limits: unknown flag"),
    ],
)
def test_a_flag_that_cannot_be_meant_is_one_line(given: dict[str, object], line: str) -> None:
    assert complaint(**given) == line


def test_a_fault_of_the_file_is_not_blamed_on_a_flag() -> None:
    assert complaint("[rpc.limits]\nline = 1", hot="false").startswith("twofold.toml: rpc.limits.line: ")


def test_flags_come_from_the_declaration() -> None:
    made = {flag.name: flag for flag in flags(Tea)}
    assert made["limits-line"].path == ("limits", "line")
    assert made["limits-line"].type is int
    assert made["limits-line"].default == 1024
    assert made["limits-line"].help == "bytes of one line"
    assert made["drain-timeout"].type is float
    assert made["hot"].type is bool
    assert made["kind"].type is made["motd"].type is made["listen"].type is str
    assert {name for name, flag in made.items() if flag.repeated} == {"listen", "pets"}


def test_secrets_have_no_flag() -> None:
    """Everybody on the machine can read a command line: ps(1)."""
    assert "token" not in {flag.name for flag in flags(Tea)}
    assert [field.path for field in fields(Tea) if field.secret] == [("token",)]


# -- anything at all -------------------------------------------------------------------

KEYS = st.sampled_from(
    ["listen", "limits", "line", "idle", "name", "hot", "token", "a b", "a\n", "`", "é", ""]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def toml(value: object) -> str:
    """Near enough: what is not TOML must be one line as well."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(key)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return msgspec.json.encode(value).decode() if isinstance(value, (str, bool)) else str(value)


@given(table=st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_table_loads_or_is_refused_in_one_line(table: dict[str, object]) -> None:
    try:
        said = repr(tea(f"rpc = {toml(table)}"))
    except SettingsError as error:
        said = str(error)
    assert "\n" not in said


@given(text=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_load_or_are_refused_in_one_line(text: bytes) -> None:
    try:
        said = repr(tea(text))
    except SettingsError as error:
        said = str(error)
    assert "\n" not in said
