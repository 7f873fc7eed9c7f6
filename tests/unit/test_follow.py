"""Following ends when nothing more can come, and tells every byte once: the world changes between two looks (`pause`)."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from cyclone_core.jobs import FAILED, SUCCESSFUL, outcome
from cyclone_core.operations import follow
from cyclone_core.operations.queries import LocalView
from tests.filled import CANCELLED_CODE, SUBMITTED, FilledHost

Step = Callable[[], object]


@pytest.fixture
def host(tmp_path: Path) -> FilledHost:
    """An empty host."""
    return FilledHost(tmp_path)


def pauses(*steps: Step) -> Callable[[float], object]:
    """Each pause takes the next step; one pause too many fails the test instead of hanging it."""
    waiting = iter(steps)
    return lambda _seconds: next(waiting)()


def written(pieces: Iterable[tuple[int, int, bytes]]) -> bytes:
    """All output together."""
    return b"".join(data for _, _, data in pieces)


def output_file(host: FilledHost, name: str) -> Path:
    """The output file of JOB-POSITION-ATTEMPT."""
    return Path(host.directory, "outputs", name)


def append(file: Path, data: bytes) -> None:
    """Write on, as a worker does."""
    with file.open("ab") as opened:
        opened.write(data)


def lease(host: FilledHost, attempt: int = 1) -> None:
    """Lease the single job 1."""
    host.db.execute("UPDATE job SET waiting=0, running=1, next=2")
    host.leased([(1, 1, 1, attempt)])


def end(host: FilledHost, output: bytes, attempt: int = 1, code: int = 0) -> None:
    """The single job 1 is over; its worker put the output into the journal and took the file away."""
    at = host.frame(1, output, attempt, 1, code)
    column = "failed" if code else "successful"
    host.db.execute(f"UPDATE job SET waiting=0, running=0, {column}=1, code=?, attempt=?, journal=1, at=?, start_us=1", (code, attempt, at))
    host.db.execute("DELETE FROM lease")
    output_file(host, f"1-1-{attempt}").unlink(missing_ok=True)


def test_a_job_is_followed_from_before_its_start_to_its_end(host: FilledHost) -> None:
    """Waiting, leased, writing, and ended with the file gone: every byte once."""
    host.job()
    file = output_file(host, "1-1-1")
    steps = [
        lambda: lease(host),
        lambda: file.write_bytes(b"one "),
        lambda: append(file, b"two "),
        lambda: (append(file, b"three"), end(host, b"one two three")),
    ]
    with LocalView("local", host.directory) as view:
        assert written(follow.task(view, view.reader.job(1), 1, pause=pauses(*steps))) == b"one two three"


def test_a_short_job_is_told_from_the_journal(host: FilledHost) -> None:
    """Its output never was in a file."""
    host.job()
    with LocalView("local", host.directory) as view:
        assert written(follow.task(view, view.reader.job(1), 1, pause=pauses(lambda: end(host, b"quick")))) == b"quick"


def test_the_next_attempt_is_followed_too(host: FilledHost) -> None:
    """A retry's output comes after that of the attempt before; the numbers tell them apart."""
    host.job()

    def fails() -> None:
        host.db.execute("DELETE FROM lease")
        host.db.execute("UPDATE job SET waiting=1, running=0")
        host.attempt(1, 1, FAILED, outcome(1 << 8), at=host.frame(1, b"first", code=outcome(1 << 8)))
        host.put_back([(1, 1, 1, 2)])

    def succeeds() -> None:
        host.db.execute("DELETE FROM span")
        end(host, b"second", attempt=2)

    with LocalView("local", host.directory) as view:
        found = list(follow.task(view, view.reader.job(1), 1, pause=pauses(lambda: lease(host), fails, succeeds)))
    assert [(attempt, data) for _, attempt, data in found] == [(1, b"first"), (2, b"second")]


def test_a_job_cancelled_while_it_waits_ends_the_following(host: FilledHost) -> None:
    """It was never started, and never will be."""
    host.job()
    cancel = lambda: host.db.execute("UPDATE job SET waiting=0, cancelled=1, cancel=1")  # noqa: E731
    with LocalView("local", host.directory) as view:
        assert written(follow.task(view, view.reader.job(1), 1, pause=pauses(cancel))) == b""


def test_an_array_is_followed_while_blocks_are_merged(host: FilledHost) -> None:
    """Live output of a long task, outputs of short ones, blocks that become one: each byte once."""
    host.job(counts=(3, 0, 0, 0, 0, 0), array=1)
    row = {p: ((1, p, 1, 0, int(SUBMITTED * 1e6), 5, host.frame(p, b"<%d>" % p), 3), 1) for p in (1, 2)}
    never = ((1, 3, 1, CANCELLED_CODE, int(SUBMITTED * 1e6), 0, 0, 0), 0)
    long = output_file(host, "1-1-1")

    def first_ends() -> None:
        host.db.execute("DELETE FROM lease")
        host.db.execute("DELETE FROM running")
        host.db.execute("UPDATE job SET waiting=1, running=0, successful=2, next=4")
        host.result([row[1]])
        long.write_bytes(b"<1>")

    def all_end() -> None:
        host.db.execute("DELETE FROM result")
        host.result([row[1], row[2], never])
        host.db.execute("UPDATE job SET waiting=0, cancelled=1")

    steps = [
        lambda: (host.leased([(1, 1, 2, 1)]), host.running(1), long.write_bytes(b"<")),
        lambda: host.result([row[2]]),
        first_ends,
        all_end,
    ]
    with LocalView("local", host.directory) as view:
        found = list(follow.array(view, view.reader.job(1), pause=pauses(*steps)))
    assert [(position, data) for position, _, data in found] == [(1, b"<"), (2, b"<2>"), (1, b"1>")]


def test_only_the_end_of_a_large_output(host: FilledHost) -> None:
    """With `last`, whole lines at the end are told, and how much is not; so it is again where the task writes faster than one looks."""
    host.job()
    lease(host)
    file = output_file(host, "1-1-1")
    append(file, b"x" * 99 + b"\n" + b"line\n" * 20)
    more = pauses(lambda: append(file, b"y" * 200 + b"\nend\n"), lambda: end(host, b""))
    with LocalView("h", host.directory) as view:
        job = view.reader.job(1)
        assert job is not None
        found = written(follow.task(view, job, 1, pause=more, last=52))
    first = b"[... 150 bytes before this are not shown ...]\n" + b"line\n" * 10
    assert found == first + b"[... 201 bytes before this are not shown ...]\nend\n"


def test_an_array_from_its_last_tasks_on(host: FilledHost) -> None:
    """Of what is over already only the last ones are told, and all that ends later."""
    host.array(dict.fromkeys(range(1, 9), (SUCCESSFUL, 0)), tasks=8, next=9, blocks=3)
    with LocalView("h", host.directory) as view:
        job = view.reader.job(1)
        assert job is not None
        follower = follow.LocalFollower(view, job)
        follower.pass_over(3)
        assert list(follower.told) == [0, 1, 1, 1, 1, 1, 0, 0, 0]
