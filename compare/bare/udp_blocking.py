"""UDP echo with a blocking socket: the floor."""

import socket
import sys

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    data, address = sock.recvfrom(65536)
    sock.sendto(data, address)
