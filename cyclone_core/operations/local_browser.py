"""The browser of a local host: its database, read by two threads.

The one reads pages and looks for changes: queries of milliseconds. The other makes lists and counts: up to a second for a million jobs, so
they are made again only when somebody committed something, and after a pause of twenty times what they cost. New jobs in order
of id need no new list: they are put in front. Whoever draws never waits for either; only finished values are handed over.

Of the mirror of an AWS host rows of tasks are read from there, which takes a while: a third thread does that (`slow`).
"""

import time
from array import array
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import compress, groupby
from threading import Lock

from cyclone_core.jobs import STATES
from cyclone_core.operations.browse import Key, Listing, Order, Row, State
from cyclone_core.operations.lines import Line
from cyclone_core.operations.row_lists import JobRows, TaskRows, sums, turned
from cyclone_core.scheduler.sqlite.job_index import Interrupted, JobIndex

PAGE = 256
"""Rows read around a window that is looked at."""
KEPT = 4 * PAGE
"""Rows kept."""
PAUSE = 20
"""A list is made again after so many times what it cost."""
GROWTH_S = 0.1
"""A growing list is told of this often."""
AHEAD_S = 0.03
"""Rows around a window are read so long after it, when it has been drawn: both want the interpreter."""
RETRY_S = 3.0
"""Rows that could not be read from elsewhere are asked for again after that."""
LARGE = 100_000
"""Making a list so long leaves megabytes that the C library would keep."""
Rows = JobRows | TaskRows


class LocalJobBrowser:
    """See `browse.JobBrowser`."""

    def __init__(self, state_dir: str, open_index: Callable[[str], JobIndex] = JobIndex, slow: bool = False) -> None:
        """open_index: opens the index of the host whose files are in a directory; slow: rows of tasks may take seconds to read."""
        self._open_index = open_index
        self.on_news: Callable[[], None] = lambda: None
        self._state_dir = state_dir
        self._pages = ThreadPoolExecutor(1, "cyclone-pages")
        self._far_rows = Line("cyclone-rows") if slow else None
        self._far_index: JobIndex | None = None
        self._lists = ThreadPoolExecutor(1, "cyclone-lists")
        self._lock = Lock()
        self._closed = False
        self._page_index: JobIndex | None = None
        self._list_index: JobIndex | None = None
        self._rows: Rows = JobRows(array("q"), length=0)
        self._kept: dict[Key, tuple[int, Row]] = {}
        self._listing = Listing()
        self._shown: Listing | None = None
        self._generation = 0
        self._building = self._growing = False
        self._failure: Exception | None = None
        self._highest = 0
        self._seen: int | None = None
        self._stamp = 0
        self._version = 0
        self._dirty = False
        self._made: int | None = None
        self._due = 0.0
        self._by_state = self._tasks = (0,) * len(STATES)
        self._wanted: tuple[int, int] | None = None
        self._last_window = (0, 0)
        self._fetching = False
        self.show(Listing())

    # answers at once

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self._rows.count

    @property
    def shown(self) -> Listing | None:
        """Which list the rows are of."""
        return self._shown

    def key(self, row: int) -> Key | None:
        """Job id, or (job id, position)."""
        return self._rows.key(row)

    def find(self, key: Hashable, near: int) -> int | None:
        """The row of a key."""
        return self._rows.find(key, near) if isinstance(key, (int, tuple)) else None

    def window(self, first: int, count: int) -> Sequence[Row | None]:
        """Rows that were read; what is missing or old is asked for."""
        rows, stamp, current = self._rows, self._stamp, True
        if count > 1:
            self._last_window = first, count
        found: list[Row | None] = []
        for number in range(max(0, first), min(first + count, rows.count)):
            key = rows.key(number)
            kept = None if key is None else self._kept.get(key)
            found.append(kept and kept[1])
            current = current and kept is not None and kept[0] == stamp
        if not current or not self._has_neighbours(rows, first, count):
            self._want(first, count)
        return found

    def _has_neighbours(self, rows: Rows, first: int, count: int) -> bool:
        """Whether the page before and the page behind a window were read, so that going on shows them at once."""
        for row in (first - count, first + 2 * count - 1) if count > 1 else ():
            if 0 <= row < rows.count and rows.key(row) not in self._kept:
                return False
        return True

    # what is shown

    def show(self, listing: Listing) -> None:
        """Show another list."""
        with self._lock:
            if self._closed:
                return
            self._generation += 1
            self._listing, self._building, self._failure, self._due = listing, True, None, 0.0
            self._growing = True
            generation = self._generation
        if self._list_index is not None:
            self._list_index.interrupt()
        self._lists.submit(self._make, generation)

    def close(self) -> None:
        """End both threads; they close their connections."""
        with self._lock:
            if self._closed:
                return
            self._generation += 1
            self._closed = True
        for index in (self._list_index, self._page_index):
            if index is not None:
                index.interrupt()
        self._lists.submit(self._close_lists)
        self._pages.submit(self._close_pages)
        self._lists.shutdown(wait=False)
        self._pages.shutdown(wait=False)
        if self._far_rows is not None:
            self._far_rows.submit(self._close_rows)
            self._far_rows.shutdown()

    def look(self) -> State:
        """Look for changes."""
        if self._closed:
            return State(self._listing)
        self._pages.submit(self._look).result()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
        with self._lock:  # a list that is complete is never told with the version that it had before
            listing, plain = self._listing, self._listing.terms_of_all() == ()
            by_state = self._tasks if plain and not listing.grouped else self._by_state
            return State(listing, self._version, self._rows.count, by_state, self._tasks, self._growing)

    # thread of the pages

    def _look(self) -> None:
        index = self._page_index = self._page_index or self._open_index(self._state_dir)
        version = index.version()
        if version != self._seen:
            self._seen, self._dirty = version, True
            counts = [counts for _, counts in index.reader.counts()]
            self._tasks = tuple(map(sum, zip(*counts, strict=True))) if counts else (0,) * len(STATES)
            self._add_new(index)
            self._stamp += 1
            with self._lock:  # both threads count
                self._version += 1
            if self._far_rows is not None:
                self._want(*self._last_window)
            else:
                self._read(index, *self._last_window)
        with self._lock:
            again = self._dirty and not self._building and time.monotonic() >= self._due
            if again:
                self._building = True
                generation = self._generation
        if again:
            self._lists.submit(self._make, generation)

    def _add_new(self, index: JobIndex) -> None:
        """Put jobs that were submitted since in front (or at the end), where the order allows it."""
        rows, listing = self._rows, self._listing
        newest = index.newest()
        if self._building or self._shown != listing or listing.order.column != "id" or newest <= self._highest:
            return
        ids, counts = array("q"), array("q")
        for some, their in _parts(index, replace(listing, order=Order("id", False)), self._highest):
            ids += some
            counts += their
        if ids:
            more = rows.with_new(ids) if isinstance(rows, JobRows) else rows.with_new(ids, counts)
            with self._lock:
                if rows is not self._rows:
                    return  # another list meanwhile
                self._rows = more
            newest = max(newest, ids[0], ids[-1])
        self._highest = newest

    def _want(self, first: int, count: int) -> None:
        """Have a window read; only the last one asked for matters."""
        with self._lock:
            self._wanted = first, count
            if self._fetching or self._closed:
                return
            self._fetching = True
        (self._far_rows or self._pages).submit(self._fetch)

    def _fetch(self) -> None:
        while True:
            with self._lock:
                wanted, self._wanted = self._wanted, None
                self._fetching = wanted is not None
            if wanted is None:
                return
            try:
                index = self._index_of_rows()
                if self._read(index, *wanted):
                    self.on_news()
                spare = (PAGE - wanted[1]) // 2
                if spare > 0:
                    time.sleep(AHEAD_S)
                    if self._wanted is None:  # nobody has gone further away meanwhile
                        self._read(index, wanted[0] - spare, PAGE)
            except Exception as exc:  # noqa: BLE001  a border between threads: told by the next look
                self._failure = exc
                if self._far_rows is not None:  # nobody asks for the same rows again
                    time.sleep(RETRY_S)
                    with self._lock:
                        self._wanted = self._wanted or (None if self._closed else wanted)

    def _index_of_rows(self) -> JobIndex:
        """What rows are read through, on the thread that does so."""
        if self._far_rows is None:
            index = self._page_index = self._page_index or self._open_index(self._state_dir)
            return index
        self._far_index = self._far_index or self._open_index(self._state_dir)
        self._far_index.version()  # it opens what was not there yet
        return self._far_index

    def _read(self, index: JobIndex, first: int, count: int) -> bool:
        """Read those rows of a window that are missing or old; whether there were any."""
        rows, stamp = self._rows, self._stamp
        numbers = range(max(0, first), min(first + count, rows.count))
        if isinstance(rows, TaskRows):
            if rows.states:
                self._choose(index, rows, {rows.place(number)[0] for number in numbers})
            old = [key for key in map(rows.key, numbers) if isinstance(key, tuple) and self._is_old(key, stamp)]
            fresh = _task_rows(index, old, rows.states)
        else:
            old_jobs = [key for key in map(rows.key, numbers) if isinstance(key, int) and self._is_old(key, stamp)]
            fresh = [Row(job.id, job) for job in index.jobs(old_jobs).values()] if old_jobs else []
        for row in fresh:
            self._kept.pop(row.key, None)
            self._kept[row.key] = stamp, row
        while len(self._kept) > KEPT:
            self._kept.pop(next(iter(self._kept)))
        return bool(fresh)

    def _is_old(self, key: Key, stamp: int) -> bool:
        kept = self._kept.get(key)
        return kept is None or kept[0] != stamp

    def _choose(self, index: JobIndex, rows: TaskRows, jobs: set[int]) -> None:
        """Find out which tasks of some jobs are in the list."""
        table = bytes(int(state in rows.states) for state in range(256))
        for job in jobs - rows.positions.keys():
            states = index.reader.task_states(job)
            rows.positions[job] = array("q", compress(range(1, len(states) + 1), states.translate(table)))

    def _close_rows(self) -> None:
        if self._far_index is not None:
            self._far_index.close()

    def _close_pages(self) -> None:
        if self._page_index is not None:
            self._page_index.close()

    # thread of the lists

    def _make(self, generation: int) -> None:
        """Make the list, and count by state."""
        if generation != self._generation:
            return
        before = self._rows, self._by_state
        try:
            begun = time.monotonic()
            index = self._list_index = self._list_index or self._open_index(self._state_dir)
            version, self._dirty = index.version(), False
            if version == self._made and not self._growing:
                return  # nobody wrote since the list was made
            self._list(index, generation)
            self._count(index, generation)
            self._made = version
            if self._rows.count >= LARGE:
                _give_back()
            self._due = time.monotonic() + PAUSE * (time.monotonic() - begun)
        except Interrupted:
            return  # another list is wanted
        except Exception as exc:  # noqa: BLE001  a border between threads: told by the next look
            self._failure, self._dirty, self._due = exc, True, time.monotonic() + 1
        finally:
            if generation == self._generation:
                with self._lock:
                    growing, self._building, self._growing = self._growing, False, False
                    self._version += growing or self._rows is not before[0] or self._by_state != before[1]
                if growing:  # what is only renewed is seen with the next look
                    self.on_news()

    def _list(self, index: JobIndex, generation: int) -> None:
        """The list; one that nobody has seen yet is shown while it grows, one that is seen is replaced when the new one is complete."""
        listing = self._listing
        seen = self._shown == listing  # else the former list stays until there is something of this one
        if seen and listing.plain and self._is_whole(index, self._rows):
            return
        ids, ends = array("q"), array("q")
        jobs = JobRows(ids, by_id=False)
        growing: Rows = jobs if listing.grouped else TaskRows(jobs, ends, listing.task_states())
        highest, told = index.newest(), 0.0
        for some, counts in _parts(index, listing, 0):
            if generation != self._generation:
                raise Interrupted
            ids += some
            ends += sums(counts, ends[-1] if ends else 0)
            if not seen and time.monotonic() - told > GROWTH_S:
                told = time.monotonic()
                self._swap(generation, growing, highest)
            if listing.plain and listing.grouped and (whole := self._range(index, listing)):
                self._swap(generation, whole, highest)
                return
        self._swap(generation, _finished(listing, ids, ends), highest)

    def _swap(self, generation: int, rows: Rows, highest: int) -> None:
        with self._lock:
            if generation != self._generation:
                raise Interrupted
            self._rows, self._shown, self._highest = rows, self._listing, max(highest, _highest(rows))
        if self._growing:
            self.on_news()

    def _is_whole(self, index: JobIndex, rows: Rows) -> bool:
        """Whether a list of all jobs still has as many as there are (they only go when they are purged)."""
        jobs = rows if isinstance(rows, JobRows) else rows.jobs
        newer = sum(len(ids) for ids in index.chunks((), Listing().order, 0.0, self._highest))
        return index.span()[0] == jobs.count + newer

    def _range(self, index: JobIndex, listing: Listing) -> JobRows | None:
        """All jobs as a range, where no number is missing among them: no list is needed then."""
        count, low, high = index.span()
        return JobRows(range(low, high + 1), True, listing.order.descending) if count and high - low + 1 == count else None

    def _count(self, index: JobIndex, generation: int) -> None:
        listing, now = self._listing, time.time()
        if listing.grouped:
            found = index.by_state(listing.terms_of_all(), now)
        elif listing.terms_of_all():
            found = index.tasks_by_state(listing.terms_of_all(), now)
        else:
            return  # the host's own counters tell it
        if generation == self._generation:
            self._by_state = found

    def _close_lists(self) -> None:
        if self._list_index is not None:
            self._list_index.close()


def _give_back() -> None:
    """Have the C library return freed memory to the system; where it cannot (musl), nothing happens."""
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _finished(listing: Listing, ids: "array[int]", ends: "array[int]") -> Rows:
    """A complete list. Sorted by id it is kept ascending, so that new jobs can be appended."""
    by_id = listing.order.column == "id"
    down = by_id and listing.order.descending
    if down:
        ids.reverse()  # in place, and at once swapped in: three copies of a million would be too much
        ends = turned(ends)
    jobs = JobRows(ids, by_id, down, len(ids))
    return jobs if listing.grouped else TaskRows(jobs, ends, listing.task_states(), ends[-1] if ends else 0)


def _highest(rows: Rows) -> int:
    ids = (rows if isinstance(rows, JobRows) else rows.jobs).ids
    return max(ids[0], ids[-1]) if len(ids) else 0


def _parts(index: JobIndex, listing: Listing, above: int) -> Iterator[tuple["array[int]", "array[int]"]]:
    """Ids of a list with the number of rows that each job has in it; without these where a job is a row."""
    now = time.time()
    if listing.grouped:
        for ids in index.chunks(listing.job_terms(), listing.order, now, above):
            yield ids, array("q")
    else:
        yield from index.counted(listing.job_terms(), listing.order, now, listing.task_states(), above)


def _task_rows(index: JobIndex, keys: Sequence[tuple[int, int]], states: Sequence[int]) -> list[Row]:
    """Rows of tasks. A single job is its own task; of an array each stretch of neighbours is read at once."""
    jobs = index.jobs(sorted({job for job, _ in keys}))
    found: list[Row] = []
    for number, members in groupby(keys, key=lambda key: key[0]):
        job = jobs.get(number)
        positions = [position for _, position in members]
        if job is None:
            continue
        if not job.array:
            found.append(Row((number, 1), job))
            continue
        wanted = set(positions)
        state = states[0] if len(states) == 1 else None
        after, last = positions[0] - 1, positions[-1]
        while after < last:
            tasks = index.reader.tasks(number, state, after, PAGE)
            found += [Row((number, task.position), job, task) for task in tasks if task.position in wanted]
            if not tasks:
                break
            after = tasks[-1].position
    return found
