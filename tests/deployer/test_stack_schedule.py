"""Many steps at once as one stream: without AWS."""

import threading
from dataclasses import replace

import pytest

from cyclone_core.infra import stack_words
from cyclone_core.infra.events import Event, Phase
from cyclone_core.infra.plan import Change
from cyclone_core.infra.stack_following import Pace
from cyclone_core.infra.stack_order import Step
from cyclone_core.infra.stack_schedule import Left, Schedule, Signal, Tell
from tests.aws import wait_until


def step(name: str, *after: str) -> Step:
    """A step after others."""
    return Step(Change("create", "cluster", name, region="r"), ("r", name), None, frozenset(("r", other) for other in after))


def event(of: Step, phase: Phase) -> Event:
    """Something that happens to a step."""
    return Event(0.0, of.change.kind, of.change.name, phase)


def skipped(of: Step, why: Step) -> Event:
    """What is told of one that is not begun."""
    return Event(0.0, of.change.kind, of.change.name, "LOG", f"needs {why.change.name}")


def broken(of: Step, error: BaseException | None) -> Event:
    """What is told of one whose thread died."""
    return replace(event(of, "FAILED"), text=stack_words.broken(error))


class Work:
    """Does steps, some badly; counts how many are under way at once."""

    def __init__(self, *failing: str, seconds: float = 0.0) -> None:
        self._failing, self._seconds, self._lock = failing, seconds, threading.Lock()
        self.under_way = self.most = 0

    def __call__(self, of: Step, tell: Tell, signal: Signal) -> None:
        """Do one."""
        with self._lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        tell(event(of, "CREATING"))
        if not signal.wait(self._seconds):
            raise Left
        with self._lock:
            self.under_way -= 1
        tell(event(of, "FAILED" if of.change.name in self._failing else "ACTIVE"))


def names() -> set[str]:
    """Of all threads."""
    return {thread.name for thread in threading.enumerate()}


def told(schedule: Schedule) -> list[tuple[str, str]]:
    """What is told while everything is done."""
    return [(each.name, each.phase) for each in schedule.run(lambda: False)]


def test_a_step_begins_after_the_end_of_what_it_needs() -> None:
    """Also in what is told."""
    found = told(Schedule([step("a"), step("b", "a"), step("c", "a", "b")], Work(), skipped, broken))
    assert found == [(name, phase) for name in "abc" for phase in ("CREATING", "ACTIVE")]


def test_what_failed_keeps_back_only_what_needs_it() -> None:
    """Directly or through others; the rest is done."""
    found = told(Schedule([step("a"), step("x"), step("b", "a"), step("c", "b")], Work("a"), skipped, broken))
    assert dict(found) == {"a": "FAILED", "x": "ACTIVE", "b": "LOG", "c": "LOG"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_of_ours_is_told_too() -> None:
    """With its reason; it is not taken for success, and the rest goes on."""

    def work(of: Step, tell: Tell, signal: Signal) -> None:
        if of.change.name == "a":
            raise ZeroDivisionError("no stacks")
        tell(event(of, "ACTIVE"))

    found = list(Schedule([step("a"), step("b", "a"), step("c")], work, skipped, broken).run(lambda: False))
    wait_until(lambda: "stack a" not in names())  # it has said what it died of
    assert {each.name: each.phase for each in found} == {"a": "FAILED", "b": "LOG", "c": "ACTIVE"}
    assert next(each.text for each in found if each.name == "a").startswith("an error of Cyclone itself (ZeroDivisionError: no stacks): ")


def test_who_waits_for_hours_keeps_no_other_back() -> None:
    """A cluster's old workers in some regions, while those of others have not been changed yet."""
    rest = threading.Event()

    def work(of: Step, tell: Tell, signal: Signal) -> None:
        if of.change.name in "ab":
            with signal.idling():
                assert rest.wait(20)
        elif of.change.name == "c":
            rest.set()
        tell(event(of, "ACTIVE"))

    found = dict(told(Schedule([step(name) for name in "abc"], work, skipped, broken, at_once=1)))
    assert found == dict.fromkeys("abc", "ACTIVE")


def test_only_so_many_at_once() -> None:
    """The others wait for their turn."""
    work = Work(seconds=0.02)
    assert len(told(Schedule([step(str(number)) for number in range(9)], work, skipped, broken, at_once=3))) == 18
    assert work.most == 3


@pytest.mark.parametrize("how", ["cancelled", "halted"])
def test_nothing_more_is_begun(how: str) -> None:
    """When somebody asks for the end, or a thread finds that nothing more should be begun; what is under way ends."""
    schedule = Schedule([step("a"), step("b", "a")], Work(seconds=0.05), skipped, broken)
    stream = schedule.run(lambda: how == "cancelled" and schedule.signal.halted.is_set())
    assert next(stream).phase == "CREATING"
    schedule.signal.halted.set()
    assert [(each.name, each.phase) for each in stream] == [("a", "ACTIVE")]
    assert schedule.signal.cancelled.is_set() == (how == "cancelled")


def test_who_leaves_takes_the_threads_along() -> None:
    """They end at their next look."""
    work = Work(seconds=60.0)
    schedule = Schedule([step("a")], work, skipped, broken)
    stream = schedule.run(lambda: False)
    next(stream)
    assert "stack a" in names()
    stream.close()
    wait_until(lambda: "stack a" not in names())


def test_looks_are_apart_whoever_looks() -> None:
    """Each gets the next free moment; nobody saves up."""
    clock = [100.0]
    pace = Pace(10.0, lambda: clock[0])
    assert [round(pace.wait_s(), 3) for _ in range(3)] == [0.0, 0.1, 0.2]
    clock[0] = 200.0
    assert round(pace.wait_s(), 3) == 0.0
