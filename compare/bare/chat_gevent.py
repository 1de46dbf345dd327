"""A channel of IRC, after the chat servers in gevent's examples: a queue for each client, and its writer."""
# mypy: ignore-errors

import socket
import sys
from collections import defaultdict
from typing import Any

import gevent
from gevent.queue import Queue
from gevent.server import StreamServer

channels = defaultdict(set)


def write(sock: Any, queue: Queue) -> None:
    for line in queue:
        sock.sendall(line + b"\r\n")


def chat(sock: Any, address: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    queue, nick = Queue(), b"*"
    writer = gevent.spawn(write, sock, queue)
    try:
        for line in sock.makefile("rb", 65536):
            command, _, rest = line.rstrip(b"\r\n").partition(b" ")
            if command == b"PRIVMSG":
                message = b":%b!user@host PRIVMSG %b" % (nick, rest)
                for member in channels[rest.partition(b" ")[0]] - {queue}:
                    member.put(message)
            elif command == b"NICK":
                nick = rest
            elif command == b"USER":
                queue.put(b":chat 001 %b :Welcome\r\n:chat 422 %b :No message" % (nick, nick))
            elif command == b"JOIN":
                channels[rest].add(queue)
                for member in channels[rest]:
                    member.put(b":%b!user@host JOIN %b" % (nick, rest))
            elif command == b"PING":
                queue.put(b":chat PONG chat %b" % rest)
            elif command == b"QUIT":
                break
    except OSError:
        pass  # the client is gone
    finally:
        for members in channels.values():
            members.discard(queue)
        writer.kill()


StreamServer(("127.0.0.1", int(sys.argv[1])), chat).serve_forever()
