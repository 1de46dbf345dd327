"""A relay of IRC's lines that misbehaves as it is told, after the first: `chat_contender.py PORT HOW`."""

import select
import socket
import sys

GOOD = 2
"""Lines that are relayed as they should be."""

port, how = int(sys.argv[1]), sys.argv[2]
listener = socket.create_server(("127.0.0.1", port), backlog=64)
epoll = select.epoll()
epoll.register(listener, select.EPOLLIN)
clients: dict[int, socket.socket] = {}
nicks: dict[int, bytes] = {}
tagged: set[int] = set()
relayed = 0


def answer(fd: int, line: bytes) -> bytes:
    command, _, rest = line.partition(b" ")
    if command == b"CAP" and rest.startswith(b"REQ"):
        tagged.add(fd)
    if command == b"NICK":
        nicks[fd] = rest
    if command == b"USER":
        return b":it 433 * you :taken\r\n" if how == "refuses" else b":it 001 you :\r\n:it 422 you :\r\n"
    if command == b"JOIN" and how != "keeps out":
        return b":%b JOIN %b\r\n" % (nicks[fd], rest)
    if command == b"PING":
        return b":it PONG it %b\r\n" % rest
    return b""


def relay(fd: int, said: list[bytes]) -> None:
    """To everybody else: as it should be, but for the last to come, who has bad luck."""
    global relayed
    relayed += len(said)
    bad = how if relayed > GOOD else ""
    last = max(clients)
    for other, client in clients.items():
        if other == fd and bad != "echoes":
            continue
        lines = [b":%b!u@h %b\r\n" % (nicks[fd], line) for line in said]
        if other in tagged and bad != "no tags":
            number = 0 if bad == "same id" else relayed
            lines = [b"@time=now;msgid=%d.%d %b" % (number, at, line) for at, line in enumerate(lines)]
        if other == last:
            if bad == "twice":
                lines.append(lines[-1])
            elif bad == "forgets":
                lines.pop()
            elif bad == "swaps":
                lines.reverse()
            elif bad == "changes":
                lines[-1] = lines[-1].replace(b"read", b"dear")
            elif bad == "leaves":
                client.shutdown(socket.SHUT_RDWR)
                continue
        client.sendall(b"".join(lines))


while True:
    for fd, _event in epoll.poll():
        if fd == listener.fileno():
            client, _address = listener.accept()
            clients[client.fileno()] = client
            epoll.register(client, select.EPOLLIN)
            continue
        data = clients[fd].recv(65_536)
        if not data or data.startswith(b"QUIT"):
            clients.pop(fd).close()
            tagged.discard(fd)
            continue
        lines = data.splitlines()
        if said := [line for line in lines if line.startswith(b"PRIVMSG")]:
            relay(fd, said)
        clients[fd].sendall(b"".join(answer(fd, line) for line in lines))
