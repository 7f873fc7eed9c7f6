"""Who is next and where it runs: a real store, workers that are only addresses."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cyclone_core.jobs import outcome
from cyclone_core.scheduler.local.dispatch import Dispatch
from cyclone_core.scheduler.local.placement import PATIENCE_S
from cyclone_core.scheduler.local.pool import Peer
from tests.contract.engines import MEMORY, SqliteEngine

VCPUS = 4


class Floor:
    """A cluster of four vCPUs and 8 GiB with two connected workers, and what has been handed to them."""

    def __init__(self, directory: Path, workers: int = 2) -> None:
        self.engine = SqliteEngine(directory)
        self.store = self.engine.store
        self.put("cluster", "default", mode="update", max_vcpus=VCPUS, max_memory_mib=8192)
        self.put("definition", "default", mode="update", vcpus=1, memory_limit_mib=0)
        self.dispatch = Dispatch(self.store, str(directory))
        self.dispatch.refresh()
        self.peers = {number: self._peer(number) for number in range(1, workers + 1)}
        self.now = 1000.0

    def _peer(self, number: int) -> Peer:
        peer = Peer(number, "default", 0, number, 0.0)
        peer.channel = object()  # type: ignore[assignment]  # nothing is sent here
        return peer

    def put(self, kind: str, name: str, mode: str = "create", **body: Any) -> None:
        """Store a resource."""
        with self.engine.step() as store:
            store.resources.put(kind, name, json.dumps({"name": name, **body}), mode, 1.0)
        if hasattr(self, "dispatch"):
            self.dispatch.refresh()

    def submit(self, tasks: int | None = None, **fields: Any) -> int:
        """Submit and tell the dispatcher."""
        job = self.engine.submit(tasks, **fields)
        self.dispatch.submitted(job)
        return job

    def place(self, seconds: float = 0.0) -> list[int]:
        """Place after so many seconds; the job of each task that was leased, in order."""
        self.now += seconds
        with self.engine.step():
            sends = self.dispatch.place(self.peers, 0.0, self.now)
        self.check()
        leases = [message for _, message in sends if message[0] == "lease"]
        return [job for message in leases for job, low, high, *_ in message[5] for _ in range(low, high + 1)]

    def end(self, job: int, position: int | None = None, code: int = 0) -> None:
        """Tasks of a job that are leased end."""
        for number, lease in list(self.store.leases.items()):
            keys = [key for key in lease.tasks if key[0] == job and position in (None, key[1])]
            rows = [(*key, lease.tasks[key][0], code, 1, 1, 0, 0) for key in keys]
            if rows:
                self.dispatch.came_back(self.engine.report(number, rows))
                self.dispatch.progress(number, self.now)

    def check(self) -> None:
        """No worker has more than there is; what is reserved is what is not free; streams know what they hold."""
        share = self.dispatch.shares["default"]
        streams = [stream for peer in self.peers.values() for stream in peer.streams.values()]
        reserved = sum(stream.width * stream.lane.shape.vcpus for stream in streams)
        memory = sum(stream.width * stream.lane.shape.memory_mib for stream in streams)
        assert reserved <= share.max_vcpus + 1e-6
        assert memory <= share.max_memory_mib
        assert (share.vcpus + reserved, share.memory_mib + memory) == (pytest.approx(share.max_vcpus), share.max_memory_mib)
        assert sum(peer.reserved for peer in self.peers.values()) == pytest.approx(reserved)
        for stream in streams:
            assert stream.width >= 1
            assert stream.outstanding == sum(len(self.store.leases[number].tasks) for number in stream.leases)
        assert {number for stream in streams for number in stream.leases} == set(self.dispatch.streams) == set(self.store.leases)

    def assert_free(self) -> None:
        """Everything has come back."""
        assert self.place() == []
        share = self.dispatch.shares["default"]
        assert (share.vcpus, share.memory_mib) == (pytest.approx(share.max_vcpus), share.max_memory_mib)
        assert not any(peer.streams for peer in self.peers.values())
        assert not any(lane.width for lane in self.dispatch.lanes.values())


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Floor]:
    """A fresh one."""
    floor = Floor(tmp_path)
    yield floor
    floor.engine.close()


def test_tasks_fill_the_cluster_and_no_more(floor: Floor) -> None:
    """Four vCPUs, four tasks, on both workers; the next one when one ends."""
    job = floor.submit(tasks=10)
    assert floor.place() == [job] * 4
    assert {lease.worker for lease in floor.store.leases.values()} == {1, 2}
    assert floor.place() == []
    floor.end(job, 1)
    assert floor.place() == [job]


def test_nothing_is_placed_without_a_connected_worker(floor: Floor) -> None:
    """Workers that have not said hello get nothing; what waits stays."""
    for peer in floor.peers.values():
        peer.channel = None
    job = floor.submit()
    assert floor.place() == []
    floor.peers[2].channel = object()  # type: ignore[assignment]
    assert floor.place() == [job]
    assert {lease.worker for lease in floor.store.leases.values()} == {2}


def test_order_is_queue_then_job_then_submission(floor: Floor) -> None:
    """Priority of the queue before that of the job."""
    floor.put("queue", "express", cluster="default", priority=10)
    floor.put("queue", "night", cluster="default", priority=-10)
    night, late, urgent, express = (
        floor.submit(queue=queue, priority=priority)
        for queue, priority in (("night", 999), ("default", 0), ("default", 5), ("express", -999))
    )
    last = floor.submit(queue="night", priority=999)
    assert floor.place() == [express, urgent, late, night]
    floor.end(late)
    assert floor.place() == [last]


def test_a_paused_queue_gets_nothing_until_it_is_resumed(floor: Floor) -> None:
    """What runs of it goes on; others take its turn."""
    floor.put("queue", "express", cluster="default", priority=10)
    running = floor.submit(queue="express")
    assert floor.place() == [running]
    floor.put("queue", "express", mode="update", cluster="default", priority=10, paused=True)
    paused, other = floor.submit(queue="express"), floor.submit()
    assert floor.place() == [other]
    floor.end(running)
    assert floor.place() == []
    floor.put("queue", "express", mode="update", cluster="default", priority=10, paused=False)
    assert floor.place() == [paused]


def test_a_lower_job_fills_what_a_large_one_cannot_use(floor: Floor) -> None:
    """Order among the tasks that fit: a gap is not left empty at first."""
    floor.put("definition", "large", vcpus=4)
    first, large, small = floor.submit(), floor.submit(definition="large"), floor.submit()
    assert floor.place() == [first, small]
    floor.end(first)
    assert floor.place() == []
    floor.end(small)
    assert floor.place() == [large]


def test_a_large_task_is_not_starved(floor: Floor) -> None:
    """However many small ones follow: when its patience is over the cluster drains for it."""
    floor.put("definition", "large", vcpus=4)
    first = floor.submit(tasks=4)
    floor.place()
    large, small = floor.submit(definition="large"), floor.submit(tasks=100)
    ended = 0
    for position in range(1, 5):
        floor.end(first, position)
        placed = floor.place(PATIENCE_S / 4 if position < 4 else PATIENCE_S)
        ended += placed.count(small)
    for _ in range(VCPUS + 1):
        if floor.store.work(large).waiting == 0:
            break
        floor.end(small)
        assert small not in floor.place(1.0)
    assert floor.store.work(large).waiting == 0
    floor.end(large)
    assert floor.place().count(small) == 4


def test_the_ratio_bounds_how_many_run(floor: Floor) -> None:
    """One worker's worth for ten tasks: eight tasks run one by one, twelve two by two."""
    floor.put("definition", "many", vcpus=1, jobs_to_workers_ratio=10)
    job = floor.submit(tasks=8, definition="many")
    assert floor.place() == [job]
    floor.submit(tasks=4, definition="many")
    assert len(floor.place()) == 1


def test_memory_is_packed(floor: Floor) -> None:
    """3 GiB each: two fit into 8, beside them tasks that take none."""
    floor.put("definition", "fat", vcpus=1, memory_limit_mib=3000)
    fat, thin = floor.submit(tasks=4, definition="fat"), floor.submit(tasks=9)
    assert floor.place() == [fat, fat, thin, thin]
    floor.end(fat, 1)
    assert floor.place() == [fat]


def test_fractions_of_a_vcpu(floor: Floor) -> None:
    """Eight halves are four."""
    floor.put("definition", "half", vcpus=0.5)
    job = floor.submit(tasks=20, definition="half")
    assert floor.place() == [job] * 8


def test_a_smaller_cluster_waits_until_enough_has_ended(floor: Floor) -> None:
    """What runs goes on, nothing new starts above the new size."""
    job = floor.submit(tasks=9)
    floor.place()
    floor.put("cluster", "default", mode="update", max_vcpus=2, max_memory_mib=8192)
    for position in (1, 2):
        floor.end(job, position)
        with floor.engine.step():
            sends = floor.dispatch.place(floor.peers, 0.0, 1.0)
        assert [message for _, message in sends if message[0] == "lease"] == []
    floor.end(job, 3)
    assert floor.place() == [job]


def test_a_long_task_does_not_hold_its_whole_stream(floor: Floor) -> None:
    """A stream with nothing to add keeps what it uses; the worker is told its new width."""
    array = floor.submit(tasks=4)
    floor.place()
    for position in (1, 2, 3):
        floor.end(array, position)
    with floor.engine.step():
        sends = floor.dispatch.place(floor.peers, 0.0, 1.0)
    assert [message[0] for _, message in sends] == ["width"]
    floor.put("definition", "wide", vcpus=3)
    wide = floor.submit(definition="wide")
    assert floor.place() == [wide]


def test_short_tasks_are_leased_by_the_slice(floor: Floor) -> None:
    """Slices grow while leases are worked off quickly; one that is given back makes them small again."""
    job = floor.submit(tasks=400)
    sizes = [len(floor.place())]
    for _ in range(5):
        floor.end(job)
        sizes.append(len(floor.place()))
    assert sizes[-1] > 4 * sizes[0]
    floor.dispatch.gave_back(floor.peers[1], max(floor.store.leases))
    assert {lane.slice for lane in floor.dispatch.lanes.values()} == {1}


def test_rows_that_do_not_count_make_no_room(floor: Floor) -> None:
    """A report that comes twice does not let a stream take more than it can run."""
    job = floor.submit(tasks=9)
    floor.place()
    lease = next(lease for lease in floor.store.leases.values() if len(lease.tasks) > 1)
    key, history = next(iter(lease.tasks.items()))
    for _ in range(2):
        floor.engine.report(lease.id, [(*key, history[0], 0, 1, 1, 0, 0)])
        floor.dispatch.progress(lease.id, floor.now)
    assert floor.place() == [job]


def test_what_a_dead_worker_held_is_free(floor: Floor) -> None:
    """Its tasks go to the others, its share too."""
    job = floor.submit(tasks=4)
    floor.place()
    peer = floor.peers.pop(1)
    for number in [lease.id for lease in floor.store.leases.values() if lease.worker == 1]:
        floor.dispatch.came_back(floor.engine.lose(number, []))
    floor.dispatch.dismiss(peer)
    assert floor.place() == [job] * 2
    assert {lease.worker for lease in floor.store.leases.values()} == {2}
    floor.end(job)
    floor.assert_free()


def test_a_worker_that_outlived_its_supervisor_keeps_its_share(floor: Floor) -> None:
    """A fresh dispatcher takes its leases over: only what is left is given away."""
    job = floor.submit(tasks=9)
    floor.place()
    floor.dispatch = Dispatch(floor.store, "")
    floor.dispatch.refresh()
    floor.peers = {number: floor._peer(number) for number in floor.peers}
    for peer in floor.peers.values():
        floor.dispatch.adopt(peer, [lease for lease in floor.store.leases.values() if lease.worker == peer.id])
    assert floor.place() == []
    floor.end(job, 2)
    assert floor.place() == [job]


def test_after_a_failed_commit_nothing_is_held(floor: Floor) -> None:
    """Leases of the failed turn were never given; the same tasks come again."""
    job = floor.submit(tasks=6)
    assert floor.place() == [job] * 4
    floor.end(job, 1)
    floor.store.begin()
    floor.dispatch.place(floor.peers, 0.0, 1.0)
    floor.store.rollback()
    floor.dispatch.reset()
    assert floor.place() == [job]


def test_cancelled_tasks_are_told_to_who_holds_them(floor: Floor) -> None:
    """And only to them."""
    one = floor.submit()
    floor.place()
    other = floor.submit()
    floor.place()
    for job, position in ((one, None), (other, 1)):
        floor.engine.cancel(job, position)
        floor.dispatch.cancelled(job, position, floor.peers)
    with floor.engine.step():
        sends = floor.dispatch.place(floor.peers, 0.0, 1.0)
    holders = {key[0]: lease.worker for lease in floor.store.leases.values() for key in lease.tasks}
    told = [(peer.id, message) for peer, message in sends if message[0] == "cancel"]
    assert told == [(holders[one], ("cancel", one, 0)), (holders[other], ("cancel", other, 1))]


events = st.lists(
    st.tuples(
        st.sampled_from(["submit", "submit", "end", "end", "fail", "back", "lose", "cancel", "later", "pause", "resize"]),
        st.integers(0, 10**6),
    ),
    max_size=40,
)
DEFINITIONS = {"default": (1, 0), "half": (0.5, 0), "pair": (2, 3000), "all": (VCPUS, 0), "fat": (1, 5000), "many": (1, 100)}


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(events)
def test_whatever_happens_shares_come_back(history: list[tuple[str, int]]) -> None:
    """Any mixture of shapes and events: never too much at once (`check`), everything done at last, everything free then."""
    with TemporaryDirectory(dir=MEMORY) as directory:
        floor = Floor(Path(directory))
        for name, (vcpus, memory) in DEFINITIONS.items():
            ratio = 5 if name == "many" else 1
            floor.put("definition", name, mode="any", vcpus=vcpus, memory_limit_mib=memory, jobs_to_workers_ratio=ratio)
        for kind, number in history:
            happen(floor, kind, number)
            floor.place(1.0)
        floor.put("queue", "default", mode="update", cluster="default", paused=False)
        for _ in range(600):
            floor.place(PATIENCE_S + 1)
            if not floor.store.leases:
                break
            for job in {key[0] for lease in floor.store.leases.values() for key in lease.tasks}:
                floor.end(job)
        assert not any(floor.store.waiting.values())
        floor.assert_free()
        floor.engine.close()


def happen(floor: Floor, kind: str, number: int) -> None:
    """One event; `number` chooses."""
    leases = sorted(floor.store.leases.values(), key=lambda lease: lease.id)
    lease = leases[number % len(leases)] if leases else None
    names = list(DEFINITIONS)
    if kind == "submit":
        tasks = number % 7
        floor.submit(
            tasks or None, definition=names[number % len(names)], priority=number % 3, retries=1, limit=2 if number % 5 == 0 else 0
        )
    elif kind == "later":
        floor.now += number % 60
    elif kind == "pause":
        floor.put("queue", "default", mode="update", cluster="default", paused=bool(number % 2))
    elif kind == "resize":
        floor.put("definition", "many", mode="update", vcpus=1 + number % 3, memory_limit_mib=100, jobs_to_workers_ratio=1)
    elif lease is not None:
        job, position = sorted(lease.tasks)[number % len(lease.tasks)]
        peer = floor.peers[lease.worker]
        if kind in ("end", "fail"):
            floor.end(job, position if number % 2 else None, outcome(1 << 8) if kind == "fail" else 0)
        elif kind == "back":
            floor.dispatch.gave_back(peer, lease.id)
            floor.dispatch.came_back(floor.engine.give_back(lease.id, [(job, position, position + 3)]))
            floor.dispatch.progress(lease.id, floor.now)
        elif kind == "cancel":
            floor.engine.cancel(job, position if number % 3 else None)
            floor.dispatch.cancelled(job, position, floor.peers)
        elif kind == "lose":
            floor.dispatch.came_back(floor.engine.lose(lease.id, [(job, position)]))
            floor.dispatch.progress(lease.id, floor.now)
