"""History: what is kept, and who may see it; tests/transcripts/chat_history.txt has the rest."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.chat.commands.history import read_time
from protocols.chat.network.deliveries import stamp
from protocols.chat.network.events import SetAccount
from protocols.chat.settings import ChatHistory
from tests.core.chat import Client, World

CAPS = ("message-tags", "draft/chathistory", "draft/message-redaction")


def log_in(world: World, client: Client, account: str) -> None:
    """Be logged in, as after SASL."""
    world.server.network.apply(SetAccount(client.session.name, world.host.wall(), account))


def told(client: Client, target: str) -> list[str]:
    """The last words of what is told, or the code of the refusal."""
    lines = client.send(f"CHATHISTORY LATEST {target} * 50").lines()
    return [line.split(" ")[3] if " FAIL " in line else line.rpartition(":")[2] for line in lines]


def test_a_strangers_nick_opens_no_conversation() -> None:
    """ "Secure identification of users and clients MUST exist in order to ensure that users cannot obtain
    history they are not authorised to view"."""
    world = World()
    ann, bob = world.register("ann", *CAPS), world.register("bob", *CAPS)
    log_in(world, ann, "ann")
    bob.send("PRIVMSG ann :psst")
    ann.send("PRIVMSG bob :what").lines()
    ann.lines()
    assert told(ann, "bob") == ["psst", "what"]
    bob.lines()
    assert told(bob, "ann") == ["INVALID_TARGET"]
    bob.send("QUIT")
    eve = world.register("bob", *CAPS)
    assert told(eve, "ann") == ["INVALID_TARGET"]
    log_in(world, eve, "bob")
    assert told(eve, "ann") == []
    assert told(ann, "bob") == ["psst", "what"]


def test_what_guests_say_to_each_other_is_not_kept() -> None:
    world = World()
    ann, bob = world.register("ann", *CAPS), world.register("bob", *CAPS)
    bob.send("PRIVMSG ann :psst")
    log_in(world, ann, "ann")
    ann.lines()
    assert told(ann, "bob") == []


def test_a_conversation_goes_on_under_another_nick() -> None:
    """ "The server SHOULD attempt to include history involving other nicknames"."""
    world = World()
    ann, bob = world.register("ann", *CAPS), world.register("bob", *CAPS)
    log_in(world, ann, "ann")
    log_in(world, bob, "robert")
    ann.send("PRIVMSG bob :one")
    bob.send("NICK bobby", "PRIVMSG ann :two", "QUIT")
    ann.lines()
    assert told(ann, "bobby") == ["one", "two"]


def test_what_only_some_heard_is_not_kept() -> None:
    world = World()
    ann, bob = world.together("ann", "bob", caps=CAPS)
    ann.send("PRIVMSG @#tea :operators", "MODE #tea +U")
    bob.send("PRIVMSG #tea :to operators alone", "PRIVMSG #tea :\x01VERSION\x01")
    ann.send("PRIVMSG #tea :to all", "PRIVMSG #tea :\x01ACTION waves\x01")
    bob.lines()
    assert told(bob, "#tea") == ["to all", "\x01ACTION waves\x01"]


@pytest.mark.parametrize("mode", ["+i", "+s", "+k key"])
def test_who_makes_a_channel_anew_is_not_told_what_was_said_behind_closed_doors(mode: str) -> None:
    world = World()
    (ann,) = world.together("ann", caps=CAPS)
    ann.send("PRIVMSG #tea :open", f"MODE #tea {mode}", "PRIVMSG #tea :closed").lines()
    assert told(ann, "#tea") == ["open", "closed"]
    world.host.now += 1
    ann.send("PART #tea")
    (eve,) = world.together("eve", caps=CAPS)
    assert told(eve, "#tea") == ["open"]


def test_what_happened_is_told_to_who_asked_for_it() -> None:
    """draft/event-playback."""
    world = World()
    ann, bob = world.together("ann", "bob", caps=(*CAPS, "draft/event-playback"))
    ann.send("TOPIC #tea :green", "MODE #tea +v bob", "PRIVMSG #tea :hi")
    bob.send("NICK rob", "PART #tea :later", "JOIN #tea", "QUIT :gone")
    ann.lines()
    lines = ann.send("CHATHISTORY LATEST #tea * 50").lines()
    said = [line.partition(" ")[2].split(" ", 1)[1] for line in lines]
    assert said == [
        "JOIN #tea", "JOIN #tea", "TOPIC #tea :green", "MODE #tea +v bob", "PRIVMSG #tea :hi", "NICK rob",
        "PART #tea :later", "JOIN #tea", "QUIT :gone",
    ]  # fmt: skip
    ids = [line.split("msgid=")[1].split(" ")[0] for line in lines]
    assert len(set(ids)) == len(ids)


def test_after_a_while_authors_may_not_redact() -> None:
    world = World(history=ChatHistory(redact_seconds=60))
    ann, bob = world.together("ann", "bob", caps=(*CAPS, "echo-message"))
    (line,) = bob.send("PRIVMSG #tea :slip").lines()
    msgid = line.split("msgid=")[1].split(" ")[0]
    world.host.now += 61
    (answer,) = bob.send(f"REDACT #tea {msgid}").lines()
    assert f" FAIL REDACT REDACT_WINDOW_EXPIRED #tea {msgid} 60 :" in answer
    ann.lines()
    assert ann.send(f"REDACT #tea {msgid}").lines()[0].endswith(f" REDACT #tea {msgid}")


def slip(client: Client, target: str) -> str:
    """Say something to somebody; its id, by one's own echo."""
    (line,) = [line for line in client.send(f"PRIVMSG {target} :slip").lines() if "PRIVMSG" in line]
    return line.split("msgid=")[1].split(" ")[0]


def redactions(client: Client) -> list[str]:
    """What it is told of messages that are withdrawn."""
    return [" ".join(line.split(" ")[2:5]) for line in client.lines() if " REDACT " in line]


def test_a_redaction_is_told_to_whom_the_message_was_said_and_to_nobody_else() -> None:
    """draft/message-redaction: who has the nick by now may be somebody else."""
    world = World()
    ann, bob = world.register("ann", *CAPS, "echo-message"), world.register("bob", *CAPS)
    log_in(world, ann, "ann")
    first, second = slip(ann, "bob"), slip(ann, "bob")
    world.host.now += 1
    ann.send(f"REDACT bob {first}")
    assert redactions(bob) == [f"REDACT bob {first}"]
    bob.send("NICK robert")
    eve = world.register("bob", *CAPS)
    ann.lines()
    assert redactions(ann.send(f"REDACT bob {second}")) == [f"REDACT bob {second}"]
    assert redactions(eve) == redactions(bob) == []


def test_a_redaction_is_told_to_the_account_that_the_message_was_said_to() -> None:
    """Also when it has come back; not to a guest who has taken the nick meanwhile."""
    world = World()
    ann, bob = world.register("ann", *CAPS, "echo-message"), world.register("bob", *CAPS)
    log_in(world, ann, "ann")
    log_in(world, bob, "robert")
    first, second = slip(ann, "bob"), slip(ann, "bob")
    bob.send("QUIT")
    world.host.now += 1
    bob = world.register("bob", *CAPS)
    ann.lines()
    assert redactions(ann.send(f"REDACT bob {first}")) == [f"REDACT bob {first}"]
    assert redactions(bob) == []
    log_in(world, bob, "Robert")
    ann.send(f"REDACT bob {second}")
    assert redactions(bob) == [f"REDACT bob {second}"]


def test_a_redaction_is_not_told_to_who_has_the_account_of_somebody_who_was_removed() -> None:
    world = World()
    ann, bob = world.register("ann", *CAPS, "echo-message"), world.register("bob", *CAPS)
    log_in(world, ann, "ann")
    log_in(world, bob, "bob")
    msgid = slip(ann, "bob")
    assert world.server.history is not None
    world.server.history.forget_account("bob")
    bob.lines()
    assert redactions(ann.send(f"REDACT bob {msgid}")) == [f"REDACT bob {msgid}"]
    assert redactions(bob) == []


def test_who_was_sent_away_meanwhile_is_told_nothing() -> None:
    world = World(run_calls=False)
    ann, bob = world.together("ann", "bob", caps=CAPS)
    bob.send("CHATHISTORY LATEST #tea * 50")
    ann.send("KICK #tea bob", "PRIVMSG #tea :about bob").lines()
    bob.lines()
    world.answer(bob, bob.calls.pop())
    (line,) = bob.lines()
    assert " FAIL CHATHISTORY INVALID_TARGET LATEST #tea :" in line


def test_history_can_be_turned_off_and_on() -> None:
    world = World(history=ChatHistory(enabled=False))
    (ann,) = world.together("ann")
    ann.send("PRIVMSG #tea :unkept")
    assert told(ann, "#tea") == ["MESSAGE_ERROR"]
    assert not {"draft/chathistory", "draft/read-marker"} & set(world.server.offer.caps)
    assert ann.send("MARKREAD #tea").lines()[0].startswith(":irc.example.org FAIL MARKREAD INTERNAL_ERROR ")
    assert " FAIL REDACT UNKNOWN_MSGID #tea x :" in ann.send("REDACT #tea x").lines()[0]


@given(st.floats(0, 4e9))
def test_a_stamp_is_read_as_it_was_written(seconds: float) -> None:
    time = read_time(stamp(seconds))
    assert time is not None
    assert stamp(time / 1000) == stamp(seconds)


@given(st.text(max_size=30))
def test_no_timestamp_raises(text: str) -> None:
    read_time(text)


@pytest.mark.parametrize(
    "text", ["", "2001-01-01", "2001-13-01T00:00:00.000Z", "2001-01-01T00:00:00.000", "2001-01-01T25:00:00Z"]
)
def test_what_is_no_timestamp(text: str) -> None:
    assert read_time(text) is None


def test_settings_that_are_read_again_limit_what_is_kept() -> None:
    """REHASH and SIGHUP."""
    world = World()
    ann, bob = world.together("ann", "bob", caps=("batch", "draft/chathistory"))
    ann.send(*(f"PRIVMSG #tea :{at}" for at in range(5)))
    said = msgspec.structs.replace(world.server.settings, history=ChatHistory(channel_messages=2))
    world.server.reload(said)
    ann.send("PRIVMSG #tea :5")
    bob.lines()
    told = [line[-1] for line in bob.send("CHATHISTORY LATEST #tea * 9").lines() if "PRIVMSG" in line]
    assert told == ["4", "5"]
