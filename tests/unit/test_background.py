"""What is read in the background: at once what is known, not more often than is useful, and with its age when it cannot be read."""

import threading

import pytest

from cyclone_core.errors import CycloneError
from cyclone_core.operations.background import FAILED_S, Background


class Reading:
    """A thing that is read; its reads are counted and end before the next line of a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, home: str) -> None:
        monkeypatch.setenv("CYCLONE_HOME", home)
        self.now, self.reads, self.value, self.error = 1000.0, 0, 1, ""
        self.kept = Background(self._read, 0, lambda value, changed: 5.0 if changed else 60.0, clock=lambda: self.now)

    def _read(self, host: str) -> int:
        self.reads += 1
        if self.error:
            raise CycloneError(self.error)
        return self.value

    def look(self, later: float = 0.0, within_s: float | None = None) -> int:
        """The value after what is due has been read."""
        self.now += later
        self.kept.look("grid", within_s)
        for thread in threading.enumerate():
            if thread.name == "grid aside":
                thread.join()
        return self.kept.peek("grid").value


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Reading:
    """One of them."""
    return Reading(monkeypatch, str(tmp_path_factory.mktemp("home")))


def test_it_is_read_when_it_is_due(reading: Reading) -> None:
    """Soon after a change, later while nothing changes."""
    assert [reading.look(), reading.look(1), reading.reads] == [1, 1, 1]
    reading.look(5)
    assert reading.reads == 2
    reading.look(5)
    assert reading.reads == 2


def test_somebody_may_want_it_sooner(reading: Reading) -> None:
    """But not at once again."""
    reading.look()
    reading.look(6)
    reading.value = 2
    assert [reading.look(3, within_s=5), reading.look(3, within_s=5)] == [1, 2]


def test_what_is_known_stays_while_it_cannot_be_read(reading: Reading) -> None:
    """And the next try comes later."""
    reading.look()
    reading.error = "no network"
    assert reading.look(10) == 1
    assert reading.kept.peek("grid").error == "no network"
    reads = reading.reads
    reading.look(FAILED_S - 1, within_s=1)
    assert reading.reads == reads
    reading.error = ""
    reading.look(2)
    assert reading.kept.peek("grid").error == ""
