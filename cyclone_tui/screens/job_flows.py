"""What can be done to a job or task from its view: cancel it, run it again. Each asks first and says what came of it."""

from collections.abc import Sequence

from cyclone_core.ids import format_task
from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, STATES, WAITING
from cyclone_core.operations.queries import HostView
from cyclone_tui import formatters
from cyclone_tui.job_page import JobPage
from cyclone_tui.screens.base import View, background
from cyclone_tui.screens.modals import Choose

_NOT_WELL = (FAILED, ERROR)
_NAMED = 6
_ALL = "all"


class JobFlows(View):
    """Actions on `page`, or on the tasks that are marked in its table."""

    page: JobPage | None = None

    def marked_indices(self) -> list[int]:
        """Indices of the tasks that the user marked."""
        return []

    def _targets(self, page: JobPage) -> list[tuple[int, int | None]]:
        """(job, index or None) of what is meant."""
        marked = self.marked_indices()
        return [(page.job, index) for index in marked] if marked else [(page.job, page.index)]

    # -- cancel ------------------------------------------------------------------------------------------------------
    @background
    async def action_cancel(self) -> None:
        """Cancel the marked tasks, or all of it."""
        page = self.page
        if page is None:
            return
        targets = self._targets(page)
        if page.is_final:
            self.cyclone.tell(f"{page.id} is over: {STATES[page.status]}. There is nothing to cancel")
            return
        detail = "What waits is never started; what runs is ended."
        if page.is_array and targets[0][1] is None:
            waiting = formatters.plural(page.counts[WAITING], "task")
            detail = f"{waiting} that wait are never started, {page.counts[RUNNING]:,} that run are ended."
        if await self.confirm(f"Cancel {_named(targets)} ({formatters.printable(page.name)})?", detail, f"qdel {_words(targets)}"):
            await self.attempt(_cancel, targets, done=_cancelled)

    # -- again -------------------------------------------------------------------------------------------------------
    @background
    async def action_again(self) -> None:
        """Run it once more as a new job: the marked tasks, those that failed, or all."""
        page = self.page
        if page is None:
            return
        marked = self.marked_indices()
        if marked or not page.is_array:
            indices = tuple(marked) if marked else None if page.index is None else (page.index,)
            targets = self._targets(page)
            question = f"Run {_named(targets)} again, as a new job?"
            if await self.confirm(question, "The job that is over stays as it is.", f"qsub --again {_words(targets)}"):
                await self._run_again(page, None, indices)
            return
        choices = _choices(page)
        if not choices:
            self.cyclone.tell(f"no task of job {page.id} is over yet")
            return
        found = await self.app.push_screen_wait(
            Choose(f"Run job {page.id} again, as a new job?", choices, detail="Its tasks keep their indices and parameters.")
        )
        if found is not None:
            await self._run_again(page, None if found == _ALL else tuple(map(int, found.split(","))), None)

    async def _run_again(self, page: JobPage, states: tuple[int, ...] | None, indices: tuple[int, ...] | None) -> None:
        new = await self.attempt(_again, (page.job, states, indices), done=lambda new: f"job {new} does it again")
        if new is not None:
            self.session.watched.add(new)
            self.cyclone.open(f"job {new}")


def _choices(page: JobPage) -> list[tuple[str, str]]:
    """(states as numbers or `all`, what it means with its command line) of what an array can do again."""
    bad = [state for state in _NOT_WELL if page.counts[state]]
    choices: list[tuple[list[int], str]] = []
    if bad:
        choices.append((bad, "that failed"))
    if page.counts[CANCELLED]:
        choices.append(([*bad, CANCELLED], "that failed or were cancelled" if bad else "that were cancelled"))
    found = []
    for states, words in choices:
        tasks = formatters.plural(sum(page.counts[state] for state in states), "task")
        only = ",".join(STATES[state] for state in states)
        found.append((",".join(map(str, states)), f"the {tasks} {words}   $ qsub --again {page.job} --only {only}"))
    if page.is_final:
        found.append((_ALL, f"all {page.tasks:,} tasks   $ qsub --again {page.job}"))
    return found


def _named(targets: Sequence[tuple[int, int | None]]) -> str:
    """`job 1234`, `1234--7`, `3 tasks of job 1234`."""
    job, index = targets[0]
    if len(targets) > 1:
        return f"{len(targets):,} tasks of job {job}"
    return f"job {job}" if index is None else f"task {format_task(job, index)}"


def _words(targets: Sequence[tuple[int, int | None]]) -> str:
    """The ids for a command line, the first of many."""
    words = [format_task(*one) for one in targets[:_NAMED]]
    return " ".join([*words, "…"] if len(targets) > _NAMED else words)


def _cancel(host: HostView, targets: list[tuple[int, int | None]]) -> int:
    found = host.door().cancel({"tasks": targets})
    return int(found["tasks"])


def _cancelled(tasks: int) -> str:
    return f"cancelled {formatters.plural(tasks, 'task')}" if tasks else "nothing to cancel: it was over already"


def _again(host: HostView, wanted: tuple[int, tuple[int, ...] | None, tuple[int, ...] | None]) -> int:
    return host.door().again([wanted])[0]
