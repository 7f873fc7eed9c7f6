"""Looking through the jobs of a local host: pages, new jobs, other lists, changes."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from cyclone_core.jobs import FAILED, RUNNING, SUCCESSFUL, WAITING
from cyclone_core.operations.browse import Listing, Order, State
from cyclone_core.operations.local_browser import LocalJobBrowser
from cyclone_core.scheduler.filters import parse
from cyclone_core.scheduler.job_terms import Term
from cyclone_core.scheduler.sqlite.job_index import JobIndex
from tests.filled import FilledHost


@pytest.fixture
def host(tmp_path: Path) -> FilledHost:
    """Twenty jobs; every fifth waits in queue gpu."""
    filled = FilledHost(tmp_path)
    for job in range(1, 21):
        if job % 5:
            filled.ended(b"", job=job, code=job % 2)
        else:
            filled.job(job, queue="gpu")
    return filled


@pytest.fixture
def browser(host: FilledHost) -> Iterator[LocalJobBrowser]:
    """Its browser."""
    made = LocalJobBrowser(host.directory)
    yield made
    made.close()


def until(holds: Callable[[], bool]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def settled(browser: LocalJobBrowser) -> State:
    """The state once the list is complete."""
    until(lambda: not browser.look().building)
    return browser.look()


def rows(browser: LocalJobBrowser, first: int = 0, count: int = 50) -> list[str]:
    """Ids of rows once they are read."""
    until(lambda: browser.shown is not None and None not in browser.window(first, count))
    return [row.id for row in browser.window(first, count) if row]


def test_newest_first(browser: LocalJobBrowser) -> None:
    """All jobs, counted by state."""
    state = settled(browser)
    assert rows(browser) == [str(job) for job in range(20, 0, -1)]
    assert (state.count, state.by_state) == (20, (4, 0, 8, 8, 0, 0))


def test_filter_tab_and_order(browser: LocalJobBrowser) -> None:
    """What is listed fits filter and tab; the numbers by state ignore the tab."""
    browser.show(Listing(parse("id:1-9"), (FAILED,), Order("id", False)))
    state = settled(browser)
    assert rows(browser) == ["1", "3", "7", "9"]
    assert state.by_state == (1, 0, 4, 4, 0, 0)


def test_new_jobs_come_in_front(host: FilledHost, browser: LocalJobBrowser) -> None:
    """Without a new list, in every list in order of id; the row of an old one is told."""
    settled(browser)
    host.job(21)
    host.job(22)
    assert browser.look().count == 22
    assert rows(browser, 0, 3) == ["22", "21", "20"]
    assert browser.find(20, 0) == 2


def test_changes_are_seen(host: FilledHost, browser: LocalJobBrowser) -> None:
    """A row that was looked at is read again after somebody wrote; nothing is, while nobody did."""
    before = settled(browser)
    assert rows(browser, 0, 5)
    assert browser.look() == before
    host.db.execute("UPDATE job SET waiting=0, running=1 WHERE id=20")
    assert browser.look().version != before.version
    shown = browser.window(0, 5)[0]
    assert shown is not None
    assert shown.status == RUNNING


def test_purged_jobs_leave_the_list(host: FilledHost, browser: LocalJobBrowser) -> None:
    """The list is made again, without them."""
    settled(browser)
    host.db.execute("DELETE FROM job WHERE id<=10 AND id%2=0")
    until(lambda: browser.look().count == 15)
    assert rows(browser)[-3:] == ["5", "3", "1"]


def test_membership_is_renewed(host: FilledHost, browser: LocalJobBrowser) -> None:
    """A job that no longer fits leaves the list."""
    browser.show(Listing(states=(WAITING,)))
    settled(browser)
    assert rows(browser) == ["20", "15", "10", "5"]
    host.db.execute("UPDATE job SET waiting=0, running=1 WHERE id=15")
    until(lambda: browser.look().count == 3)
    assert rows(browser) == ["20", "10", "5"]


class FailingOnce(JobIndex):
    """Cannot count by state for a moment."""

    left = 1

    def by_state(self, terms: Sequence[Term], now: float) -> tuple[int, ...]:
        """Fails as often as is left."""
        if FailingOnce.left:
            FailingOnce.left -= 1
            raise OSError("not just now")
        return super().by_state(terms, now)


def test_a_list_that_failed_is_made_again(host: FilledHost) -> None:
    """Also when nobody writes meanwhile; what went wrong is told once."""
    browser = LocalJobBrowser(host.directory, FailingOnce)
    told = []

    def is_whole() -> bool:
        try:
            return browser.look().by_state == (4, 0, 8, 8, 0, 0)
        except OSError as exc:
            told.append(str(exc))
            return False

    until(is_whole)
    browser.close()
    assert told == ["not just now"]


def test_tasks_one_by_one(tmp_path: Path) -> None:
    """Ungrouped, every task of an array is a row; single jobs are theirs."""
    host = FilledHost(tmp_path)
    host.array({1: (SUCCESSFUL, 0), 2: (FAILED, 1), 3: (RUNNING, 0)}, tasks=5, next=4)
    host.job(2)
    browser = LocalJobBrowser(host.directory)
    browser.show(Listing(grouped=False))
    state = settled(browser)
    assert rows(browser) == ["2", "1--1", "1--2", "1--3", "1--4", "1--5"]
    assert state.by_state == (3, 1, 1, 1, 0, 0)
    browser.show(Listing(parse("status:failed,waiting"), grouped=False))
    settled(browser)
    assert rows(browser) == ["2", "1--2", "1--4", "1--5"]
    assert browser.find((1, 4), 0) == 2
    browser.close()


def test_host_without_a_job(tmp_path: Path) -> None:
    """Empty, until the first job comes."""
    browser = LocalJobBrowser(str(tmp_path))
    assert settled(browser).count == 0
    FilledHost(tmp_path).job(1)
    until(lambda: browser.look().count == 1)
    assert rows(browser) == ["1"]
    browser.close()


def test_last_list_asked_for_is_shown(browser: LocalJobBrowser) -> None:
    """Typing a filter asks for many lists at once."""
    for text in ("", "id:1", "id:1-2", "id:1-3"):
        browser.show(Listing(parse(text)))
    settled(browser)
    assert rows(browser) == ["3", "2", "1"]


def test_closed_browser_answers(browser: LocalJobBrowser) -> None:
    """A look after the end is harmless."""
    settled(browser)
    browser.close()
    assert browser.look().count == 0
