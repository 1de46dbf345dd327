"""What the kernel knows about a process and everything that it started: CPU and memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """The process and all its living descendants."""
    found = [pid]
    for one in found:
        try:
            threads = os.listdir(f"/proc/{one}/task")
        except OSError:
            continue  # it has just gone
        for thread in threads:
            try:
                children = Path(f"/proc/{one}/task/{thread}/children").read_text()
            except OSError:
                continue  # it has just ended
            found += [int(child) for child in children.split()]
    return found


def alive(pid: int) -> bool:
    """Whether there is such a process, and it is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def group(leader: int) -> list[int]:
    """The living processes of a process group, orphans included, zombies not."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, _parent, number = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            except OSError:
                continue  # gone since it was listed
            if int(number) == leader and state not in "ZX":
                found.append(int(entry.name))
    return found


def marked(variable: str) -> list[int]:
    """The living processes that were started with `NAME=VALUE` in their environment, wherever they went."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if variable.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue  # gone, or not ours
    return found


def listening(port: int, udp: bool) -> set[str]:
    """The sockets that wait on a port, as descriptors name them: `socket:[inode]` (proc(5), net/tcp)."""
    found = set()
    for table in ("udp", "udp6") if udp else ("tcp", "tcp6"):
        try:
            lines = Path("/proc/net", table).read_text().splitlines()[1:]
        except OSError:
            continue  # no IPv6 here
        for line in lines:
            _number, local, _remote, state, *_rest, inode = line.split(maxsplit=10)[:10]
            # 0A: listening; 07: a datagram socket that is connected to nobody.
            if int(local.rpartition(":")[2], 16) == port and state in ("0A", "07"):
                found.add(f"socket:[{inode}]")
    return found


def holds(pids: Iterable[int], descriptors: set[str]) -> bool:
    """Whether one of them has one of these open; True, too, where they don't let us look."""
    for pid in pids:
        try:
            for one in Path(f"/proc/{pid}/fd").iterdir():
                if os.readlink(one) in descriptors:
                    return True
        except FileNotFoundError:
            continue  # the descriptor, or the process, has just gone
        except OSError:
            return True
    return False


def cpu_clock(pid: int) -> float:
    """User + system seconds of one process, its finished threads included; 0 once it is gone.

    /proc/<pid>/stat counts in ticks of 10 ms, 2 % of a short window; the schedstat files
    have nanoseconds, but forget threads that have ended.  The process's own CPU clock
    (clock_getcpuclockid(3): the complement of the pid, shifted by three, and 2 for the
    scheduler's clock) is the sum that both are made from, exact, and a single system call.
    """
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def _reaped(pid: int) -> float:
    """CPU seconds of the children that the process has waited for (cutime + cstime, proc(5))."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[13]) + int(fields[14])) * TICK


class CpuMeter:
    """CPU seconds that a process tree spends from `start` to `stop`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._before: dict[int, float] = {}
        self._reaped = 0.0

    def start(self) -> None:
        """The walk through the tree comes first, so that it is not in the window."""
        members = tree(self.pid)
        self._reaped = _reaped(self.pid)
        self._before = {pid: cpu_clock(pid) for pid in members}

    def stop(self) -> float:
        """Seconds since `start`.

        Of a child that died and was waited for, what it spent before the window counts
        too: no other record of it is left.  A child born in the window counts whole.
        """
        after = {pid: cpu_clock(pid) for pid in self._before}
        spent = sum(after[pid] - before for pid, before in self._before.items() if after[pid])
        spent += sum(cpu_clock(pid) for pid in tree(self.pid) if pid not in self._before)
        return spent + _reaped(self.pid) - self._reaped


def pss(pid: int) -> int:
    """Bytes of memory of the tree, each shared page divided among those who share it (PSS)."""
    total = 0
    for one in tree(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue  # gone since the walk
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def steal() -> float:
    """Seconds that other guests of this host took from our processors since it booted."""
    return int(Path("/proc/stat").read_text().split(maxsplit=10)[8]) * TICK


def busy() -> float:
    """CPU seconds that all processors together have worked since boot (proc(5), stat)."""
    user, nice, system, _idle, _wait, irq, softirq = Path("/proc/stat").read_text().split(maxsplit=8)[1:8]
    return sum(map(int, (user, nice, system, irq, softirq))) * TICK


def pin(pid: int, core: int | None) -> None:
    """Keep a process, and whatever it starts from now on, on one core."""
    if core is not None:
        os.sched_setaffinity(pid, {core})


def cores() -> tuple[int | None, int | None]:
    """The server's core and the generator's; None each on a machine with a single one."""
    ours = sorted(os.sched_getaffinity(0))
    return (ours[0], ours[1]) if len(ours) > 1 else (None, None)
