"""The whole engine of AWS hosts by seeds, everything going wrong (`chaos`): nothing is lost, no task ends twice, counters are true.

CYCLONE_CHAOS=FIRST:SEEDS:STEPS runs many: CYCLONE_CHAOS=0:500:8000 takes some minutes.
"""

import os

import pytest

from tests.dynamo.chaos import World

FIRST, SEEDS, STEPS = map(int, os.environ.get("CYCLONE_CHAOS", "0:8:3000").split(":"))


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_whatever_goes_wrong_the_promises_hold(seed: int) -> None:
    """Once nothing goes wrong any more, every job that was accepted comes to its one end, and all that is stored fits together."""
    world = World(seed)
    try:
        world.begin()
        for _ in range(STEPS):
            world.step()
        world.settle()
        assert world.accepted
        assert world.check() == []
    finally:
        world.end()
