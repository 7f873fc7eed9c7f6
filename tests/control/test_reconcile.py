"""What the reconciler decides, for every age, every array and every way in which lanes run dry."""

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.scheduler.dynamo import keys, reconcile, tiles
from cyclone_core.scheduler.dynamo.reconcile import Piece, Seen

NOW, LANE = 1_800_000_000_000, ("big", "small")
STATES = st.sampled_from((keys.WAITING, keys.LEASED, keys.OVER))
PIECES = st.builds(
    Piece, st.integers(1, 9), st.just(9), STATES, st.integers(NOW - 9_000, NOW + 9_000), st.booleans()
)  # fmt: skip


def test_a_job_is_looked_at_seldom() -> None:
    """At 1, 4, 16 and 64 minutes, then each hour."""
    ages, age = [], reconcile.FIRST_MS
    while len(ages) < 8:
        ages.append(age // 60_000)
        age += reconcile.next_look(age)
    assert ages == [1, 4, 16, 64, 124, 184, 244, 304]


@given(st.lists(PIECES, max_size=9), st.integers(0, 10**9), st.booleans())
def test_what_is_worked_on_or_over_is_never_sent(found: list[Piece], age: int, is_empty: bool) -> None:
    """And what its worker has lost always is; what waits is when its message must be lost, or may be."""
    sent = reconcile.to_send(found, NOW, age, is_empty)
    assert not [piece for piece in sent if piece.state == keys.OVER or (piece.state == keys.LEASED and piece.until >= NOW)]
    assert {piece for piece in found if piece.is_lost(NOW)} <= set(sent)
    waiting = {piece for piece in found if piece.state == keys.WAITING}
    assert waiting & set(sent) == (waiting if is_empty or age >= reconcile.PATIENCE_MS else set())


@st.composite
def slices_of_a_group(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """An array of one group, some of whose tiles are slices, some of those split."""
    size = draw(st.integers(1, 20))
    tasks = draw(st.integers(1, size * keys.TILES_PER_GROUP))
    found = []
    for low, high in tiles.tiles(tasks, size):
        cuts = sorted(draw(st.sets(st.integers(low + 1, high), max_size=3))) if high > low and draw(st.booleans()) else []
        if cuts or draw(st.booleans()):
            bounds = [low, *cuts, high + 1]
            found += [{"lo": a, "h": b - 1, "s": draw(STATES), "un": NOW} for a, b in pairwise(bounds)]
    return {"sz": size, "t": tasks}, found


@given(slices_of_a_group(), st.integers(0, 400))
def test_the_units_of_an_array_are_all_its_tasks_once(drawn: tuple[dict[str, Any], list[dict[str, Any]]], end: int) -> None:
    """Whatever was claimed or split; of one with a limit, what is not claimed only up to that."""
    job, there = drawn
    found = list(reconcile.pieces(job, there, 1, job["t"]))
    assert sorted(at for piece in found for at in range(piece.low, piece.high + 1)) == list(range(1, job["t"] + 1))
    assert {piece.low for piece in found if piece.exists} == {item["lo"] for item in there}
    bounded = list(reconcile.pieces(job, there, 1, end))
    assert all(piece.exists or piece.low <= end for piece in bounded)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans()), max_size=200))
def test_a_lane_is_swept_when_it_has_run_dry_and_not_too_often(minutes: list[tuple[int, int, bool]]) -> None:
    """Twice without messages in a row; where nothing is found it rests, two minutes first and an hour at most.

    minutes: (open tasks, messages, whether a sweep would find something to send) at each look.
    """
    seen: dict[tuple[str, str], Seen] = {}
    dry, last, rest = 0, -1000, 0
    for minute, (tasks, messages, finds) in enumerate(minutes):
        now = NOW + minute * 60_000
        seen = reconcile.starving({LANE: tasks}, {LANE: messages}, seen)
        dry = dry + 1 if tasks and not messages else 0
        rest = rest if dry else 0
        due = reconcile.to_sweep(seen, now)
        assert bool(due) == (dry >= 2 and minute - last >= rest)
        if due:
            seen[LANE] = reconcile.swept(seen[LANE], now, int(finds))
            dry, rest, last = (0, 0, minute) if finds else (dry, min(max(2, 2 * rest), 60), minute)


def test_lanes_that_should_have_messages() -> None:
    """Several queues share one; what waits in a paused queue is not missed, nor what is in a queue that is gone."""
    bodies = {"queue": {"one": {"cluster": "big"}, "two": {"cluster": "big"}, "idle": {"cluster": "big", "paused": True}}}
    counts = {
        ("one", "small"): (3, 1, 0, 0, 0, 0),
        ("two", "small"): (2, 0, 9, 9, 9, 9),
        ("idle", "small"): (100, 1, 0, 0, 0, 0),
        ("gone", "small"): (5, 5, 0, 0, 0, 0),
    }
    assert reconcile.open_lanes(counts, bodies) == {LANE: 7}
