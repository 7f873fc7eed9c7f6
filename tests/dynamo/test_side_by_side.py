"""Questions that are asked at once."""

import threading

import pytest

from cyclone_core.scheduler.dynamo.side_by_side import each


def test_answers_come_in_the_order_of_the_questions() -> None:
    """However many ask."""
    assert each(lambda number: number * number, range(100), at_once=7) == [number * number for number in range(100)]
    assert each(str, []) == []


def test_questions_are_under_way_together() -> None:
    """Each waits for all others: one after the other they would never end."""
    meeting = threading.Barrier(5, timeout=20)
    assert sorted(each(lambda _: meeting.wait(), range(5), at_once=5)) == list(range(5))


def test_an_error_ends_it() -> None:
    """It is raised, and what nobody has asked yet is not asked any more."""
    asked = []

    def ask(number: int) -> int:
        asked.append(number)
        return 1 // (number - 3)

    with pytest.raises(ZeroDivisionError):
        each(ask, range(10_000), at_once=2)
    assert len(asked) < 10_000
