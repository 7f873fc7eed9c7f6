"""Messages that were delivered again and again: a task state with its reason, or another message."""

from contextlib import suppress
from typing import Any

import pytest

from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo import keys, unit_items
from cyclone_core.scheduler.dynamo.dead import AGAIN, DROP, END, KEEP, DeadLetters, judge
from cyclone_core.scheduler.dynamo.queues import body
from cyclone_core.scheduler.dynamo.unit_store import Claimed
from tests.control.conftest import MINUTE, START, World

WAITING = {"s": keys.WAITING, "l": 0}


@pytest.mark.parametrize(
    ("unit", "queue", "became"),
    [
        ({"s": keys.OVER, "l": 1}, None, DROP),
        ({"s": keys.LEASED, "l": 1, "un": START + 1}, None, DROP),
        ({"s": keys.LEASED, "l": 1, "un": START - MINUTE}, None, AGAIN),
        ({"s": keys.WAITING, "l": 3}, None, AGAIN),
        (WAITING, {"paused": 0, "at": START - 1}, AGAIN),
        (WAITING, {"paused": 0, "at": START - 2 * MINUTE}, END),
        (WAITING, None, END),
        (None, None, END),
    ],
)
def test_what_becomes_of_a_message(unit: dict[str, Any] | None, queue: dict[str, Any] | None, became: str) -> None:
    """Only what nobody ever leased is ended, and not where its queue was paused after it was sent."""
    assert judge(unit, queue, START - MINUTE, START) == became


def handled(world: World, text: str) -> str:
    """What became of a message of a minute ago."""
    letters = DeadLetters(world.table, world.lanes, world.records, world.now)
    return letters.handle({"body": text, "attributes": {"SentTimestamp": str(world.now - MINUTE)}})


def test_a_poisoned_job_ends_with_the_reason(world: World) -> None:
    """Single jobs and slices; once."""
    single, array = world.submit(), world.submit(tasks=3)
    for text in (body(single, 0), body(array, 1)):
        assert handled(world, text) == END
        assert handled(world, text) == DROP
    assert unit_items.read(world.job(single)).counts()[5] == 1
    assert "delivered 20 times and no worker took it on" in unit_items.read(world.job(single)).reasons[1, 1]
    assert "definition small" in unit_items.read(world.job(single)).reasons[1, 1]
    item = world.table.get(keys.slice(array, 1, world.job(array)["sz"]), consistent=True)
    assert item is not None
    assert unit_items.read(item).counts()[5] == unit_items.read(item).high


def test_what_a_worker_has_is_left_to_it(world: World) -> None:
    """Its message is not needed while the lease holds; when it is over it is sent again."""
    number = world.submit()
    assert isinstance(world.store.claim(number, 0, "w1", 1, world.now), Claimed)
    assert handled(world, body(number, 0)) == DROP
    world.now += 10 * MINUTE
    assert handled(world, body(number, 0)) == AGAIN
    assert world.units() == [(number, 0)]


def test_jobs_of_paused_queues_wait(world: World) -> None:
    """They are sent when the queue goes on."""
    number = world.submit()
    world.bodies["queue"]["work"]["paused"] = True
    world.record()
    assert handled(world, body(number, 0)) == DROP
    assert world.job(number)["s"] == keys.WAITING


def test_what_is_gone_or_cancelled_is_dropped(world: World) -> None:
    """Nothing is to be done."""
    number = world.submit(tasks=2)
    world.store.cancel(number, None, world.now)
    assert handled(world, body(number, 1)) == DROP
    assert handled(world, body(999, 0)) == DROP


def test_what_nobody_can_read_is_kept(world: World) -> None:
    """Somebody should look at it."""
    assert handled(world, "poison") == KEEP


@pytest.mark.parametrize("after", [False, True])
def test_whatever_request_fails_the_message_comes_again(world: World, after: bool) -> None:
    """And ends the same way."""
    numbers = [world.submit() for _ in range(8)]
    for at, number in enumerate(numbers, 1):
        world.wire.reset(at, after)
        with suppress(AwsError):  # the function keeps the message
            handled(world, body(number, 0))
        world.wire.reset()
        assert handled(world, body(number, 0)) in (END, DROP)
        assert unit_items.read(world.job(number)).counts()[5] == 1
