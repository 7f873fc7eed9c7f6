"""From waiting tasks to leases: which job is next, which worker gets it, how many processes there are.

Order: by priority of the queue, then of the job, then by submission, among the tasks that fit. A job that does not fit yet is
not overtaken for ever: a stream that holds what it needs is not fed by later jobs, and after PATIENCE_S nothing of its cluster is.
"""

import time

from cyclone_core.scheduler.local import pool
from cyclone_core.scheduler.local.backlog import Backlog
from cyclone_core.scheduler.local.placement import PATIENCE_S, Lane, Shape, Share, Stream, even_share, lane_limit, workers_of
from cyclone_core.scheduler.sqlite.resources import machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from cyclone_core.ports import Range
    from cyclone_core.scheduler.local.pool import Peer
    from cyclone_core.scheduler.local.supervisor import Supervisor
    from cyclone_core.scheduler.sqlite.store import SqliteStore
    from cyclone_core.scheduler.sqlite.work import Lease
    from cyclone_core.wire import Message

YOUNG_S = 1.0
"""A worker that ends this soon may be one that cannot work at all."""
LONGEST_PAUSE_S = 30.0
"""Before the next worker is started, when one after the other ended young."""


class Blocked:
    """The best job of a cluster that cannot be placed: what it needs, and whether its patience is over."""

    __slots__ = ("aged", "shape")

    def __init__(self, shape: Shape, aged: bool) -> None:
        self.shape, self.aged = shape, aged


class Dispatch:
    """What the supervisor knows about clusters and lanes; see the module."""

    def __init__(self, store: "SqliteStore", state_dir: str) -> None:
        self.store, self.state_dir = store, state_dir
        self.backlogs: dict[tuple[str, str], Backlog] = {}
        self.lanes: dict[tuple[str, str], Lane] = {}
        self.shares: dict[str, Share] = {}
        self.streams: dict[int, Stream] = {}
        """lease -> the stream it belongs to"""
        self.cancels: list[tuple[Peer, Message]] = []
        self.failed_starts = 0
        self.hire_after = 0.0
        self._next_stream = 1
        self._dirty = True

    # -- what changed -------------------------------------------------------------------------------------------------------------
    def refresh(self) -> None:
        """Resources changed: sizes of clusters are read again."""
        clusters = self.store.resources.bodies["cluster"]
        for name, body in clusters.items():
            size = (body.get("max_vcpus") or machine()[0], body.get("max_memory_mib") or 0)
            if name in self.shares:
                self.shares[name].resize(*size)
            else:
                self.shares[name] = Share(*size)
        self._dirty = True

    def reset(self) -> None:
        """A commit failed: what was remembered of the database is void, leases of this turn were never given."""
        for backlog in self.backlogs.values():
            backlog.reset()
        self.cancels.clear()
        for number, stream in list(self.streams.items()):
            found = self.store.leases.get(number)
            if found is None:
                _, size = stream.leases.pop(number)
                stream.outstanding -= size
                del self.streams[number]
        for stream in set(self.streams.values()):
            stream.outstanding = sum(len(self.store.leases[number].tasks) for number in stream.leases)
        self.refresh()

    def submitted(self, job: int) -> None:
        """A job began to wait."""
        self._dirty = True
        queue, definition, priority = self.store.db.execute("SELECT queue, definition, priority FROM job WHERE id=?", (job,)).fetchone()
        backlog = self.backlogs.get((queue, definition))
        if backlog is not None:
            backlog.submitted(priority, job)

    def came_back(self, ranges: "Iterable[Range]") -> None:
        """Leased tasks wait again."""
        for job in {one[0] for one in ranges}:
            work = self.store.work(job)
            if work is not None:
                self._backlog(work.queue, work.definition).add(work)
        self._dirty = True

    def gave_back(self, peer: "Peer", lease: int) -> None:
        """A worker found the tasks of a lease slow."""
        stream = self.streams.get(lease)
        if stream is not None:
            stream.lane.slow_down()

    def progress(self, lease: int, now: float) -> None:
        """Tasks of a lease ended or came back, as far as they counted: room for others."""
        self._dirty = True
        stream = self.streams.get(lease)
        if stream is None:
            return
        found = self.store.leases.get(lease)
        left = len(found.tasks) if found else 0
        held = sum(len(self.store.leases[number].tasks) for number in stream.leases if number in self.store.leases)
        stream.ended(lease, stream.outstanding - held, left, now)
        if not left:
            del self.streams[lease]

    def cancelled(self, job: int, position: int | None, peers: "Mapping[int, Peer]") -> None:
        """Tell the workers that hold tasks of it."""
        for worker in {lease.worker for lease in self.store.leases.values() if any(key[0] == job for key in lease.tasks)}:
            if worker in peers:
                self.cancels.append((peers[worker], ("cancel", job, position or 0)))
        self._dirty = True

    def is_waiting(self) -> bool:
        """Whether any task waits."""
        return any(self.store.waiting.values())

    def outstanding(self) -> int:
        """Tasks that are leased."""
        return sum(len(lease.tasks) for lease in self.store.leases.values())

    def can_place(self) -> bool:
        """Whether something changed since the last placement that may let a task start."""
        return self._dirty

    # -- placement ----------------------------------------------------------------------------------------------------------------
    def place(self, peers: "Mapping[int, Peer]", clock: float, now: float) -> "list[tuple[Peer, Message]]":
        """Lease what can be leased, as steps of the open transaction; the messages are sent after the commit."""
        self._dirty = False
        sends, self.cancels = self.cancels, []
        blocked: dict[str, Blocked] = {}
        self._close_idle(peers)
        candidates = self._candidates()
        while candidates:
            key = min(candidates)
            backlog = candidates.pop(key)
            lane = self._lane(backlog)
            message = self._feed(backlog, lane, peers, blocked.get(lane.cluster), clock, now)
            if message is None:
                self._note_blocked(backlog, lane, blocked, now)
                continue
            backlog.blocked_since = None
            sends.append(message)
            again = self._key(backlog)
            if again is not None:
                candidates[again] = backlog
        narrowed = self._narrow(peers)
        if narrowed and blocked:
            return sends + narrowed + self.place(peers, clock, now)
        return sends + narrowed

    def _note_blocked(self, backlog: Backlog, lane: Lane, blocked: dict[str, Blocked], now: float) -> None:
        """Remember the first job of a cluster that waits for room (not for its own limits)."""
        if self.shares[lane.cluster].fits(lane.shape):
            backlog.blocked_since = None
            return
        if backlog.blocked_since is None:
            backlog.blocked_since = now
        blocked.setdefault(lane.cluster, Blocked(lane.shape, now - backlog.blocked_since > PATIENCE_S))

    def _narrow(self, peers: "Mapping[int, Peer]") -> "list[tuple[Peer, Message]]":
        """Streams that could not be fed keep only what they use: one long task of a wide stream must not hold the rest."""
        told: list[tuple[Peer, Message]] = []
        for peer in peers.values():
            for stream in peer.streams.values():
                spare = stream.width - max(1, stream.outstanding)
                if spare > 0:
                    stream.width -= spare
                    self._reserve(peer, stream, -spare)
                    told.append((peer, ("width", stream.id, stream.width)))
        return told

    def _candidates(self) -> "dict[tuple[int, int, int], Backlog]":
        """Backlogs that may be served, by the rank of their best job."""
        queues, clusters = self.store.resources.bodies["queue"], self.store.resources.bodies["cluster"]
        found = {}
        for queue, definition in [key for key, count in self.store.waiting.items() if count > 0]:
            body = queues.get(queue)
            if body is None or body.get("paused") or body.get("cluster") not in clusters:
                continue
            if definition in self.store.resources.bodies["definition"]:
                backlog = self._backlog(queue, definition)
                key = self._key(backlog)
                if key is not None:
                    found[key] = backlog
        return found

    def _key(self, backlog: Backlog) -> "tuple[int, int, int] | None":
        work = backlog.head()
        if work is None:
            return None
        return (-int(self.store.resources.bodies["queue"][backlog.queue].get("priority") or 0), -work.priority, work.id)

    def _feed(
        self, backlog: Backlog, lane: Lane, peers: "Mapping[int, Peer]", blocked: Blocked | None, clock: float, now: float
    ) -> "tuple[Peer, Message] | None":
        """One lease for the best job of a backlog, None when no worker can take it."""
        if self.shares[lane.cluster].is_overdrawn():
            return None
        stream, peer = self._stream_that_wants(lane, peers, blocked)
        if stream is None and not (blocked and blocked.aged):
            stream, peer = self._new_stream(backlog, lane, peers)
        if stream is None or peer is None:
            return None
        waiting = self.store.waiting[backlog.queue, backlog.definition]
        ranges = backlog.take(min(stream.wants(), even_share(waiting, lane.width)))
        if not ranges:
            return None
        number = self.store.lease(peer.id, peer.journal, ranges, clock, peer.journal_at)
        size = sum(high - low + 1 for _, low, high, *_ in ranges)
        stream.begin(number, size, now)
        self.streams[number] = stream
        return peer, self._message(number, stream, backlog.definition, ranges)

    def _stream_that_wants(
        self, lane: Lane, peers: "Mapping[int, Peer]", blocked: Blocked | None
    ) -> "tuple[Stream, Peer] | tuple[None, None]":
        """The hungriest stream of a lane. None may be fed whose share an earlier job waits for."""
        best: tuple[Stream, Peer] | None = None
        for peer in peers.values():
            for stream in peer.streams.values() if peer.channel is not None and not peer.retiring else ():
                if stream.lane is not lane or not stream.wants() or (blocked and self._is_needed(stream, blocked)):
                    continue
                if best is None or stream.outstanding * best[0].width < best[0].outstanding * stream.width:
                    best = stream, peer
        return best or (None, None)

    def _is_needed(self, stream: Stream, blocked: Blocked) -> bool:
        lane = stream.lane
        share = (lane.shape.vcpus * stream.width, lane.shape.memory_mib * stream.width)
        return blocked.aged or self.shares[lane.cluster].fits(blocked.shape, share) > 0

    def _new_stream(self, backlog: Backlog, lane: Lane, peers: "Mapping[int, Peer]") -> "tuple[Stream, Peer] | tuple[None, None]":
        """A share of the cluster on its least loaded worker, as wide as what is free and what waits allow."""
        share = self.shares[lane.cluster]
        there = [peer for peer in peers.values() if peer.cluster == lane.cluster and peer.channel is not None and not peer.retiring]
        waiting = self.store.waiting.get((backlog.queue, backlog.definition), 0)
        ratio = self.store.resources.bodies["definition"][backlog.definition].get("jobs_to_workers_ratio") or 1
        spread = max(1, round(share.max_vcpus / workers_of(share.max_vcpus) / lane.shape.vcpus))
        allowed = lane_limit(waiting + self._leased(lane), ratio) - lane.width
        width = min(share.fits(lane.shape), spread, waiting, allowed)
        if not there or width < 1:
            return None, None
        peer = min(there, key=lambda one: (one.reserved, one.id))
        stream = Stream(self._next_stream, peer.id, lane, width)
        self._next_stream += 1
        self._reserve(peer, stream, width)
        peer.streams[stream.id] = stream
        return stream, peer

    def _leased(self, lane: Lane) -> int:
        return sum(stream.outstanding for stream in {id(s): s for s in self.streams.values()}.values() if stream.lane is lane)

    def _reserve(self, peer: "Peer", stream: Stream, width: int) -> None:
        """Take a share of so many tasks (negative: give back)."""
        lane = stream.lane
        self.shares[lane.cluster].take(lane.shape, width)
        lane.width += width
        peer.reserved += lane.shape.vcpus * width

    def _close_idle(self, peers: "Mapping[int, Peer]") -> None:
        """End streams that have worked everything off: their share is anybody's again."""
        for peer in peers.values():
            for stream in list(peer.streams.values()):
                if stream.leases:
                    continue
                del peer.streams[stream.id]
                self._reserve(peer, stream, -stream.width)

    def _message(self, number: int, stream: Stream, definition: str, ranges: "list[Range]") -> "Message":
        """The lease as the worker gets it: everything it needs, nothing it has to look up."""
        jobs: dict[int, tuple[Any, ...]] = {}
        specs: dict[int, dict[str, Any]] = {}
        for job in {one[0] for one in ranges}:
            work = self.store.works[job]
            jobs[job] = (work.name, work.queue, work.spec, work.array, work.low, work.step, work.tasks, stream.lane.cluster)
            if work.sparse is not None:
                jobs[job] += (sorted({part for one in ranges if one[0] == job for part in work.sparse.parts(one[1], one[2])}),)
            specs[work.spec] = self.store.specs.body(work.spec)
        return (
            "lease",
            number,
            stream.id,
            stream.width,
            lane_body(self.store.resources.bodies["definition"][definition]),
            ranges,
            jobs,
            specs,
        )

    def _backlog(self, queue: str, definition: str) -> Backlog:
        key = (queue, definition)
        if key not in self.backlogs:
            self.backlogs[key] = Backlog(self.store, queue, definition)
        return self.backlogs[key]

    def _lane(self, backlog: Backlog) -> Lane:
        """The lane of a backlog; a changed shape makes a new one, what runs keeps the old."""
        cluster = self.store.resources.bodies["queue"][backlog.queue]["cluster"]
        shape = Shape.of(self.store.resources.bodies["definition"][backlog.definition])
        lane = self.lanes.get((cluster, backlog.definition))
        if lane is None or (lane.shape.vcpus, lane.shape.memory_mib) != (shape.vcpus, shape.memory_mib):
            lane = self.lanes[cluster, backlog.definition] = Lane(cluster, backlog.definition, shape)
        return lane

    # -- workers ------------------------------------------------------------------------------------------------------------------
    def hire(self, supervisor: "Supervisor") -> None:
        """Start the workers that clusters should have: the first cluster keeps two warm, all others come with work."""
        if self.hire_after > time.monotonic():
            supervisor.look_again_at = supervisor.look_again_at or self.hire_after
            return
        clusters = self.store.resources.bodies["cluster"]
        for peer in list(supervisor.peers.values()):
            peer.retiring = peer.retiring or peer.cluster not in clusters or peer.journal_at > pool.LARGEST_JOURNAL
        for name in clusters:
            for peer in self._serving(supervisor, name)[workers_of(self.shares[name].max_vcpus) :]:
                peer.retiring = True
        for peer in list(supervisor.peers.values()):
            if peer.retiring and not peer.streams:
                supervisor.send_to(peer, ("stop", 0))
        for place, name in enumerate(clusters):
            most = workers_of(self.shares[name].max_vcpus)
            wanted = most if self._has_work(name) else 0 if place else min(2, most)
            for _ in range(len(self._serving(supervisor, name)), wanted):
                self._start_worker(supervisor, name)

    def _serving(self, supervisor: "Supervisor", cluster: str) -> "list[Peer]":
        """Workers of a cluster that are to stay, those that have something to do first."""
        there = [peer for peer in supervisor.peers.values() if peer.cluster == cluster and not peer.retiring]
        return sorted(there, key=lambda peer: not peer.streams)

    def _has_work(self, cluster: str) -> bool:
        queues = self.store.resources.bodies["queue"]
        return any(count > 0 and queues.get(queue, {}).get("cluster") == cluster for (queue, _), count in self.store.waiting.items())

    def _start_worker(self, supervisor: "Supervisor", cluster: str) -> None:
        now = time.time()
        self.store.begin()
        number, journal = self.store.next_number("worker"), self.store.next_number("journal")
        self.store.db.execute("INSERT INTO worker VALUES(?,?,?,?,?,?,'idle')", (number, cluster, 0, journal, now, now))
        self.store.commit()
        pid = pool.start_worker(self.state_dir, supervisor.socket_path, number, journal)
        supervisor.peers[number] = pool.Peer(number, cluster, pid, journal, now)

    def cluster_of(self, worker: int) -> str:
        """The cluster of a worker that another supervisor started."""
        row = self.store.db.execute("SELECT cluster FROM worker WHERE id=?", (worker,)).fetchone()
        return row[0] if row else "default"

    def adopt(self, peer: "Peer", leases: "Iterable[Lease]") -> None:
        """Leases of a worker that outlived another supervisor get streams again, as wide as what runs."""
        for lease in leases:
            if lease.id in self.streams or not lease.tasks:
                continue
            job = self.store.work(next(iter(lease.tasks))[0])
            if job is None:
                continue
            lane = self._lane(self._backlog(job.queue, job.definition))
            stream = Stream(self._next_stream, peer.id, lane, len(lease.tasks))
            self._next_stream += 1
            self._reserve(peer, stream, stream.width)
            stream.begin(lease.id, len(lease.tasks), time.monotonic())
            peer.streams[stream.id] = self.streams[lease.id] = stream

    def dismiss(self, peer: "Peer") -> None:
        """A worker is gone: its shares are free. One that did not live long is replaced with growing hesitation."""
        self.failed_starts = self.failed_starts + 1 if time.time() - peer.started < YOUNG_S else 0
        self.hire_after = time.monotonic() + min(LONGEST_PAUSE_S, 0.1 * 2**self.failed_starts) if self.failed_starts else 0.0
        for stream in peer.streams.values():
            self._reserve(peer, stream, -stream.width)
            for lease in stream.leases:
                self.streams.pop(lease, None)
        peer.streams.clear()
        self._dirty = True


def lane_body(definition: "dict[str, Any]") -> "dict[str, Any]":
    """A definition as workers get it."""
    return {
        "name": definition["name"],
        "vcpus": definition.get("vcpus") or 1,
        "memory_mib": definition.get("memory_limit_mib") or 0,
        "environment": definition.get("environment") or {},
        "timeout_s": 60 * (definition.get("timeout_minutes") or 0),
        "image": definition.get("image"),
        "container_options": definition.get("container_options") or {},
        "working_directory": definition.get("working_directory") or "submit",
        "output_limit_mib": definition.get("output_limit_mib") or 64,
    }
