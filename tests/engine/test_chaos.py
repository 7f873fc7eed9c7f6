"""Chaos: supervisor and workers are killed at random instants while 2,000 tasks are in flight; then the books must balance.

CYCLONE_CHAOS_S sets for how many seconds (8 when it is not set), CYCLONE_CHAOS_SEED which ones.
"""

import os
import random
import time
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from cyclone_core.jobs import CAUSE_LOST, FINAL, STATES, cause_of
from cyclone_core.journal import End, Start, frames
from cyclone_core.operations import jobs
from cyclone_core.scheduler.lifecycle import final_state
from cyclone_core.scheduler.local import client
from cyclone_core.scheduler.sqlite.reader import Reader

from .conftest import Engine, kill

SECONDS = float(os.environ.get("CYCLONE_CHAOS_S", "8"))
SEED = int(os.environ.get("CYCLONE_CHAOS_SEED", "1"))
IN_FLIGHT = 2000
# The log's line first: it is written by one write with O_APPEND, so lines are whole. Exit codes and durations depend on the task alone.
SCRIPT = """
echo "$CYCLONE_JOB_ID ${CYCLONE_TASK_INDEX:-0} $CYCLONE_ATTEMPT" >> log
seed=$((CYCLONE_JOB_ID * 31 + ${CYCLONE_TASK_INDEX:-0} * 17))
case $((seed % 120)) in 0) sleep 0.6 ;; 1) sleep 1.2 ;; 2 | 3 | 4 | 5) sleep 0.05 ;; esac
case $((seed % 23)) in 5) exit 3 ;; 7) [ $CYCLONE_ATTEMPT -gt 1 ] || exit 4 ;; 9) kill -TERM $$ ;; esac
echo "output of $CYCLONE_TASK_ID"
"""

Key = tuple[int, int, int]
"""(job, position, attempt)"""


class Storm:
    """Submits and kills; remembers what was accepted."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.engine, self.chance = engine, random.Random(seed)
        self.accepted: dict[int, tuple[int, str]] = {}
        self.kills: Counter[str] = Counter()

    def submit(self) -> None:
        """Arrays and single jobs, some of them twice with one key."""
        key = f"key-{len(self.accepted)}"
        retries = self.chance.choice([0, 0, 2])
        tasks = self.chance.choice([0, 0, 1, 40, 250, 400])
        fields = {"indices": (1, tasks, 1)} if tasks else {}
        request = self.engine.request(SCRIPT, idempotency_key=key, retries=retries, **fields)
        (job,) = jobs.submit(self.engine.state_dir, request)
        if self.chance.random() < 0.2:
            assert jobs.submit(self.engine.state_dir, request) == [job]
        self.accepted[job] = (tasks, key)

    def open_tasks(self) -> int:
        """How many tasks wait or run."""
        return sum(row[0] for row in self.engine.sql("SELECT sum(waiting + running) FROM job") if row[0])

    def strike(self) -> None:
        """Kill something."""
        supervisors, workers = self.engine.supervisors(), self.engine.workers()
        what = self.chance.choices(["supervisor", "worker", "workers", "all"], [5, 3, 1, 1])[0]
        self.kills[what] += 1
        kill({"supervisor": supervisors, "worker": workers[:1], "workers": workers, "all": supervisors + workers}[what])

    def rage(self, seconds: float) -> None:
        """Until the time is over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            while self.open_tasks() < IN_FLIGHT:
                self.submit()
            time.sleep(self.chance.choice([0.0, 0.02, 0.1, 0.3, 0.8]))
            self.strike()
            if self.chance.random() < 0.7:
                client.ensure(self.engine.state_dir).close()


class Books:
    """Everything that is recorded about the tasks, and the rules that it must obey."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.log = Counter(self._logged())
        self.starts, self.ends = Counter[Key](), defaultdict(list)
        for path in Path(engine.state_dir, "journals").iterdir():
            self._read(path)
        self.attempts = {tuple(row[:3]): row[3] for row in engine.sql("SELECT job, position, attempt, code FROM attempt")}

    def _logged(self) -> "list[Key]":
        lines = (self.engine.work_dir / "log").read_text().splitlines()
        keys = [tuple(map(int, line.split())) for line in lines]
        return [(job, index or 1, attempt) for job, index, attempt in keys]

    def _read(self, path: Path) -> None:
        for frame in frames(str(path)):
            key = (frame.job, frame.position, frame.attempt)
            if isinstance(frame, Start):
                self.starts[key] += 1
            elif isinstance(frame, End):
                self.ends[key].append((int(path.name), frame.at, frame.code))

    def check_runs(self) -> None:
        """Each run has a number of its own, and a START frame before it."""
        assert [key for key, times in self.log.items() if times > 1] == []
        assert set(self.log) - set(self.starts) == set()
        assert [key for key, found in self.ends.items() if len(found) > 1] == []

    def check_task(self, job: int, position: int, attempt: int, code: int, journal: int, at: int) -> None:
        """One final task: its history from the first attempt to the last."""
        for number in range(1, attempt):
            earlier = self.attempts[job, position, number]
            if cause_of(earlier) == CAUSE_LOST:  # a re-run by the death of a worker: the process must have been about
                assert self.starts[job, position, number], "it never ran, and yet an attempt was counted"
                assert (job, position, number) not in self.ends, "its end was recorded, and yet it ran again"
            else:
                assert [one[2] for one in self.ends[job, position, number]] == [earlier]
        assert (job, position, attempt + 1) not in self.log
        if cause_of(code) == CAUSE_LOST:
            assert attempt >= 5
            return
        assert self.ends[job, position, attempt] == [(journal, at, code)]
        assert (job, position, attempt) in self.log


def check(storm: Storm) -> Counter[str]:
    """Every promise, from the whole store, all journals and the scripts' own log; figures."""
    engine, figures = storm.engine, Counter[str]()
    books = Books(engine)
    books.check_runs()
    totals = [0] * len(STATES)
    with Reader.open(engine.state_dir) as reader:
        found = {job.id: job for job in reader.each_job()}
        assert {number: (job.tasks if job.array else 0, job.idempotency_key) for number, job in found.items()} == storm.accepted
        for job in found.values():
            counts = [0] * len(STATES)
            for task in _tasks(reader, job.id):
                assert task.status in FINAL
                code = _code(reader, job.id, task.position)
                assert task.status == final_state(code)
                books.check_task(job.id, task.position, task.attempt, code, task.journal, task.at)
                counts[task.status] += 1
                figures["tasks"] += 1
                figures["attempts"] += task.attempt
            assert tuple(counts) == job.counts
            assert sum(counts) == job.tasks
            totals = [one + other for one, other in zip(totals, counts, strict=True)]
        assert [tuple(totals)] == [counts for _, counts in reader.counts()]
    for table in ("lease", "span", "running", "cancellation"):
        assert engine.sql(f"SELECT count(*) FROM {table}") == [(0,)], table
    lost = sum(cause_of(code) == CAUSE_LOST for code in books.attempts.values())
    return figures + Counter(jobs=len(found), runs=sum(books.log.values()), lost=lost)


def _tasks(reader: Reader, job: int) -> "list":  # type: ignore[type-arg]
    found: list = []  # type: ignore[type-arg]
    while page := reader.tasks(job, after=len(found)):
        found += page
    return found


_codes: dict[int, dict[int, int]] = {}


def _code(reader: Reader, job: int, position: int) -> int:
    """The packed outcome as it is stored."""
    if job not in _codes:
        single = reader.job(job)
        assert single is not None
        rows = [row for low, _, _ in reader.results(job) for row, _ in reader.block(job, low)]
        positions = [row[1] for row in rows]
        assert len(positions) == len(set(positions)), "a task is final twice"
        _codes[job] = {row[1]: row[3] for row in rows} if single.array else {1: int(single.final[0] or 0)}
    return _codes[job][position]


@pytest.mark.timeout(SECONDS * 4 + 240)
def test_chaos(engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """kill -9 at any instant: nothing accepted is lost, nothing ends twice, nothing runs on unseen."""
    _codes.clear()
    storm = Storm(engine, SEED)
    client.ensure(engine.state_dir).close()
    storm.rage(SECONDS)
    for _ in jobs.wait(engine.state_dir, storm.accepted):
        pass
    assert engine.tasks() == []
    figures = check(storm)
    with capsys.disabled():
        print(f"\nchaos: {SECONDS:g} s, seed {SEED}, kills {dict(storm.kills)}, {dict(figures)}")  # noqa: T201  the figures are what a long run is for
    assert figures["tasks"] >= IN_FLIGHT


def test_killing_supervisors_runs_nothing_again(engine: Engine) -> None:
    """Only supervisors die, while short and long tasks run: each runs once, as its first attempt."""
    script = """echo $CYCLONE_JOB_ID $CYCLONE_TASK_INDEX $CYCLONE_ATTEMPT >> log
    [ $((CYCLONE_TASK_INDEX % 40)) = 20 ] && sleep 1 || sleep 0.0$((RANDOM % 3))"""
    found = [engine.array(script, 120) for _ in range(3)]
    chance = random.Random(SEED)
    for number in range(8):
        time.sleep(chance.choice([0.05, 0.3, 0.6]))
        engine.kill_supervisor()
        engine.greet() if number % 3 else engine.start()
    assert engine.wait(*found) == ["Successful"] * 3
    assert Counter(engine.lines("log")) == Counter(f"{job} {index} 1" for job in found for index in range(1, 121))
