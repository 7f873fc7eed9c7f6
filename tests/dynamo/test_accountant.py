"""What the accountant does on a real table: ends, retention, tiles of limited arrays, and what all of it costs."""

from cyclone_core.jobs import CANCELLED, ERROR, FAILED, SUCCESSFUL, outcome
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.accountant import Accountant
from cyclone_core.scheduler.dynamo.expiry import expire
from tests.dynamo.streamed import Host


def test_counters_of_a_queue(host: Host) -> None:
    """Tasks of single jobs and arrays by state, by queue, after each step."""
    single, array = host.submit(), host.submit(14, queue="night")
    host.count()
    assert host.reader.counts() == [("default", (1, 0, 0, 0, 0, 0)), ("night", (14, 0, 0, 0, 0, 0))]
    unit = host.claim(array, 6)
    host.count()
    assert host.reader.counts()[1] == ("night", (9, 5, 0, 0, 0, 0))
    host.finish(unit, {6: 0, 7: 1, 8: 0, 9: 0, 10: 0})
    host.run(single)
    host.count()
    assert host.reader.counts() == [("default", (0, 0, 1, 0, 0, 0)), ("night", (9, 0, 4, 1, 0, 0))]


def test_records_that_come_twice(host: Host) -> None:
    """Nothing is counted twice, and nothing is written for it."""
    array = host.submit(14)
    host.run(array, 1)
    host.count(keep=True)
    counts, written = host.reader.counts(), host.table.asked["TransactWriteItems"]
    host.count()
    assert host.reader.counts() == counts == [("default", (9, 0, 5, 0, 0, 0))]
    assert host.table.asked["TransactWriteItems"] == written


def test_the_end_of_an_array(host: Host) -> None:
    """Nobody looks at it any more, it expires, and its counters say when it ended."""
    array = host.submit(9)
    host.run(array, 1)
    host.count()
    assert "ended" not in host.item(*keys.total(array))
    assert "due" in host.item(*keys.job(array))
    host.run(array, 6)
    host.count()
    job, total = host.item(*keys.job(array)), host.item(*keys.total(array))
    assert total["ended"] == host.now
    assert job["expires"] == host.now // 1000 + 30 * 86_400
    assert not {"due", "due_at", "z"} & set(job)


def test_an_end_that_was_broken_off(host: Host) -> None:
    """The function dies between the counters and the job's end: the records come again, and the rest is done."""
    array = host.submit(3)
    host.run(array, 1)
    host.count(keep=True)
    host.table.update(keys.total(array), remove=("ended",))
    host.table.update(keys.job(array), set={"due": keys.due_part(array), "due_at": 1}, remove=("expires",))
    host.count()
    assert "ended" in host.item(*keys.total(array))
    assert "due" not in host.item(*keys.job(array))


def test_the_first_task_that_failed(host: Host) -> None:
    """By position, not by time; and the reason of the first in Error."""
    array = host.submit(15)
    host.run(array, 11, {11: 2, 12: 0, 13: 0, 14: 0, 15: 0})
    host.run(array, 6, {6: 0, 7: 3, 8: outcome(0, 4), 9: 0, 10: outcome(0, 4)}, {8: "no such directory"})
    host.run(array, 1)
    host.count()
    total = host.item(*keys.total(array))
    assert (total["fp"], total["fc"], total["ep"], total["er"]) == (7, 3, 8, "no such directory")
    assert host.item(*keys.job(array))["z"] == ERROR


def test_what_a_cancelled_array_counts(host: Host) -> None:
    """What waits counts as cancelled at once; what runs does when it ends."""
    array = host.submit(15)
    unit = host.claim(array, 1)
    host.count()
    host.store.cancel(array, None, host.now)
    host.count()
    assert host.reader.counts() == [("default", (0, 5, 0, 0, 10, 0))]
    assert "ended" not in host.item(*keys.total(array))
    host.finish(unit, dict.fromkeys(range(1, 6), outcome(15, 3)))
    host.count()
    assert host.reader.counts() == [("default", (0, 0, 0, 0, 15, 0))]
    assert host.item(*keys.job(array))["z"] == CANCELLED


def test_limited_arrays_go_on_as_slices_end(host: Host) -> None:
    """As many slices are out as may run; each that is over lets one more go, until they are all out."""
    array = host.submit(6, limit=2)
    assert (host.item(*keys.job(array))["sz"], host.item(*keys.job(array))["nx"]) == (3, 2)
    assert host.count() == []
    host.table.update(keys.job(array), set={"nx": 1})
    host.run(array, 1)
    (send,) = host.count()
    assert (send.job, send.lows, send.queue, send.definition, send.user, send.band) == (array, [4], "default", "default", "ada", 1)
    assert [one.lows for one in host.accountant.look([array], 1.0)] == [[4]], "it was not said to be sent"
    host.accountant.sent(send)
    assert host.accountant.look([array], 1.0) == []


def test_single_jobs_that_did_not_end_well(host: Host) -> None:
    """They are found by it in the index."""
    jobs = [host.submit() for _ in range(3)]
    host.run(jobs[0], codes={1: 1})
    host.run(jobs[1])
    host.store.cancel(jobs[2], None, host.now)
    host.count()
    assert [host.item(*keys.job(job)).get("z") for job in jobs] == [FAILED, None, CANCELLED]
    assert all("due" not in host.item(*keys.job(job)) for job in jobs)


def test_a_worker_that_does_not_know_how_long_jobs_are_kept(host: Host) -> None:
    """What it wrote is corrected; who knows is left alone."""
    host.accountant = Accountant(host.table, retention_s=7 * 86_400)
    job = host.submit()
    host.run(job)
    host.count()
    assert host.item(*keys.job(job))["expires"] == host.now // 1000 + 7 * 86_400


def test_what_expires_counts_no_more(host: Host) -> None:
    """Single jobs and arrays leave the counters, and their keys may be used again."""
    single, array = host.submit(idempotency_key="mine"), host.submit(9)
    host.run(single)
    host.run(array, 1)
    host.store.cancel(array, None, host.now)
    host.count()
    assert host.reader.counts() == [("default", (0, 0, 6, 0, 4, 0))]
    host.expire(single)
    host.expire(array)
    host.count()
    assert host.reader.counts() == [("default", (0, 0, 0, 0, 0, 0))]
    assert host.item(*keys.key("mine")) == {}


def test_the_rest_of_an_expired_array_goes(host: Host) -> None:
    """Slices and tallies; a kept array is left alone; done twice is done once."""
    array, other = host.submit(200), host.submit(9)
    for low in (1, 6, 101):
        host.run(array, low)
    host.run(other, 1)
    host.count()
    assert not expire(host.table, other, host.now)
    host.expire(array)
    host.count()
    assert next(item["pk"] for item in host.table.query(keys.due_part(array), index="due")) == f"J#{array}"
    assert not expire(host.table, array, host.now, budget_s=0)
    assert expire(host.table, array, host.now)
    assert expire(host.table, array, host.now)
    left = {item["pk"] for item in host.table.scan()}
    assert f"S#{other}#0" in left
    assert not any(pk.startswith(f"S#{array}#") for pk in left)
    assert "due" not in host.item(*keys.total(array))


def test_units_of_single_jobs(host: Host) -> None:
    """A job's whole life, submitted in blocks and counted, takes at most eight write units."""
    host.submit()  # the script is known from now on
    before = host.table.units
    more = [host.submit() for _ in range(20)]
    host.count()
    units = [host.claim(job) for job in more]
    host.count()
    for unit in units:
        host.finish(unit)
    host.count()
    assert (host.table.units - before) / len(more) <= 8


def test_units_of_an_array(host: Host) -> None:
    """Submitting one costs the same whatever its size, and a slice that was run and counted some units."""
    before = host.table.units
    array = host.submit(1_000_000)
    host.count()
    assert host.table.units - before <= 10
    before = host.table.units
    host.run(array, 1)
    host.count()
    assert host.table.units - before <= 16


def test_states_after_a_success_are_not_marked(host: Host) -> None:
    """Most jobs succeed: nothing more is written for them than their own last write."""
    job = host.submit()
    host.run(job)
    asked = host.table.asked["UpdateItem"]
    host.count()
    assert host.table.asked["UpdateItem"] == asked
    assert host.reader.job(job).status == SUCCESSFUL  # type: ignore[union-attr]
