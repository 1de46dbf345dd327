"""Messages of several lines: limits, time and price; tests/transcripts/chat_multiline.txt has the rest."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.chat.caps import MULTILINE
from protocols.chat.commands.batch import OPEN
from protocols.chat.network.multiline import Multiline
from protocols.chat.settings import ChatFlood, ChatLimits
from tests.core.chat import Client, World

CAPS = ("draft/multiline", "batch")
LIMITS = ChatLimits(multiline_bytes=512, multiline_lines=4)


def two(**settings: object) -> tuple[World, Client, Client]:
    world = World(limits=LIMITS, **settings)
    ann, bob = world.together("ann", "bob", caps=CAPS)
    return world, ann, bob


def send(client: Client, *texts: str, reference: str = "1") -> list[str]:
    client.send(f"BATCH +{reference} draft/multiline #tea")
    client.send(*(f"@batch={reference} PRIVMSG #tea :{text}" for text in texts), f"BATCH -{reference}")
    return client.lines()


@pytest.mark.parametrize(
    ("texts", "answer"),
    [
        (["x"] * 4, ""),
        (["x"] * 5, "FAIL BATCH MULTILINE_MAX_LINES 4 :"),
        (["x" * 255, "x" * 256], ""),
        (["x" * 256, "x" * 256], "FAIL BATCH MULTILINE_MAX_BYTES 512 :"),
    ],
)
def test_a_batch_has_as_many_lines_and_bytes_as_the_capability_says(texts: list[str], answer: str) -> None:
    """draft/multiline: "Each line feed used to join line messages contributes one byte"."""
    world, ann, bob = two()
    said = send(ann, *texts)
    assert len(said) == bool(answer)
    assert not answer or said[0].partition(" ")[2].startswith(answer)
    assert len(bob.lines()) == (0 if answer else len(texts) + 2)
    assert "draft/multiline=max-bytes=512,max-lines=4" in world.server.offer.listed(302)


def test_a_batch_that_is_left_open_times_out() -> None:
    """ "TIMEOUT <reference-tag>: the batch was left open for too long, all past and future messages in this
    batch will be ignored."."""
    world, ann, bob = two()
    ann.send("BATCH +9 draft/multiline #tea", "@batch=9 PRIVMSG #tea :one")
    world.pass_time(OPEN - 1)
    ann.send("@batch=9 PRIVMSG #tea :two")
    world.pass_time(OPEN - 1)
    assert ann.lines() == []
    world.pass_time(1)
    assert ann.lines()[0].startswith(":irc.example.org FAIL BATCH TIMEOUT 9 :")
    ann.send("@batch=9 PRIVMSG #tea :three", "BATCH -9")
    assert (ann.lines(), bob.lines()) == ([], [])
    assert len(send(ann, "four") + bob.lines()) == 3


def test_lines_of_a_batch_cost_less_than_as_many_messages() -> None:
    _, ann, _ = two(flood=ChatFlood(burst=40, rate=0.001))
    bucket = ann.session._bucket
    before = bucket.tokens
    send(ann, "a", "b", "c", "d")
    assert bucket.tokens == pytest.approx(before - 2 - 4 * 0.25, abs=0.01)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.sampled_from(
            ["BATCH +a draft/multiline #tea", "BATCH +b draft/multiline #tea", "BATCH -a", "BATCH -b",
             "@batch=a PRIVMSG #tea :x", "@batch=b PRIVMSG #tea :y",
             "@batch=a;draft/multiline-concat PRIVMSG #tea :z",
             "@batch=a PRIVMSG #tea :", "@batch=a NOTICE #tea :n", "PRIVMSG #tea :plain", "BATCH",
             "BATCH +", "@batch=a JOIN #b", "@label=q BATCH +a draft/multiline #tea",
             "CAP REQ -draft/multiline", "PING x"]
        )
    )
)  # fmt: skip
def test_any_lines_leave_what_is_heard_whole(lines: list[str]) -> None:
    """Whatever is wrong with a batch, others hear whole ones, and each label is answered once."""
    world = World()
    ann, bob = world.together("ann", "bob", caps=(*CAPS, "labeled-response", "message-tags"))
    ann.send(*lines, "BATCH -a", "BATCH -b")
    open_now = ""
    for line in bob.lines():
        words = line.split(" ")
        command = words.index("BATCH") if "BATCH" in words else 0
        if command:
            sign, reference = words[command + 1][0], words[command + 1][1:]
            assert (sign == "+") is not bool(open_now)
            open_now = reference if sign == "+" else ""
        else:
            assert not open_now or f"batch={open_now}" in words[0]
            assert " :n" not in line
    assert not open_now
    assert sum("label=q" in line for line in ann.lines()) <= sum("label=q" in line for line in lines)


PIECES = st.lists(
    st.tuples(
        st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=9),
        st.booleans(),
    ),
    min_size=1,
)


@given(PIECES)
def test_both_forms_have_the_same_words(pieces: list[tuple[str, bool]]) -> None:
    line = Multiline(":a PRIVMSG #tea :", tuple(pieces), 0.0, None, "id")
    batch = line.build(MULTILINE).decode().split("\r\n")[:-1]
    assert [one.partition(" :")[2].partition(" :")[2] for one in batch[1:-1]] == [text for text, _ in pieces]
    separate = line.build(0).decode().split("\r\n")[:-1]
    assert [one.partition(" :")[2] for one in separate] == [text for text, _ in pieces if text]
