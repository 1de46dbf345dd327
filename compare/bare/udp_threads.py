"""UDP echo with socketserver.ThreadingUDPServer: a thread for each datagram."""

import socketserver
import sys


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data, sock = self.request
        sock.sendto(data, self.client_address)


class Server(socketserver.ThreadingUDPServer):
    max_packet_size = 65536
    daemon_threads = True


Server(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()
