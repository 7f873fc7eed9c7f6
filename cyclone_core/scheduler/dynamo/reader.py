"""The read side of an AWS host: counters, jobs, tasks, attempts. Implements `ports.JobReader`. Lean.

Reads that are about one item see what was committed before; lists see it once the indices do, milliseconds later, and counters once the
stream was counted, a second or two later. Whatever is long is read in pages by key, and of an array only the groups of slices that the page
needs: the tallies say which groups hold tasks in a state. Writes nothing.
"""

from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, SUCCESSFUL, WAITING
from cyclone_core.scheduler.dynamo import failures, job_views, keys, listing, task_views, totals, unit_items
from cyclone_core.scheduler.dynamo.job_views import job_of
from cyclone_core.scheduler.dynamo.side_by_side import each
from cyclone_core.scheduler.dynamo.unit import Unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from cyclone_core.indices import Indices
    from cyclone_core.scheduler.dynamo.bucket import Bucket
    from cyclone_core.scheduler.dynamo.listing import Entry
    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.scheduler.dynamo.unit import Member
    from cyclone_core.scheduler.dynamo.values import Item
    from cyclone_core.views import Attempt, Counts, Job, Task

PAGE = 1000
"""Jobs that a listing reads at once."""
MOST_OPEN = 2000
"""Up to so many open jobs are looked at one by one when those in a state are asked for."""
_BATCH = 100
_UNIT = ("pk", "sk", "j", "lo", "h", "s", "l", "v", "mk", "rs")
"""Attributes of a unit that its tasks' states follow from."""


class DynamoReader:
    """Reads one host. Threads may share it. Everything raises AwsError."""

    connection = None
    """There is no database."""
    is_open = True

    def __init__(self, table: "Table", bucket: "Bucket | None" = None, queues: "Callable[[], Iterable[str]] | None" = None) -> None:
        """bucket: for sparse arrays of many indices, and specs; queues: names of queues that may have jobs which are not counted yet."""
        self._table, self._bucket, self._queues = table, bucket, queues

    def __enter__(self) -> "DynamoReader":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is held."""

    # -- counters and jobs --------------------------------------------------------------------------------------------------------
    def counts(self) -> "list[tuple[str, Counts]]":
        """(queue, numbers of its tasks by state), by name; one query."""
        return totals.queues(self._table)

    def job(self, job: int) -> "Job | None":
        """One job, None when there is none."""
        found = self.listed([job])
        return found[0] if found else None

    def listed(self, ids: "Sequence[int]") -> "list[Job]":
        """The jobs with these ids, as far as they exist, in that order."""
        items = self._items([keys.job(number) for number in ids])
        arrays = [number for number in ids if items.get(keys.job(number), {}).get("a")]
        items |= self._items([keys.total(number) for number in arrays])
        made = []
        for number in ids:
            item = items.get(keys.job(number))
            if item is not None:
                made.append(job_of(item, items.get(keys.total(number)), self._fetch(item)))
        return made

    def jobs(
        self, queue: str | None = None, name: str | None = None, status: int | None = None, user: str | None = None,
        before: int | None = None, limit: int = PAGE,
    ) -> "list[Job]":  # fmt: skip
        """At most `limit` jobs that fit all that is given, newest first, behind the job `before`; empty when that is gone."""
        below = None
        if before is not None:
            item = self._table.get(keys.job(before), fields=("at",))
            if item is None:
                return []
            below = listing.place(before, item["at"])
        found: list[Job] = []
        for job in self._each(queue, name, status, user, below, limit):
            found.append(job)
            if len(found) >= limit:
                break
        return found

    def each_job(
        self, queue: str | None = None, name: str | None = None, status: int | None = None, user: str | None = None
    ) -> "Iterator[Job]":
        """All jobs that fit, newest first: jobs submitted meanwhile are not seen, those that ended are seen as they are."""
        return self._each(queue, name, status, user, None, PAGE)

    def each_id(
        self, queue: str | None = None, name: str | None = None, status: int | None = None, user: str | None = None
    ) -> "Iterator[int]":
        """Ids alone, newest first; without a status only the index is read."""
        if status is None:
            return (number for _, number in self._walk(queue, name, None, user, None, PAGE))
        return (job.id for job in self._each(queue, name, status, user, None, PAGE))

    def _each(
        self, queue: str | None, name: str | None, status: int | None, user: str | None, below: str | None, hint: int
    ) -> "Iterator[Job]":
        if status in (WAITING, RUNNING) and (ids := listing.open_jobs(self._table, MOST_OPEN)) is not None:
            yield from self._open(ids, queue, name, status, user, below)
            return
        if status in (FAILED, CANCELLED, ERROR) and not self._has_any(queue, status):
            return
        walk = iter(self._walk(queue, name, status, user, below, hint))
        chunk = min(PAGE, max(1, hint))
        while entries := [entry for _, entry in zip(range(chunk), walk, strict=False)]:
            for job in self.listed([number for _, number in entries]):
                if status is None or job.status == status:
                    yield job

    def _open(
        self, ids: "list[int]", queue: str | None, name: str | None, status: int, user: str | None, below: str | None
    ) -> "Iterator[Job]":
        """Those of the open jobs that fit, newest first."""
        found = []
        for job in self.listed(ids):
            wanted = (queue in (None, job.queue), name in (None, job.name), user in (None, job.user), job.status == status)
            place = listing.place(job.id, round(job.submitted * 1000))
            if all(wanted) and (below is None or place < below):
                found.append((place, job))
        found.sort(key=lambda pair: pair[0], reverse=True)
        return (job for _, job in found)

    def _walk(
        self, queue: str | None, name: str | None, status: int | None, user: str | None, below: str | None, hint: int
    ) -> "Iterable[Entry]":
        queues = [queue] if queue is not None else [*(name for name, _ in self.counts()), *(self._queues() if self._queues else ())]
        fits = listing.fitting(name, user, status if status in (FAILED, CANCELLED, ERROR) else None, status == SUCCESSFUL)
        return listing.Walk(self._table, queues, fits, hint=hint, **({} if below is None else {"below": below}))

    def _has_any(self, queue: str | None, status: int) -> bool:
        """Whether a task is in a state: where none is, no job is either."""
        return any(counts[status] for name, counts in self.counts() if queue in (None, name))

    # -- tasks --------------------------------------------------------------------------------------------------------------------
    def tasks(self, job: int, status: int | None = None, after: int = 0, limit: int = PAGE) -> "list[Task]":
        """At most `limit` tasks (in a state) with positions above `after`, by position; empty for an unknown job."""
        item = self._table.get(keys.job(job), consistent=True)
        if item is None:
            return []
        made = job_of(item, None, self._fetch(item))  # its counters do not matter here
        if not made.array:
            return list(task_views.tasks(made, 1, 1, task_views.unit_of(made, item), status))[: limit if after < 1 else 0]
        found: list[Task] = []
        for low, high, unit in self._stretches(made, item["sz"], status, max(0, after) + 1, limit):
            high = min(high, low + limit - 1) if unit is None and status in (None, WAITING, CANCELLED) else high
            found += task_views.tasks(made, low, high, unit, status)
            if len(found) >= limit:
                break
        return found[:limit]

    def task(self, job: int, position: int) -> "Task | None":
        """The task at a position 1..tasks, None when there is none."""
        made, unit = self._place(job, position)
        return next(task_views.tasks(made, position, position, unit, None)) if made is not None else None

    def attempts(self, job: int, position: int) -> "list[Attempt]":
        """Every execution of a task so far, oldest first."""
        unit = self._place(job, position)[1]
        return task_views.attempts(unit, position) if unit is not None else []

    def _place(self, job: int, position: int) -> "tuple[Job | None, Unit | None]":
        """A task's job (None: there is no such task), and the unit that it is in (None: nobody ever claimed it)."""
        item = self._table.get(keys.job(job), consistent=True)
        if item is None or not 1 <= position <= item["t"]:
            return None, None
        made = job_of(item, None, self._fetch(item))  # its counters do not matter here
        if not made.array:
            return made, task_views.unit_of(made, item)
        low = task_views.tile_of(position, item["sz"])
        partition, between = keys.slices(job, keys.group_of(low, item["sz"])), (f"{low:09d}", f"{position:09d}")
        for found in self._table.query(partition, between=between, backwards=True, limit=1, consistent=True):
            unit = task_views.unit_of(made, found)
            return made, unit if position <= unit.high else None
        return made, None

    def task_states(self, job: int) -> bytes:
        """The state of every task, a byte each, by position: slices whose tasks are all in one state are not read."""
        item = self._table.get(keys.job(job), consistent=True)
        if item is None:
            return b""
        made = job_of(item, None, self._fetch(item))
        if not made.array:
            return bytes((made.status,))
        overview = bytearray((WAITING if made.cancel is None else CANCELLED,)) * made.tasks
        groups = range(failures.group_count(made.tasks, item["sz"]))
        wanted = [(group, 1, made.tasks) for group in groups]
        if len(groups) > 1:
            wanted = list(self._mixed(job, groups, overview))
        for items in each(lambda one: self._slices(job, *one, fields=_UNIT), wanted):
            for found in items:
                unit = task_views.unit_of(made, found)
                overview[unit.low - 1 : unit.high] = unit.states()
        return bytes(overview)

    def _mixed(self, job: int, groups: "Sequence[int]", overview: bytearray) -> "Iterator[tuple[int, int, int]]":
        """Fill in what the tallies know for good; (group, low, high) of the slices that have to be read for the rest."""
        for group, tally in failures.tallies(self._table, job, groups):
            rest: list[tuple[int, int]] = []
            for low, is_over, counts in tally.stretches():
                high = low + sum(counts) - 1
                if is_over and max(counts) == sum(counts):
                    overview[low - 1 : high] = bytes((counts.index(max(counts)),)) * (high - low + 1)
                else:
                    rest.append((low, high))
            if rest:
                yield group, rest[0][0], rest[-1][1]

    # -- what follows outputs -----------------------------------------------------------------------------------------------------
    def results(self, job: int) -> "list[tuple[int, int, int]]":
        """(low, high, tasks) of the stretches of an array's slices that have final tasks: what changed since the last look."""
        return [(low, high, done) for _, low, high, done, _ in self._counted(job) if done]

    def block(self, job: int, low: int) -> "list[Member]":
        """The final tasks of one such stretch as (row, journal); fewer than it said when more is known of it meanwhile."""
        for group, first, high, _, _ in self._counted(job):
            if first == low:
                units = [unit_items.read(item) for item in self._slices(job, group, low, high)]
                members = [(unit.low, *unit.results[position]) for unit in units for position in sorted(unit.results)]
                return [(row, job_views.journal(start, log)) for start, row, log in members if row[1] <= high]
        return []

    def started(self, job: int) -> "list[tuple[int, int]]":
        """(position, attempt) of the tasks that run, as their workers said last, by position."""
        open_ones: dict[int, list[int]] = {}
        for group, low, high, _, running in self._counted(job):
            if running:
                open_ones.setdefault(group, []).extend((low, high))
        wanted = [(group, min(bounds), max(bounds)) for group, bounds in open_ones.items()]
        read = each(lambda one: self._slices(job, *one, fields=(*_UNIT, "rn")), wanted)
        units = [unit_items.read(item) for items in read for item in items]
        return [(position, attempt) for unit in units for position, attempt, _ in sorted(unit.running)]

    def _counted(self, job: int) -> "Iterator[tuple[int, int, int, int, int]]":
        """(group, low, high, final tasks, running tasks) of an array's slices as they were counted; those that are over in a row as one."""
        item = self._table.get(keys.job(job), fields=("a", "t", "sz"))
        if not item or not item["a"]:
            return
        for group, tally in failures.tallies(self._table, job, range(failures.group_count(item["t"], item["sz"]))):
            for low, _, counts in tally.stretches():
                yield group, low, low + sum(counts) - 1, sum(counts[2:]), counts[RUNNING]

    # -- specs --------------------------------------------------------------------------------------------------------------------
    def spec(self, job: "Job") -> "dict[str, Any]":
        """What a job executes: script (content hash), interpreter, directory, environment, parameters (key of their object), retries …

        Raises NotFound when it is not stored any more.
        """
        from cyclone_core.scheduler.dynamo.specs import Specs

        item = self._table.get(keys.job(job.id), fields=("sp", "pm"))
        if item is None:
            return {}
        assert self._bucket is not None
        return {**Specs(self._table, self._bucket).spec(item["sp"]).body, "parameters": item.get("pm")}

    # -- requests -----------------------------------------------------------------------------------------------------------------
    def _items(self, wanted: "Sequence[tuple[str, str]]") -> "dict[tuple[str, str], Item]":
        parts = [wanted[at : at + _BATCH] for at in range(0, len(wanted), _BATCH)]
        found: dict[tuple[str, str], Item] = {}
        for part in each(lambda one: self._table.batch_get(one, consistent=True), parts):
            found |= part
        return found

    def _slices(self, job: int, group: int, low: int, high: int, fields: "Sequence[str]" = ()) -> "list[Item]":
        """The slices of a group that begin at low..high, by position."""
        between = (f"{low:09d}", f"{high:09d}")
        return list(self._table.query(keys.slices(job, group), between=between, consistent=True, fields=fields))

    def _stretches(self, job: "Job", size: int, status: int | None, first: int, limit: int) -> "Iterator[tuple[int, int, Unit | None]]":
        """(low, high, unit) from a position on, as far as a page of tasks in a state may need them; groups without any are left out."""
        groups = range(keys.group_of(first, size), failures.group_count(job.tasks, size)) if first <= job.tasks else range(0)
        for group in self._holding(job, size, status, groups):
            begin = max(first, group * keys.TILES_PER_GROUP * size + 1)
            last = min(job.tasks, (group + 1) * keys.TILES_PER_GROUP * size)
            step = max(limit, size) if status is None else last  # who wants just any tasks gets them in a page's length
            while begin <= last:
                end = min(last, begin + step - 1)
                items = self._slices(job.id, group, task_views.tile_of(begin, size), end)
                yield from task_views.stretches(job, size, items, begin, end)
                begin = end + 1

    def _holding(self, job: "Job", size: int, status: int | None, groups: "Sequence[int]") -> "Iterator[int]":
        """The groups that may hold tasks in a state, by what was counted."""
        if status is None or len(groups) < 2:
            yield from groups
            return
        for at in range(0, len(groups), _BATCH):
            some = groups[at : at + _BATCH]
            counted = dict(failures.tallies(self._table, job.id, some))
            for group in some:
                tiles = task_views.tiles_of(group, job.tasks, size)
                counts = counted[group].sums(tiles) if group in counted else (sum(tasks for _, tasks in tiles), 0, 0, 0, 0, 0)
                if totals.effective(counts, job.cancel is not None)[status]:
                    yield group

    def _fetch(self, item: "Item") -> "Callable[[], Indices]":
        def fetch() -> "Indices":
            from cyclone_core.scheduler.dynamo.specs import indices_of

            assert self._bucket is not None
            return indices_of(item, self._bucket)

        return fetch
