"""An FTP server that does what the files workload needs, but for HOW: `files_contender.py PORT HOW ROOT`."""

import os
import socket
import sys
import threading
from pathlib import Path

port, how, root = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])


def changed(data: bytes) -> bytes:
    """What is sent in place of a file's contents, or kept of them."""
    if how == "changes":
        return data[:1000] + b"?" + data[1001:]
    if how == "cuts":
        return data[:-1]
    if how == "adds":
        return data + b"?"
    return data


def serve(client: socket.socket) -> None:
    lines = client.makefile("rb")
    listener = socket.create_server(("127.0.0.1", 0))

    def say(text: str) -> None:
        client.sendall(text.encode() + b"\r\n")

    say("220-ready\r\n 220 not yet\r\n220 now" if how != "is busy" else "421 too many")
    for line in lines:
        command, _, name = line.decode().strip().partition(" ")
        if command == "USER":
            say("331 go on" if how != "keeps out" else "530 no")
        elif command == "PASS":
            say("230 in")
        elif command == "PASV":
            number = listener.getsockname()[1]
            say(
                f"227 here (127,0,0,1,{number >> 8},{number & 255})"
                if how != "goes away"
                else "227 (10,0,0,1,1,1)"
            )
        elif command == "LIST":
            data, _ = listener.accept()
            say("150 now")
            names = sorted(os.listdir(root / name))[how == "cuts" :]
            data.sendall(b"".join(one.encode() + b"\r\n" for one in names))
            if how == "sticks":
                lines.read()
            data.close()
            say("226 done")
        elif command in ("RETR", "STOR"):
            data, _ = listener.accept()
            say("150 now")
            with data:
                if command == "RETR":
                    data.sendall(changed((root / name).read_bytes()))
                else:
                    (root / name).write_bytes(changed(data.makefile("rb").read()))
            say("226 done" if how != "fails" else "426 no")
        elif command == "DELE":
            os.unlink(root / name)
            say("250 gone")
        elif command == "QUIT":
            say("221 bye")
            break
        else:
            if how == "starves" and command == "NOOP":
                continue
            well = command == "TYPE" or (command == "NOOP" and how != "is curt")
            say("200 well" if well else "502 what")
    listener.close()
    lines.close()
    client.close()


with socket.create_server(("127.0.0.1", port), backlog=64) as server:
    while True:
        threading.Thread(target=serve, args=server.accept()[:1], daemon=True).start()
