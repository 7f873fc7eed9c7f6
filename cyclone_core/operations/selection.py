"""What is done to rows that a person chose: cancelling, running again, also all that fit a filter; and the commands that do the same.

Rows are named by their keys (`row_lists.Key`). Nothing is decided here about what may be cancelled: what is over stays as it is.
"""

import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cyclone_core.ids import format_task
from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, STATES, WAITING
from cyclone_core.operations.browse import Listing, index_of
from cyclone_core.operations.queries import HostView
from cyclone_core.operations.row_lists import Key
from cyclone_core.scheduler.job_terms import OneOf
from cyclone_core.views import Job

UNSUCCESSFUL = (FAILED, CANCELLED, ERROR)
IDS_IN_A_COMMAND = 20
"""Ids that a command line shows; more are read from a file or a pipe."""


@dataclass(frozen=True)
class Chosen:
    """One job or task of a selection."""

    job: Job
    index: int | None
    """of one task of an array; None: the whole job"""

    @property
    def id(self) -> str:
        """`1234` or `1234--7`."""
        return format_task(self.job.id, self.index)

    @property
    def open_tasks(self) -> int:
        """How many of its tasks are not over (of one task: at most one)."""
        still_open = self.job.counts[WAITING] + self.job.counts[RUNNING]
        return still_open if self.index is None else min(1, still_open)


def chosen(host: HostView, keys: Sequence[Key]) -> list[Chosen]:
    """The jobs and tasks of these keys that still exist, in their order."""
    found = {job.id: job for job in host.reader.listed(sorted({key if isinstance(key, int) else key[0] for key in keys}))}
    selection = []
    for key in keys:
        number, position = (key, None) if isinstance(key, int) else key
        job = found.get(number)
        if job is not None:
            selection.append(Chosen(job, job.index(position) if position is not None and job.array else None))
    return selection


def open_jobs(host: HostView, listing: Listing) -> list[int]:
    """Ids of the jobs in a list that are not over, newest first."""
    directory, open_index = index_of(host)
    terms = (*listing.job_terms(), OneOf("status", (STATES[WAITING], STATES[RUNNING])))
    index = open_index(directory)
    try:
        return [job for chunk in index.chunks(terms, Listing().order, time.time()) for job in chunk]
    finally:
        index.close()


def cancel(host: HostView, ids: Sequence[tuple[int, int | None]]) -> dict[str, Any]:
    """Cancel (job, index or None) each; the answer is that of `jobs.Door.cancel`."""
    return host.door().cancel({"tasks": list(ids)})


def again(host: HostView, selection: Sequence[Chosen], states: tuple[int, ...] | None) -> list[int]:
    """Run what was chosen once more, of each job only tasks in some final states (None: all); ids of the new jobs.

    Tasks of one array become one job. Raises InvalidRequest where something is not over, HostUnavailable, StateUnusable.
    """
    whole = {one.job.id for one in selection if one.index is None}
    wanted: list[Any] = [(job, states) for job in whole]
    parts: dict[int, list[int]] = {}
    for one in selection:
        if one.index is not None and one.job.id not in whole:
            parts.setdefault(one.job.id, []).append(one.index)
    wanted += [(job, states, tuple(sorted(indices))) for job, indices in parts.items()]
    return host.door().again(wanted)


def qdel(selection: Sequence[Chosen]) -> str:
    """The command that cancels a selection."""
    return f"qdel {_ids(selection)}"


def qsub_again(selection: Sequence[Chosen], states: tuple[int, ...] | None) -> str:
    """The command that runs a selection again."""
    only = "" if states is None else f" --only {','.join(STATES[state] for state in states)}"
    return f"qsub --again {_ids(selection)}{only}"


def listing_command(listing: Listing) -> str:
    """The command that lists the same jobs: `qstat` where it can say it, else this view opened from a shell."""
    whole = listing.filter
    if listing.states:
        whole = whole.with_values("status", [STATES[state] for state in listing.states])
    arguments = whole.qstat() if listing.grouped else None
    if arguments is not None:
        return shlex.join(("qstat", *arguments))
    words = ["cyclone", "jobs", *(("--filter", whole.text) if whole else ())]
    if not listing.grouped:
        words += ("--rows", "tasks")
    return shlex.join(words)


def _ids(selection: Sequence[Chosen]) -> str:
    shown = " ".join(one.id for one in selection[:IDS_IN_A_COMMAND])
    return shown + (" …" if len(selection) > IDS_IN_A_COMMAND else "")
