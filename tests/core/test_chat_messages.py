"""Messages and labels, through whole sessions."""

from __future__ import annotations

from protocols.chat.settings import ChatLimits, Oper
from protocols.session import To
from tests.core.chat import World

TIME = "time=2001-09-09T01:46:40.250Z"


def test_a_line_is_built_once_for_each_set_of_capabilities() -> None:
    """Design §4: one order for all who read the same bytes."""
    world = World()
    ann, *others = world.together(*(f"n{at}" for at in range(9)))
    for client in others[:3]:
        client.send("CAP REQ :server-time message-tags").lines()
    for client in others[3:5]:
        client.send("CAP REQ :server-time").lines()
    orders = ann.session.received(b"PRIVMSG #tea :hi\r\n", 0.0)
    assert all(isinstance(order, To) for order in orders)
    by_line = {order.orders[0]: list(order.sessions) for order in orders if isinstance(order, To)}
    assert {len(sessions) for sessions in by_line.values()} == {2, 3}
    assert len(by_line) == len(orders) == 3
    again = ann.session.received(b"PRIVMSG #tea :ho\r\n", 0.0)
    assert [order.sessions for order in again if isinstance(order, To)] == list(by_line.values())


def test_who_has_no_tags_gets_none() -> None:
    world = World()
    ann, bob, cyd = world.together("ann", "bob", "cyd")
    ann.send("CAP REQ :message-tags echo-message server-time")
    bob.send("CAP REQ :message-tags")
    ann.lines(), bob.lines()
    ann.send(
        "@+draft/reply=1;secret=2;+x=a\\sb PRIVMSG #tea :hi", "@+typing=active TAGMSG #tea", "TAGMSG #tea"
    )
    assert cyd.lines() == [":ann!ann@192.0.2.1 PRIVMSG #tea :hi"]
    said, tagged = bob.lines()
    tags = "+draft/reply=1;+x=a\\sb"
    msgid = said.split(";")[0]
    assert said == f"{msgid};{tags} :ann!ann@192.0.2.1 PRIVMSG #tea :hi"
    assert tagged.endswith("+typing=active :ann!ann@192.0.2.1 TAGMSG #tea")
    echo, tagged_echo = ann.lines()
    # The same msgid for who said it and who hears it (message-ids).
    assert echo == f"@{TIME};{msgid[1:]};{tags} :ann!ann@192.0.2.1 PRIVMSG #tea :hi"
    assert tagged_echo.startswith(f"@{TIME};msgid=")


def test_each_target_is_answered_by_itself() -> None:
    world = World(limits=ChatLimits(targets=3))
    ann, bob = world.together("ann", "bob")
    assert ann.send("PRIVMSG", "PRIVMSG bob", "PRIVMSG bob :", "TAGMSG").numerics() == [
        "411",
        "412",
        "412",
        "411",
    ]
    assert ann.send("NOTICE", "NOTICE bob", "NOTICE nobody :x").lines() == []
    assert ann.send("PRIVMSG nobody,bob,#tea,x,bob :hi").numerics() == ["407", "401"]
    assert [line.split(" ")[2] for line in bob.lines()] == ["bob", "#tea"]


def test_a_target_named_twice_is_told_once_and_none_at_all_is_refused() -> None:
    ann, bob = World().together("ann", "bob")
    ann.send("PRIVMSG bob,BOB,#tea,#TEA :hi")
    assert [line.split(" ")[2] for line in bob.lines()] == ["bob", "#tea"]
    assert ann.send("PRIVMSG , :hi", "NOTICE , :hi").numerics() == ["411"]


def test_a_labeled_message_to_oneself_has_the_label_once() -> None:
    """labeled-response: the copy that arrives is nobody's answer; the echo is."""
    caps = ["labeled-response", "batch", "message-tags"]
    ann = World().register("ann", *caps)
    copy, answer = ann.send("@label=1 PRIVMSG ann :hi").lines()
    assert "label" not in copy
    assert answer == "@label=1 :irc.example.org ACK"
    ann.send("CAP REQ :echo-message").lines()
    copy, echo = ann.send("@label=2 PRIVMSG ann :hi").lines()
    assert copy.startswith("@msgid=")
    assert echo == copy.replace("@", "@label=2;", 1)


def test_a_message_to_oneself_comes_once_and_echoes_once() -> None:
    ann = World().register("ann")
    assert len(ann.send("PRIVMSG ann :hi").lines()) == 1
    ann.send("CAP REQ :echo-message").lines()
    assert len(ann.send("PRIVMSG ann :hi").lines()) == 2


def test_a_status_message_reaches_the_rank_alone() -> None:
    ann, bob, cyd = World().together("ann", "bob", "cyd")
    ann.send("MODE #tea +v bob").lines()
    bob.lines(), cyd.lines()
    cyd.send("PRIVMSG @#tea :ops", "PRIVMSG +#tea :voices")
    assert len(ann.lines()) == 2
    assert bob.lines() == [":cyd!cyd@192.0.2.1 PRIVMSG +#tea :voices"]


def test_a_long_line_is_cut_between_characters() -> None:
    ann, bob = World().together("ann", "bob")
    ann.send_bytes("PRIVMSG #tea :{}\r\n".format("\U0001f375" * 124).encode())
    (data,) = bob.data.split(b"\r\n")[:1]
    assert 505 < len(data) <= 510
    data.decode()


# -- labels ----------------------------------------------------------------------------


def test_a_labeled_command_is_answered_with_one_label() -> None:
    """labeled-response: one line, several in a batch, or ACK for none."""
    world = World()
    ann = world.register("ann", "labeled-response", "batch")
    assert ann.send("@label=a PING x").lines() == ["@label=a :irc.example.org PONG irc.example.org :x"]
    assert ann.send("@label=b PONG x").lines() == ["@label=b :irc.example.org ACK"]
    assert ann.send("@label=c\\: NOTHING").lines() == [
        "@label=c\\: :irc.example.org 421 ann NOTHING :Unknown command"
    ]
    lines = ann.send("@label=d MODE #x", "@label=e JOIN #c").lines()
    assert lines[0] == "@label=d :irc.example.org 403 ann #x :No such channel"
    start = lines[1].split(" ")
    assert start[0] == "@label=e"
    reference = start[3][1:]
    assert lines[1] == f"@label=e :irc.example.org BATCH +{reference} labeled-response"
    assert lines[-1] == f":irc.example.org BATCH -{reference}"
    assert [line.split(" ")[2] for line in lines[2:-1]] == ["JOIN", "353", "366"]
    assert all(line.startswith(f"@batch={reference} ") for line in lines[2:-1])


def test_others_never_see_a_label() -> None:
    world = World()
    ann, bob = world.together(
        "ann", "bob", caps=["labeled-response", "batch", "echo-message", "message-tags"]
    )
    ann.send("@label=x PRIVMSG #tea :hi")
    assert "label" not in bob.lines()[0]
    (echo,) = ann.lines()
    assert echo.startswith("@label=x;msgid=")
    ann.send("@label=y QUIT")
    assert ann.lines() == ["ERROR :Closing Link: 192.0.2.1 (Quit)"]


def test_a_label_without_the_capability_is_no_label() -> None:
    ann = World().register("ann", "batch")
    assert ann.send("@label=a PING x").lines() == [":irc.example.org PONG irc.example.org :x"]


def test_a_label_waits_for_a_slow_answer() -> None:
    world = World(run_calls=False, oper=(Oper(name="admin", password="sesame"),))
    ann = world.register("ann", "labeled-response", "batch")
    ann.send("@label=a OPER admin sesame", "PING x")
    assert ann.lines() == []
    world.answer(ann, ann.calls.pop())
    lines = ann.lines()
    assert lines[0].startswith("@label=a :irc.example.org BATCH +")
    assert [line.split(" ")[2] for line in lines[1:3]] == ["381", "MODE"]
    assert lines[3].startswith(":irc.example.org BATCH -")
    assert lines[-1].endswith("PONG irc.example.org :x")
