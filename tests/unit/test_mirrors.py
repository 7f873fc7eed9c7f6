"""Mirrors of a process: how often they look, what they say while they cannot, and how processes share one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cyclone_core.operations.aws_mirror import FAILED_S, QUICK_S, SLOW_S, WORKING_S, Mirror, Seen
from tests.far_jobs import SUBMITTED, FarJobs, made


class Clocked:
    """Mirrors of the host `grid`, whose turns a test takes itself."""

    def __init__(self) -> None:
        self.now = SUBMITTED + 1000
        self.far = FarJobs()
        self.mirrors: list[Mirror] = []

    def mirror(self) -> Mirror:
        """One more, as another process has it."""
        self.mirrors.append(Mirror("grid", lambda host: self.far, clock=lambda: self.now, now=lambda: self.now))
        return self.mirrors[-1]

    def pauses(self, mirror: Mirror, turns: int) -> list[float]:
        """The pauses after so many turns."""
        found = []
        for _ in range(turns):
            found.append(mirror.turn())
            self.now += found[-1]
        return found


@pytest.fixture
def clocked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clocked]:
    """No mirror yet."""
    monkeypatch.setenv("CYCLONE_HOME", str(tmp_path))
    found = Clocked()
    yield found
    for mirror in found.mirrors:
        mirror._leave()


def test_a_look_that_finds_nothing_new_is_followed_later(clocked: Clocked) -> None:
    """Sooner while tasks are open; at once after a change."""
    clocked.far.add(made(1, 2))
    mirror = clocked.mirror()
    pauses = clocked.pauses(mirror, 20)
    assert pauses[0] == QUICK_S
    assert pauses[-1] == SLOW_S
    clocked.far.add(made(2))
    assert clocked.pauses(mirror, 1) == [QUICK_S]
    assert max(clocked.pauses(mirror, 20)) == WORKING_S


def test_failures_are_told_and_tried_ever_more_seldom(clocked: Clocked) -> None:
    """With the time of what is shown; a success ends that."""
    mirror = clocked.mirror()
    clocked.pauses(mirror, 2)
    last = mirror.peek().at
    clocked.far.error = "no network"
    pauses = clocked.pauses(mirror, 8)
    assert pauses == sorted(pauses)
    assert pauses[-1] == FAILED_S
    assert (mirror.peek().at, mirror.peek().error) == (last, "no network")
    clocked.far.error = ""
    clocked.pauses(mirror, 2)
    assert mirror.peek().error == ""


def test_one_process_asks_and_the_others_hear(clocked: Clocked) -> None:
    """Also why it could not be read."""
    one, other = clocked.mirror(), clocked.mirror()
    one.turn()
    clocked.far.asked.clear()
    other.turn()
    assert not clocked.far.asked
    assert other.peek() == one.peek()
    clocked.far.error = "no network"
    one.turn()
    other.turn()
    assert other.peek().error == "no network"


def test_another_process_goes_on_when_the_first_has_left(clocked: Clocked) -> None:
    """With the same mirror."""
    one, other = clocked.mirror(), clocked.mirror()
    clocked.far.add(made(1))
    one.turn()
    one._leave()
    clocked.far.asked.clear()
    other.turn()
    assert clocked.far.asked["counts"] == 1
    assert clocked.far.asked["jobs"] == 0


def test_who_does_not_ask_may_want_it_now(clocked: Clocked) -> None:
    """The one that asks notices."""
    one, other = clocked.mirror(), clocked.mirror()
    one.turn()
    other.turn()
    assert not one._is_asked()
    other.soon()
    assert one._is_asked()
    assert not one._is_asked()


def test_nothing_is_known_at_first(clocked: Clocked) -> None:
    """And that is said."""
    assert clocked.mirror().peek() == Seen(None, "", True, False)
