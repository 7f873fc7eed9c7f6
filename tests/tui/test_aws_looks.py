"""How often an AWS host is asked, and what is shown while it cannot be."""

import threading
from collections.abc import Callable

import pytest

from cyclone_core.errors import CycloneError, NotYet
from cyclone_core.operations.aws_looks import FRESH_S, SLOW_S, Looks
from cyclone_core.operations.resources import Snapshot, Stored

OF_HOST = Stored("host", "grid", "ACTIVE", {"name": "grid"}, 0.0, 0.0)


class Reader:
    """What a host has, or why it cannot be read; it counts how often it was asked."""

    def __init__(self) -> None:
        self.asked, self.time = 0, 1000.0
        self.snapshot, self.error = Snapshot(host=OF_HOST), ""
        self.gate: Callable[[], object] = lambda: None

    def __call__(self, host: str) -> Snapshot:
        """Read it."""
        self.asked += 1
        self.gate()
        if self.error:
            raise CycloneError(self.error)
        return self.snapshot


@pytest.fixture
def reader() -> Reader:
    """One that answers."""
    return Reader()


@pytest.fixture
def looks(reader: Reader) -> Looks:
    """Looks through it, on its clock."""
    return Looks(reader, lambda: reader.time, lambda: reader.time)


def settled(looks: Looks) -> None:
    """Until what is being read was read."""
    for thread in threading.enumerate():
        if thread.name == "look grid":
            thread.join(10)


def test_the_first_look_waits_for_nobody(looks: Looks, reader: Reader) -> None:
    """It says that AWS is being asked; the next one has the answer."""
    opened = threading.Event()
    reader.gate = lambda: opened.wait(10)
    first = looks.look("grid")
    assert first.health() == "asking"
    with pytest.raises(NotYet):
        first.need()
    opened.set()
    settled(looks)
    assert looks.look("grid").health() == "ready"


def test_looks_share_one_read(looks: Looks, reader: Reader) -> None:
    """However many views look, and however often."""
    for _ in range(50):
        looks.look("grid", 10)
    assert reader.asked == 1


def test_less_and_less_often_while_nothing_changes(looks: Looks, reader: Reader) -> None:
    """An hour of looking every two seconds asks once a minute; a change makes it quick again."""
    looks.look("grid", 10)
    for _ in range(1800):
        reader.time += 2
        looks.look("grid")
        settled(looks)
    assert 3600 / SLOW_S <= reader.asked <= 3600 / SLOW_S + 8
    reader.snapshot = Snapshot()
    reader.time += SLOW_S
    looks.look("grid")
    settled(looks)
    before = reader.asked
    reader.time += FRESH_S
    looks.look("grid")
    settled(looks)
    assert reader.asked == before + 1


def test_who_shows_it_beside_something_else_asks_nothing(looks: Looks, reader: Reader) -> None:
    """But the first time, and when somebody wanted it anew."""
    looks.look("grid", 10)
    reader.time += 100
    looks.look("grid", again=False)
    assert reader.asked == 1
    looks.forget("grid")
    looks.look("grid", 10, again=False)
    assert reader.asked == 2


def test_what_was_read_stays_while_aws_is_away(looks: Looks, reader: Reader) -> None:
    """With its time and the reason; then it is forgotten that it was away."""
    looks.look("grid", 10)
    reader.error = "no connection could be made"
    looks.forget("grid")
    look = looks.look("grid", 10)
    assert (look.snapshot, look.at, str(look.error), look.health()) == (reader.snapshot, 1000.0, reader.error, "not answering")
    reader.error = ""
    reader.time += SLOW_S
    looks.forget("grid")
    look = looks.look("grid", 10)
    assert (look.at, look.error) == (1000.0 + SLOW_S, None)


def test_an_error_nobody_expected_ends_nothing(looks: Looks, reader: Reader) -> None:
    """It is told as what it is."""

    def broken() -> None:
        raise KeyError("x")

    reader.gate = broken
    assert "KeyError" in str(looks.look("grid", 10).error)


def test_health_is_that_of_the_worst(looks: Looks, reader: Reader) -> None:
    """A cluster that failed makes a failed host, one on its way a changing one, none at all one that is not deployed."""
    for states, health in ((("ACTIVE", "FAILED"), "failed"), (("ACTIVE", "CREATING"), "changing"), (("ACTIVE",), "ready")):
        resources = tuple(Stored("cluster", str(at), state, {}, 0.0, 0.0) for at, state in enumerate(states))
        reader.snapshot = Snapshot(resources, host=OF_HOST)
        looks.forget("grid")
        assert looks.look("grid", 10).health() == health
    reader.snapshot = Snapshot()
    looks.forget("grid")
    assert looks.look("grid", 10).health() == "not deployed"
