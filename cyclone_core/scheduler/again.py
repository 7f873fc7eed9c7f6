"""Tasks that are over, once more: which of a job's tasks are meant, and the shape of the new job that runs them. Pure.

A state becomes final once, so the old job stays as it is. The new one keeps the indices of the tasks: all of a job keep its shape, some of
an array may make a sparse one (see `indices`). Refused, with what to do: what is unknown, not over, or in none of the states asked for.
"""

from cyclone_core.ids import format_task
from cyclone_core.jobs import FINAL, STATES
from cyclone_core.problems import Problem
from cyclone_core.views import SparseJob

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cyclone_core.indices import Stretch
    from cyclone_core.problems import Problems
    from cyclone_core.views import Job

    Run = tuple[int, int]
    """Positions low..high"""
    Shape = tuple[int, int, int, int, bytes | None]
    """(kind, tasks, low, step, packed indices) of a new job"""

SINGLE, ARRAY, SPARSE = range(3)
"""Kinds of jobs, as engines store them."""
_NAMED = 5
"""So many tasks are named in a problem."""


def shape_of(
    job: "Job", states: "tuple[int, ...] | None", indices: "tuple[int, ...] | None", overview: "Callable[[], bytes]", problems: "Problems"
) -> "Shape | None":
    """The shape of a job of the tasks that are meant; None with problems. overview: the state of every task, a byte each, by position."""
    runs = _chosen(job, states, indices, overview, problems)
    if not runs:
        return None
    try:
        return _shape(job, runs)
    except ValueError as exc:
        problems.add(str(job.id), f"its tasks in these states are too scattered: {exc}", f"Run all of it: qsub --again {job.id}")
        return None


def unknown(number: int) -> Problem:
    """There is no such job."""
    return Problem(str(number), "there is no such job", "See the jobs with: qstat")


def gone(number: int, what: str) -> Problem:
    """What a job executes is not there any more."""
    return Problem(str(number), f"its {what} is not on this host any more", "Submit it anew: qsub FILENAME")


def _chosen(
    job: "Job", states: "tuple[int, ...] | None", indices: "tuple[int, ...] | None", overview: "Callable[[], bytes]", problems: "Problems"
) -> "list[Run]":
    """Positions of the tasks that are meant; empty with a problem when there is none."""
    chosen = FINAL if states is None else FINAL.intersection(states)
    if indices is not None:
        return _named(job, chosen, indices, overview, problems)
    if job.is_final and sum(job.counts[state] for state in chosen) == job.tasks:
        return [(1, job.tasks)]
    runs = [] if states is None else list(_runs(overview(), chosen))
    if not runs:
        problems.extend([_nothing(job, states)])
    return runs


def _named(
    job: "Job", chosen: "frozenset[int]", indices: "tuple[int, ...]", overview: "Callable[[], bytes]", problems: "Problems"
) -> "list[Run]":
    """The same of tasks named by their indices; a single job's only task is 1."""
    found = {index: job.position(index) if job.array else 1 if index == 1 else None for index in indices}
    unknown = sorted(index for index, position in found.items() if position is None)
    if unknown:
        problems.add(_ids(job, unknown), "there is no such task", f"See the tasks with: qstat -i {job.id} --tasks")
        return []
    now = overview()
    still = [index for index, position in found.items() if now[(position or 1) - 1] not in FINAL]
    if still:
        problems.add(_ids(job, still), "this is not over yet, and only what is over can run again", f"Wait for it: qstat -i {job.id}")
        return []
    runs = [(position, position) for position in sorted(filter(None, found.values())) if now[position - 1] in chosen]
    if not runs:
        problems.add(_ids(job, list(indices)), f"none of this is {_words(chosen)}", "Choose other states, or leave --only out")
    return runs


def _runs(overview: bytes, chosen: "frozenset[int]") -> "Iterator[Run]":
    """Stretches of positions whose state is one of the chosen."""
    marks = overview.translate(bytes(state in chosen for state in range(256)))
    at = marks.find(1)
    while at >= 0:
        end = marks.find(0, at)
        end = len(marks) if end < 0 else end
        yield at + 1, end
        at = marks.find(1, end)


def _shape(job: "Job", runs: "Sequence[Run]") -> "Shape":
    """The shape of a job of these tasks. Raises ValueError when it would have too many stretches."""
    if not job.array:
        return SINGLE, 1, 1, 1, None
    if list(runs) == [(1, job.tasks)]:
        packed = job.packed if isinstance(job, SparseJob) else None
        return ARRAY if packed is None else SPARSE, job.tasks, job.low, job.step, packed
    from cyclone_core.indices import Indices, joined, pack

    indices = Indices(joined(_stretches(job, runs)))
    if len(indices) == 1:
        ((low, _, step),) = indices
        return ARRAY, indices.count, low, step, None
    return SPARSE, indices.count, indices.low, 1, pack(indices)


def _stretches(job: "Job", runs: "Iterable[Run]") -> "Iterator[Stretch]":
    for low, high in runs:
        if isinstance(job, SparseJob):
            yield from job.indices.cut(low, high)
        else:
            yield job.index(low), job.index(high), job.step


# -- why not ----------------------------------------------------------------------------------------------------------------------
def _nothing(job: "Job", states: "tuple[int, ...] | None") -> Problem:
    """Why no task of a job is chosen."""
    name, has = str(job.id), _has(job)
    if not job.is_final and (states is None or not job.done):
        wait = f"Wait for its end (qstat -i {job.id}) or cancel it first (qdel {job.id})"
        if job.done:
            wait = f"Take those that are over: --only Failed,Error,Cancelled. Or w{wait[1:]}"
        return Problem(name, f"only what is over can run again, and it is not: {has}", wait)
    return Problem(name, f"it has nothing that is {_words(FINAL.intersection(states or ()))}: {has}", "Choose other states with --only")


def _has(job: "Job") -> str:
    return ", ".join(f"{count:,} {STATES[state]}" for state, count in enumerate(job.counts) if count) if job.array else f"it is {job.state}"


def _words(states: "frozenset[int]") -> str:
    words = [STATES[state] for state in sorted(states)]
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words) or "in a final state"


def _ids(job: "Job", indices: "Sequence[int]") -> str:
    named = ", ".join(format_task(job.id, index) for index in indices[:_NAMED])
    return f"{named} and {len(indices) - _NAMED:,} more" if len(indices) > _NAMED else named
