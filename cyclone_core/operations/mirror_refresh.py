"""How a mirror is kept true by few questions: counters first, and only what they say has changed is looked at.

One step: the counters of all queues (one question). If those of a queue grew, its new jobs; if any changed, the open jobs, by what
was counted of each; of those that differ the job itself. What is over is read once. Older jobs fill in page by page, newest first, until
all are here or MOST_JOBS of them. Each step is bounded; one that had more to do than that says so and is followed by the next at once.

The parts of the listing are read up to a mark each: `high` (all above is new), `low` (all below is older and not read yet). New jobs are
looked for a little below the mark too: indexes are written a moment later than tables, and clocks of submitters differ.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cyclone_core.jobs import RUNNING, WAITING
from cyclone_core.scheduler.sqlite.mirror import MirrorStore
from cyclone_core.views import Job

MOST_JOBS = 50_000
"""Jobs that are kept; older ones stay where they are."""
MOST_BEHIND = 20_000
"""New jobs that are read to catch up; with more of them the mirror begins anew, newest first."""
MOST_READ = 1000
"""Jobs read in a step."""
MOST_CHECKED = 6400
"""Open jobs whose counts are asked for in a step."""
PAGES = (16, 64, 256)
"""Jobs asked of each part of the listing: at first, then, and from then on."""
OVERLAP_S = 20.0
"""New jobs are looked for so far below the mark; ten times as far when everything is looked at."""
MOST_UNSTARTED = 100
"""Running jobs that are read again to learn when they began."""
TRIES = 3
"""So often a job is read again that is not yet as it was counted, or as it is listed."""
EVERYTHING_S = 60.0
"""So often everything is looked at, whatever the counters say, while somebody works; ten times as seldom while nothing does."""
KEEP_DAYS = 30.0
"""What is over is kept there so long, where nobody says otherwise."""
_DAY_S = 86_400.0
Counts = tuple[int, ...]
Listed = tuple[str, int]
"""(place in the listing, id); places are compared as texts and begin with milliseconds since 1970, thirteen digits"""


class Source(Protocol):
    """Where the jobs are. Every method asks there, and raises CycloneError."""

    def identity(self) -> str:
        """A text that is another one after the host was made anew."""
        ...

    def counts(self) -> Mapping[str, Counts]:
        """Tasks by state of each queue that ever had a job."""
        ...

    def parts(self, queue: str) -> Sequence[str]:
        """Names of the parts in which a queue's jobs are listed. Asks nothing."""
        ...

    def newer(self, wanted: Mapping[str, str], limit: int) -> Mapping[str, Sequence[Listed]]:
        """Of each part what lies above a place, from there on upwards, at most `limit` of each."""
        ...

    def older(self, wanted: Mapping[str, str], limit: int) -> Mapping[str, Sequence[Listed]]:
        """Of each part what lies below a place ("": all), from there on downwards, at most `limit` of each."""
        ...

    def states(self, jobs: Mapping[int, bool]) -> Mapping[int, Counts]:
        """Tasks by state of jobs (id -> whether it is an array), as far as they were counted; cheaper than `jobs`."""
        ...

    def jobs(self, ids: Sequence[int]) -> Sequence[Job]:
        """The jobs with these ids, as far as they exist."""
        ...


@dataclass(frozen=True)
class Step:
    """What a step came to."""

    changed: bool
    """whether anything is another than before"""
    more: bool
    """whether the next step should follow at once"""
    working: bool
    """whether anything is open"""


@dataclass(frozen=True)
class Marks:
    """How far a part of the listing was read."""

    high: str = ""
    low: str = ""
    whole: bool = False
    """down to the oldest job"""


class Refresher:
    """Keeps one mirror. Use it in one thread."""

    def __init__(self, store: MirrorStore, source: Source, keep_days: float = KEEP_DAYS, now: Callable[[], float] = time.time) -> None:
        """keep_days: so long the host keeps what is over; now: seconds since 1970."""
        self.store, self.source, self._now = store, source, now
        self._keep_s = keep_days * _DAY_S
        self._identified = self._checked_all = 0.0
        self._suspects: set[str] = set()
        """queues whose counters grew at the last look: their listing may come later"""
        self._again: dict[int, int] = {}
        """jobs to read again -> how often that was done"""
        self._at = self._round = self._behind = 0

    # -- one step ----------------------------------------------------------------------------------------------------
    def step(self) -> Step:
        """See the module. Raises CycloneError; what was written until then is right."""
        now = self._now()
        self._identify(now)
        before, counts = self.store.totals(), {queue: tuple(found) for queue, found in self.source.counts().items()}
        everything = self._is_time_for_everything(counts, now)
        grown = {queue for queue in counts if sum(counts[queue]) > sum(before.get(queue, ()))}
        if any(sum(counts.get(queue, ())) < sum(before[queue]) for queue in before):
            self._identified = min(self._identified, now - 9 * EVERYTHING_S)  # forgotten jobs, or another host: asked within a minute
        suspects = set(counts) if everything else grown | self._suspects
        behind = self._look_for_new(suspects, 0 if self._behind else 10 if everything else 1)
        self._suspects = suspects if behind else grown
        if everything:  # a worker tells a while later when it began
            self._again |= {number: TRIES for number in self.store.unstarted(MOST_UNSTARTED) if number not in self._again}
        unchecked = self._check_open() if counts != before or everything or self._at or self._again else False
        written = self.store.write(totals=counts)
        older = not behind and not unchecked and self._fill()
        if everything:
            self.store.trim(MOST_JOBS, now - self._keep_s)
        return Step(bool(written) or counts != before, behind or unchecked or older, any(_is_open(one) for one in counts.values()))

    def _identify(self, now: float) -> None:
        """Begin anew where the host is another one than that whose jobs these are."""
        if self._identified and now - self._identified < 10 * EVERYTHING_S:
            return
        found = self.source.identity()
        if self.store.kept("identity") != found:
            self._begin_anew(found)
        self._identified = now

    def _begin_anew(self, identity: str) -> None:
        if self.store.kept("identity") is not None or self.store.count():
            self.store.anew()
        self.store.write(keep={"identity": identity, "marks": {}})
        self._again, self._at, self._round, self._behind = {}, 0, 0, 0

    def _is_time_for_everything(self, counts: Mapping[str, Counts], now: float) -> bool:
        pause = EVERYTHING_S if any(_is_open(one) for one in counts.values()) else 10 * EVERYTHING_S
        if self._checked_all and now - self._checked_all < pause:
            return False
        self._checked_all = now
        return True

    # -- new jobs ----------------------------------------------------------------------------------------------------
    def _look_for_new(self, queues: Iterable[str], overlap: int) -> bool:
        """Read jobs that were submitted since; returns whether there may be more of them."""
        marks = self._marks()
        wanted = {part: marks[part].high for queue in queues for part in self.source.parts(queue) if part in marks}
        if not wanted:
            return False
        found = self._newer(wanted, overlap)
        for part, listed in found.items():
            if listed and listed[-1][0] > wanted[part]:
                marks[part] = Marks(listed[-1][0], marks[part].low, marks[part].whole)
        unknown = self._unknown(found.values())
        more = any(len(listed) >= PAGES[-1] for listed in found.values())
        self._behind = self._behind + len(unknown) if more else 0
        if self._behind > MOST_BEHIND:
            self._begin_anew(str(self.store.kept("identity")))
            return False
        self._read(unknown, marks)
        return more

    def _newer(self, wanted: Mapping[str, str], overlap: int) -> Mapping[str, Sequence[Listed]]:
        """What is listed above the marks, and a little below; where that is more than a page, above them alone."""
        found = dict(self.source.newer({part: _below(place, overlap) if overlap else place for part, place in wanted.items()}, PAGES[-1]))
        crowded = {part: wanted[part] for part, listed in found.items() if len(listed) >= PAGES[-1] and listed[-1][0] <= wanted[part]}
        return {**found, **self.source.newer(crowded, PAGES[-1])} if crowded else found

    def _fill(self) -> bool:
        """Read a page of older jobs of each part; returns whether there is more."""
        marks = self._marks()
        for queue in self.store.totals():
            for part in self.source.parts(queue):
                marks.setdefault(part, Marks())
        wanted = {part: one.low for part, one in marks.items() if not one.whole}
        if not wanted or self.store.kept("full"):
            return self._begin_new_parts(wanted, marks)
        limit = PAGES[min(self._round, len(PAGES) - 1)]
        self._round += 1
        found = self.source.older(wanted, limit)
        for part in wanted:
            listed, mark = found.get(part, ()), marks[part]
            high = mark.high or (listed[0][0] if listed else "")
            marks[part] = Marks(high, listed[-1][0] if listed else mark.low, len(listed) < limit)
        self._read(self._unknown(found.values()), marks)
        is_full = self.store.count() >= MOST_JOBS
        self.store.write(keep={"full": is_full} if is_full else {})
        return any(not mark.whole for mark in marks.values()) and not is_full

    def _begin_new_parts(self, wanted: Mapping[str, str], marks: dict[str, Marks]) -> bool:
        """Where no older jobs are read any more, parts of new queues begin a day ago."""
        fresh = [part for part in wanted if not marks[part].high]
        for part in fresh:
            marks[part] = Marks(f"{int((self._now() - _DAY_S) * 1000):013d}", "", True)
        if fresh:
            self._read((), marks)
            self._suspects.update(self.store.totals())
        return bool(fresh)

    def _unknown(self, found: Iterable[Sequence[Listed]]) -> list[int]:
        """Those that are not here, the newest first: numbers are no order."""
        listed = sorted({one for part in found for one in part}, reverse=True)
        known = self.store.known(number for _, number in listed)
        return [number for _, number in listed if number not in known]

    def _read(self, ids: Sequence[int], marks: Mapping[str, Marks]) -> None:
        """Read these jobs, newest first, and write them part by part, so that the first are there soon; then the marks."""
        for at in range(0, len(ids), MOST_READ):
            part = ids[at : at + MOST_READ]
            jobs = self.source.jobs(part)
            self.store.write(jobs)
            for number in set(part) - {job.id for job in jobs}:
                self._again.setdefault(number, 0)
        self.store.write(keep={"marks": {name: [one.high, one.low, one.whole] for name, one in marks.items()}})

    def _marks(self) -> dict[str, Marks]:
        return {name: Marks(*one) for name, one in (self.store.kept("marks") or {}).items()}

    # -- open jobs ---------------------------------------------------------------------------------------------------
    def _check_open(self) -> bool:
        """Read again those open jobs of which something else was counted; returns whether there is more to do."""
        known = self.store.open_jobs()
        part = list(known)[self._at : self._at + MOST_CHECKED]
        self._at = self._at + MOST_CHECKED if self._at + MOST_CHECKED < len(known) else 0
        counted = self.source.states({number: known[number][0] for number in part}) if part else {}
        for number in part:
            if tuple(counted.get(number, known[number][1])) != known[number][1]:
                self._again.setdefault(number, 0)
        wanted = sorted(self._again, key=lambda number: (self._again[number], -number))[:MOST_READ]
        jobs = {job.id: job for job in (self.source.jobs(wanted) if wanted else ())}
        self.store.write(list(jobs.values()))
        for number in wanted:
            self._judge(number, jobs.get(number), counted.get(number), number in known)
        return bool(self._at) or any(not tries for tries in self._again.values())

    def _judge(self, number: int, job: Job | None, counted: Sequence[int] | None, known: bool) -> None:
        """Whether a job that was read has to be read again: it may be read, or counted, a moment later than it is listed or written."""
        if job is not None and (job.is_final or counted is None or tuple(counted) == tuple(job.counts)):
            del self._again[number]
        elif self._again[number] < TRIES:
            self._again[number] += 1
        else:
            del self._again[number]
            if job is None and known:
                self.store.write(gone=[number])


def _is_open(counts: Counts) -> bool:
    return bool(counts[WAITING] or counts[RUNNING])


def _below(place: str, overlap: int) -> str:
    """A place some seconds below another."""
    return f"{max(0, int(place[:13] or 0) - int(overlap * OVERLAP_S * 1000)):013d}"
