"""A contender that misbehaves as it is told: `contender.py PORT HOW`."""

import os
import signal
import socket
import sys
import time

port, how = int(sys.argv[1]), sys.argv[2]


def serve() -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    while True:
        client, _ = listener.accept()
        if os.fork():
            client.close()
            continue
        listener.close()
        served = 0
        while data := client.recv(65536):
            if how == "starves" and served == len(data) == 1024:
                continue  # a ping: a flood's second message has more behind it
            served += len(data)
            if how == "dies" and served > 2_000_000:
                os.kill(os.getppid(), signal.SIGKILL)
                os._exit(3)
            wrong = how == "wrong" or (how == "turns" and served > 200_000)
            client.sendall(bytes(len(data)) if wrong else data)
        os._exit(0)


if how == "silent":
    while True:
        time.sleep(1)
if how == "leaves":
    sys.exit("this port is not to my liking")
if how == "stays":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
serve()
