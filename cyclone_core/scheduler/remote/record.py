"""What a worker writes: results with their outputs, leases that go on, parts of slices, and units that it lets go of. In threads.

Order is what makes a crash harmless: outputs first, then the one conditional write that names them, then the message. Each step may be done
again: the same attempt has the same objects.
"""

import os

from cyclone_core.errors import AwsError
from cyclone_core.journal import output_path
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.unit_store import LeaseLost
from cyclone_core.scheduler.remote import logs
from cyclone_core.scheduler.remote.log import log
from cyclone_core.scheduler.remote.usage import vcpu_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclone_core.journal import Row
    from cyclone_core.scheduler.dynamo.bucket import Bucket
    from cyclone_core.scheduler.dynamo.queues import Lanes
    from cyclone_core.scheduler.dynamo.unit_store import UnitStore
    from cyclone_core.scheduler.remote.clock import Clock
    from cyclone_core.scheduler.remote.held import Held
    from cyclone_core.scheduler.remote.machine import Machine
    from cyclone_core.scheduler.remote.usage import Usage

BACK, DIED, LEAVING = "back", "died", "leaving"
"""Ways to let go of a unit (`Held.how`): nothing of it runs; the agent died under it; its tasks were ended because the worker leaves."""
_LIVE_BYTES = 1 << 20
"""Most output of a running task that is uploaded at once."""


class Plan:
    """What one write is to do; made by the loop, read by a thread.

    rows: (row, journal) of attempts that ended; reasons: (job, position) -> why. started: position -> start_us of what the agent has;
    running: [[position, attempt, start_ms], …] of what has lasted. width, short: how far the mark may go. how: lets go of the unit,
    reason: why. follow: output of running tasks is uploaded.
    """

    __slots__ = ("follow", "how", "reason", "reasons", "rows", "running", "short", "started", "width")

    def __init__(self, rows: "list[tuple[Row, int]]", reasons: "dict[tuple[int, int], str]", started: "dict[int, int]") -> None:
        self.rows, self.reasons, self.started = rows, reasons, started
        self.running: list[list[int]] = []
        self.width, self.short, self.how, self.reason, self.follow = 1, False, "", "", False


class Written:
    """How a write went. done: the table has it; lost: the unit is not ours any more; until: end of the lease then, on this machine's clock.

    taken: what the plan's rows say is in the unit now, whether or not that was written: they need not be given again. news: positions whose
    cancellation is news.
    """

    __slots__ = ("done", "error", "lost", "news", "taken", "until")

    def __init__(self) -> None:
        self.done = self.lost = self.taken = False
        self.until = 0.0
        self.news: set[int] = set()
        self.error: AwsError | OSError | None = None


class Records:
    """See the module."""

    def __init__(
        self, machine: "Machine", store: "UnitStore", bucket: "Bucket", lanes: "Lanes", state_dir: str, usage: "Usage", clock: "Clock"
    ) -> None:  # fmt: skip
        self._machine, self._store, self._bucket, self._lanes, self._state_dir = machine, store, bucket, lanes, state_dir
        self._usage, self._clock = usage, clock

    def write(self, held: "Held", plan: Plan) -> Written:
        """Record what ended and what was heard, and go on with the lease or let go of it."""
        written = Written()
        try:
            self._settle(held, written)
            if held.unit.state == keys.LEASED:
                found = self._keep_outputs(held, plan)
                if plan.follow:
                    self._upload(held, plan)
                self._change(held, plan, found)
                written.taken = held.unwritten = True
                self._settle(held, written)
                logs.remove(found.spilled)
            written.done = True
            self._pass_on(held, plan)
        except LeaseLost:
            written.lost = True
        except (AwsError, OSError) as exc:
            written.error = exc
        return written

    def _settle(self, held: "Held", written: Written) -> None:
        """Write what is in the unit and perhaps not in the table.

        When nobody knows whether a write was done, the same is written again before anything else becomes part of it: what the table has
        then is either that, or what was there before.
        """
        if held.unwritten:
            written.news |= self._store.save(held.unit, self._clock.milliseconds())
            held.unwritten, written.until = False, held.renewed + self._machine.times.lease_s

    # -- before the write ---------------------------------------------------------------------------------------------------------
    def _keep_outputs(self, held: "Held", plan: Plan) -> logs.Log:
        """What the attempts printed, as objects."""
        unit = held.unit
        found = logs.Log(logs.next_number(unit.log, unit.lease))
        for row, journal in plan.rows:
            found.add(row, journal, self._state_dir)
        body = found.settle()
        for position, attempt, path in found.spilled:
            self._bucket.put_file(keys.output_object(unit.job, _low(held), position, attempt), path)
        if body and not unit.array and len(body) <= logs.INLINE_BYTES:
            found.inline = body
        elif body:
            self._bucket.put(keys.log_object(unit.job, _low(held), found.number), body)
        return found

    def _change(self, held: "Held", plan: Plan, found: logs.Log) -> None:
        """The unit in memory as it is to be written."""
        unit, now = held.unit, self._clock.milliseconds()
        unit.finish(found.rows, plan.reasons, held.retry)
        unit.use(self._usage.place, sum(vcpu_ms(row[5], self._usage.vcpus) for row, _ in found.rows))
        if found.inline:
            self._keep_inline(held, found)
        unit.settle(now, plan.started)
        unit.running = plan.running
        if unit.is_over:
            return
        if not plan.how:
            unit.allow(plan.width, plan.short)
            held.renewed = self._clock.seconds()
            unit.renew(now + int(self._machine.times.lease_s * 1000))
        elif plan.how == BACK:
            unit.give_back(now)
        else:
            unit.use(self._usage.place, sum(vcpu_ms(now * 1000 - start, self._usage.vcpus) for start in plan.started.values() if start))
            unit.lose(now, plan.started, counted=plan.how == DIED, reason=plan.reason)

    def _keep_inline(self, held: "Held", found: logs.Log) -> None:
        """A single job's little output goes into its item; of an attempt that is followed by another it has to be an object."""
        if held.unit.is_over:
            held.unit.output = found.inline
        else:
            self._bucket.put(keys.log_object(held.unit.job, _low(held), found.number), found.inline)

    def _upload(self, held: "Held", plan: Plan) -> None:
        """What running tasks have printed since the last time."""
        unit = held.unit
        for position, attempt, _ in plan.running:
            told = unit.live.get(position, [attempt, 0, 0])
            _, chunks, size = told if told[0] == attempt else [attempt, 0, 0]
            data = _read(output_path(self._state_dir, unit.job, position, attempt), size)
            if data:
                self._bucket.put(keys.live_object(unit.job, _low(held), position, attempt, chunks), data)
                unit.live[position] = [attempt, chunks + 1, size + len(data)]

    # -- behind the write ---------------------------------------------------------------------------------------------------------
    def _pass_on(self, held: "Held", plan: Plan) -> None:
        """What is let go of is anybody's at once. (Messages of what is over are deleted ten at a time, by the loop.)"""
        if plan.how and not held.unit.is_over:
            try:
                self._lanes.extend([held.message], 0)
            except AwsError as exc:
                log(f"the message of {held.unit.key} was not handed back: {exc}")

    def split(self, held: "Held", cuts: "Sequence[int]") -> Written:
        """Cut slices off; whoever is free gets them."""
        written, unit = Written(), held.unit
        try:
            parts = self._store.split(unit, cuts, self._clock.milliseconds())
            written.done = True
            waiting = [(part.job, part.low, 1, str(part.shape.get("u") or "")) for part in parts if not part.is_over]
            self._lanes.send_back(held.message, waiting)
        except LeaseLost:
            written.lost = True
        except AwsError as exc:
            written.error = exc
        return written


def _low(held: "Held") -> int:
    """How objects call a unit."""
    return held.unit.low if held.unit.array else 0


def _read(path: str, at: int) -> bytes:
    """What a file has from an offset on; nothing when it is not there."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    try:
        return os.pread(file, _LIVE_BYTES, at)
    finally:
        os.close(file)
