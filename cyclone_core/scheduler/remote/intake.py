"""Where work comes from: messages of the lane's bands, the highest that has something first, claimed and made ready to run. In threads.

One long poll at a time, at the band that had something last; the others are looked at before it. What is received and not claimed goes
back at once, hidden for as long as the store says that nobody can have it.
"""

from cyclone_core.errors import AwsError, NotFound
from cyclone_core.scheduler.dynamo import refusals
from cyclone_core.scheduler.dynamo.keys import BANDS
from cyclone_core.scheduler.dynamo.queues import MOST_RECEIVES
from cyclone_core.scheduler.dynamo.specs import indices_of
from cyclone_core.scheduler.dynamo.unit_store import HELD, PAUSED, LeaseLost, Refusal
from cyclone_core.scheduler.lifecycle import Retry
from cyclone_core.scheduler.remote.held import Held

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cyclone_core.indices import Indices
    from cyclone_core.scheduler.dynamo.queues import Lanes, Message
    from cyclone_core.scheduler.dynamo.unit import Unit
    from cyclone_core.scheduler.dynamo.unit_store import Claimed, UnitStore
    from cyclone_core.scheduler.dynamo.values import Item
    from cyclone_core.scheduler.remote.clock import Clock
    from cyclone_core.scheduler.remote.files import Files
    from cyclone_core.scheduler.remote.machine import Machine

LONG_POLL_S = 2
"""A worker without work asks so long at once: short enough that the other bands are looked at in between."""
_MISSING_S = 5.0
"""A band that had no queue is not looked for again before."""
_LONGEST_S = 43_200
"""SQS hides no message for longer."""
_REMEMBERED = 200
_SPARSE = 2
SPEC = 1
"""Every lease has one spec."""


class Intake:
    """See the module. Its methods run in threads; `receive` in one at a time."""

    def __init__(self, machine: "Machine", store: "UnitStore", lanes: "Lanes", files: "Files", clock: "Clock") -> None:
        self._machine, self._store, self._lanes, self._files, self._clock = machine, store, lanes, files, clock
        self._last_band = 1
        self._missing: dict[int, float] = {}
        self._sparse: dict[int, Indices] = {}

    # -- messages -----------------------------------------------------------------------------------------------------------------
    def receive(self, most: int, may_wait: bool) -> "list[Message]":
        """Up to `most` messages of the highest band that has some; may_wait: for a while, when there are none. Raises AwsError."""
        for band in reversed(range(len(BANDS))):
            if band == self._last_band and may_wait and not any(self._is_there(lower) for lower in range(band)):
                break  # the long poll looks at it
            found = self._ask(band, most, 0)
            if found:
                return found
        return self._ask(self._last_band, most, LONG_POLL_S) if may_wait else []

    def _is_there(self, band: int) -> bool:
        return self._clock.seconds() - self._missing.get(band, -_MISSING_S) >= _MISSING_S

    def _ask(self, band: int, most: int, wait_s: int) -> "list[Message]":
        if not self._is_there(band):
            if wait_s:
                self._clock.sleep(1.0)
            return []
        machine = self._machine
        if not self._lanes.has(machine.cluster, machine.definition, band):
            self._missing[band] = self._clock.seconds()
            return []
        found = self._lanes.receive(machine.cluster, machine.definition, band, most, wait_s, machine.times.hidden_s)
        if found:
            self._last_band = band
        return found

    # -- units --------------------------------------------------------------------------------------------------------------------
    def take(self, message: "Message", ahead: int) -> Held | None:
        """Claim what a message names and have its files here; None when there is nothing to claim. Raises AwsError, OSError.

        ahead: so many short tasks may be started before the first write; of a unit that was lost it is one.
        """
        try:
            return self._take(message, ahead)
        except LeaseLost:  # its files took longer than the lease lasts, or this machine slept: it is another worker's
            return None

    def _take(self, message: "Message", ahead: int) -> Held | None:
        began, now = self._clock.seconds(), self._clock.milliseconds()
        try:
            found = self._store.claim(message.job, message.low, self._machine.identity, ahead, now, message.exists)
        except AwsError:
            self._put_off(message)
            raise
        if isinstance(found, Refusal):
            self._pass_on(message, found, now)
            return None
        try:
            return self._held(found, message, began)
        except (AwsError, OSError):
            self._store.give_back(found.unit, self._clock.milliseconds())
            self._lanes.extend([message], self._machine.times.hidden_s)
            raise
        except (NotFound, ValueError, IndexError) as exc:
            self._refuse(found.unit, message, str(exc))
            return None

    def hand_back(self, messages: "Sequence[Message]") -> None:
        """Messages that were not looked at are anybody's again. Raises AwsError."""
        self._lanes.extend(messages, 0)

    def keep(self, messages: "Sequence[Message]") -> None:
        """Hide the messages of what is held from others. Raises AwsError."""
        self._lanes.extend(messages, self._machine.times.hidden_s)

    def finish(self, messages: "Sequence[Message]") -> None:
        """Messages of what is over are needed no more. Raises AwsError: they come again, which harms nobody."""
        self._lanes.delete(messages)

    def _put_off(self, message: "Message") -> None:
        """The table does not answer, which is not the message's fault: ever more seldom, or it would be taken for poison after 20 minutes.

        Once it has half of its deliveries behind it, a new one takes its place: a failure of the table may last for hours.
        """
        if message.receives < MOST_RECEIVES // 2:
            self._lanes.extend([message], self._machine.times.hidden_s * message.receives)
            return
        self._lanes.send_back(message, [(message.job, message.low, int(message.exists), "")])
        self._lanes.delete([message])

    def _pass_on(self, message: "Message", refusal: Refusal, now: int) -> None:
        if refusal.why == HELD:  # a worker that died is noticed when its lease is over
            self._lanes.extend([message], min(_LONGEST_S, max(1, -(-(refusal.until - now) // 1000) + self._machine.times.hidden_s // 15)))
        elif refusal.why == PAUSED:  # ever more seldom: it would be taken for dead after 20 deliveries
            self._lanes.extend([message], self._machine.times.hidden_s * message.receives)
        else:
            self._lanes.delete([message])

    def _refuse(self, unit: "Unit", message: "Message", reason: str) -> None:
        """What nobody can ever run ends as Error."""
        now = self._clock.milliseconds()
        refusals.end(unit, reason, now)
        self._store.save(unit, now)
        self._lanes.delete([message])

    def _held(self, claimed: "Claimed", message: "Message", began: float) -> Held:
        unit, job, machine = claimed.unit, claimed.job, self._machine
        found = self._store.specs.spec(job["sp"])
        body = dict(found.body)
        self._files.script(found.script(self._store.bucket))
        body["environment"] = machine.environment_of(body["environment"])
        indices = self._indices(job) if job["a"] == _SPARSE else None
        if job.get("pm"):
            body["parameters"] = self._files.parameters(job["pm"], _lines(unit, job, indices))
        fields = (job["n"], job["q"], SPEC, int(bool(job["a"])), job.get("lo", 1), job.get("st", 1), job["t"], machine.cluster)
        retry = Retry(body["retries"], body["retry_exit"])
        lane = machine.lane_for(str(body["directory"]))
        return Held(unit, job, fields, body, lane, retry, message, began, began + machine.times.lease_s, indices)

    def _indices(self, job: "Item") -> "Indices":
        number = int(job["pk"][2:])
        found = self._sparse.get(number)
        if found is None:
            if len(self._sparse) >= _REMEMBERED:
                self._sparse.clear()
            found = self._sparse[number] = indices_of(job, self._store.bucket)
        return found


def _lines(unit: "Unit", job: "Item", indices: "Indices | None") -> "list[tuple[int, int]]":
    """The lines of parameters that the tasks of a unit read: a line's number is the task's index."""
    if indices is None:
        low, step = job.get("lo", 1), job.get("st", 1)
        first, last = low + (unit.low - 1) * step, low + (unit.high - 1) * step
        return [(first, last)] if step == 1 else [(index, index) for index in range(first, last + 1, step)]
    return [line for low, high, step in indices.cut(unit.low, unit.high) for line in _stretch(low, high, step)]


def _stretch(low: int, high: int, step: int) -> "Iterator[tuple[int, int]]":
    if step == 1:
        yield low, high
    else:
        yield from ((index, index) for index in range(low, high + 1, step))
