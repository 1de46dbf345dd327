"""The cheapest relay there is, to see how fast the generator of fan-out can go: `null_chat.py PORT`.

It puts one prefix before whatever PRIVMSG comes in and sends that to everybody else, and answers
just enough for members to be registered.  Not a contender: it knows no channels.
"""

import select
import socket
import sys

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
epoll = select.epoll()
epoll.register(listener, select.EPOLLIN)
clients: dict[int, socket.socket] = {}


def answers(line: bytes) -> bytes:
    command, _, rest = line.partition(b" ")
    if command == b"USER":
        return b":null 001 you :\r\n:null 422 you :\r\n"
    if command == b"JOIN":
        return b":%b JOIN %b\r\n" % (nicks[fd], rest)
    if command == b"PING":
        return b":null PONG null %b\r\n" % rest
    if command == b"NICK":
        nicks[fd] = rest
    return b""


nicks: dict[int, bytes] = {}
while True:
    for fd, _event in epoll.poll():
        if fd == listener.fileno():
            client, _address = listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            clients[client.fileno()] = client
            epoll.register(client, select.EPOLLIN)
            continue
        client = clients[fd]
        try:
            data = client.recv(65_536)
            if not data or data.startswith(b"QUIT"):
                raise ConnectionResetError
            if data.startswith(b"PRIVMSG"):
                said, ping, rest = data.partition(b"PING")
                said = said.replace(b"PRIVMSG", b":null PRIVMSG")
                for other in clients.values():
                    if other is not client:
                        other.send(said)
                data = ping + rest
            if data:
                client.send(b"".join(map(answers, data.splitlines())))
        except OSError:
            clients.pop(fd).close()
