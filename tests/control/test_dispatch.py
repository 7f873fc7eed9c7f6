"""New jobs become messages: each of their units once or more, whatever comes twice, late, or fails on the way."""

from typing import Any

import pytest

from cyclone_core.scheduler.dynamo import dispatch, keys, unit_items
from cyclone_core.scheduler.dynamo.dispatch import HOLD, NOTHING, REFUSE, SEND, Dispatcher, decide
from cyclone_core.scheduler.dynamo.unit_store import Claimed
from tests.control.conftest import BODIES, World

JOB = {"q": "work", "d": "small", "a": 0, "u": "ada", "b": 1, "s": 0}


def dispatcher(world: World) -> Dispatcher:
    """Its dispatcher, for one batch of records."""
    return Dispatcher(world.table, world.lanes, world.records, lambda: world.now)


def without(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    """The host's resources but one; fields: changes of its queue."""
    found = {each: {other: dict(body) for other, body in named.items() if (each, other) != (kind, name)} for each, named in BODIES.items()}
    found["queue"].get("work", {}).update(fields)
    return found


@pytest.mark.parametrize(
    ("job", "bodies", "what", "says"),
    [
        (JOB, BODIES, SEND, ""),
        ({**JOB, "s": 2}, BODIES, NOTHING, ""),
        ({**JOB, "x": 5}, BODIES, NOTHING, ""),
        (JOB, without("", "", paused=True), HOLD, ""),
        (JOB, without("queue", "work"), REFUSE, "its queue work is not there any more"),
        (JOB, without("cluster", "big"), REFUSE, "the cluster big of its queue work is not there any more"),
        (JOB, without("definition", "small"), REFUSE, "its definition small is not there any more"),
    ],
)  # fmt: skip
def test_what_becomes_of_a_job(job: dict[str, Any], bodies: dict[str, Any], what: int, says: str) -> None:
    """By what it is, and what the host has."""
    decision = decide(job, bodies)
    assert decision.what == what
    assert decision.reason.startswith(says)
    assert decision.cluster == ("big" if what in (SEND, HOLD) else "")


def test_the_units_of_a_job() -> None:
    """A single job is one, an array its tiles, and of one with a limit those that may be out."""
    array = {**JOB, "a": 1, "t": 25, "sz": 10}
    assert list(dispatch.units(7, JOB)) == [(7, 0, 0, "ada")]
    assert [low for _, low, _, _ in dispatch.units(7, array)] == [1, 11, 21]
    assert [low for _, low, _, _ in dispatch.units(7, {**array, "lm": 2, "nx": 2})] == [1, 11]


def test_single_jobs_share_requests(world: World) -> None:
    """Ten a request, and the records are read once."""
    world.submit()
    jobs = [world.submit() for _ in range(20)]
    records = [world.inserted(number) for number in jobs]
    assert dispatcher(world).handle(records[:1]) == []
    world.records._kept_s = 30
    world.records.bodies(0)
    world.wire.reset()
    assert dispatcher(world).handle(records[1:]) == []
    assert dict(world.wire.asked) == {"sqs:SendMessageBatch": 2}
    assert world.units() == sorted((number, 0) for number in jobs)


def test_lanes_and_bands_are_apart(world: World) -> None:
    """By cluster, definition, and the priority of queue or job."""
    high, low = world.submit(priority=3), world.submit(queue="night")
    array = world.submit(tasks=3)
    assert dispatcher(world).handle([world.inserted(number) for number in (high, low, array)]) == []
    assert world.units(band=2) == [(high, 0)]
    assert world.units(band=0) == [(low, 0)]
    assert {number for number, _ in world.units(band=1)} == {array}


def test_a_paused_queue_gets_nothing(world: World) -> None:
    """Its jobs wait."""
    world.bodies["queue"]["work"]["paused"] = True
    world.record()
    number = world.submit()
    assert dispatcher(world).handle([world.inserted(number)]) == []
    assert world.units() == []
    assert world.job(number)["s"] == keys.WAITING


def test_what_nobody_can_run_ends_with_the_reason(world: World) -> None:
    """Single jobs and arrays; told again it changes nothing."""
    single, array = world.submit(), world.submit(tasks=12)
    records = [world.inserted(single), world.inserted(array)]
    del world.bodies["definition"]["small"]
    world.record()
    for _ in range(2):
        assert dispatcher(world).handle(records) == []
    assert unit_items.read(world.job(single)).counts() == [0, 0, 0, 0, 0, 1]
    assert "its definition small is not there" in unit_items.read(world.job(single)).reasons[1, 1]
    size = world.job(array)["sz"]
    slices = [unit_items.read(item) for item in world.table.query(keys.slices(array, 0), consistent=True)]
    assert sum(unit.counts()[5] for unit in slices) == 12, size
    assert {unit.version for unit in slices} == {1}
    assert world.units() == []


def test_what_is_leased_is_left_to_its_holder(world: World) -> None:
    """Also when its definition has gone meanwhile."""
    number = world.submit()
    record = world.inserted(number)
    assert isinstance(world.store.claim(number, 0, "w1", 1, world.now), Claimed)
    del world.bodies["definition"]["small"]
    world.record()
    assert dispatcher(world).handle([record]) == []
    assert world.job(number)["s"] == keys.LEASED


def test_a_broken_record_hinders_no_other(world: World) -> None:
    """It is told by its number; the stream brings it again, alone in the end."""
    good, bad = world.inserted(world.submit()), world.inserted(world.submit())
    del bad["dynamodb"]["NewImage"]["q"]
    made = dispatcher(world)
    assert made.handle([bad, good]) == [bad["dynamodb"]["SequenceNumber"]]
    assert len(world.units()) == 1
    assert "KeyError" in made.why[0]


def test_records_that_come_twice_or_in_another_order_are_sent_twice(world: World) -> None:
    """And run once: a message is a hint."""
    numbers = [world.submit(), world.submit(tasks=2)]
    records = [world.inserted(number) for number in numbers]
    dispatcher(world).handle(records)
    dispatcher(world).handle(records[::-1])
    units = world.units()
    assert len(units) == 2 * len(set(units))
    claims = [world.store.claim(number, low, f"w{at}", 1, world.now) for at, (number, low) in enumerate(units)]
    assert sum(isinstance(claim, Claimed) for claim in claims) == len(set(units))


@pytest.mark.parametrize("after", [False, True])
def test_whatever_request_fails_the_records_come_again_and_all_is_sent(world: World, after: bool) -> None:
    """At each request in turn, before it is done and after it."""
    numbers = [world.submit(), world.submit(tasks=30), world.submit(priority=1), world.submit(tasks=4, limit=2)]
    records = [world.inserted(number) for number in numbers]
    wanted = {(unit[0], unit[1]) for number in numbers for unit in dispatch.units(number, world.job(number))}
    world.wire.reset()
    assert dispatcher(world).handle(records) == []
    requests = world.wire.count
    assert requests > 5
    world.messages(band=1), world.messages(band=2)
    for at in range(1, requests + 1):
        world.wire.reset(at, after)
        failed = dispatcher(world).handle(records)
        world.wire.reset()
        begin = next((k for k, record in enumerate(records) if record["dynamodb"]["SequenceNumber"] in failed), len(records))
        assert dispatcher(world).handle(records[begin:]) == []  # the stream goes on from the first of them
        assert {*world.units(band=1), *world.units(band=2)} >= wanted, at


def test_what_was_made_a_moment_ago_is_there(world: World) -> None:
    """A job of a definition that was recorded after the function read the records: it is sent, not refused."""
    definition = world.bodies["definition"].pop("small")
    world.record()
    world.records._kept_s = 30
    world.records.bodies()
    known = world.records
    world.bodies["definition"]["small"] = definition
    world.record()
    world.records, job = known, world.submit()
    assert dispatcher(world).handle([world.inserted(job)]) == []
    assert world.units() == [(job, 0)]
