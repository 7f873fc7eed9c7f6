"""The behaviour of commands and the library on both engines: a real local one, and an AWS host (`tests.far`) whose worker, a thread of the
test, runs scripts for real. Tests that take the fixture `engine` from here run twice.
"""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from cyclone_core import paths
from cyclone_core.jobs import outcome
from cyclone_core.operations.aws_door import AwsDoor
from cyclone_core.scheduler.dynamo import keys, tiles
from cyclone_core.scheduler.dynamo.unit_store import Claimed, LeaseLost
from cyclone_core.scheduler.lifecycle import Retry
from cyclone_core.scheduler.parameters import ParameterFile, replace
from cyclone_core.views import Job, Task
from tests.aws import Sandbox
from tests.engine.conftest import Engine
from tests.far import Far, far_host, now_ms

WORKERS = 4
LOOK_S = 0.05


class FarEngine:
    """An AWS host whose jobs run in a directory of this machine. What tests use of it is as of `Engine`."""

    type = "aws"

    def __init__(self, far: Far, work_dir: Path) -> None:
        self.far, self.work_dir = far, work_dir
        work_dir.mkdir(parents=True)
        self._stop = threading.Event()
        self._taken: set[tuple[int, int, int]] = set()
        self._pool = ThreadPoolExecutor(WORKERS)
        self._errors: list[Exception] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    # -- what tests look at -------------------------------------------------------------------------------------------------------
    def lines(self, name: str) -> list[str]:
        """Lines of a file in the working directory."""
        return (self.work_dir / name).read_text().splitlines()

    def wait(self, *ids: int) -> list[str]:
        """Wait until the jobs are final; their states in the given order."""
        for _ in AwsDoor(self.far.host).wait(ids, timeout_s=30):
            pass
        return [self.job(job).state for job in ids]

    def job(self, job: int) -> Job:
        """The job as readers see it."""
        found = self.far.host.reader.job(job)
        assert found is not None
        return found

    def task(self, job: int, position: int = 1) -> Task:
        """A task as readers see it."""
        found = self.far.host.reader.task(job, position)
        assert found is not None
        return found

    def left_over(self) -> list[str]:
        """Files and objects of parameters that belong to no job."""
        folder = os.path.join(paths.host_state_dir(self.far.name), "uploads")
        listed = self.far.host.aws.list(self.far.host.lean.bucket, "parameters/")
        jobs = {item["pm"] for item in self.far.host.table.scan() if "pm" in item}
        return [*(os.listdir(folder) if os.path.isdir(folder) else ()), *(key for key in listed if key not in jobs)]

    def end(self) -> None:
        """End the worker with what it runs."""
        self._stop.set()
        self._thread.join()
        self._pool.shutdown()
        if self._errors:
            raise self._errors[0]

    # -- its worker ---------------------------------------------------------------------------------------------------------------
    def _serve(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                self._look()
                self.far.count()
            except Exception as exc:  # noqa: BLE001  told when the test ends
                self._errors.append(exc)
                return

    def _look(self) -> None:
        """Give what is open to the pool, once for each of its leases."""
        open_jobs = [item["pk"] for part in range(keys.SHARDS) for item in self.far.host.table.query(keys.due_part(part), index="due")]
        for pk in open_jobs:
            job = int(pk[2:])
            item = self.far.host.table.get((pk, keys.JOB), consistent=True)
            if item is None or "x" in item:
                continue
            lows = [low for low, _ in tiles.tiles(item["t"], item["sz"], 0, item.get("nx"))] if item["a"] else [0]
            for low in lows:
                if (job, low, 0) not in self._taken:
                    self._taken.add((job, low, 0))
                    self._pool.submit(self._work, job, low)

    def _work(self, job: int, low: int) -> None:
        try:
            claimed = self.far.store.claim(job, low, "us-east-1/worker-1", 1, now_ms())
            if isinstance(claimed, Claimed):
                _Run(self.far, claimed, self.work_dir, self._stop).all()
        except LeaseLost:
            return
        except Exception as exc:  # noqa: BLE001  the same
            self._errors.append(exc)


class _Run:
    """A unit in the hands of the worker: one task after the other, each written when it is over."""

    def __init__(self, far: Far, claimed: Claimed, work_dir: Path, stop: threading.Event) -> None:
        self.far, self.unit, self.item, self.work_dir, self._stop = far, claimed.unit, claimed.job, work_dir, stop
        self.spec = far.store.specs.spec(claimed.job["sp"])
        self.job = far.host.reader.job(claimed.unit.job)

    def all(self) -> None:
        """Until it is over, or the test is."""
        unit, store = self.unit, self.far.store
        while not unit.is_over and not self._stop.is_set():
            todo = unit.startable()
            if not todo:
                unit.allow(1, short=False)
                unit.settle(now_ms())
                store.save(unit, now_ms())
                todo = unit.startable()
            if todo:
                self._run(todo[0][1])

    def _run(self, position: int) -> None:
        unit = self.unit
        attempt, started = unit.history(position)[0], time.time()
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                self._argv(position), cwd=self.work_dir, env=self._environment(position, attempt), stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True, umask=self.spec.body["umask"],
            )  # fmt: skip
            unit.running = [[position, attempt, int(started * 1000)]]
            cancelled = self._watch(process, position, attempt, output)
            output.seek(0)
            text = output.read()
        status = process.returncode
        code = outcome(-status if status < 0 else status << 8, 3 if cancelled else 0)
        self.far.report(unit, {position: (code, text)}, self._retry(), int(started * 1e6), max(1, int((time.time() - started) * 1e6)))

    def _watch(self, process: "subprocess.Popen[bytes]", position: int, attempt: int, output: Any) -> bool:
        """Until it ends; whether it was cancelled. While somebody follows, its output is told."""
        told = chunks = 0
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
            news = self.far.store.hear([self.unit], now_ms())
            if process.poll() is None and (self._stop.is_set() or any(news.values())):
                os.killpg(process.pid, 9)
                process.wait()
                return True
            size = os.fstat(output.fileno()).st_size
            if self.unit.follow > now_ms() and size > told:
                low = self.unit.low if self.unit.array else 0
                data = os.pread(output.fileno(), size - told, told)
                self.far.host.bucket.put(keys.live_object(self.unit.job, low, position, attempt, chunks), data)
                told, chunks = size, chunks + 1
                self.unit.live = {position: [attempt, chunks, told]}
                self.far.store.save(self.unit, now_ms())
        return False

    def _argv(self, position: int) -> list[str]:
        script = self.spec.script(self.far.host.bucket)
        if "pm" in self.item:
            assert self.job is not None
            script = replace(script, self._line(self.job.index(position)))
        path = self.work_dir.parent / f"script-{self.unit.job}-{position}"
        path.write_bytes(script)
        return [*self.spec.body["interpreter"], str(path)]

    def _line(self, number: int) -> str:
        with tempfile.NamedTemporaryFile() as file:
            file.write(self.far.host.bucket.get(self.item["pm"]))
            file.flush()
            packed = ParameterFile(file.name)
            try:
                return packed.line(number)
            finally:
                packed.close()

    def _environment(self, position: int, attempt: int) -> dict[str, str]:
        assert self.job is not None
        own = {"CYCLONE_JOB_ID": str(self.unit.job), "CYCLONE_ATTEMPT": str(attempt), "PATH": os.environ["PATH"]}
        if self.unit.array:
            own["CYCLONE_TASK_INDEX"] = str(self.job.index(position))
        return {**own, **self.spec.body["environment"]}

    def _retry(self) -> Retry:
        return Retry(self.spec.body["retries"], [tuple(pair) for pair in self.spec.body["retry_exit"]])


class LocalEngine(Engine):
    """The local one."""

    type = "local"

    def left_over(self) -> list[str]:
        """Files of parameters that belong to no job."""
        folders = [os.path.join(self.state_dir, name) for name in ("spool", "parameters")]
        return [name for folder in folders if os.path.isdir(folder) for name in os.listdir(folder)]


Both = LocalEngine | FarEngine


@pytest.fixture(params=["local", "aws"])
def engine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Both]:
    """A host of each kind. Tests run in its working directory."""
    if request.param == "local":
        made: Both = LocalEngine(Path(paths.host_state_dir("local")), tmp_path / "work")
        monkeypatch.chdir(made.work_dir)
        yield made
        made.end()
        return
    sandbox: Sandbox = request.getfixturevalue("aws")
    with far_host(sandbox, monkeypatch) as far:
        made = FarEngine(far, tmp_path / "work")
        monkeypatch.chdir(made.work_dir)
        yield made
        made.end()


def only(kind: str) -> pytest.MarkDecorator:
    """For tests of what the other engine has not: the fixture `engine` is this one."""
    return pytest.mark.parametrize("engine", [kind], indirect=True)
