"""Following outputs while tasks run, until nothing more can come.

Polled, five to ten times a second: the files grow without anybody being told. Each round looks at the state first and reads the files
after, so that what was written before the end is never missed. A wait for a task that has not started yet is a wait, not an end.
"""

from time import sleep

from cyclone_core.jobs import FINAL, RUNNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import Protocol

    from cyclone_core.operations.logs import Outputs, Tail
    from cyclone_core.operations.queries import HostView
    from cyclone_core.views import Attempt, Job

    Piece = tuple[int, int, bytes]
    """(position, attempt, output)"""

    class Follower(Protocol):
        """What follows the outputs of an array's tasks, as an engine does it."""

        outputs: Outputs
        poll_s: float
        """Seconds between two looks."""

        def pass_over(self, but: int) -> None:
            """Count what is final now as told, `but` the last ones."""

        def running(self) -> Iterator[Piece]:
            """New output of tasks that have run for a while, and the rest of those that just ended."""

        def finished(self) -> Generator[Piece, None, bool]:
            """Outputs of tasks that are final now and were not told yet. Returns whether all that is final could be read."""


def task(
    host: "HostView", job: "Job", position: int, attempt: int | None = None, pause: "Callable[[float], object]" = sleep, last: int = 0
) -> "Iterator[Piece]":
    """The output of a task as it is written: from its present attempt on until the task is final, or of one attempt.

    last: bytes; where more is there at a look than that, only the end of it is told (see `logs.Tail`). 0 = everything.
    """
    made = host.reader.attempts(job.id, position)
    told = attempt - 1 if attempt else made[-1].attempt - 1 if made else 0
    with host.outputs() as outputs:
        tail: tuple[int, Tail] | None = None
        while True:
            now = host.reader.task(job.id, position)
            for one in host.reader.attempts(job.id, position):
                if one.attempt <= told or (attempt and one.attempt != attempt):
                    continue
                if tail is None or tail[0] != one.attempt:
                    tail = one.attempt, outputs.tail((job.id, position, one.attempt), last)
                over = one.status != RUNNING
                for data in _new(outputs, tail[1], (job.id, position), one, last):
                    yield position, one.attempt, data
                if over:
                    told = one.attempt
                    tail[1].close()
            if now is None or now.is_final or (attempt and told >= attempt):
                return
            pause(host.poll_s)


def _new(outputs: "Outputs", tail: "Tail", task: "tuple[int, int]", attempt: "Attempt", last: int) -> "Iterator[bytes]":
    """What an attempt wrote since the last look; when it is over, all that was not told."""
    return tail.more() if attempt.status == RUNNING else outputs.rest_of(tail, (*task, attempt.attempt), attempt.journal, attempt.at, last)


def array(
    host: "HostView", job: "Job", pause: "Callable[[float], object]" = sleep, last: int = 0, last_tasks: int | None = None
) -> "Iterator[Piece]":
    """Outputs of an array's tasks as they are written and as tasks end, until the array is final. One byte of memory per task.

    last: bytes of one output at a look, as in `task`. last_tasks: of the tasks that are over already only so many are told, those with the
    highest positions; None = all.
    """
    follower = host.follower(job, last)
    if last_tasks is not None:
        follower.pass_over(last_tasks)
    with follower.outputs:
        while True:
            now = host.reader.job(job.id)
            yield from follower.running()
            complete = yield from follower.finished()
            if now is None or (now.is_final and complete):
                return
            pause(follower.poll_s)


class LocalFollower:
    """Remembers what of an array was told: a flag per position, the result blocks already read, the files being followed."""

    def __init__(self, host: "HostView", job: "Job", last: int = 0) -> None:
        self.reader, self.job, self.outputs, self.last, self.poll_s = host.reader, job.id, host.outputs(), last, host.poll_s
        self.told = bytearray(job.tasks + 1)
        self.blocks: set[tuple[int, int, int]] = set()
        self.tails: dict[tuple[int, int], Tail] = {}
        self.seen: set[tuple[int, int]] = set()  # attempts whose files were read to the end

    def pass_over(self, but: int) -> None:
        """Count what is final now as told, `but` the last ones."""
        states = self.reader.task_states(self.job)
        self.told[1:] = states.translate(bytes(state in FINAL for state in range(256)))
        at = len(self.told)
        for _ in range(but):
            at = self.told.rfind(1, 1, at)
            if at < 0:
                return
            self.told[at] = 0

    def running(self) -> "Iterator[Piece]":
        """New output of tasks that have run for a while, and the rest of those that just ended."""
        started = self.reader.started(self.job)
        for key in started:
            if key not in self.tails and key not in self.seen:
                self.tails[key] = self.outputs.tail((self.job, *key), self.last)
        for key, tail in list(self.tails.items()):
            for data in tail.more():
                yield (*key, data)
            if key not in started:
                if tail.is_open:
                    self.seen.add(key)
                tail.close()
                del self.tails[key]

    def finished(self) -> "Generator[Piece, None, bool]":
        """Outputs of tasks that are final now and were not told yet. Returns whether every block could be read."""
        complete = True
        present = sorted(self.reader.results(self.job))
        for block in present:
            if block in self.blocks:
                continue
            if self.told.find(0, block[0], block[1] + 1) < 0:  # nothing new in it
                self.blocks.add(block)
                continue
            members = self.reader.block(self.job, block[0])
            complete = complete and len(members) == block[2]  # else it was merged with others meanwhile: next time
            for (_, position, attempt, _, _, _, at, _), number in members:
                if not self.told[position]:
                    self.told[position] = 1
                    for data in self._rest(position, attempt, number, at):
                        yield position, attempt, data
            if len(members) == block[2]:
                self.blocks.add(block)
        self.blocks.intersection_update(present)
        return complete

    def _rest(self, position: int, attempt: int, number: int, at: int) -> "Iterator[bytes]":
        key = position, attempt
        tail = self.tails.pop(key, None)
        if tail is not None and tail.is_open:
            yield from tail.more()
            tail.close()
        elif key in self.seen:
            self.seen.discard(key)
        elif number:  # 0: it was cancelled before it ran
            yield from self.outputs.of((self.job, *key), number, at, self.last)
