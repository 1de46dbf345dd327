"""Echo with blocking sockets, one client after the other: no concurrency at all."""

import socket
import sys

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024)
while True:
    client, _address = listener.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with client:
        try:
            while data := client.recv(65536):
                client.sendall(data)
        except ConnectionError:
            pass  # this client is gone; the next may come
