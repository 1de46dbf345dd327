"""A contender that misbehaves as it is told: `contender.py PORT HOW`."""

import os
import signal
import socket
import sys
import time

port, how = int(sys.argv[1]), sys.argv[2]


def serve() -> None:
    listener = socket.create_server(("127.0.0.1", port), backlog=64)
    number = 0
    while True:
        client, _ = listener.accept()
        number += 1
        if os.fork():
            client.close()
            continue
        listener.close()
        served = 0
        while data := client.recv(65536):
            if how == "starves" and served:
                continue  # whatever comes after the first, which shows that it serves
            served += len(data)
            late = number > 30 and served > 20_000  # nobody opens as many before it is measured
            if (how == "dies" and served > 2_000_000) or (how == "falls" and late):
                os.kill(os.getppid(), signal.SIGKILL)
                os._exit(3)
            if how == "hushes" and late:
                time.sleep(3600)
            wrong = how == "wrong" or (how == "turns" and served > 200_000)
            wrong = wrong or (how == "errs" and late)
            client.sendall(bytes(len(data)) if wrong else data)
        os._exit(0)


if how == "silent":
    while True:
        time.sleep(1)
if how == "leaves":
    sys.exit("this port is not to my liking")
if how == "roams":  # leaves the group that it was started in
    if os.fork():
        signal.pause()
    os.setsid()
if how == "talks":
    os.write(2, b"\x1b[31mso much to say\n" * 200_000)
if how == "stays":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
serve()
