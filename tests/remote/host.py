"""An AWS host without functions, for workers: table, bucket and message queues on the sandbox, and real workers beside them.

Jobs are stored by the engine's own store; in place of the dispatcher the tests send the messages.
"""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cyclone_core import naming
from cyclone_core.aws.lean.client import Aws
from cyclone_core.aws.lean.credentials import Credentials
from cyclone_core.jobs import JobRequest
from cyclone_core.scheduler.dynamo import keys, tiles, unit_items
from cyclone_core.scheduler.dynamo.bucket import Bucket
from cyclone_core.scheduler.dynamo.ids import MemoryIds
from cyclone_core.scheduler.dynamo.place import Place
from cyclone_core.scheduler.dynamo.queues import Lanes
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.dynamo.unit import Unit
from cyclone_core.scheduler.dynamo.unit_store import UnitStore
from tests.aws import Sandbox

ROOT = str(Path(__file__).resolve().parents[2])
PROGRAM = f"import sys; sys.path.insert(0, {ROOT!r}); from cyclone_core.scheduler.remote.main import main; main()"
REGION, FAR_REGION, ACCOUNT = "us-east-1", "eu-west-1", "123456789012"
PATIENCE_S = 60.0
RESOURCES: dict[str, dict[str, dict[str, Any]]] = {
    "queue": {"default": {"name": "default", "cluster": "big", "priority": 0}},
    "definition": {"default": {"name": "default", "vcpus": 1, "memory_limit_mib": 1024}},
    "cluster": {"big": {"name": "big"}},
}
_NUMBERS = itertools.count(1)


class Host:
    """See the module. Everything that was started is ended by `close`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.name = sandbox, f"grid{next(_NUMBERS)}"
        self.aws = Aws(REGION, lambda: Credentials(sandbox.key, sandbox.secret), sandbox.endpoint)
        self._make()
        self.table, self.bucket = (
            Table(self.aws, naming.jobs_table(self.name)),
            Bucket(self.aws, naming.data_bucket(self.name, ACCOUNT, REGION)),
        )
        self.store = UnitStore(self.table, self.bucket, MemoryIds(self.table))
        self.lanes = Lanes(self.aws, self.name)
        self.workers: list[Worker] = []
        self.folder = Path(tempfile.mkdtemp(prefix="cyr"))

    def _make(self) -> None:
        strings = dict.fromkeys(("pk", "sk", "listing", "listed_at", "due"), "S")
        keyed = {"listing": ("listing", "listed_at"), "due": ("due", "due_at")}
        self.sandbox.client("dynamodb", REGION).create_table(
            TableName=naming.jobs_table(self.name), BillingMode="PAY_PER_REQUEST", KeySchema=_keys("pk", "sk"),
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in {**strings, "due_at": "N"}.items()],
            GlobalSecondaryIndexes=[
                {"IndexName": name, "KeySchema": _keys(*both), "Projection": {"ProjectionType": "KEYS_ONLY"}}
                for name, both in keyed.items()
            ],
        )  # fmt: skip
        self.sandbox.client("s3", REGION).create_bucket(Bucket=naming.data_bucket(self.name, ACCOUNT, REGION))
        self.sandbox.client("sqs", REGION).create_queue(QueueName=naming.dead_letters(self.name))

    # -- jobs ---------------------------------------------------------------------------------------------------------------------
    def submit(self, script: str, *, send: bool = True, size: int = 0, **request: Any) -> int:
        """Accept a job and tell of it; its id. size: positions of a tile."""
        wanted = JobRequest(script=script.encode(), name="tested", directory="/nowhere", user="somebody", **request)
        place = Place("default", "default", "big", ratio=size or 1, most_workers=1000)
        job = self.store.submitter.submit(wanted, place, _now())
        if send:
            self.send(job)
        return job

    def send(self, job: int) -> None:
        """The messages of a job's units, as the dispatcher sends them."""
        item = self.item(job)
        lows = [low for low, _ in tiles.tiles(item["t"], item["sz"])] if item["a"] else [0]
        self.lanes.send("big", "default", 1, [(job, low, 0, "somebody") for low in lows])

    def item(self, job: int) -> dict[str, Any]:
        """A job's item."""
        found = self.table.get(keys.job(job), consistent=True)
        assert found is not None, f"there is no job {job}"
        return found

    def units(self, job: int) -> list[Unit]:
        """The units of a job that are items, in order."""
        item = self.item(job)
        if not item["a"]:
            return [unit_items.read(item)]
        found = []
        for group in range(keys.group_of(item["t"], item["sz"]) + 1):
            found += [unit_items.read(one) for one in self.table.query(keys.slices(job, group), consistent=True) if "lo" in one]
        return found

    def counts(self, job: int) -> list[int]:
        """Numbers of a job's tasks by state, from its units alone."""
        item, found = self.item(job), [0] * 6
        for unit in self.units(job):
            found = [one + other for one, other in zip(found, unit.counts(), strict=True)]
        found[0] += item["t"] - sum(found)
        return found

    def over(self, job: int, seconds: float = PATIENCE_S) -> list[int]:
        """Wait until no task of a job waits or runs; (successful, failed, cancelled, error)."""
        counts = self.until(lambda: counts if not sum((counts := self.counts(job))[:2]) else None, f"job {job} is over", seconds)
        return list(counts[2:])

    def attempts(self, job: int, position: int = 1) -> list[tuple[int, int]]:
        """(attempt, packed outcome) of every attempt of a task that ended, in order."""
        rows = [row for unit in self.units(job) for row, _ in (*unit.earlier, *unit.results.values()) if row[1] == position]
        return sorted((row[2], row[3]) for row in rows)

    def reasons(self, job: int) -> list[str]:
        """Why attempts of a job ended."""
        return [reason for unit in self.units(job) for reason in unit.reasons.values()]

    def output(self, job: int, position: int = 1) -> bytes:
        """What the last attempt of a task that is over wrote, as it is stored."""
        from tests.remote.outputs import output

        return output(self, job, position)

    def worker_items(self) -> list[dict[str, Any]]:
        """What workers say of themselves."""
        found = [item for shard in range(keys.SHARDS) for item in self.table.query(keys.worker_part(shard))]
        return [{"worker": item["sk"], "expires": item["expires"], **json.loads(item["body"])} for item in found]

    # -- workers ------------------------------------------------------------------------------------------------------------------
    def worker(self, *, within: Sequence[str] = (), command: str = "", **environment: str) -> "Worker":
        """Start a worker. within: a command that starts it; command: of `cyclone-worker`."""
        made = Worker(self, f"job-{len(self.workers) + 1}", environment, within, command)
        self.workers.append(made)
        return made

    def until(self, look: Callable[[], Any], what: str = "it happens", seconds: float = PATIENCE_S) -> Any:
        """The first true value."""
        end = time.monotonic() + seconds
        while not (found := look()):
            assert time.monotonic() < end, f"waited too long until {what}; workers said: {[one.said() for one in self.workers]}"
            time.sleep(0.05)
        return found

    def close(self) -> None:
        """End all workers and what they run."""
        for worker in self.workers:
            worker.close()
        self.aws.close()


class Worker:
    """A worker process, as Batch starts one."""

    def __init__(self, host: Host, name: str, environment: dict[str, str], within: Sequence[str] = (), command: str = "") -> None:
        self.name, self.host = f"{FAR_REGION}/{name}", host
        self.home = host.folder / name
        self.home.mkdir()
        self._log = self.home / "log"
        sandbox = host.sandbox
        variables = {
            "PATH": os.environ["PATH"], "HOME": str(self.home), "AWS_ENDPOINT_URL": sandbox.endpoint, "AWS_ACCESS_KEY_ID": sandbox.key,
            "AWS_SECRET_ACCESS_KEY": sandbox.secret, "AWS_EC2_METADATA_DISABLED": "true", "AWS_BATCH_JOB_ID": name,
            "CYCLONE_HOST": host.name, "CYCLONE_ACCOUNT": ACCOUNT, "CYCLONE_MAIN_REGION": REGION, "CYCLONE_REGION": FAR_REGION,
            "CYCLONE_DEFINITION": "default", "CYCLONE_CLUSTER": "big", "CYCLONE_WORKER_DIR": str(self.home), "CYCLONE_IDLE_S": "60",
        }  # fmt: skip
        with open(self._log, "wb") as log:
            program = [*within, sys.executable, "-ISE", "-c", PROGRAM, *command.split()]
            self.process = subprocess.Popen(
                program, env={**variables, **environment}, cwd=self.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def said(self) -> str:
        """Its log."""
        return self._log.read_text()

    def ends(self, seconds: float = PATIENCE_S) -> int:
        """Wait for its end; the exit code."""
        return self.process.wait(seconds)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def children(self) -> list[int]:
        """Everything below it."""
        return _below(self.process.pid)

    def close(self) -> None:
        """End it and what it has started."""
        found = self.children() if self.process.poll() is None else []
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def _below(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        try:
            found += [int(child) for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
        except OSError:
            continue
    return found[1:]


def _keys(partition: str, sort: str) -> Sequence[Any]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]


def _now() -> int:
    return int(time.time() * 1000)


class Wall:
    """A way to the sandbox that can be closed."""

    def __init__(self, host: Host, address: str = "127.0.0.1") -> None:
        """address: of this machine, where it is."""
        self._listener = socket.create_server((address, 0))
        there = urlsplit(host.sandbox.endpoint)
        self._there = there.hostname or "", there.port or 0
        self.endpoint = f"http://{address}:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def close(self) -> None:
        """From now on nothing passes."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        for sock in (self._listener, *self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for sock in (self._listener, *self._open):
            sock.close()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._there)
            self._open += [near, far]
            for one, other in ((near, far), (far, near)):
                self._threads.append(threading.Thread(target=_pass_on, args=(one, other)))
                self._threads[-1].start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)
