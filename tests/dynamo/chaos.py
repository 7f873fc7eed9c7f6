"""A host on which everything goes wrong, in one process and by one seed: users, dispatchers, accountants, workers, reconcilers and the
handler of dead letters run the real code, each in a thread of its own that goes on only when it is its turn; it is somebody else's with
each request. Requests and their answers get lost, processes die between two requests, messages and records are lost, doubled, late and
reordered, clocks differ. The table and the message queues are `memory`.
"""

import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from cyclone_core import jobs, naming
from cyclone_core.errors import AwsError, InvalidRequest
from cyclone_core.jobs import JobRequest
from cyclone_core.scheduler.dynamo import dispatch, keys, unit_items, unit_parts
from cyclone_core.scheduler.dynamo.accountant import Accountant
from cyclone_core.scheduler.dynamo.audit import Audit
from cyclone_core.scheduler.dynamo.cancelling import cancel_tasks
from cyclone_core.scheduler.dynamo.dead import KEEP, DeadLetters
from cyclone_core.scheduler.dynamo.dispatch import Dispatcher
from cyclone_core.scheduler.dynamo.expiry import expire
from cyclone_core.scheduler.dynamo.ids import MemoryIds
from cyclone_core.scheduler.dynamo.queues import Lanes, Message
from cyclone_core.scheduler.dynamo.reconciler import Reconciler
from cyclone_core.scheduler.dynamo.records import Records
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.dynamo.unit import Unit
from cyclone_core.scheduler.dynamo.unit_store import HELD, PAUSED, LeaseLost, Refusal, UnitStore
from cyclone_core.scheduler.dynamo.values import unpack
from cyclone_core.scheduler.lifecycle import Retry
from tests.contract.dynamo_engine import MemoryBucket
from tests.dynamo.memory import MemoryDynamo, MemorySqs

HOST = "chaos"
LEASE_MS = 120_000
FAIL = jobs.outcome(1 << 8)
BEGIN = 1_700_000_000_000


class Died(Exception):
    """A process ends here, whatever it was doing."""


class Stopped(Exception):
    """The world ends."""


class Actor(threading.Thread):
    """Somebody. `turn` lets it go on to its next request."""

    def __init__(self, world: "World", name: str, skew: int, work: "Callable[[Actor], None]") -> None:
        super().__init__(name=name, daemon=True)
        self.world, self.skew, self._work = world, skew, work
        self._mine, self._yours = threading.Semaphore(0), threading.Semaphore(0)
        self.is_over, self.until = False, 0
        self.error: BaseException | None = None
        self.faulty = True

    def run(self) -> None:
        """In its thread."""
        self._mine.acquire()
        try:
            if not self.world.stopped:
                self._work(self)
        except (Died, Stopped):
            pass
        except BaseException as exc:  # noqa: BLE001  told by the world
            self.error = exc
        self.is_over = True
        self._yours.release()

    def turn(self) -> None:
        """From the world's thread: until its next request."""
        self._mine.release()
        self._yours.acquire()

    def rest(self, ms: int = 0) -> None:
        """From its own thread: let others go on, for some time at least."""
        self.until = self.world.now + ms
        self._yours.release()
        self._mine.acquire()
        if self.world.stopped:
            raise Stopped

    def now(self) -> int:
        """The time as its machine has it."""
        return self.world.now + self.skew


class Way:
    """An actor's way to AWS."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def dynamodb(self, operation: str, **asked: Any) -> Any:
        """See `MemoryDynamo`."""
        return self._ask(lambda: self._world.dynamo.dynamodb(operation, **asked))

    def sqs(self, operation: str, **asked: Any) -> Any:
        """See `MemorySqs`."""
        return self._ask(lambda: self._world.queues.sqs(operation, **asked))

    def ssm(self, operation: str, **asked: Any) -> Any:
        """The records."""
        path = naming.records(HOST)
        told = [
            {"Name": f"{path}/{kind}/{name}", "Value": json.dumps(body)}
            for kind, of_kind in self._world.bodies.items()
            for name, body in of_kind.items()
        ]
        return self._ask(lambda: {"Parameters": told})

    def _ask(self, request: Callable[[], Any]) -> Any:
        actor = threading.current_thread()
        if not isinstance(actor, Actor):
            return request()  # of a pool that somebody waits for
        actor.rest()
        chance = self._world.chance
        what = chance.random() if self._world.faults and actor.faulty else 1.0
        if what < 0.004:
            raise Died
        if what < 0.016:
            raise AwsError("no answer", "NoAnswer")
        if what < 0.06:
            try:
                request()
            except AwsError:
                pass
            if what < 0.028:
                raise AwsError("the answer was lost for good", "NoAnswer")
            if what < 0.034:
                raise Died
            actor.rest()
        answer = request()
        if self._world.faults and chance.random() < 0.1:
            actor.rest()  # the answer is on its way
        return answer


class World:
    """See the module."""

    def __init__(self, seed: int, skew_ms: int = 900) -> None:
        self.chance, self.seed, self.skew_ms = random.Random(seed), seed, skew_ms
        self.now, self.stopped, self.faults, self.steps = BEGIN, False, True, 0
        self.dynamo = MemoryDynamo(lambda: self.now, self.chance)
        self.queues = MemorySqs(lambda: self.now, self.chance)
        self.queues.dead = naming.dead_letters(HOST)
        self.queues.queues[self.queues.dead] = []
        self.bodies: dict[str, dict[str, dict[str, Any]]] = {
            "region": {"us-east-1": {}},
            "cluster": {"one": {"max_vcpus": 8}, "two": {"max_vcpus": 8}},
            "queue": {"day": {"cluster": "one"}, "night": {"cluster": "two"}},
            "definition": {"small": {"vcpus": 1, "jobs_to_workers_ratio": self.chance.choice((1, 3, 7))}},
        }
        self.bucket, self.actors, self.names = MemoryBucket(), list[Actor](), Counter[str]()
        self.accepted: set[int] = set()
        self.by_key: dict[str, set[int]] = {}
        self.gone: list[tuple[int, int | None]] = []
        """what was cancelled for good, in order: job, position"""
        self.started: Counter[tuple[int, int, int]] = Counter()
        self.out: dict[int, set[_Unit]] = {}
        """limited arrays: what of them is in somebody's hands"""
        self.fails = self.chance.random() < 0.5
        self.read = dict.fromkeys(("dispatcher", "accountant0", "accountant1"), 0)
        self.problems: list[str] = []

    # -- parts ------------------------------------------------------------------------------------------------------------------------
    def table(self) -> Table:
        """Somebody's."""
        return Table(Way(self), "jobs", sleep=lambda s: self._pause(s))

    def _pause(self, seconds: float) -> None:
        actor = threading.current_thread()
        if isinstance(actor, Actor):
            actor.rest(int(seconds * 1000))

    def store(self) -> UnitStore:
        """Somebody's."""
        table = self.table()
        return UnitStore(table, self.bucket, MemoryIds(table, 5), lease_ms=LEASE_MS)  # type: ignore[arg-type]  # it has what is used

    def lanes(self) -> Lanes:
        """Somebody's."""
        return Lanes(Way(self), HOST, sleep=self._pause)

    def records(self) -> Records:
        """Somebody's."""
        return Records(Way(self), HOST, clock=lambda: self.now / 1000)

    def hire(self, kind: str, work: "Callable[[Actor], None]", skewed: bool = True) -> Actor:
        """One more."""
        self.names[kind] += 1
        skew = self.chance.randint(-self.skew_ms, self.skew_ms) if skewed else 0
        actor = Actor(self, f"{kind}-{self.names[kind]}", skew, work)
        self.actors.append(actor)
        actor.start()
        return actor

    # -- time -------------------------------------------------------------------------------------------------------------------------
    def step(self, calm: bool = False) -> None:
        """Somebody goes on."""
        ready = [actor for actor in self.actors if not actor.is_over and actor.until <= self.now]
        if not ready:
            self.now = max(self.now + 1, min(actor.until for actor in self.actors if not actor.is_over))
            return
        actor = self.chance.choice(ready)
        actor.turn()
        self.steps += 1
        self.now += (
            self.chance.choice((0, 1, 5, 20)) if calm or self.chance.random() < 0.997 else self.chance.choice((2000, 2000, 30_000, 130_000))
        )
        if actor.is_over:
            self.actors.remove(actor)
            actor.join()
            if actor.error is not None:
                raise AssertionError(f"{actor.name} (seed {self.seed}): {actor.error!r}") from actor.error
            self._replace(actor.name.partition("-")[0])

    def _replace(self, kind: str) -> None:
        works = {
            "worker": self._worker, "dispatcher": self._dispatcher, "reconciler": self._reconciler, "dead": self._dead,
            "accountant0": lambda actor: self._accountant(actor, 0), "accountant1": lambda actor: self._accountant(actor, 1),
        }  # fmt: skip
        if kind in works:
            self.hire(kind, works[kind])

    def begin(self, users: int = 3, workers: int = 3) -> None:
        """Everybody comes."""
        for kind in ("dispatcher", "accountant0", "accountant1", "reconciler", "dead", *["worker"] * workers):
            self._replace(kind)
        for _ in range(users):
            self.hire("user", self._user)
        self.hire("owner", self._owner)

    def end(self) -> None:
        """Nobody goes on."""
        self.stopped = True
        for actor in self.actors:
            if not actor.is_over:
                actor.turn()
            actor.join()

    # -- users ------------------------------------------------------------------------------------------------------------------------
    def _user(self, actor: Actor) -> None:
        store, chance = self.store(), self.chance
        for _ in range(chance.randint(3, 12)):
            try:
                what = chance.random()
                if what < 0.6 or not self.accepted:
                    self._submit(store, actor)
                else:
                    self._cancel(store, actor, chance.choice(sorted(self.accepted)))
            except (AwsError, InvalidRequest):
                pass
            actor.rest(chance.choice((0, 500, 5000, 60_000)))

    def _submit(self, store: UnitStore, actor: Actor) -> None:
        chance = self.chance
        tasks = chance.choice((0, 0, 1, 4, 13, 40))
        more: dict[str, Any] = {"tasks": tasks, "indices": (1, tasks, 1)} if tasks else {}
        if tasks and chance.random() < 0.3:
            more["limit"] = chance.choice((1, 2))
        key = f"key{chance.randint(1, 3)}-{tasks}" if chance.random() < 0.4 else None
        queue = chance.choice(("day", "night"))
        script = b"%d" % tasks
        request = JobRequest(script=script, name="job", user="ada", queue=queue, definition="small", retries=1, idempotency_key=key, **more)
        number = store.submit(request, self.bodies, actor.now())
        self.accepted.add(number)
        if key:
            self.by_key.setdefault(key, set()).add(number)

    def _cancel(self, store: UnitStore, actor: Actor, number: int) -> None:
        item = store.job(number)
        assert item is not None, f"job {number} is lost"
        if not item["a"] or self.chance.random() < 0.4:
            if store.cancel(number, None, actor.now()):
                self.gone.append((number, None))
            return
        low = self.chance.randint(1, item["t"])
        wanted = range(low, min(item["t"], low + self.chance.choice((0, 2, 20))) + 1)
        self.gone += [(number, position) for position in sorted(cancel_tasks(store, number, wanted, actor.now()))]

    def _owner(self, actor: Actor) -> None:
        """Pauses queues and sends them elsewhere."""
        for _ in range(6):
            actor.rest(self.chance.choice((5000, 60_000, 200_000)))
            queue = self.bodies["queue"][self.chance.choice(("day", "night"))]
            if self.chance.random() < 0.6:
                queue["paused"] = not queue.get("paused")
            else:
                queue["cluster"] = self.chance.choice(("one", "two"))
        for queue in self.bodies["queue"].values():
            queue["paused"] = False

    # -- the control plane --------------------------------------------------------------------------------------------------------------
    def _batch(self, name: str, is_told: Callable[[dict[str, Any]], bool]) -> tuple[int, list[dict[str, Any]]]:
        """What comes next of the stream, the end first; perhaps with something that came before."""
        at = self.read[name]
        end = min(len(self.dynamo.stream), at + self.chance.choice((1, 3, 20)))
        found = [record for record in self.dynamo.stream[at:end] if is_told(record)]
        if found and self.faults and self.chance.random() < 0.2:
            earlier = [record for record in self.dynamo.stream[max(0, at - 30) : at] if is_told(record)]
            found += self.chance.sample(earlier, min(3, len(earlier)))
            self.chance.shuffle(found)
        return end, found

    def _dispatcher(self, actor: Actor) -> None:
        table, lanes, records = self.table(), self.lanes(), self.records()
        while True:
            end, found = self._batch("dispatcher", lambda one: one["eventName"] == "INSERT" and one["dynamodb"]["Keys"]["sk"]["S"] == "JOB")
            failed = Dispatcher(table, lanes, records, actor.now).handle(found)
            if not failed or self.chance.random() < 0.2:  # given up
                self.read["dispatcher"] = end
            actor.rest(0 if found else 300)

    def _accountant(self, actor: Actor, half: int) -> None:
        table, lanes, records = self.table(), self.lanes(), self.records()
        accountant = Accountant(table, sleep=self._pause, chance=self.chance.random)
        while True:
            end, found = self._batch(f"accountant{half}", lambda one: _is_counted(one, half))
            try:
                for send in accountant.apply(found, actor.now() / 1000) if found else ():
                    if dispatch.send_next(lanes, records.bodies(), send):
                        accountant.sent(send)
                self.read[f"accountant{half}"] = end
            except AwsError:
                pass
            actor.rest(self.chance.choice((0, 1000, 100_000) if self.faults else (0, 300)))

    def _reconciler(self, actor: Actor) -> None:
        while True:
            actor.rest(60_000)
            store, lanes, records = self.store(), self.lanes(), self.records()
            accountant = Accountant(store.table, sleep=self._pause, chance=self.chance.random)
            try:
                run = Reconciler(store, lanes, records, accountant, partial(expire, store.table), actor.now, clock=lambda: self.now / 1000)
                report = run.run()
            except AwsError:
                continue
            self.problems += [f"reconciler: {error}" for error in report.errors if "AwsError" not in error and "LeaseLost" not in error]

    def _dead(self, actor: Actor) -> None:
        while True:
            actor.rest(5000)
            queue = self.queues.queues[self.queues.dead]
            for message in list(queue):
                record = {"body": message["body"], "attributes": {"SentTimestamp": str(message["sent"])}}
                try:
                    became = DeadLetters(self.table(), self.lanes(), self.records(), actor.now()).handle(record)
                except AwsError:
                    continue
                if not became.startswith(KEEP) and message in queue:
                    queue.remove(message)

    # -- workers ----------------------------------------------------------------------------------------------------------------------
    def _worker(self, actor: Actor) -> None:
        _Worker(self, actor).run()

    # -- the end ----------------------------------------------------------------------------------------------------------------------
    def settle(self, hours: float = 10) -> None:
        """Nothing goes wrong any more, until all is over."""
        self.faults, self.queues.chance = False, None
        until, looked = self.now + hours * 3_600_000, 0
        while True:
            for _ in range(150):
                self.step(calm=True)
            if self.now - looked < 0:
                continue
            looked = self.now
            if self._is_quiet():
                return
            if self.now > until:
                self.problems.append("it never ends: " + "; ".join(self._open()))
                return
            self.now += self.chance.choice((5000, 15_000, 60_000, 300_000))

    def _is_quiet(self) -> bool:
        if any(actor.name.startswith(("user", "owner")) for actor in self.actors):
            return False
        end = len(self.dynamo.stream)
        if any(_is_counted(one, half) for half in (0, 1) for one in self.dynamo.stream[self.read[f"accountant{half}"] : end]):
            return False
        return not any(self._open())

    def _open(self) -> list[str]:
        found = []
        for pk, part in self.dynamo.items.items():
            if pk.startswith("J#") and keys.JOB in part and "due" in part[keys.JOB]:
                found.append(str(unpack(part[keys.JOB])))
            if pk.startswith("S#"):
                found += [str(unpack(one)) for one in part.values() if one.get("s") == {"N": "1"}]
        return found

    def check(self) -> list[str]:
        """What is wrong in the end."""
        audit = Audit([unpack(one) for part in self.dynamo.items.values() for one in part.values()])
        found = [*self.problems, *audit.problems, *audit.left_behind(self.now + 10**9)]
        for number in self.accepted:
            states = audit.states.get(number)
            if states is None:
                found.append(f"job {number} is lost")
            elif left := [position for position, state in enumerate(states, 1) if state < 2]:
                found.append(f"job {number}: {left} are not over: {audit.items[keys.job(number)]}")
        found += [f"key {key} has jobs {numbers}" for key, numbers in self.by_key.items() if len(numbers) > 1]
        found += [f"{one} was started {count} times" for one, count in self.started.items() if count > 1]
        return found + list(self._ended_twice())

    def _ended_twice(self) -> "list[str]":
        ended: dict[tuple[int, int], Any] = {}
        found = []
        for record in self.dynamo.stream:
            image = record["dynamodb"].get("NewImage")
            if not image or "rs" not in image or image["sk"]["S"] in (keys.TOTAL, keys.TALLY):
                continue
            unit = unit_items.read(unpack(image))
            for position, (row, _) in unit.results.items():
                if ended.setdefault((unit.job, position), row) != row:
                    found.append(f"{unit.job}--{position} ended as {ended[unit.job, position]} and as {row}")
        return found


def _is_counted(record: dict[str, Any], half: int) -> bool:
    told = record["dynamodb"]
    if told["Keys"]["pk"]["S"][:2] not in ("J#", "S#") or told["Keys"]["sk"]["S"] in (keys.TOTAL, keys.TALLY):
        return False
    return (sum(map(ord, told["Keys"]["pk"]["S"])) % 2) == half and ("v" in told.get("NewImage", {}) or record["eventName"] == "REMOVE")


class _Worker:
    """What `remote.loop` does with units: claims, runs, writes, cuts, gives back; dies. units: (unit, message, rows, limited)."""

    def __init__(self, world: World, actor: Actor) -> None:
        self.world, self.actor, self.chance = world, actor, world.chance
        self.store, self.lanes = world.store(), world.lanes()
        self.held: list[_Unit] = []

    def run(self) -> None:
        try:
            while True:
                if len(self.held) < 2 and (not self.held or self.chance.random() < 0.3):
                    self._receive()
                for held in list(self.held):
                    self._act(held)
                self.actor.rest(self.chance.choice((100, 1000, 4000)))
        finally:
            for held in self.held:
                held.let_go()

    def _receive(self) -> None:
        cluster = self.chance.choice(("one", "two"))  # as if there were a worker of each
        for band in (2, 1, 0):
            try:
                for message in self.lanes.receive(cluster, "small", band, 2):
                    self._take(message)
            except AwsError:
                return

    def _take(self, message: Message) -> None:
        world, before, now = self.world, len(self.world.gone), self.actor.now()
        try:
            found = self.store.claim(message.job, message.low, self.actor.name, 1, now, message.exists)
            if isinstance(found, Refusal):
                return self._pass_on(message, found, now)
        except (AwsError, LeaseLost):
            return None
        gone, unit = world.gone[:before], found.unit
        for low, high in ((low, high) for _, low, high, *_ in unit.startable()):
            for position in range(low, high + 1):
                if (unit.job, None) in gone or (unit.job, position) in gone:
                    world.problems.append(f"{unit.job}--{position} was leased after its cancellation had returned")
        self.held.append(_Unit(self, unit, message, found.job, now))
        self._check_limit(self.held[-1])
        return None

    def _check_limit(self, held: "_Unit") -> None:
        if not held.limited:
            return
        out = self.world.out.setdefault(held.unit.job, set())
        out.add(held)
        live = [one for one in out if one.until > self.world.now + 2000]
        if len(live) > held.limited:
            self.world.problems.append(f"{len(live)} slices of job {held.unit.job} are out, and {held.limited} may be")

    def _pass_on(self, message: Message, refusal: Refusal, now: int) -> None:
        if refusal.why == HELD:
            self.lanes.extend([message], min(43_200, max(1, -(-(refusal.until - now) // 1000) + 4)))
        elif refusal.why == PAUSED:
            self.lanes.extend([message], 60 * message.receives)
        else:
            self.lanes.delete([message])

    def _act(self, held: "_Unit") -> None:
        what = self.chance.random()
        if self.actor.now() >= held.until - 5000:
            self.drop(held)
        elif what < 0.6 or not self.world.faults:
            held.work()
        elif what < 0.75:
            held.hear()
        elif what < 0.85:
            held.give_back()
        elif what < 0.93:
            held.split()
        elif what < 0.97:
            self.drop(held)
        elif what < 0.98:
            raise Died

    def drop(self, held: "_Unit") -> None:
        """It is not ours, or nobody here goes on with it."""
        held.let_go()
        self.held.remove(held)


class _Unit:
    """A unit in a worker's hands, as `remote.held` and `remote.record` treat it."""

    def __init__(self, worker: _Worker, unit: Unit, message: Message, job: dict[str, Any], now: int) -> None:
        self.worker, self.unit, self.message, self.limited = worker, unit, message, job.get("lm", 0)
        self.rows: dict[tuple[int, int], Any] = {}
        self.until, self.unwritten = now + LEASE_MS, False

    def let_go(self) -> None:
        """It is in nobody's hands."""
        self.worker.world.out.get(self.unit.job, set()).discard(self)

    def work(self) -> None:
        """Start what may be started; write some of what ended."""
        unit, world, now = self.unit, self.worker.world, self.worker.actor.now()
        if not self._settled():
            return
        for job, low, high, attempt, *_ in unit.startable():
            for position in range(low, high + 1):
                if (position, attempt) not in self.rows:
                    world.started[job, position, attempt] += 1
                    code = FAIL if world.fails and position % 4 == 0 else 0
                    self.rows[position, attempt] = ((job, position, attempt, code, now * 1000, 5, 0, 0), 0)
        rows = [row for row in self.rows.values() if world.chance.random() < 0.6 or not world.faults]
        unit.finish(rows, {}, Retry(1))
        unit.settle(now, {position for position, _ in self.rows})
        if not unit.is_over:
            unit.allow(1, short=world.chance.random() < 0.5)
            unit.renew(now + LEASE_MS)
        self.unwritten = True
        self._settled()

    def _settled(self) -> bool:
        """Write what is not written, as `Records._settle`; whether it is there."""
        worker, now = self.worker, self.worker.actor.now()
        if self.unwritten:
            try:
                self.worker.store.save(self.unit, now)
            except LeaseLost:
                worker.drop(self)
                return False
            except AwsError:
                return False
            self.unwritten, self.until = False, self.unit.until
        if self.unit.state == keys.LEASED:
            return True
        worker.drop(self)
        try:
            if self.unit.is_over:
                worker.lanes.delete([self.message])
            else:
                worker.lanes.extend([self.message], 0)
        except AwsError:
            pass
        return False

    def hear(self) -> None:
        try:
            news = self.worker.store.hear([self.unit], self.worker.actor.now())
        except AwsError:
            return
        if news.get(self.unit.key, 0) is None:
            self.worker.drop(self)

    def give_back(self) -> None:
        now = self.worker.actor.now()
        if self._settled():
            self.unit.lose(now, {p: now * 1000 for p, _ in self.rows if p not in self.unit.results}, False, "told to leave")
            self.unwritten = True
            self._settled()

    def split(self) -> None:
        if self.limited or not self._settled():
            return
        cuts, worker = unit_parts.cuts(self.unit), self.worker
        if not cuts:
            return
        try:
            parts = worker.store.split(self.unit, cuts, worker.actor.now())
            worker.lanes.send_back(self.message, [(part.job, part.low, 1, "ada") for part in parts if not part.is_over])
        except LeaseLost:
            worker.drop(self)
        except AwsError:
            pass
