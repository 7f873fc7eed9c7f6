"""A whole engine for a test: real supervisor, real workers, real bash, in a state directory of its own."""

import os
import re
import select
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cyclone_core import paths
from cyclone_core.jobs import JobRequest
from cyclone_core.operations import jobs
from cyclone_core.scheduler.local import client
from cyclone_core.scheduler.sqlite.reader import Reader
from cyclone_core.views import Attempt, Job, Task

DEADLINE_S = 60.0
"""So long anything is waited for: a bound for a broken engine, no measure of a working one."""


class Engine:
    """One local host. `token`: put it into the arguments of processes that hide their environment, so that they are found."""

    def __init__(self, state_dir: Path, work_dir: Path) -> None:
        self.state_dir, self.work_dir = str(state_dir), work_dir
        self.token = f"{os.getpid()}{time.monotonic_ns() % 10**12}"
        work_dir.mkdir(exist_ok=True)

    # -- life ------------------------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Start the supervisor as every job command does."""
        client.ensure(self.state_dir).close()

    def greet(self) -> None:
        """Start it, and wait until every worker that it counts on has said hello."""
        self.until(lambda: all(one["connected"] for one in self.ask("status")[1]["workers"]), "workers say hello")

    def stop(self) -> None:
        """Stop the host and wait until it is down."""
        with_channel = client.connect(self.state_dir)
        with_channel.ask(("stop",))
        self.until(lambda: not self.supervisors() and not self.workers(), "the host is down")
        with_channel.close()

    def ask(self, *message: Any) -> Any:
        """One request, one answer."""
        channel = client.ensure(self.state_dir)
        try:
            return channel.ask(message)
        finally:
            channel.close()

    def put(self, kind: str, name: str, mode: str = "any", **body: Any) -> None:
        """Create or update a resource."""
        import json

        answer = self.ask("put", kind, name, json.dumps({"name": name, **body}), mode)
        assert answer == ("stored",), answer

    def end(self) -> None:
        """End everything that belongs to this engine, and whatever that leaves behind."""
        deadline = time.monotonic() + DEADLINE_S
        while found := self.processes():
            assert time.monotonic() < deadline, f"processes that do not end: {found}"
            kill(found)

    # -- jobs ------------------------------------------------------------------------------------------------------------------------
    def request(self, script: str, **fields: Any) -> JobRequest:
        """A submission of a bash script that runs in the working directory of the test."""
        if "indices" in fields:
            low, high, step = fields["indices"]
            fields["tasks"] = (high - low) // step + 1
        fields.setdefault("directory", str(self.work_dir))
        fields.setdefault("environment", {"PATH": os.environ["PATH"]})
        return JobRequest(script=f"#!/bin/bash\n{script}\n".encode(), **{"name": "test", "user": "me", **fields})

    def submit(self, script: str, **fields: Any) -> int:
        """Submit a bash script; its job id."""
        return jobs.submit(self.state_dir, self.request(script, **fields))[0]

    def array(self, script: str, tasks: int, **fields: Any) -> int:
        """Submit an index array 1..tasks; its job id."""
        return self.submit(script, indices=(1, tasks, 1), **fields)

    def wait(self, *ids: int) -> list[str]:
        """Wait until the jobs are final; their states in the given order."""
        for _ in jobs.wait(self.state_dir, ids):
            pass
        return [self.job(job).state for job in ids]

    def job(self, job: int) -> Job:
        """The job as readers see it."""
        with Reader.open(self.state_dir) as reader:
            found = reader.job(job)
        assert found is not None, f"job {job} is lost"
        return found

    def task(self, job: int, position: int = 1) -> Task:
        """A task as readers see it."""
        with Reader.open(self.state_dir) as reader:
            found = reader.task(job, position)
        assert found is not None
        return found

    def attempts(self, job: int, position: int = 1) -> list[Attempt]:
        """The attempts of a task as readers see them."""
        with Reader.open(self.state_dir) as reader:
            return reader.attempts(job, position)

    def sql(self, query: str, *values: object) -> list[Any]:
        """Rows of the database."""
        from cyclone_core.scheduler.sqlite import schema

        connection = schema.open_reader(self.state_dir)
        assert connection is not None
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    # -- processes -------------------------------------------------------------------------------------------------------------------
    def supervisors(self) -> list[int]:
        """Pids of supervisors of this state directory."""
        return self._daemons(b"scheduler.local.supervisor")

    def workers(self) -> list[int]:
        """Pids of its workers."""
        return self._daemons(b"worker.agent")

    def tasks(self) -> list[int]:
        """Pids of everything else that belongs to it: scripts and whatever they started."""
        return sorted(set(self.processes()) - {*self.supervisors(), *self.workers()})

    def processes(self) -> list[int]:
        """Everything that names this state directory, its socket or its token in arguments or environment; zombies are gone."""
        socket = os.path.basename(paths.socket_path(self.state_dir)) if os.path.isdir(self.state_dir) else "no socket yet"
        marks = (self.state_dir.encode(), b"CYCLONE_WORKER=" + socket.encode(), self.token.encode())
        return [pid for pid in pids() if any(mark in text(pid, "cmdline") + text(pid, "environ") for mark in marks) and is_alive(pid)]

    def kill_supervisor(self) -> None:
        """kill -9, and wait until it is gone."""
        kill(self.supervisors())

    def kill_workers(self) -> None:
        """kill -9, and wait until they are gone."""
        kill(self.workers())

    def _daemons(self, program: bytes) -> list[int]:
        mine = b"\0" + self.state_dir.encode() + b"\0"
        return [pid for pid in pids() if program in (line := text(pid, "cmdline")) and mine in line and is_alive(pid)]

    # -- waiting ---------------------------------------------------------------------------------------------------------------------
    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Look until something is so; what it came to."""
        deadline = time.monotonic() + DEADLINE_S
        while not (found := condition()):
            assert time.monotonic() < deadline, f"this never came: {what}\n{self.log()}"
            time.sleep(0.02)
        return found

    def has_file(self, name: str) -> Path:
        """Wait until a script has written a file (with a line in it)."""
        path = self.work_dir / name
        self.until(lambda: path.exists() and path.read_bytes().endswith(b"\n"), f"the file {name}")
        return path

    def pid(self, name: str) -> int:
        """The process id that a script wrote into a file (`echo $$ > name`)."""
        return int(self.has_file(name).read_text().split()[-1])

    def lines(self, name: str) -> list[str]:
        """Lines of a file that scripts write; none when nobody did."""
        path = self.work_dir / name
        return path.read_text().splitlines() if path.exists() else []

    def log(self) -> str:
        """What the supervisor and its workers said."""
        path = Path(self.state_dir, "supervisor.log")
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""


def kill(found: list[int], number: int = signal.SIGKILL) -> None:
    """End processes, and wait until they are gone."""
    handles = []
    for pid in found:
        try:
            handles.append(os.pidfd_open(pid))
            signal.pidfd_send_signal(handles[-1], number)
        except ProcessLookupError:
            continue
    for handle in handles:
        assert select.select([handle], [], [], DEADLINE_S)[0], "a process does not end"
        os.close(handle)


def pids() -> list[int]:
    """All processes but this one."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def text(pid: int, name: str) -> bytes:
    """A file of /proc, empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def is_alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    return text(pid, "stat").rpartition(b") ")[2][:1] not in (b"", b"Z", b"X")


def switches(pid: int) -> int:
    """How often a process has gone to sleep so far: its wakeups."""
    return int(re.findall(rb"^voluntary_ctxt_switches:\s*(\d+)", text(pid, "status"), re.MULTILINE)[0])


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An engine that is started by its first request and ended, whatever happened, after the test."""
    found = Engine(tmp_path / "state", tmp_path / "work")
    yield found
    found.end()
