"""One key mends what stands against an AWS resource."""

from dataclasses import replace

import pytest

from cyclone_core.operations.discovery import Choice, Finding
from cyclone_core.operations.resources import Snapshot, Stored
from cyclone_core.resources import Host
from cyclone_tui.wizard.draft import Draft, begin, edit
from cyclone_tui.wizard.sources import World
from cyclone_tui.wizard.verdicts import Complaint, complaints
from tests.wizard.conftest import MACHINE

HOST = Host(name="grid", type="aws", account="123456789012", region="eu-west-1")
MAIN = Stored("region", "eu-west-1", "ACTIVE", {"name": "eu-west-1", "main_region": True, "cidr": "10.0.0.0/16"}, 0.0, 0.0)
WORLD = World(
    HOST, MACHINE, Snapshot((MAIN,), host=Stored("host", "grid", "ACTIVE", {"name": "grid", "region": "eu-west-1"}, 0.0, 0.0)), ("local",)
)


def mended(draft: Draft, field: str, *findings: Finding) -> tuple[Draft, str]:
    """The draft after the remedy of a field was applied, and what the key said."""
    world = WORLD
    for finding in findings:
        world = world.with_finding(finding)
    complaint = next(one for one in complaints(draft, world) if one.field == field and one.fix)
    assert complaint.fix is not None
    after = draft.with_values(complaint.fix.values)
    assert complaint.problem.message not in [one.problem.message for one in complaints(after, world) if one.field == field]
    return after, complaint.fix.text


def test_a_range_that_overlaps_becomes_a_free_one() -> None:
    """The one that discovery found."""
    draft = begin("region", HOST).with_values({"name": "us-east-1", "vpc": "10.0.0.0/16", "peer_with_main_region": True})
    after, text = mended(draft, "vpc", Finding("vpc", (Choice("10.4.0.0/16"), Choice("vpc-1"))))
    assert (after.value("vpc"), text) == ("10.4.0.0/16", "use 10.4.0.0/16")


def test_a_range_that_the_remedy_names_is_taken() -> None:
    """Without discovery too."""
    draft = begin("region", HOST).with_values({"name": "us-east-1", "vpc": "10.0.1.0/16"})
    assert mended(draft, "vpc")[0].value("vpc") == "10.0.0.0/16"


def test_the_strategy_of_a_cluster_that_buys_otherwise_now() -> None:
    """The first that fits, not the one that is stored."""
    body = {"name": "big", "type": "SPOT", "allocation_strategy": "SPOT_CAPACITY_OPTIMIZED", "instance_list": ["optimal"]}
    world = replace(WORLD, snapshot=replace(WORLD.snapshot, resources=(MAIN, Stored("cluster", "big", "ACTIVE", body, 0.0, 0.0))))
    draft = edit("cluster", HOST, body).with_value("type", "ONDEMAND")
    (complaint,) = (one for one in complaints(draft, world) if one.fix)
    assert complaint.fix is not None
    assert complaint.fix.values == {"allocation_strategy": "BEST_FIT_PROGRESSIVE"}


def test_a_definition_without_an_image_gets_a_public_one() -> None:
    """The first that is offered."""
    image = Finding("image_uri", (Choice("public.ecr.aws/x:1"),))
    assert mended(begin("definition", HOST).with_value("name", "sim"), "image_uri", image)[0].value("image_uri") == "public.ecr.aws/x:1"


@pytest.mark.parametrize(("given", "wanted"), [("My Grid", "my-grid"), ("a" * 30, "a" * 20), ("9lives", "lives")])
def test_names_of_hosts(given: str, wanted: str) -> None:
    """As stacks and buckets can be called."""
    draft = begin("host", HOST).with_values({"name": given, "type": "aws"})
    assert mended(draft, "name")[0].value("name") == wanted


def test_a_region_with_a_slip_of_the_pen() -> None:
    """The nearest of those that are enabled."""
    draft = begin("host", HOST).with_values({"name": "lab", "type": "aws", "region": "eu-west1"})
    assert mended(draft, "region", Finding("region", (Choice("eu-west-1"), Choice("us-east-1"))))[0].value("region") == "eu-west-1"


def test_a_region_that_is_like_no_other_has_no_remedy() -> None:
    """Rather than one that empties the field."""
    draft = begin("region", HOST).with_values({"name": "Mars", "vpc": "10.1.0.0/16"})
    world = WORLD.with_finding(Finding("name", (Choice("eu-west-1"), Choice("us-east-1"))))
    found = [one for one in complaints(draft, world) if one.field == "name"]
    assert found
    assert [one.fix for one in found] == [None] * len(found)


def test_isolated_subnets_need_all_endpoints() -> None:
    """The remedy names which."""
    values = {"name": "us-east-1", "subnet_config": "PRIVATE_ISOLATED", "vpc": "10.1.0.0/16"}
    draft = begin("region", HOST).with_values(values)
    assert mended(draft, "deploy_vpc_endpoints")[0].value("deploy_vpc_endpoints") == "FOR_PRIVATE_VPC"


def test_what_has_no_remedy_of_its_own_keeps_those_of_all_hosts() -> None:
    """A queue's cluster: the nearest that there is."""
    cluster = Stored("cluster", "big", "ACTIVE", {"name": "big"}, 0.0, 0.0)
    world = World(HOST, MACHINE, Snapshot((MAIN, cluster), host=WORLD.snapshot.host))
    found: tuple[Complaint, ...] = complaints(begin("queue", HOST).with_values({"name": "q", "cluster": "bug"}), world)
    assert [one.fix.text for one in found if one.fix] == ["use big"]
