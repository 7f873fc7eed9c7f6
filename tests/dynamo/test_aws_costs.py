"""What jobs ask of DynamoDB, message queues and bucket, counted over DynamoDB Local: a small sample of `benchmarks.aws_costs`."""

import pytest

from benchmarks.aws_costs import bill, report, scenarios
from tests import dynamodb

pytest.importorskip("boto3", reason="the stream is read with it")

NO_LOOKS: dict[str, bill.Counts] = {"first": {}, "second": {}, "under way": {}}
"""Of scaler and reconciler: counted by the benchmark."""


@pytest.fixture(autouse=True)
def _local() -> None:
    """Skips where DynamoDB Local cannot be had."""
    dynamodb.endpoint("local")


def test_budgets_of_short_tasks_by_counts() -> None:
    """Two slices of an array of a million tasks of 5 ms, driven through the engine: units, messages and objects of a task."""
    told = scenarios.array(0.005, 2)
    assert told["done"] == told["sample"] == 2000
    found = bill.of_array(told, NO_LOOKS)
    for (name, most), value in zip(report.BUDGETS, report.figures(found), strict=True):
        assert 0 < value <= most, name


def test_slow_slices_are_split_and_cost_less_than_a_unit_a_task() -> None:
    """A slice of tasks of 100 ms: its parts are leased and recorded, and every task once."""
    told = scenarios.array(0.1, 1)
    assert told["done"] == 1000
    assert told["counts"]["split dynamodb TransactWriteItems"]["units"] >= 2 * 30
    assert report.figures(bill.of_array(told, NO_LOOKS))[0] < 0.5


def test_budget_of_single_submissions_by_counts() -> None:
    """Three units to accept a job, one to lease it, two to end it; and what counts it."""
    told = scenarios.singles(64, 4, 500.0, 4, 0.005)
    counts = told["counts"]
    submitted = counts["submit dynamodb PutItem"]
    assert (submitted["units"], submitted["index_units"]) == (64, 128)
    assert counts["claim dynamodb UpdateItem"]["units"] == counts["record dynamodb UpdateItem"]["units"] == 64
    units, _, _, dollars = report.figures(bill.of_singles(told, [{"shards": 4, "attempts": 1}]), bill.api())
    assert units <= 8
    assert dollars <= 12
