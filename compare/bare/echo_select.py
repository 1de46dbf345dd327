"""Echo with select(): each call names every socket, and no descriptor may reach 1,024."""

import select
import socket
import sys

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
readers = {listener}
owed: dict[socket.socket, bytes] = {}
while True:
    readable, writable, _failed = select.select(readers, owed, [])
    for sock in readable + writable:
        if sock is listener:
            client, _address = listener.accept()
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            readers.add(client)
            continue
        try:
            data = owed.pop(sock, b"") or sock.recv(65536)
            if unsent := data[sock.send(data) :] if data else b"":
                owed[sock] = unsent
        except OSError:
            data = unsent = b""
        if not data:
            readers.discard(sock)
            sock.close()
        elif unsent or sock not in readers:
            (readers.discard if unsent else readers.add)(sock)
