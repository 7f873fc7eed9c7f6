"""What jobs cost on AWS, from the counts of the last run: budgets hold, and the document says what was counted."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.aws_costs import bill, ceilings, report
from benchmarks.aws_costs.bill import Line

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def counts() -> dict[str, Any]:
    """Of the last run."""
    found: dict[str, Any] = json.loads((ROOT / "benchmarks/aws_costs/counts.json").read_text())
    return found


def short(counts: dict[str, Any]) -> list[Line]:
    """The array of tasks of 5 ms."""
    return bill.of_array(counts["array-5ms"], counts["looks"])


def test_the_document_is_that_of_the_counts(counts: dict[str, Any]) -> None:
    """Nobody has changed one without the other: `python -m benchmarks.aws_costs none` writes it."""
    assert (ROOT / "docs/aws-costs.md").read_text() == report.text(counts)


def test_budgets_of_short_tasks(counts: dict[str, Any]) -> None:
    """An array of a million tasks of 5 ms: units and requests of a task, dollars of all."""
    for (name, most), value in zip(report.BUDGETS, report.figures(short(counts)), strict=True):
        assert 0 < value <= most, name


def test_budgets_of_single_submissions(counts: dict[str, Any]) -> None:
    """With the job API."""
    found = bill.of_singles(counts["single-5ms"], counts["contention"])
    units, _, _, dollars = report.figures(found, bill.api())
    assert 6 < units <= 8
    assert dollars <= 12


def test_ceilings_at_default_quotas(counts: dict[str, Any]) -> None:
    """What the account's quotas let through. (S3 is no quota: it divides a bucket as it is used.)"""
    arrays = [stage.ceiling for stage in ceilings.of_arrays(counts["array-5ms"], short(counts)) if "not divided yet" not in stage.name]
    accepted, _ = ceilings.of_singles(bill.of_singles(counts["single-5ms"], counts["contention"]))
    assert min(arrays) >= 300_000
    assert min(stage.ceiling for stage in accepted if "API" not in stage.name) >= 12_000


def test_every_duration_is_cheaper_than_the_earlier_system(counts: dict[str, Any]) -> None:
    """Also where leases are renewed and looked at for a minute."""
    for name in ("array-5ms", "array-100ms", "array-1s", "array-60s"):
        assert bill.total(bill.of_array(counts[name], counts["looks"]), "dollars") < 82, name


def test_counters_of_many_groups_are_shared() -> None:
    """Of two groups in one batch each has its tally, and both one write of what counts the array and its queue."""
    one = {"read_units": 0, "index_units": 0, "sent_bytes": 0}
    counted = {
        "count lambda accountant": {"requests": 10, "units": 0, **one},
        "count dynamodb TransactWriteItems": {"requests": 10, "units": 60, **one},
    }
    told = {"sample": 500_000, "seconds": 2.5, "shared": 40, "counts": counted, "whole": {}, "removal": {}}
    (writes,) = [
        line for line in bill.of_array(told, {"first": {}, "second": {}, "under way": {}}) if line.operation == "TransactWriteItems"
    ]
    assert writes.units == 2 * 20 + 40
