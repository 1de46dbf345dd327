"""The cheapest server there is, to see how fast the generator can go.

`null.py PORT tcp|udp REQUEST_BYTES REPLY_BYTES`: answers each REQUEST_BYTES with as many zero
bytes as told, without looking at the request.  Not a contender: it is no echo.
"""

import select
import socket
import sys

LIMIT = 32_768
"""Bytes of a request that arrive as one event: so they need counting only if there are more."""

port, kind, request, reply = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
answer = bytes(reply)


def udp() -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", port))
    byte = bytearray(1)
    while True:  # the kernel drops the rest of a datagram that is read into one byte
        _count, address = sock.recvfrom_into(byte)
        sock.sendto(answer, address)


def tcp() -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    epoll = select.epoll()
    epoll.register(listener, select.EPOLLIN)
    sink = bytearray(1 << 20)
    clients: dict[int, socket.socket] = {}
    unread: dict[int, int] = {}
    # Edge-triggered, an event says that a request came: it can be answered unread, and the
    # bytes dropped (MSG_TRUNC, tcp(7)) some time later, many requests at once.
    every = max(1, 65_536 // request) if request <= LIMIT else 1
    while True:
        for fd, _event in epoll.poll():
            if fd not in clients:
                client, _address = listener.accept()
                client.setblocking(False)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                clients[client.fileno()] = client
                unread[client.fileno()] = 0
                mode = select.EPOLLET if request <= LIMIT else 0
                epoll.register(client, select.EPOLLIN | select.EPOLLRDHUP | mode)
                continue
            try:
                if request <= LIMIT:
                    if _event & select.EPOLLRDHUP:
                        raise ConnectionResetError
                    unread[fd] += 1
                    if unread[fd] == every:
                        unread[fd] = 0
                        clients[fd].recv_into(sink, len(sink), socket.MSG_TRUNC)
                    clients[fd].send(answer)
                    continue
                count = clients[fd].recv_into(sink, len(sink), socket.MSG_TRUNC)
                if not count:
                    raise ConnectionResetError
                unread[fd] += count
                if unread[fd] >= request:
                    unread[fd] -= request
                    clients[fd].setblocking(True)
                    clients[fd].sendall(answer)
                    clients[fd].setblocking(False)
            except OSError:
                clients.pop(fd).close()


udp() if kind == "udp" else tcp()
