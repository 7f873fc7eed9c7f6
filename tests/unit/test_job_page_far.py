"""The overview of an array of an AWS host is read as seldom as it is large."""

from pathlib import Path
from typing import Any

from cyclone_core.jobs import RUNNING, SUCCESSFUL
from cyclone_core.operations.queries import LocalView
from cyclone_core.scheduler.sqlite.reader import Reader
from cyclone_tui.job_page import PageReader
from tests.filled import FilledHost

TASKS = 100_000


class Asked(Reader):
    """Counts how often an overview is asked for."""

    asked = 0

    def task_states(self, job: int) -> bytes:
        """Once more."""
        Asked.asked += 1
        return super().task_states(job)


def test_a_large_overview_is_read_seldom_and_at_the_end(tmp_path: Path) -> None:
    """Every four seconds for a hundred thousand tasks; the counters are read each time."""
    filled = FilledHost(tmp_path)
    filled.array({1: (RUNNING, 0)}, tasks=TASKS, next=2)
    view: Any = LocalView("grid", filled.directory)
    view.type, view.reader = "aws", Asked(view.reader.connection)
    clock = [1000.0]
    pages = PageReader("1", True, lambda: clock[0])
    Asked.asked = 0
    for done in range(1, 8):  # one more is over each second
        filled.db.execute("UPDATE job SET waiting=?, successful=?", (TASKS - 1 - done, done))
        assert pages.read(view, "map", None, 10).counts[SUCCESSFUL] == done
        clock[0] += 1
    assert Asked.asked == 2
    filled.db.execute("UPDATE job SET waiting=0, running=0, successful=?", (TASKS,))
    pages.read(view, "map", None, 10)
    assert Asked.asked == 3
    view.close()
