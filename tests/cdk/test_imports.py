"""Hosts that were deployed elsewhere become hosts of this machine: found by their records, next to those that are known."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cyclone_core import naming
from cyclone_core.errors import InvalidRequest
from cyclone_core.host_registry import HostRegistry
from cyclone_core.operations import imports
from cyclone_core.operations.imports import ImportProposal
from cyclone_core.resources import Host
from tests.aws import Sandbox

pytest.importorskip("boto3", reason="tests on an AWS need the extra test")
ACCOUNT = "123456789012"
REGION = "eu-north-1"
EMPTY = "ca-central-1"


@pytest.fixture
def recorded(aws: Sandbox) -> Iterator[Any]:
    """Records a host in the region; they are gone after the test."""
    ssm, names = aws.client("ssm", REGION), []

    def record(host: str, kind: str = "host", name: str = "", **fields: Any) -> None:
        body = {"name": host, "type": "aws", "account": ACCOUNT, "region": REGION, "vpc": None, "enable_dashboard": True, **fields}
        names.append(naming.record(host, kind, name or host))
        ssm.put_parameter(Name=names[-1], Value=json.dumps(body), Type="String")

    yield record
    for name in names:
        ssm.delete_parameter(Name=name)


def _propose(aws: Sandbox, name: str | None = None, region: str | None = REGION, **options: Any) -> ImportProposal:
    return imports.propose(name, region=region, reach=lambda host: aws.account(host.region), **options)


def test_the_only_host_of_a_region_is_imported_and_selected(aws: Sandbox, recorded: Any) -> None:
    """With account, region and settings from its record, and the profile that led there."""
    recorded("grid")
    recorded("grid", "cluster", "big")
    found = imports.import_host(_propose(aws, profile="work"))
    assert found.before is None
    expected = Host(name="grid", type="aws", account=ACCOUNT, region=REGION, profile="work", enable_dashboard=True)
    assert HostRegistry().selected() == expected == found.host


def test_one_of_several_has_to_be_chosen(aws: Sandbox, recorded: Any) -> None:
    """They are listed; with a name it is that one."""
    recorded("one")
    recorded("two")
    proposal = _propose(aws)
    assert [found.host.name for found in proposal.found] == ["one", "two"]
    with pytest.raises(InvalidRequest, match=f"account {ACCOUNT} has 2 hosts in {REGION}: one, two. Choose one with --name"):
        imports.import_host(proposal)
    assert imports.import_host(_propose(aws, "two")).host.name == "two"
    assert HostRegistry().list()[0] == [Host(name="local"), HostRegistry().get("two")]


def test_a_host_that_is_known_is_selected(aws: Sandbox, recorded: Any) -> None:
    """And keeps the profile that it has, unless another one led to it."""
    recorded("grid")
    imports.import_host(_propose(aws, profile="work"))
    HostRegistry().select("local")
    again = imports.import_host(_propose(aws))
    assert again.before is not None
    assert (again.host.profile, HostRegistry().selected().name) == ("work", "grid")
    assert imports.import_host(_propose(aws, profile="other")).host.profile == HostRegistry().selected().profile == "other"


def test_a_known_host_elsewhere_is_in_the_way(aws: Sandbox, recorded: Any) -> None:
    """Of another account or region, or a local one."""
    recorded("grid")
    HostRegistry().add(Host(name="grid", type="aws", account=ACCOUNT, region="eu-west-2"))
    (problem,) = _propose(aws).problems
    assert str(problem).startswith(f"--name: there is another host 'grid' already: account {ACCOUNT}, region eu-west-2. ")
    recorded("local")
    (problem,) = _propose(aws, "local").problems
    assert "there is another host 'local' already: a local host" in str(problem)


def test_where_nothing_is_it_is_said_where_was_looked(aws: Sandbox, recorded: Any) -> None:
    """Account, region and path; a name that is nearly right is offered."""
    recorded("grid")
    assert [str(problem) for problem in _propose(aws, region=EMPTY).problems] == [
        f"no host is recorded in account {ACCOUNT}, region {EMPTY} (its parameters below /cyclone/). "
        "Name its main region with --region, or other credentials with --profile"
    ]
    (near,) = _propose(aws, "gird").problems
    assert (near.path, near.hint) == ("--name", "Did you mean 'grid'?")
    (far,) = _propose(aws, "production").problems
    assert far.hint.startswith("There are: grid. Name its main region")


def test_another_account_is_refused(aws: Sandbox, recorded: Any) -> None:
    """That of the credentials and that of the record have to be the one that is meant."""
    recorded("grid")
    assert [str(problem) for problem in _propose(aws, account="210987654321").problems] == [
        f"--account: the credentials belong to account {ACCOUNT}, and account 210987654321 is meant. "
        "Choose those of 210987654321 with --profile"
    ]
    recorded("moved", account="210987654321")
    (problem,) = _propose(aws, "moved").problems
    assert problem.message == f"host moved says that its account is 210987654321, and it was found in {ACCOUNT}"


def test_a_host_without_its_control_plane_is_refused(aws: Sandbox, recorded: Any) -> None:
    """What was deployed with DEPLOYED=True: clusters, but nothing that keeps jobs."""
    recorded("grid", "region", REGION)
    assert [str(problem) for problem in _propose(aws).problems] == [
        f"--name: the control plane of host grid is not deployed in account {ACCOUNT}, region {REGION}. "
        "Deploy it, without DEPLOYED=True: cdk deploy 'grid--host-*'"
    ]


def test_a_record_that_cannot_be_read_is_told(aws: Sandbox, recorded: Any) -> None:
    """From a later version, say; fields that this one does not know are left out."""
    recorded("grid", enable_dashboard="maybe", colour="blue")
    (problem,) = _propose(aws).problems
    assert problem.message == "the record of host grid cannot be read: enable_dashboard: 'maybe' is neither true nor false"
