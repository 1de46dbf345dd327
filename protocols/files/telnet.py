"""The little of Telnet that a control connection may bring (RFC 854, RFC 959 §3.1): out it goes.

Clients send ABOR behind IAC IP and a Synch, of which IAC DM is the last, urgent byte.  The driver reads
urgent bytes in line, so all of it arrives here; some clients leave the second IAC out.
"""

from __future__ import annotations

from typing import Final

IAC: Final = 0xFF
DM: Final = 0xF2
IP: Final = 0xF4
WILL: Final = 0xFB
FIRST_COMMAND: Final = 0xF0
"""What is below is no command: an IAC before it is a byte of a name that nobody doubled."""

_DATA, _IAC, _OPTION, _AFTER_IP = range(4)


class Telnet:
    """Takes Telnet's commands out of a stream of bytes, wherever it is cut."""

    __slots__ = ("_state",)

    def __init__(self) -> None:
        self._state = _DATA

    def feed(self, data: bytes) -> bytes:
        """What is left of these bytes.  IAC IAC is one byte 255."""
        if self._state == _DATA and IAC not in data:
            return data
        out = bytearray()
        state = self._state
        for byte in data:
            if state == _AFTER_IP:
                state = _DATA
                if byte == DM:
                    continue
            if state == _DATA:
                if byte == IAC:
                    state = _IAC
                else:
                    out.append(byte)
            elif state == _OPTION:
                state = _DATA
            else:
                state = _DATA
                if byte == IAC:
                    out.append(IAC)
                elif byte >= WILL:
                    state = _OPTION
                elif byte == IP:
                    state = _AFTER_IP
                elif byte < FIRST_COMMAND:
                    out += bytes((IAC, byte))
        self._state = state
        return bytes(out)
