"""A terminal of 140 x 40 for `tui.py`: runs a command on a pty, counts every byte, and tells what its process and its main thread used.

"Settled" is the end of the last large frame (FRAME_BYTES or more: rows) before QUIET_S without a byte; smaller frames after it are the
counters of a refresh that happened to fall due, and do not count. CPU of the main thread comes from the kernel's scheduler
(/proc/PID/task/PID/schedstat, nanoseconds), so the measured program carries no instruments.
"""

import fcntl
import os
import pty
import select
import struct
import termios
import time
from pathlib import Path

COLUMNS, LINES = 140, 40
QUIET_S = 0.06
FRAME_BYTES = 3_000
FRAME_GAP_S = 0.003
"""Bytes that arrive closer to each other than this are one frame."""


class Terminal:
    """One program on a pty of its own. Use as a context manager; at the end it is asked to quit, then ended."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.begun = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, {**env, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"})
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.bytes = 0
        self.last = self.last_large = self.begun
        self.frame = 0
        self.tail = b""

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *exc: object) -> None:
        for keys in (b"q", b"", b"q", b"", b"", b""):
            try:
                os.write(self.fd, keys)
            except OSError:
                break
            self.read_for(0.5)
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                break
        else:
            os.kill(self.pid, 15)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def read(self, timeout_s: float) -> bytes:
        """What arrives within the time, at the first arrival; b"" for nothing."""
        if not select.select([self.fd], [], [], timeout_s)[0]:
            return b""
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return b""
        self.bytes += len(data)
        now = time.perf_counter()
        if now - self.last > FRAME_GAP_S:
            self.frame = 0
        self.frame += len(data)
        if self.frame >= FRAME_BYTES:
            self.last_large = now
        self.last = now
        self.tail = (self.tail + data)[-200_000:]
        return data

    def read_for(self, seconds: float) -> int:
        """Read so long; how many bytes came."""
        before, end = self.bytes, time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)
        return self.bytes - before

    def wait_for(self, text: bytes, seconds: float = 30) -> float:
        """Seconds since the start of the program until a text is there."""
        end = time.perf_counter() + seconds
        while text not in self.tail:
            if time.perf_counter() > end:
                raise AssertionError(f"{text!r} did not appear: {self.tail[-2000:]!r}")
            self.read(0.1)
        return self.last - self.begun

    def settle(self, quiet_s: float = QUIET_S, most_s: float = 5.0) -> float:
        """Read until nothing comes for a while; the moment of the last byte."""
        end = time.perf_counter() + most_s
        while self.read(quiet_s) and time.perf_counter() < end:
            pass
        return self.last

    def send(self, keys: bytes, pause_s: float = 0.4) -> None:
        """Send keys that need not be measured."""
        os.write(self.fd, keys)
        self.read_for(pause_s)

    def press(self, keys: bytes) -> tuple[float, float, int, float]:
        """Send keys: (ms until the screen settled, ms of main-thread CPU for it, bytes, ms that the main thread waited for a core)."""
        before, cpu, queued, sent = self.bytes, self.main_cpu_s(), self.main_queued_s(), time.perf_counter()
        os.write(self.fd, keys)
        self.last_large = 0.0
        if not self.read(3.0):
            raise AssertionError(f"nothing came after {keys!r}")
        last = self.settle()
        settled = self.last_large or last
        waited = self.main_queued_s() - queued
        return (settled - sent) * 1e3, (self.main_cpu_s() - cpu) * 1e3, self.bytes - before, waited * 1e3

    def main_queued_s(self) -> float:
        """Seconds that the main thread was ready to run and another process had the core."""
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/schedstat").read_text().split()[1]) / 1e9

    def main_cpu_s(self) -> float:
        """Seconds of CPU that the main thread has used."""
        return int(Path(f"/proc/{self.pid}/task/{self.pid}/schedstat").read_text().split()[0]) / 1e9

    def cpu_s(self) -> float:
        """Seconds of CPU of all threads."""
        return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{self.pid}/task").iterdir()) / 1e9

    def memory(self) -> str:
        """Resident memory."""
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        now, most, own = (int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM", "RssAnon"))
        return f"{now:.0f} MiB resident, of it {own:.0f} its own; {most:.0f} at most"
