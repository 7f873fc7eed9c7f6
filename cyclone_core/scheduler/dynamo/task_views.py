"""Tasks and attempts as people see them, from the units that they are in. Pure and lean."""

from cyclone_core.jobs import CANCELLED, CAUSE_CANCELLED, RUNNING, WAITING, cause_of
from cyclone_core.scheduler import lifecycle
from cyclone_core.scheduler.dynamo import keys, tiles, unit_items
from cyclone_core.scheduler.dynamo.job_views import journal, ran
from cyclone_core.scheduler.dynamo.unit import Unit
from cyclone_core.views import Attempt, Job, Outcome, Task, cause_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cyclone_core.scheduler.dynamo.unit import Member
    from cyclone_core.scheduler.dynamo.values import Item


def unit_of(job: Job, item: "Item") -> Unit:
    """The unit of a job that an item tells of, with what its job knows: whether that was cancelled."""
    unit = unit_items.read(item)
    if job.cancel is not None:
        unit.stopped = round(job.cancel * 1000)
    return unit


def stretches(job: Job, size: int, items: "Iterable[Item]", first: int, last: int) -> "Iterator[tuple[int, int, Unit | None]]":
    """(low, high, unit) of the positions first..last, ascending; None: nobody claimed those yet.

    size: of the job's tiles; items: the slices in which they may be, by position, from the one on with which a tile begins.
    """
    at = first
    for item in items:
        unit = unit_of(job, item)
        if unit.high < at:
            continue
        if unit.low > last:
            break
        if unit.low > at:
            yield at, unit.low - 1, None
            at = unit.low
        end = min(unit.high, last)
        yield at, end, unit
        at = end + 1
    if at <= last:
        yield at, last, None


def tasks(job: Job, low: int, high: int, unit: "Unit | None", status: int | None) -> "Iterator[Task]":
    """The tasks at positions low..high of one unit; only those in `status` unless it is None."""
    if unit is None:
        idle = WAITING if job.cancel is None else CANCELLED
        if status in (None, idle):
            for position in range(low, high + 1):
                yield _idle(job, Task(job, position, idle, 1))
        return
    states = unit.states()
    started = {position: (attempt, start_ms) for position, attempt, start_ms in unit.running}
    for position in range(low, high + 1):
        state = states[position - unit.low]
        if status in (None, state):
            yield _task(job, unit, position, state, started)


def _task(job: Job, unit: Unit, position: int, state: int, started: "dict[int, tuple[int, int]]") -> Task:
    if position in unit.results:
        return _final(job, unit, position, state)
    task = Task(job, position, state, unit.history(position)[0])
    if state != RUNNING:
        return _idle(job, task)
    task.worker = unit.worker
    if position in started:
        task.started = started[position][1] / 1000
    return task


def _idle(job: Job, task: Task) -> Task:
    if task.status == CANCELLED:
        task.ended, task.reason = job.cancel, "cancelled"
    return task


def _final(job: Job, unit: Unit, position: int, state: int) -> Task:
    row, log = unit.results[position]
    _, _, attempt, code, start_us, took_us, at, size = row
    task = Task(job, position, state, attempt)
    task.journal, task.at, task.size = journal(unit.low if unit.array else 0, log), at, size
    has_run = ran(row, log)
    outcome = Outcome(code, has_run)
    task.exit_code, task.signal = outcome.exit_code, outcome.signal
    task.reason = unit.reasons.get((position, attempt)) or cause_text(code)
    task.ended = (start_us + took_us) / 1e6
    if has_run:
        task.started, task.took = start_us / 1e6, took_us / 1e6
        task.worker = unit.worker if unit.lease == 1 else None  # with a later lease it may have been another one
    return task


def attempts(unit: Unit, position: int) -> list[Attempt]:
    """The attempts of a task, oldest first, the running one included; those that were never started are not."""
    members = [member for member in unit.earlier if member[0][1] == position]
    last = unit.results.get(position)
    if last is not None and (cause_of(last[0][3]) != CAUSE_CANCELLED or ran(*last)):
        members.append(last)
    found = {member[0][2]: _attempt(unit, member) for member in members}
    if position not in unit.results and unit.state == keys.LEASED and position <= unit.mark:
        now = Attempt(unit.history(position)[0], RUNNING)
        now.worker = unit.worker
        for at, attempt, start_ms in unit.running:
            if at == position:
                now.attempt, now.started = attempt, start_ms / 1000
        found[now.attempt] = now
    return [found[number] for number in sorted(found)]


def _attempt(unit: Unit, member: "Member") -> Attempt:
    (_, position, number, code, start_us, took_us, at, size), log = member
    attempt, outcome = Attempt(number, lifecycle.final_state(code)), Outcome(code)
    attempt.exit_code, attempt.signal = outcome.exit_code, outcome.signal
    attempt.reason = unit.reasons.get((position, number)) or cause_text(code)
    attempt.journal, attempt.at, attempt.size = journal(unit.low if unit.array else 0, log) or None, at, size
    if start_us:
        attempt.started, attempt.took = start_us / 1e6, took_us / 1e6
        attempt.ended = attempt.started + attempt.took
    attempt.worker = unit.worker if unit.lease == 1 else None
    return attempt


def tile_of(position: int, size: int) -> int:
    """First position of the tile that a position is in."""
    return (position - 1) // size * size + 1


def tiles_of(group: int, tasks: int, size: int) -> "list[tuple[int, int]]":
    """(low, tasks) of the tiles of a group."""
    first = group * keys.TILES_PER_GROUP
    end = min(first + keys.TILES_PER_GROUP, tiles.count(tasks, size))
    return [(low, high - low + 1) for low, high in tiles.tiles(tasks, size, first, end)]
