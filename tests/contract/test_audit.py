"""The look at the whole truth finds what is wrong: a host in order, spoilt in one place at a time."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cyclone_core.jobs import outcome
from cyclone_core.scheduler import columns
from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.audit import Audit
from tests import dynamodb
from tests.contract.dynamo_engine import DynamoEngine

Items = dict[tuple[str, str], dict[str, Any]]
ARRAY, OVER, OPEN = 1, 2, 3


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Items, int]]:
    """Items of an array of which a part is over, a single job that is over and one that waits, and the time (ms)."""
    engine = DynamoEngine(tmp_path_factory.mktemp("host"), "local" if dynamodb.has_local() else "moto")
    engine.submit(9, retries=1)
    lease = engine.lease(4)
    engine.report(lease.number, [lease.row(ARRAY, 1), lease.row(ARRAY, 2, outcome(1 << 8))])
    engine.submit(idempotency_key="k", priority=9)
    single = engine.lease()
    engine.report(single.number, single.rows())
    engine.submit()
    yield {(item["pk"], item["sk"]): item for item in engine.table.scan()}, engine.ms
    engine.close()


def test_a_host_in_order_has_no_problem(host: tuple[Items, int]) -> None:
    """And says what each task is, and whose lease is over."""
    items, now = host
    audit = Audit(items.values())
    assert audit.problems == []
    assert {job: list(states) for job, states in audit.states.items()} == {ARRAY: [2, 0, 1, 1, 0, 0, 0, 0, 0], OVER: [2], OPEN: [0]}
    assert list(audit.left_behind(now)) == []
    assert len(list(audit.left_behind(now + 1_000_000))) == 2


def _slice(low: int) -> tuple[str, str]:
    return keys.slice(ARRAY, low, 3)


def _result(position: int) -> bytes:
    return columns.pack([((ARRAY, position, 1, 0, 5_000_000, 5, 0, 0), 0)])


def _twice(items: Items) -> None:
    row = ((ARRAY, 1, 1, 0, 5_000_000, 5, 0, 0), 0)
    items[_slice(1)]["rs"] = columns.pack([row, row])


def _overlap(items: Items) -> None:
    items[_slice(1)] |= {"h": 2, "c": [1, 0, 1, 0, 0, 0], "s": 0}


SPOILS: list[tuple[str, Callable[[Items], Any]]] = [
    ("job 1: positions 1-2 are in no slice", lambda items: items.pop(_slice(2)) and items.pop(_slice(1))),
    ("positions 2-2 are in two slices", _overlap),
    ("positions 3-3 are in no slice", lambda items: items.pop(_slice(3))),
    ("a task has two results", _twice),
    ("tells of positions [3] outside", lambda items: items[_slice(2)].update(op="[[3,3,2,1,0]]")),
    ("are over and go on", lambda items: items[_slice(1)].update(op="[[1,1,2,1,0]]")),
    ("its counts are [0, 0, 1, 0, 0, 0], its tasks [0, 1", lambda items: items[_slice(3)].update(c=[0, 0, 1, 0, 0, 0])),
    ("its state is 2 with 1 tasks that are not over", lambda items: items[_slice(2)].update(s=keys.OVER)),
    ("it is leased to nobody, or for ever", lambda items: items[_slice(3)].pop("un")),
    ("positions [2] wait although they were cancelled", lambda items: items[_slice(2)].update(xs={2})),
    ("attempt 1 of position 2 is over, and it is at 1", lambda items: items[_slice(2)].pop("op")),
    ("it belongs to no job", lambda items: items.pop(keys.job(ARRAY))),
    ("it lies at ('S#1#7'", lambda items: items.update({("S#1#7", "000000003"): {**items.pop(_slice(3)), "pk": "S#1#7"}})),
    ("what it executes is not stored", lambda items: [items.pop(key) for key in list(items) if key[1] == keys.SPEC]),
    ("its idempotency key 'k' does not lead to it", lambda items: items.pop(keys.key("k"))),
    ("it is in no listing", lambda items: items[keys.job(OPEN)].pop("listing")),
    ("job 3: it is open, and nobody will look after it", lambda items: items[keys.job(OPEN)].pop("due")),
    ("job 1: it is open, and nobody will look after it", lambda items: items[keys.job(ARRAY)].pop("due")),
    ("job 2: it is over, and still looked after", lambda items: items[keys.job(OVER)].update(due="due#2")),
    ("job 3: it is open, and will expire", lambda items: items[keys.job(OPEN)].update(expires=5)),
    ("job 1: its counters say (5, 2, 2", lambda items: items[keys.total(ARRAY)].update(c0=5, c2=2)),
    (
        "counters say [",
        lambda items: items.update({(keys.TOTALS, "default#default#3"): {"pk": keys.TOTALS, "sk": "default#default#3", "c4": 1}}),
    ),
    ("jobs [3] have ids that nobody was given", lambda items: items[keys.IDS].update(last=2)),
]


@pytest.mark.parametrize(("problem", "spoil"), SPOILS, ids=[text for text, _ in SPOILS])
def test_each_contradiction_is_told(host: tuple[Items, int], problem: str, spoil: Callable[[Items], Any]) -> None:
    """Whatever one write too many or too few would do."""
    items = copy.deepcopy(host[0])
    spoil(items)
    for key, item in items.items():
        item["pk"], item["sk"] = key
    assert any(problem in found for found in Audit(items.values()).problems), Audit(items.values()).problems
