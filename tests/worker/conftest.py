"""A small supervisor for one worker process: a listening socket and the messages of `cyclone_core.wire`."""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, socket
from typing import Any

import pytest

from cyclone_core import wire
from cyclone_core.journal import End, Start, frames, journal_path, output_path, read_end

ROOT = str(Path(__file__).resolve().parents[2])
PROGRAM = f"import sys; sys.path.insert(0, {ROOT!r}); from cyclone_core.worker.agent import main; main()"
PATIENCE_S = 20.0
LANE: dict[str, Any] = {
    "name": "default", "vcpus": 1, "memory_mib": 0, "environment": {}, "timeout_s": 0, "image": None, "container_options": {},
    "working_directory": "submit", "output_limit_mib": 64,
}  # fmt: skip


class Supervisor:
    """Listens, starts workers, gives leases and keeps what comes back. `rows`, `reasons` by (job, position)."""

    def __init__(self, folder: Path) -> None:
        self.state, self.socket = str(folder / "state"), str(folder / "s")
        os.makedirs(f"{self.state}/scripts")
        self.channel: wire.Channel | None = None
        self.worker: subprocess.Popen[bytes] | None = None
        self.rows: dict[tuple[int, int], tuple[int, ...]] = {}
        self.row_count = 0
        self.reasons: dict[tuple[int, int], str] = {}
        self.returned: list[tuple[int, int, int]] = []
        self.running: list[tuple[int, ...]] = []
        self.reports: list[Any] = []
        self.hello: tuple[Any, ...] = ()
        self.leases = 0
        self.listen()

    def listen(self) -> None:
        """Open the socket, in place of an older one."""
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        self.door = socket(AF_UNIX, SOCK_STREAM)
        self.door.bind(self.socket)
        self.door.listen(4)
        self.door.settimeout(PATIENCE_S)

    def start(self, environment: dict[str, str] | None = None, setup: Any = None) -> "Supervisor":
        """Start the worker (`setup` runs in its process first) and take its hello."""
        self.log = open(f"{self.state}/worker.log", "ab")  # noqa: SIM115  as long as the worker
        self.worker = subprocess.Popen(
            [sys.executable, "-ISE", "-c", PROGRAM, self.socket, self.state, "3", "8"],
            cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log,
            env=environment, start_new_session=True, preexec_fn=setup,
        )  # fmt: skip
        return self.welcome()

    def welcome(self) -> "Supervisor":
        """Accept a worker's connection and its hello."""
        connection, _ = self.door.accept()
        self.channel = wire.Channel(connection)  # type: ignore[arg-type]
        self.connection = connection
        deadline = time.monotonic() + PATIENCE_S
        while not self.hello and time.monotonic() < deadline:
            self.turn()
        return self

    def vanish(self) -> None:
        """Die: the worker sees the end of the connection, and nobody listens."""
        self.door.close()
        os.unlink(self.socket)
        assert self.channel
        self.channel.close()
        self.hello = ()

    def script(self, text: str | bytes) -> str:
        """Store a script; returns its name."""
        body = text if isinstance(text, bytes) else text.encode()
        name = f"{abs(hash(body)):x}"
        path = Path(self.state, "scripts", name)
        if not path.exists():  # a running bash may be reading it
            path.write_bytes(body)
        return name

    def lease(
        self, text: str | bytes, low: int = 1, high: int = 1, *, job: int = 7, array: bool | None = None, stream: int = 1, width: int = 1,
        lane: dict[str, Any] | None = None, attempt: int = 1, **spec: Any,
    ) -> int:  # fmt: skip
        """Hand out tasks of one job; returns the lease's number."""
        self.leases += 1
        is_array = high > 1 if array is None else array
        fields = {
            "script": self.script(text), "interpreter": ["/bin/bash"], "directory": self.state, "parameters": None,
            "timeout_s": 0, "warm": False, "environment": {"PATH": os.environ["PATH"], "HOME": "/"}, "retries": 0,
        }  # fmt: skip
        jobs = {job: (f"name{job}", "default", 1, int(is_array), 1, 1, high, "default")}
        self.send(
            "lease", self.leases, stream, width, {**LANE, **(lane or {})}, [(job, low, high, attempt, 0, 0)], jobs, {1: {**fields, **spec}}
        )
        return self.leases

    def send(self, *message: Any) -> None:
        """Send one message."""
        assert self.channel
        self.channel.send(message)

    def turn(self, timeout: float = 0.05) -> None:
        """Take what the worker says."""
        assert self.channel
        if not select.select([self.channel.fd], [], [], timeout)[0]:
            return
        for kind, *values in self.channel.receive():
            if kind == "worker":
                self.hello = tuple(values)
            elif kind == "running":
                self.running.extend(values[0])
            else:
                self.reports.append(values[0])
                for _, rows, returned, reasons in values[0]:
                    self.row_count += len(rows)
                    self.rows.update({(row[0], row[1]): row for row in rows})
                    self.returned.extend(returned)
                    self.reasons.update(reasons)

    def until(self, condition: Any, what: str = "it") -> None:
        """Take messages until the condition holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"waited too long for {what}; log: {Path(self.state, 'worker.log').read_text()}"
            self.turn()

    def result(self, position: int = 1, job: int = 7) -> tuple[int, ...]:
        """The row of a task, waited for."""
        self.until(lambda: (job, position) in self.rows, f"the row of {job}, {position}")
        return self.rows[job, position]

    def code(self, position: int = 1, job: int = 7) -> int:
        """The outcome of a task, waited for."""
        return self.result(position, job)[3]

    def end(self, position: int = 1, job: int = 7) -> End:
        """The END frame of a task, waited for."""
        return read_end(self.journal, self.result(position, job)[6])

    def output(self, position: int = 1, job: int = 7) -> bytes:
        """The output of a task, waited for, wherever it is kept."""
        end = self.end(position, job)
        if end.flags:
            return Path(output_path(self.state, job, position, end.attempt)).read_bytes()
        return end.output

    def run(self, text: str | bytes, **options: Any) -> bytes:
        """Run a single task and return its output."""
        self.lease(text, **options)
        return self.output()

    @property
    def journal(self) -> str:
        """The worker's journal."""
        return journal_path(self.state, 8)

    def frames(self) -> list[Start | End]:
        """What the journal holds now."""
        return list(frames(self.journal))

    def path(self, name: str) -> Path:
        """A file below the state directory, where tasks run."""
        return Path(self.state, name)

    def appears(self, name: str) -> Path:
        """Wait until a task has written a file."""
        path = self.path(name)
        self.until(lambda: path.exists() and path.stat().st_size, name)
        return path

    def leave(self) -> int:
        """Wait for the worker's end; its exit code."""
        assert self.worker
        return self.worker.wait(PATIENCE_S)

    def close(self) -> None:
        """End the worker and what it runs."""
        self.door.close()
        if self.channel:
            self.channel.close()
        if self.worker:
            _kill_tree(self.worker.pid)
            self.worker.wait()
            self.log.close()


def alive(pid: int) -> bool:
    """Whether a process runs (zombies do not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def _kill_tree(pid: int) -> None:
    found = [pid]
    for parent in found:
        try:
            found.extend(int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split())
        except OSError:
            continue
    for process in found:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue


@pytest.fixture
def bare() -> Iterator[Supervisor]:
    """A supervisor whose worker the test starts itself."""
    folder = Path(tempfile.mkdtemp(prefix="cyw"))
    supervisor = Supervisor(folder)
    yield supervisor
    supervisor.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def supervisor(bare: Supervisor) -> Supervisor:
    """A supervisor with a worker that has said hello."""
    return bare.start()
