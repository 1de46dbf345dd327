"""The commands that are answered on the control connection, and the table that lists them all."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.files.commands import ALIASES, COMMANDS, REFUSED
from protocols.files.orders import Outcome
from protocols.files.replies import CODES, OUTCOMES, PROBLEMS
from protocols.files.session import FilesSession
from protocols.files.store import Problem
from stores.files_memory import MemoryFiles
from tests.core.files import World


@pytest.fixture(params=[True, False], ids=["quick store", "slow store"])
def world(request: pytest.FixtureRequest) -> World:
    store = MemoryFiles(quick=request.param).add("tea", b"green\nblack\n").add('pub/o"o', b"a")
    return World(store.add_link("out"))


# -- the table ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_as_the_table_says(name: str) -> None:
    """RFC 959 §5.4: 530 before login, 501 for an argument too many or too few; HELP knows it."""
    command = COMMANDS[name]
    stranger, client = World().connect(), World().login()
    bare, full = f"{name}", f"{name} nonsense"
    if command.login:
        assert stranger.codes(bare, full) == [530, 530]
    else:
        assert 530 not in stranger.codes(bare) or name == "PASS"
    if command.argument == "required":
        assert client.codes(bare, f"{name} ") == [501, 501]
    if command.argument == "none":
        assert client.codes(full) == [501]
        assert 501 not in client.codes(f"{name.lower()} ")
    assert World().connect().send(f"HELP {name.lower()}")[0].startswith("214")
    assert command.section.startswith(("RFC", "draft", "ours"))


@pytest.mark.parametrize("name", REFUSED)
def test_what_others_have_is_502(name: str) -> None:
    assert World().connect().codes(name, f"{name} x") == [502, 502]


def test_what_nobody_has_is_500() -> None:
    assert World().connect().codes("XYZZY", "", " ", "NOOP\x00", "\x7f") == [500] * 5


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_the_x_forms_are_the_same_commands(alias: str, name: str) -> None:
    """RFC 1123 §4.1.3.1."""
    assert COMMANDS[alias] is COMMANDS[name]


def test_the_tables_of_replies_are_whole() -> None:
    assert set(PROBLEMS) == set(Problem)
    assert set(OUTCOMES) == set(Outcome)
    assert set(PROBLEMS.values()) | {code for code, _ in OUTCOMES.values()} <= set(CODES)


ARGUMENTS = st.one_of(st.text(max_size=30), st.sampled_from(["/", "..", "tea", "-la"]))
LINES = st.one_of(
    st.binary(max_size=80),
    st.tuples(st.sampled_from(list(COMMANDS)), ARGUMENTS).map(
        lambda said: " ".join(said).encode(errors="surrogatepass")
    ),
)


@given(lines=st.lists(LINES, max_size=12), data=st.data(), quick=st.booleans())
@example(lines=[b"PASV", b"RETR tea", b"ABOR"], data=None, quick=True)
def test_every_line_has_its_replies_however_the_bytes_are_cut(
    lines: list[bytes], data: st.DataObject | None, quick: bool
) -> None:
    """Nothing that a peer says raises, every reply has a code of the table, and cuts change nothing."""
    whole = b"".join(line.replace(b"\n", b"") + b"\r\n" for line in lines)
    points = data.draw(st.lists(st.integers(0, len(whole)), max_size=5)) if data else range(len(whole))
    cuts = sorted({0, *points, len(whole)})
    said = []
    for pieces in ([whole], [whole[a:b] for a, b in pairwise(cuts)]):
        client = World(MemoryFiles(quick=quick).add("tea", b"x"), tls=False).login()
        heard = [line for piece in pieces if not client.closed for line in client.send_bytes(piece)]
        while client.begun is not None:
            heard += client.finish(Outcome.RESET)
        said.append([line for line in heard if "150" not in line and "226" not in line])
        codes = {int(line[:3]) for line in heard if line[:1] != " "}
        assert codes <= set(CODES)
        client.lose()
        assert client.world.store.open == set()
    assert said[0] == said[1]


# -- names and directories ---------------------------------------------------------------


def test_directories(world: World) -> None:
    """RFC 959 appendix II: quotes in a name are doubled, and 257 says it absolute."""
    client = world.login()
    assert client.send('MKD pub/a "b"') == ['257 "/pub/a ""b""" created.']
    assert client.send('CWD pub/a "b"', "PWD", "XPWD") == ['250 "/pub/a ""b""" is the current directory.'] + [
        '257 "/pub/a ""b""" is the current directory.'] * 2  # fmt: skip
    assert client.codes("CDUP", "CDUP", "CDUP", "CWD tea", "CWD none", "MKD pub", "MKD none/x") == [
        250, 250, 250, 550, 550, 550, 550]  # fmt: skip
    assert client.codes("RMD pub", 'DELE pub/o"o', 'RMD pub/a "b"', "RMD pub", "RMD pub", "RMD tea") == [
        550, 250, 250, 250, 550, 550]  # fmt: skip
    assert client.codes("RMD /", "DELE /", "RNFR /", "MKD /", "RMD ..", "SITE CHMOD 700 /") == [550] * 6


def test_files_are_removed_and_renamed(world: World) -> None:
    """RFC 959 §4.1.3; a rename replaces a file that is there."""
    client = world.login()
    assert client.codes("RNTO x", "RNFR none", "RNTO x", "RNFR tea", 'RNTO /pub/o"o', "RNTO x") == [
        503, 550, 503, 350, 250, 503]  # fmt: skip
    assert world.store.content('pub/o"o') == b"green\nblack\n"
    assert client.codes("RNFR pub", "RNTO pub/below", "RNFR pub", "RNTO sub", "DELE sub") == [
        350, 553, 350, 250, 550]  # fmt: skip
    assert client.codes('DELE sub/o"o', 'DELE sub/o"o') == [250, 550]


def test_a_link_out_of_the_home_leads_nowhere(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """It is answered as what is not there, and logged as what it is."""
    client = world.login()
    assert client.send("RETR none")[0] == client.send("RETR none")[0]
    for command in ("CWD out", "SIZE out", "MDTM out", "MLST out", "STAT out", "CWD out/x", "MKD out/x"):
        assert client.send(command) == ["550 No such file or directory."], command
    assert client.codes("PASV", "RETR out", "STOR out", "STOR out/x", "LIST out") == [227, 550, 550, 550, 550]
    assert caplog.text.count("refused: Leads out of the served directory") == 11
    assert b"lrwx" in client.retr("LIST")


def test_size_counts_what_would_be_sent(world: World) -> None:
    """RFC 3659 §4: not in TYPE A, which would have to read the file; not of a directory."""
    assert world.login().codes("SIZE tea", "SIZE pub", "SIZE no", "TYPE A", "SIZE tea") == [
        213, 550, 550, 200, 550]  # fmt: skip


def test_times_are_told_and_set(world: World) -> None:
    """RFC 3659 §3, draft-somers-ftp-mfxx, and MDTM with a time as lftp says it; UTC."""
    client = world.login()
    assert client.send("MFMT 20200229235960 tea") == ["213 Modify=20200301000000; tea"]
    assert client.send("MDTM tea") == ["213 20200301000000"]
    assert client.codes("MDTM 19991231235959 tea") == [213]
    assert client.send("MDTM tea") == ["213 19991231235959"]
    assert client.codes("MFMT 2020 tea", "MFMT 20200230000000 tea", "MFMT 20200101000000", "MDTM none") == [
        501, 501, 501, 550]  # fmt: skip
    world.store.add("20200101000000", b"")
    assert client.codes("MDTM 20200101000000") == [213]


def test_site_chmod_sets_the_nine_bits(world: World) -> None:
    client = world.login()
    assert client.codes("SITE CHMOD 4750 tea", "SITE CHMOD 9 tea", "SITE CHMOD 700", "SITE X") == [
        200, 501, 501, 504]  # fmt: skip
    assert world.store.nodes["tea",].mode == 0o750


def test_checksums(world: World) -> None:
    """draft-bryan-ftpext-hash: 213, algorithm, range, checksum, name; RANG for a part."""
    client = world.login()
    whole, part = hashlib.sha256(b"green\nblack\n"), hashlib.sha512(b"een")
    assert client.send("HASH tea") == [f"213 SHA-256 0-11 {whole.hexdigest()} tea"]
    assert client.send("XSHA256 tea", 'XSHA256 "tea"') == [f"250 {whole.hexdigest()}"] * 2
    assert client.send("OPTS HASH SHA-512", "OPTS HASH") == ["200 SHA-512"] * 2
    client.send("RANG 2 4")
    assert client.send("HASH tea") == [f"213 SHA-512 2-4 {part.hexdigest()} tea"]
    assert client.codes("HASH pub", "HASH none", "OPTS HASH CRC", "RANG 99 100", "HASH tea") == [
        550, 550, 501, 350, 554]  # fmt: skip


def test_a_checksum_is_made_off_the_loop_and_given_up_with_its_client() -> None:
    world = World(MemoryFiles().add("tea", b"green"), run_calls=False)
    client = world.login()
    assert client.codes("HASH tea", "NOOP") == []
    call = client.calls.pop()
    client.lose()
    with pytest.raises(Exception, match="beyond the end"):
        call.function(*call.args)
    assert world.store.open == set()
    assert world.server.digests == set()


def test_checksums_do_not_take_every_thread() -> None:
    """Who may read could else keep everybody from logging in."""
    world = World(MemoryFiles().add("tea", b"green"), run_calls=False)
    clients = [world.login() for _ in range(world.server.threads)]
    codes = [client.codes("HASH tea") for client in clients]
    assert codes.count([]) == world.server.threads // 2
    assert codes[-1] == [450]
    clients[0].lose()
    clients[1].answer(clients[1].calls.pop())
    assert clients[1].codes() == [213]
    assert [clients[-1].codes("HASH tea"), clients[-2].codes("HASH tea")] == [[], []]


# -- settings of the session -------------------------------------------------------------


def test_type_stru_and_mode() -> None:
    """RFC 959 §5.3.2: 504 for what exists and is not done, 501 for what does not exist."""
    said = {
        "TYPE A": 200, "TYPE a n": 200, "TYPE I": 200, "TYPE L 8": 200, "TYPE L 16": 504, "TYPE E": 504,
        "TYPE A T": 504, "TYPE X": 501, "STRU F": 200, "STRU R": 504, "STRU P": 504, "STRU X": 501,
        "MODE S": 200, "MODE Z": 504, "MODE B": 504, "MODE X": 501, "MODE": 501, "ALLO 1": 202,
    }  # fmt: skip
    assert World().login().codes(*said) == list(said.values())


def test_what_is_there_is_told_before_login() -> None:
    """RFC 2389 §3; lftp asks FEAT and says OPTS UTF8 ON before USER."""
    client = World().connect()
    features = client.send("FEAT")
    assert features[0] == "211-Features:"
    assert features[-1] == "211 End"
    assert " MLST type*;size*;modify*;perm*;unique*;UNIX.mode*;" in features
    assert {" UTF8", " REST STREAM", " MFMT", " EPSV", " AUTH TLS", " HASH SHA-256*;SHA-512;"} <= set(
        features
    )
    assert client.codes("OPTS UTF8 ON", "OPTS UTF8 OFF", "OPTS X", "CLNT x", "HOST ftp.org", "SYST") == [
        200, 501, 501, 200, 220, 215]  # fmt: skip
    assert client.codes("USER ann", "HOST ftp.example.org") == [331, 503]


def test_opts_mlst_chooses_the_facts() -> None:
    """RFC 3659 §7.9: unknown facts are left out of the answer, in which ours have our order."""
    client = World(MemoryFiles().add("tea", b"green")).login()
    assert client.send("OPTS MLST size;TYPE;colour;") == ["200 MLST OPTS type;size;"]
    assert client.send("MLST tea") == ["250-Listing /tea", " type=file;size=5; /tea", "250 End"]
    assert client.retr("MLSD") == b"type=file;size=5; tea\r\n"
    assert " MLST type*;size*;modify;perm;unique;UNIX.mode;" in client.send("FEAT")
    assert client.send("OPTS MLST") == ["200 MLST OPTS"]
    assert client.retr("MLSD") == b" tea\r\n"


def test_help_lists_every_command() -> None:
    client = World().connect()
    listed = client.send("HELP")
    assert set(" ".join(listed[1:-1]).split()) == set(COMMANDS) - set(ALIASES)
    assert client.codes("HELP XYZZY", "HELP SITE") == [501, 214]
    assert client.send("HELP SITE") == World().login().send("SITE HELP")


def test_status_tells_how_things_stand(world: World) -> None:
    """RFC 959 §4.1.3."""
    said = world.login().send("STAT")
    assert said[0] == "211-Status:"
    assert " Logged in" in said
    assert " TYPE I, STRU F, MODE S, PROT C" in said
    assert world.connect().codes("STAT", "STAT x") == [211, 530]


def test_status_of_a_path_is_a_listing(world: World) -> None:
    client = world.login()
    said = client.send("STAT tea")
    assert said[0] == "213-Status of /tea"
    assert said[1].startswith(" -rw-r--r--   1 ftp      ftp                12 ")
    assert [line.split()[-1] for line in client.send("STAT /")[1:-1]] == ["tea", "pub", "out"]
    assert client.codes("STAT none") == [550]


def test_status_of_a_large_directory_is_bounded() -> None:
    store = MemoryFiles().add("d")
    for number in range(1500):
        store.add(f"d/{number}", b"")
    said = World(store).login().send("STAT d")
    assert len(said) == 1002
    assert said[-1] == "213 There are more: LIST shows all"


# -- listings ----------------------------------------------------------------------------


def test_list_shows_directories_files_and_patterns(world: World) -> None:
    """RFC 959 §4.1.3; a missing path is 550; options are accepted."""
    client = world.login()
    for command in ("LIST", "LIST -a", "LIST -la", "LIST -a -l /", "LIST ."):
        assert client.retr(command).count(b"\r\n") == 3, command
    assert client.retr("LIST tea").endswith(b" tea\r\n")
    assert client.retr("LIST t*").endswith(b" tea\r\n")
    assert client.codes("PASV", "LIST none", "NLST none/*", "LIST tea/x") == [227, 550, 550, 550]


def test_nlst_gives_names_that_can_be_asked_for(world: World) -> None:
    """RFC 1123 §4.1.2.7: "directly as the arguments of subsequent data transfer commands"."""
    client = world.login()
    assert client.retr("NLST") == b"tea\r\npub\r\nout\r\n"
    assert client.retr("NLST pub") == client.retr("NLST pub/") == b'pub/o"o\r\n'
    assert client.retr("NLST /pub/*") == b'/pub/o"o\r\n'
    assert client.retr("NLST t?a") == client.retr("NLST tea") == b"tea\r\n"
    assert client.retr("NLST pub/../tea/") == b"pub/../tea/\r\n"
    assert client.retr("NLST /*") == b"/tea\r\n/pub\r\n/out\r\n"
    assert client.retr("NLST x*") == b""
    assert client.retr('NLST /pub/o"o') == b'/pub/o"o\r\n'


def test_a_name_that_looks_like_a_pattern_is_a_name_first() -> None:
    store = MemoryFiles().add("a[1]", b"1").add("a1", b"2").add(".a1", b"3")
    client = World(store).login()
    assert client.retr("NLST a[1]") == b"a[1]\r\n"
    assert client.retr("NLST a*") == b"a[1]\r\na1\r\n"
    assert client.retr("NLST .a*") == b".a1\r\n"


def test_mlsd_is_for_directories(world: World) -> None:
    """RFC 3659 §7.2.1: 501 for what is none; 550 where there is nothing (rclone depends on it)."""
    client = world.login()
    assert client.retr("MLSD pub").endswith(b'; o"o\r\n')
    assert client.codes("PASV", "MLSD tea", "MLSD none") == [227, 501, 550]
    assert client.send("CWD pub", "MLST")[1] == "250-Listing /pub"


def test_a_large_directory_is_read_in_batches_off_the_loop() -> None:
    """Other clients do not wait: what comes behind the first few hundred entries is slow."""
    store = MemoryFiles()
    for number in range(1000):
        store.add(f"{number:04}", b"")
    client = World(store).login()
    client.send("PASV", "NLST")
    transfer = client.transfer
    assert not transfer.slow
    first = transfer.read(1)  # type: ignore[union-attr]
    assert transfer.slow
    assert first.count(b"\r\n") == 256
    assert (first + client.download()).split() == [b"%04d" % number for number in range(1000)]


def test_what_a_pattern_matches_is_looked_for_off_the_loop() -> None:
    """Nothing may match in a directory of a hundred thousand files."""
    client = World(MemoryFiles().add("tea", b"")).login()
    client.send("PASV", "NLST x*")
    assert client.transfer.slow


def test_a_session_has_no_attribute_that_is_not_declared() -> None:
    """An idle session costs little: no dictionary."""
    assert not hasattr(FilesSession(World().server), "__dict__")


def test_no_path_is_longer_than_the_systems() -> None:
    """PATH_MAX: CWD after CWD leads no deeper, however short each name is."""
    name = "d" * 200
    client = World(MemoryFiles().add("/".join([name] * 30) + "/tea", b"")).login()
    assert client.codes(*[f"CWD {name}"] * 25) == [250] * 20 + [553] * 5
