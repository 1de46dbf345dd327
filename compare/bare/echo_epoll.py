"""Echo in a bare level-triggered epoll loop: the floor of what Python itself costs."""

import select
import socket
import sys

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
epoll = select.epoll()
epoll.register(listener, select.EPOLLIN)
clients: dict[int, socket.socket] = {}
owed: dict[int, bytes] = {}
while True:
    for fd, event in epoll.poll():
        if fd not in clients:
            client, _address = listener.accept()
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            clients[client.fileno()] = client
            epoll.register(client, select.EPOLLIN)
            continue
        try:
            data = owed.pop(fd) if fd in owed else clients[fd].recv(65536)
            sent = clients[fd].send(data) if data else 0
        except OSError:
            data = b""
        if not data:
            clients.pop(fd).close()
        elif sent < len(data) or event & select.EPOLLOUT:
            owed.update({fd: data[sent:]} if sent < len(data) else {})
            epoll.modify(fd, select.EPOLLOUT if fd in owed else select.EPOLLIN)
