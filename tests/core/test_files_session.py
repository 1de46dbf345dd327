"""The FTP session: order, login, delays, deadlines, limits, the end."""

from __future__ import annotations

import pytest

from protocols.delays import MOST_DELAYS
from protocols.files.orders import Outcome
from protocols.files.session import QUEUE
from protocols.files.settings import FilesUser
from stores.files_memory import MemoryFiles
from tests.core.files import HASHED, World


@pytest.fixture(params=[True, False], ids=["quick store", "slow store"])
def world(request: pytest.FixtureRequest) -> World:
    """Whether the store answers at once or from a thread, a client can't tell."""
    return World(MemoryFiles(quick=request.param).add("pub/tea.txt", b"green\nblack\n"))


# -- who ---------------------------------------------------------------------------------


def test_every_name_is_asked_for_its_password(world: World) -> None:
    """RFC 959 §4.1.1; RFC 2577 §6: who exists must not be told."""
    client = world.connect()
    assert client.send("USER ann") == client.send("USER nobody")
    assert client.codes("PASS sesame") == [530]


def test_anonymous_may_read_and_not_write(world: World) -> None:
    """RFC 1635; the setting `anonymous`."""
    client = world.connect()
    assert client.codes("USER anonymous", "PASS me@", "PASV", "STOR x", "MKD d") == [331, 230, 227, 550, 550]
    assert client.retr("RETR /pub/tea.txt") == b"green\r\nblack\r\n"


def test_anonymous_is_off_once_somebody_is_configured() -> None:
    """Requirements: "off", the default once a configuration or a user is given."""
    assert World(anonymous="").connect().codes("USER ftp", "PASS x") == [331, 530]
    assert World(anonymous="", users={}).connect().codes("USER ftp", "PASS x") == [331, 230]


def test_a_user_in_a_word_reads_and_with_write_does_everything() -> None:
    """`--user NAME:PASSWORD --write`: a password may hold colons; anonymous is off."""
    for write, code in ((False, 550), (True, 257)):
        world = World(users={}, user=("tom:a:b",), write=write, anonymous="")
        client = world.connect()
        assert client.codes("USER tom", "PASS a", "USER tom", "PASS a:b", "MKD d") == [
            331,
            530,
            331,
            230,
            code,
        ]
        assert client.codes("USER anonymous", "PASS x") == [331, 530]


def test_hashed_passwords_are_compared_in_a_thread() -> None:
    """scrypt takes a while, and nobody else waits for it."""
    world = World(users={"ann": HASHED}, run_calls=False)
    for name, password, code in (("ann", "sesame", 230), ("ann", "x", 530), ("who", "sesame", 530)):
        client = world.connect()
        assert client.codes(f"USER {name}", f"PASS {password}", "NOOP") == [331]
        client.answer(client.calls.pop())
        assert client.codes() == [code, 200]


def test_a_password_that_is_not_utf8_is_wrong_and_no_error() -> None:
    client = World().connect()
    assert client.codes("USER ann") == [331]
    assert client.send_bytes(b"PASS \xe9\xff\xff\r\n") == ["530 Login incorrect."]


def test_a_wrong_password_is_answered_late_and_the_third_ends_the_connection() -> None:
    """RFC 2577 §5: a delay for each, and a limited number."""
    world = World(limits={"login_delay": 3.0})
    client = world.connect()
    for attempt in (1, 2, 3):
        assert client.codes("USER ann", "PASS x", "NOOP") == [331]
        world.pass_time(2.9)
        assert client.codes() == []
        world.pass_time(0.2)
        assert client.codes() == ([530, 200] if attempt < 3 else [530, 421])
    assert client.closed


def test_more_connections_make_no_more_tries() -> None:
    """The delay is the address's, and a right password has to wait for the wrong ones before it."""
    world = World(limits={"login_delay": 3.0})
    clients = [world.connect() for _ in range(3)]
    for client, password in zip(clients, ("x", "y", "sesame"), strict=True):
        client.send("USER ann", f"PASS {password}")
    other = world.connect(host="192.0.2.77")
    assert other.codes("USER ann", "PASS sesame") == [331, 230]
    heard = []
    for _ in range(3):
        world.pass_time(3.0)
        heard.append([client.codes() for client in clients])
    assert heard[0] == [[530], [], []]
    assert heard[1] == [[], [530], [230]]


def test_nobody_is_locked_out_by_who_guesses_from_the_same_address() -> None:
    world = World(limits={"login_delay": 3.0})
    for _ in range(100):
        world.connect().send("USER ann", "PASS x")
    client = world.connect()
    client.send("USER ann", "PASS sesame")
    world.pass_time(3.0 * MOST_DELAYS)
    assert client.codes() == [230]


def test_user_again_forgets_who_was_logged_in(world: World) -> None:
    """RFC 959 §4.1.1: "flushing any user, password, and account information already supplied"."""
    client = world.login()
    assert client.codes("CWD pub", "USER bob", "PWD", "PASS sesame", "PWD") == [250, 331, 530, 230, 257]
    assert client.send("PWD") == ['257 "/" is the current directory.']
    assert client.codes("PASV", "STOR x") == [227, 550]


def test_user_again_changes_no_transfer_parameter(world: World) -> None:
    """RFC 959 §4.1.1: "All transfer parameters are unchanged"; REIN resets them."""
    client = world.connect()
    client.send("OPTS MLST type;", "OPTS HASH SHA-512", "USER ann", "PASS sesame", "TYPE I", "USER ann")
    client.send("PASS sesame")
    assert not client.session.text
    assert (client.session.facts, client.session.algorithm) == (["type"], "SHA-512")
    client.send("REIN")
    assert client.session.text
    assert len(client.session.facts) == 6


def test_rein_is_a_new_connection(world: World) -> None:
    """RFC 959 §4.1.1."""
    client = world.login()
    assert client.codes("EPSV ALL", "REIN", "PWD", "USER ann", "PASS sesame", "PASV") == [
        200, 220, 530, 331, 230, 227]  # fmt: skip


def test_a_user_sees_the_home_and_nothing_above() -> None:
    store = MemoryFiles().add("home/ann/mine", b"x").add("other", b"y")
    world = World(store, users={"ann": FilesUser(password="sesame", home="/home/ann", permissions=("all",))})
    client = world.login()
    assert client.retr("RETR ../../../mine") == b"x"
    assert client.codes("SIZE /other", "CDUP", "CWD /home") == [550, 250, 550]


def test_a_home_that_is_missing_is_told_as_such() -> None:
    world = World(users={"ann": FilesUser(password="sesame", home="/gone")})
    assert world.connect().codes("USER ann", "PASS sesame", "PWD") == [331, 530, 530]


# -- lines -------------------------------------------------------------------------------


def test_lf_alone_ends_a_line(world: World) -> None:
    assert [line[:3] for line in world.connect().send_bytes(b"NOOP\nNOOP\r\nnoop\n")] == ["200"] * 3


def test_a_line_over_the_limit_ends_the_connection_with_one_500(world: World) -> None:
    client = world.connect()
    assert [line[:3] for line in client.send_bytes(b"A" * 100_000 + b"\r\nNOOP\r\n")] == ["500"]
    assert client.closed


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_at_the_limit_is_a_command(end: bytes) -> None:
    """`command_bytes` counts CR LF."""
    client = World(limits={"command_bytes": 64}).connect()
    assert client.send_bytes(b"USER " + b"a" * 57 + end)[0].startswith("331")
    assert client.send_bytes(b"USER " + b"a" * 58 + end)[0].startswith("500")


def test_nul_is_in_no_name(world: World) -> None:
    assert world.login().codes("CWD a\0b", "NOOP") == [501, 200]


def test_names_keep_their_bytes(world: World) -> None:
    """A name that is not UTF-8 is stored and listed as it was said; 255 is doubled both ways (RFC 854)."""
    client = world.login()
    assert client.codes("PASV") == [227]
    assert client.send_bytes(b"STOR caf\xe9\xff\xff\r\n")[0].startswith("150")
    client.upload(b"x")
    assert client.retr("NLST") == b"pub\r\ncaf\xe9\xff\r\n"
    assert client.send_bytes(b"MKD \xff\xff\r\n")[0].encode(errors="surrogateescape") == (
        b'257 "/\xff\xff" created.'
    )


@pytest.mark.parametrize("synch", [b"\xff\xf4\xff\xf2", b"\xff\xf4\xf2", b"\xff\xf2", b"\xff\xfb\x01", b""])
def test_abor_behind_a_telnet_synch_is_understood(world: World, synch: bytes) -> None:
    """RFC 959 §4.1.3 and RFC 854: IAC IP and the Synch are not part of the command."""
    client = world.connect()
    for byte in synch + b"ABOR\r\n":
        client.report(client.session.received, bytes([byte]))
    assert [line[:3] for line in client.lines()] == ["225"]


def test_more_commands_than_may_wait_end_the_connection() -> None:
    client = World().login()
    assert client.codes("PASV", "RETR pub") == [227, 550]
    assert client.codes("STOR x") == [150]
    client.send_bytes(b"NOOP\r\n" * (QUEUE // 6 + 1))
    assert not client.closed
    assert client.send("NOOP")[0].startswith("421")
    assert client.closed
    assert client.world.store.open == set()


def test_commands_without_end_are_answered_in_portions() -> None:
    """64 KiB of answers, then the driver is asked to come again."""
    client = World().connect()
    assert client.codes(*["FEAT"] * 2_000) == [211] * 2_000


# -- time --------------------------------------------------------------------------------


def test_silence_ends_the_connection(world: World) -> None:
    client = world.connect()
    world.pass_time(299)
    client.send("NOOP")
    world.pass_time(299)
    assert not client.closed
    world.pass_time(2)
    assert client.codes() == [421]
    assert client.closed


def test_nobody_is_idle_during_a_transfer(world: World) -> None:
    client = world.login()
    client.send("PASV", "RETR pub/tea.txt")
    world.pass_time(10_000)
    assert client.download() == b"green\nblack\n"
    world.pass_time(299)
    assert client.codes() == [226]
    world.pass_time(2)
    assert client.codes() == [421]


def test_idle_zero_is_for_ever() -> None:
    world = World(limits={"idle": 0.0})
    client = world.connect()
    world.pass_time(1e9)
    assert not client.closed


# -- the end -----------------------------------------------------------------------------


def test_quit_waits_for_the_transfer(world: World) -> None:
    """RFC 959 §4.1.1: "the connection will remain open for result response"."""
    client = world.login()
    assert client.codes("PASV", "RETR pub/tea.txt", "NOOP", "QUIT", "NOOP") == [227, 150]
    client.download()
    assert client.codes() == [226, 200, 221]
    assert client.closed


def test_the_stop_waits_for_the_transfer_and_nothing_else(world: World) -> None:
    idle, busy = world.connect(), world.login()
    busy.send("PASV", "STOR x", "NOOP")
    assert [line[:3] for line in idle.drain()] == ["421"]
    assert idle.closed
    assert busy.drain() == []
    assert [line[:3] for line in busy.upload(b"data")] == ["226", "421"]
    assert busy.closed
    assert world.store.content("x") == b"data"


def test_the_stop_does_not_wait_for_a_delayed_answer() -> None:
    world = World(limits={"login_delay": 3.0})
    client = world.connect()
    client.send("USER ann", "PASS x")
    assert [line[:3] for line in client.drain()] == ["421"]


def test_what_was_asked_before_the_end_is_answered(world: World) -> None:
    """The client's FIN: a command without its line end was cut, whole ones are answered."""
    client = world.login()
    assert client.send_bytes(b"NOOP\r\nNOO")[0].startswith("200")
    assert client.end() == []
    assert client.closed


def test_a_download_outlives_the_clients_half(world: World) -> None:
    client = world.login()
    client.send("PASV", "RETR pub/tea.txt", "NOOP")
    assert client.end() == []
    assert not client.closed
    client.download()
    assert client.codes() == [226, 200]
    assert client.closed


@pytest.mark.parametrize("outcome", [Outcome.COMPLETE, Outcome.CANCELLED])
def test_an_upload_is_cut_by_the_end_of_its_control_connection(world: World, outcome: Outcome) -> None:
    """A client that is killed ends both connections alike: its half file must not look whole."""
    client = world.login()
    client.send("PASV", "STOR x")
    client.write(b"half")
    assert [line[:3] for line in client.end()] == ["426"]
    assert client.closed
    assert world.store.content("x") is None
    assert world.login().send("SIZE x") == ["213 4"]


def test_what_a_thread_opens_for_a_client_that_is_gone_is_closed() -> None:
    world = World(MemoryFiles(quick=False).add("tea", b"green"))
    for command in ("RETR tea", "STOR new", "LIST"):
        for before in (True, False):
            client = world.login()
            client.send("PASV")
            world.run_calls = False
            client.send(command)
            call = client.calls.pop()
            if before:
                call.function(*call.args)
            client.lose()
            if not before:
                call.function(*call.args)
            world.run_calls = True
            assert world.store.open == set()
            assert world.store.content("new") is None
