"""A small version of benchmarks/simulate.py: the scaler, the router and failover together keep their promises. Counts only."""

from functools import cache
from typing import Any

import pytest

from benchmarks import simulate
from benchmarks.simulation.plot import drawing
from benchmarks.simulation.run import Run, Scenario

ALL = Scenario("all", tasks=200_000, regions=5, usual=40.0, max_vcpus=200, failed_s=300.0)
SOME = Scenario("some", tasks=200_000, regions=5, usual=40.0, max_vcpus=200, failed_s=300.0, limit=120)


@cache
def run(scenario: Scenario) -> tuple[Run, dict[str, Any]]:
    """A scenario at its end, and its figures."""
    made = Run(scenario).go()
    return made, made.report()


@pytest.mark.parametrize("scenario", [ALL, SOME], ids=["all that there is", "as many as an array may"])
def test_all_tasks_end_well_within_all_limits(scenario: Scenario) -> None:
    """However many workers are taken away, with a region that fails half-way."""
    _, found = run(scenario)
    assert (found["successful"], found["errors"], found["over_limit"]) == (200_000, 0, 0)
    assert found["interrupted"] > 0
    assert found["useful"] > 0.8


def test_what_there_is_is_used() -> None:
    """Capacity is reached in three minutes, and the end is not far from what it allows; start and end weigh more in small."""
    _, found = run(ALL)
    assert found["reached_s"] <= simulate.WANTED_S
    assert 1 < found["ratio"] <= 1.2


def test_a_region_that_fails_is_left_and_comes_back() -> None:
    """Others do its work meanwhile: as many workers as before run soon."""
    made, found = run(SOME)
    number, at_s = made.failed or (0, 0.0)
    each = dict(zip(made.times, zip(*made.running, strict=True), strict=True))
    late, after = (next(each[time] for time in made.times if time >= at_s + seconds) for seconds in (290.0, 900.0))
    assert late[number] == 0
    assert after[number] > 0
    assert found["failed"]["reached_again_s"] < 300
    assert found["breakers_opened"] >= found["breakers_closed"] >= 1


def test_equal_questions_have_equal_answers() -> None:
    """The figures of a scenario are its own, whenever it is run."""
    assert Run(SOME).go().report() == run(SOME)[1]


def test_the_drawing_has_an_area_for_each_region() -> None:
    """And a line for what was possible, and one for each thing that happened."""
    made, _ = run(ALL)
    drawn = drawing([made.panel()])
    assert drawn.count('Z" fill=') == 5
    assert made.weathers[(made.failed or (0,))[0]].name + " fails" in drawn
