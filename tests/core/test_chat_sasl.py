"""AUTHENTICATE, PLAIN and SCRAM-SHA-256: RFC 4616, 5802, 7677 and IRCv3 SASL 3.2."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from protocols.chat.accounts import Account, Keys, Unavailable, make_keys
from protocols.chat.sasl import FAILURE, Ask, Challenge, Plain, Scram, Success
from protocols.passwords import verify
from tests.core.chat import Client, World, make_accounts

ACCOUNTS = make_accounts(Ann="sesame")


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def begin(nick: str = "ann", run_calls: bool = True) -> Client:
    client = World(ACCOUNTS, run_calls).connect()
    client.send("CAP REQ :sasl", f"NICK {nick}", f"USER {nick} 0 * :Name").lines()
    return client


def plain(client: Client, data: bytes) -> list[str]:
    client.send("AUTHENTICATE PLAIN")
    assert client.lines() == ["AUTHENTICATE +"]
    return client.send(f"AUTHENTICATE {encode(data) or '+'}").numerics()


def test_plain_logs_in() -> None:
    client = begin()
    client.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {encode(b'ann%cann%csesame' % (0, 0))}")
    assert client.lines() == [
        "AUTHENTICATE +",
        ":irc.example.org 900 ann ann!ann@192.0.2.1 Ann :You are now logged in as Ann",
        ":irc.example.org 903 ann :SASL authentication successful",
    ]
    client.send("CAP END")
    assert client.session.user is not None
    assert client.session.user.account == "Ann"


@pytest.mark.parametrize(
    "data",
    [b"\0ann\0wrong", b"\0bob\0sesame", b"\0\0sesame", b"\0ann\0", b"ann\0sesame", b"", b"\0\0\0",
     b"bob\0ann\0sesame", b"\0\xff\0sesame", b"\0ann\0ses\0ame"],
)  # fmt: skip
def test_plain_that_is_wrong_fails_and_may_be_tried_again(data: bytes) -> None:
    client = begin()
    assert plain(client, data) == ["904"]
    assert plain(client, b"\0ann\0sesame") == ["900", "903"]


def test_a_message_comes_in_pieces_of_400() -> None:
    client = begin()
    client.send("AUTHENTICATE PLAIN").lines()
    whole = encode(b"\0ann\0" + b"x" * 595)
    assert len(whole) == 800
    assert client.send(f"AUTHENTICATE {whole[:400]}", f"AUTHENTICATE {whole[400:]}").lines() == []
    assert client.send("AUTHENTICATE +").numerics() == ["904"]
    client.send("AUTHENTICATE PLAIN").lines()
    assert client.send("AUTHENTICATE " + "x" * 401).numerics() == ["905"]
    client.send("AUTHENTICATE PLAIN").lines()
    for _ in range(8):
        assert client.send("AUTHENTICATE " + "A" * 400).lines() == []
    assert client.send("AUTHENTICATE " + "A" * 400).numerics() == ["905"]


def test_other_ways_to_go_wrong() -> None:
    client = begin()
    assert client.send("AUTHENTICATE EXTERNAL").numerics() == ["908", "904"]
    assert client.send("AUTHENTICATE plain", "AUTHENTICATE !!!").numerics() == ["904"]
    assert client.send("AUTHENTICATE PLAIN", "AUTHENTICATE *").numerics() == ["906"]
    assert client.send("AUTHENTICATE").numerics() == ["461"]
    assert client.send("AUTHENTICATE PLAIN", "NICK ann2", "CAP END").numerics()[:2] == ["906", "001"]


def test_without_accounts_there_is_no_sasl() -> None:
    assert World().connect().send("AUTHENTICATE PLAIN").numerics() == ["908", "904"]


def test_registration_waits_for_the_answer_of_the_store() -> None:
    client = begin(run_calls=False)
    client.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {encode(b'%cann%csesame' % (0, 0))}", "CAP END")
    client.lines()
    (call,) = client.calls
    assert client.session.user is None
    client.world.answer(client, call)
    assert client.numerics()[:3] == ["900", "903", "001"]


def test_a_store_that_fails_is_a_failure_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    client = begin(run_calls=False).send("CAP REQ :standard-replies")
    client.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {encode(b'%cann%csesame' % (0, 0))}").lines()
    (call,) = client.calls
    client.world.carry_out(client, client.session.failed(call, Unavailable("database is locked"), 0.0))
    assert client.lines() == [
        ":irc.example.org NOTE AUTHENTICATE TEMPORARILY_UNAVAILABLE"
        " :Accounts can't be reached now, please try again later",
        ":irc.example.org 904 ann :SASL authentication failed",
    ]
    assert [record.getMessage() for record in caplog.records] == [
        "accounts can't be reached: database is locked"
    ]
    assert client.send("AUTHENTICATE PLAIN").lines() == ["AUTHENTICATE +"]


def test_logging_in_again_tells_the_others() -> None:
    """account-notify and account-tag."""
    world = World(ACCOUNTS)
    ann, bob = world.together("ann", "bob", caps=["account-notify", "account-tag"])
    assert plain(ann, b"\0ann\0sesame") == ["900", "903"]
    ann.send("PRIVMSG #tea :hi")
    assert bob.lines() == [
        "@account=Ann :ann!ann@192.0.2.1 ACCOUNT Ann",
        "@account=Ann :ann!ann@192.0.2.1 PRIVMSG #tea :hi",
    ]


def test_connections_of_one_account_share_its_nick() -> None:
    """chat.md: "several connections of one account may share its nick, each gets the messages"."""
    world = World(ACCOUNTS)
    clients = []
    for _ in range(2):
        client = world.connect().send("CAP REQ :sasl")
        client.lines()
        plain(client, b"\0ann\0sesame")
        client.send("NICK ann", "USER ann 0 * :Ann", "CAP END")
        clients.append(client)
        if client is clients[0]:
            client.send("JOIN #tea")
            client.lines()
    first, second = clients
    lines = second.lines()
    assert lines[-3:] == [
        ":ann!ann@192.0.2.1 JOIN #tea",
        ":irc.example.org 353 ann = #tea :@ann",
        ":irc.example.org 366 ann #tea :End of /NAMES list",
    ]
    bob = world.register("bob")
    bob.send("PRIVMSG ann :hi")
    assert first.lines() == second.lines() == [":bob!bob@192.0.2.1 PRIVMSG ann :hi"]
    first.send("PRIVMSG bob :ho", "JOIN #more")
    assert bob.lines() == [":ann!ann@192.0.2.1 PRIVMSG bob :ho"]
    assert [line.split(" ")[1] for line in second.lines()] == ["PRIVMSG", "JOIN", "353", "366"]
    first.send("QUIT")
    assert second.lines() == []
    assert world.server.network.nicks["ann"].sessions.keys() == {second.session.name}


# -- SCRAM -----------------------------------------------------------------------------

# RFC 7677 §3: the example exchange of SCRAM-SHA-256.
SALT = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO" + NONCE.encode() + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
FINAL = b"c=biws,r=rOprNGfwEbeRWgbNEkqO" + NONCE.encode() + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
KEYS = make_keys("user", "pencil", SALT, 4096)


def scram() -> Scram:
    return Scram(ACCOUNTS, NONCE, b"secret", 4096)


def test_the_example_of_rfc_7677() -> None:
    exchange = scram()
    ask = exchange.step(FIRST)
    assert isinstance(ask, Ask)
    assert ask.arguments == ("user",)
    assert exchange.answered(KEYS) == Challenge(SERVER_FIRST)
    assert exchange.step(FINAL) == Challenge(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    assert exchange.step(b"") == Success(Account("user"))


@pytest.mark.parametrize(
    "final",
    [
        FINAL.replace(b"p=d", b"p=e"),
        FINAL.replace(b"c=biws", b"c=eSws"),
        FINAL.replace(b"r=rO", b"r=xO"),
        FINAL.replace(b",p=", b",q="),
        b"",
        b"\xff",
        b"c=biws,p=",
        FINAL[:-1],
    ],
)
def test_a_proof_that_is_wrong(final: bytes) -> None:
    exchange = scram()
    exchange.step(FIRST)
    exchange.answered(KEYS)
    assert exchange.step(final) == FAILURE


@pytest.mark.parametrize(
    "first",
    [
        b"p=tls-unique,,n=user,r=abc",
        b"n,a=other,n=user,r=abc",
        b"n,,m=ext,n=user,r=abc",
        b"n,,n=,r=abc",
        b"n,,n=user,r=",
        b"n,,n=us=er,r=abc",
        b"n,,n=user",
        b"n",
        b"",
        b"\xff\xfe",
        b"x,,n=user,r=abc",
    ],
)
def test_a_beginning_that_is_wrong(first: bytes) -> None:
    """chat.md: "SCRAM with channel-binding flag refused cleanly"."""
    exchange = scram()
    assert exchange.step(first) == FAILURE


def test_who_is_not_there_looks_like_somebody() -> None:
    """The salt of a name that nobody has stays the same, however it is cased, and so do the iterations."""
    challenges = set()
    for name in (b"user", b"USER", b"user"):
        exchange = Scram(ACCOUNTS, NONCE, b"secret", 5000)
        exchange.step(FIRST.replace(b"user", name))
        challenge = exchange.answered(None)
        assert isinstance(challenge, Challenge)
        challenges.add(challenge.data)
        assert challenge.data.endswith(b",i=5000")
        assert exchange.step(FINAL) == FAILURE
    assert len(challenges) == 1


def test_nobody_cant_be_proved_to_be() -> None:
    """Not even by who finds out what the made-up keys are."""
    exchange = scram()
    exchange.step(FIRST)
    exchange.answered(KEYS)
    exchange._known = False
    assert exchange.step(FINAL) == FAILURE


def test_plain_is_not_asked_before_it_makes_sense() -> None:
    assert Plain(ACCOUNTS, "", b"", 4096).step(b"\0\0") == FAILURE


def test_scram_logs_in_through_the_wire() -> None:
    client = begin()
    client.send("AUTHENTICATE SCRAM-SHA-256", f"AUTHENTICATE {encode(b'n,,n=ann,r=abc')}")
    server_first = base64.b64decode(client.lines()[-1].split(" ")[1]).decode()
    parts = dict(one.split("=", 1) for one in server_first.split(","))
    assert parts["r"].startswith("abc")
    keys: Keys | None = ACCOUNTS.keys("ann")
    assert keys is not None
    salted = hashlib.pbkdf2_hmac("sha256", b"sesame", base64.b64decode(parts["s"]), int(parts["i"]))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    without = f"c=biws,r={parts['r']}"
    message = f"n=ann,r=abc,{server_first},{without}".encode()
    signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    client.send(f"AUTHENTICATE {encode(without.encode() + b',p=' + base64.b64encode(proof))}")
    (answer,) = client.lines()
    assert base64.b64decode(answer.split(" ")[1]).startswith(b"v=")
    assert client.send("AUTHENTICATE +").numerics() == ["900", "903"]


# -- operators' passwords --------------------------------------------------------------


def test_a_secret_is_plain_or_hashed() -> None:
    """PHC string format."""
    made = hashlib.scrypt(b"sesame", salt=b"salt", n=1 << 4, r=8, p=1, dklen=16)
    salt, hashed = encode(b"salt").rstrip("="), encode(made).rstrip("=")
    secret = f"$scrypt$ln=4,r=8,p=1${salt}${hashed}"
    assert verify(secret, "sesame")
    assert not verify(secret, "other")
    assert verify("plain", "plain")
    assert not verify("plain", "other")
    for broken in ("$", "$scrypt$$$", "$scrypt$ln=x$a$b", "$scrypt$ln=99,r=8,p=1$YQ$YQ", "$argon2$a=1$a$b"):
        assert not verify(broken, "sesame")
