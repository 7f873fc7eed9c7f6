"""What is done to many jobs at once from the table: it is said what will happen and by which command, asked, done, and told."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cyclone_core.operations import selection
from cyclone_core.operations.browse import Key, Listing, Row
from cyclone_core.operations.selection import UNSUCCESSFUL, Chosen
from cyclone_tui import formatters
from cyclone_tui import settings as settings_file
from cyclone_tui.screens.modals import Choose

if TYPE_CHECKING:
    from cyclone_tui.screens.base import View
    from cyclone_tui.widgets.row_table import RowTable

MOST_MARKS = 10_000
"""So many rows can be marked in one go; what is more is cancelled as a list (X)."""
TYPED_FROM = 100
"""From so many jobs on their number must be typed."""
_LISTED = 8


async def cancel(view: "View", keys: Sequence[Key]) -> None:
    """Cancel rows."""
    chosen = await view.attempt(selection.chosen, keys)
    if not chosen:
        return
    still_open = [one for one in chosen if one.open_tasks]
    if not still_open:
        view.cyclone.tell("nothing to cancel: it is over already")
        return
    tasks = sum(one.open_tasks for one in still_open)
    detail = f"{formatters.plural(tasks, 'open task')} will not start, or will be ended.{_list(still_open)}"
    if await view.confirm(f"Cancel {_named(still_open)}?", detail, selection.qdel(still_open), _typed(len(still_open))):
        await _cancel(view, [(one.job.id, one.index) for one in still_open])


async def cancel_all(view: "View", listing: Listing) -> None:
    """Cancel all open jobs of a list."""
    ids = await view.attempt(selection.open_jobs, listing)
    if ids is None:
        return
    if not ids:
        view.cyclone.tell("nothing in this list is open")
        return
    twin = selection.listing_command(replace(listing, grouped=True))
    twin = f"{twin} --only-job-id-out true | qdel -" if twin.startswith("qstat") else "qdel -    (ids on standard input)"
    question = (
        f"Cancel all {len(ids):,} open jobs of this list?" if len(ids) > 1 else f"Cancel job {ids[0]}, the only open one of this list?"
    )
    filter = f"They fit: {listing.filter.text}. " if listing.filter else ""
    detail = f"{filter}Tasks that wait will not start, those that run will be ended."
    if await view.confirm(question, detail, twin, typed=str(len(ids)) if len(ids) > 1 else ""):
        await _cancel(view, [(job, None) for job in ids])


async def again(view: "View", keys: Sequence[Key]) -> None:
    """Run rows again."""
    chosen = await view.attempt(selection.chosen, keys)
    if not chosen:
        return
    if not any(one.job.is_final for one in chosen):
        view.cyclone.tell(f"{_named(chosen)} cannot run again yet: only what is over can. x cancels it")
        return
    failed, whole = selection.qsub_again(chosen, UNSUCCESSFUL), selection.qsub_again(chosen, None)
    detail = f"Each becomes a new job of the same script and settings; the old ones stay as they are.{_list(chosen)}"
    bad = any(sum(one.job.counts[state] for state in UNSUCCESSFUL) for one in chosen)
    choices = [("all", f"All tasks\n  $ {whole}")]
    if bad:
        choices.insert(0, ("failed", f"Only tasks that were not successful\n  $ {failed}"))
    answer = await view.app.push_screen_wait(Choose(f"Run {_named(chosen)} again?", choices, "failed" if bad else "all", detail))
    if answer is None:
        return
    new = await view.attempt(selection.again, chosen, UNSUCCESSFUL if answer == "failed" else None, done=_submitted)
    if new:
        view.session.watched.update(new)
        _unmark(view)


async def keep_columns(view: "View", table: str, columns: Sequence[str]) -> None:
    """Use these columns from now on, also next time."""
    changed = replace(view.session.settings, columns={**view.session.settings.columns, table: ",".join(columns)})
    view.session.settings = view.cyclone.settings = changed
    await view.attempt(lambda host: settings_file.save(changed))


def mark_range(view: "View", table: "RowTable[Row]") -> None:
    """Mark from the row that was marked last to the cursor."""
    source = table.source
    begin = source.find(table.marked[-1], table.cursor_row) if table.marked else None
    low, high = sorted((table.cursor_row if begin is None else begin, table.cursor_row))
    if high - low >= MOST_MARKS:
        view.cyclone.tell(f"{high - low + 1:,} rows are too many to mark. X cancels everything in the list; a filter makes it shorter")
        return
    keys = [source.key(row) for row in range(low, high + 1)] if source.count else []
    table.mark([key for key in keys if key is not None])


async def _cancel(view: "View", ids: Sequence[tuple[int, int | None]]) -> None:
    done = await view.attempt(selection.cancel, ids, done=_cancelled)
    if done is not None:
        _unmark(view)


def _unmark(view: "View") -> None:
    from cyclone_tui.widgets.row_table import RowTable

    for table in view.query(RowTable):
        table.clear_marks()


def _cancelled(answer: dict[str, Any]) -> str:
    over = f"; {formatters.plural(len(answer['finished']), 'job')} over before" if answer["finished"] else ""
    return f"{formatters.plural(answer['tasks'], 'task')} cancelled{over}"


def _submitted(ids: list[int]) -> str:
    return f"submitted again as {', '.join(map(str, ids[:5]))}{' …' if len(ids) > 5 else ''}" if ids else "there is no such task"


def _named(chosen: Sequence[Chosen]) -> str:
    if len(chosen) > 1:
        return f"{len(chosen):,} jobs" if all(one.index is None for one in chosen) else f"{len(chosen):,} jobs and tasks"
    return f"{'job' if chosen[0].index is None else 'task'} {chosen[0].id} ({formatters.printable(chosen[0].job.name)})"


def _list(chosen: Sequence[Chosen]) -> str:
    """The first few by name, where there are several."""
    if len(chosen) == 1:
        return ""
    lines = [f"\n{one.id:>10}  {formatters.printable(one.job.name)}  {one.job.state}" for one in chosen[:_LISTED]]
    return "\n" + "".join(lines) + (f"\n{'':>10}  … and {len(chosen) - _LISTED:,} more" if len(chosen) > _LISTED else "")


def _typed(number: int) -> str:
    return str(number) if number >= TYPED_FROM else ""
