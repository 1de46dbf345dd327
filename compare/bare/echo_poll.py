"""Echo with poll(): each call hands the whole set to the kernel, but it has no upper limit."""

import select
import socket
import sys

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
poll = select.poll()
poll.register(listener, select.POLLIN)
clients, owed = dict[int, socket.socket](), dict[int, bytes]()
while True:
    for fd, event in poll.poll():
        if fd not in clients:
            client, _address = listener.accept()
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            clients[client.fileno()] = client
            poll.register(client, select.POLLIN)
            continue
        try:
            data = owed.pop(fd) if fd in owed else clients[fd].recv(65536)
            sent = clients[fd].send(data) if data else 0
        except OSError:
            data = b""
        if not data:
            poll.unregister(fd)
            clients.pop(fd).close()
        elif sent < len(data) or event & select.POLLOUT:
            owed.update({fd: data[sent:]} if sent < len(data) else {})
            poll.modify(fd, select.POLLOUT if fd in owed else select.POLLIN)
