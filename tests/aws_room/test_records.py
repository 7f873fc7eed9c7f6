"""What a host has recorded, as it is read back."""

import json

import pytest

pytest.importorskip("botocore", reason="the tests of the aws room need the extra test")

from cyclone_core import naming
from cyclone_core.aws import records
from tests.aws import Sandbox


def record(aws: Sandbox, region: str, host: str, kind: str, name: str, value: str) -> None:
    """A record as a stack makes it."""
    aws.client("ssm", region).put_parameter(Name=naming.record(host, kind, name), Type="String", Value=value, Overwrite=True)


def test_bodies_are_read_by_kind_and_name(aws: Sandbox, region: str) -> None:
    """On all pages; those of other hosts are not among them."""
    record(aws, region, "grid", "host", "grid", json.dumps({"name": "grid"}))
    for number in range(12):  # ten a page
        record(aws, region, "grid", "cluster", f"c{number:02}", json.dumps({"name": f"c{number:02}"}))
    record(aws, region, "grid-2", "host", "grid-2", json.dumps({"name": "grid-2"}))
    found = records.read(aws.account(), region, "grid")
    assert found.problems == ()
    assert found.bodies["host"] == {"grid": {"name": "grid"}}
    assert list(found.bodies["cluster"]) == [f"c{number:02}" for number in range(12)]
    hosts = records.hosts(aws.account(), region)
    assert (hosts["grid"], hosts["grid-2"]) == ({"name": "grid"}, {"name": "grid-2"})


@pytest.mark.parametrize("value", ["no JSON", "[]", "null", "3"])
def test_a_broken_record_is_a_problem_of_its_own(aws: Sandbox, value: str) -> None:
    """The others can be used."""
    record(aws, "me-central-1", "torn", "cluster", "broken", value)
    record(aws, "me-central-1", "torn", "cluster", "well", "{}")
    found = records.read(aws.account(), "me-central-1", "torn")
    assert found.bodies == {"cluster": {"well": {}}}
    assert [problem.path for problem in found.problems] == ["cluster broken"]
    assert "/cyclone/torn/cluster/broken" in found.problems[0].message


def test_a_host_without_records(aws: Sandbox) -> None:
    """Has nothing."""
    assert records.read(aws.account(), "sa-east-1", "nobody") == records.Records({})
