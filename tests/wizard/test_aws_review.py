"""What a review says of stacks: what is lost loudest, signs that differ without colours, and hundreds of resources in a few lines."""

from dataclasses import replace
from typing import Any

from cyclone_core.infra.plan import Change, Plan, differences
from cyclone_core.infra.stack_plans import Details, ResourceAction, ResourceChange, StackChange
from cyclone_core.operations.costs import Cost
from cyclone_core.operations.resources import Proposal
from cyclone_core.resources import Host
from cyclone_tui.wizard import stack_telling, telling
from cyclone_tui.wizard.draft import begin
from cyclone_tui.wizard.review import Review
from cyclone_tui.wizard.sources import World
from tests.wizard.conftest import MACHINE

HOST = Host(name="grid", type="aws", account="123456789012", region="eu-west-1")


def resource(action: ResourceAction, name: str, type: str = "AWS::EC2::Subnet", *causes: str) -> ResourceChange:
    """What happens to one."""
    return ResourceChange(action, name, type, causes=causes)


def told(*stacks: StackChange, **more: Any) -> list[str]:
    """The lines as text, but for the last one, which says what becomes of failures."""
    return ["".join(text for text, _ in line) for line in stack_telling.lines(Plan(), replace(Details(stacks), **more))][
        : -1 if stacks else None
    ]


def test_new_stacks_are_counted_by_type() -> None:
    """Region by region, with how much there is of what."""
    many = tuple(resource("create", f"Subnet{number}") for number in range(6))
    stack = StackChange("create", "eu-west-1", "grid--region", "region", "eu-west-1", (*many, resource("create", "Vpc", "AWS::EC2::VPC")))
    lines = told(stack)
    assert lines[1] == "On AWS   1 stack in 1 region, 7 resources"
    assert lines[2:] == ["  eu-west-1", "    + create region   7: 6 EC2::Subnet, EC2::VPC"]


def test_what_is_made_anew_comes_first_and_loud() -> None:
    """On top of all, and before what only changes, with the property that causes it."""
    changes = (resource("change", "Queue"), resource("replace", "Table", "AWS::DynamoDB::Table", "KeySchema"), resource("delete", "Old"))
    lines = told(StackChange("change", "eu-west-1", "grid--host", "host", "grid", changes))
    assert lines[2] == "  ± 1 resource is made anew: what is in it is lost"
    assert lines[4] == "    ~ change host grid   1 change, 1 REPLACE, 1 DELETE"
    assert lines[5] == "        ± REPLACE Table  DynamoDB::Table  because of KeySchema"
    assert lines[6:] == ["        - DELETE Old  EC2::Subnet", "        ~ change Queue  EC2::Subnet"]


def test_signs_differ_without_colours() -> None:
    """In both character sets, and so do the words."""
    for column in (0, 1, 3):
        assert len({look[column] for look in stack_telling.SIGNS.values()}) == len(stack_telling.SIGNS)
    assert all(look[1].isascii() for look in stack_telling.SIGNS.values())


def test_hundreds_of_changes_are_a_few_lines() -> None:
    """All that is lost up to twenty, a few of the rest, and how many more there are."""
    changes = tuple(resource("change", f"A{number}") for number in range(300))
    lines = told(StackChange("change", "eu-west-1", "s", "cluster", "big", changes))
    assert lines[-1] == "        and 296 more"
    assert len(lines) < 12


def test_rights_and_bootstrap() -> None:
    """What the caller may not, what could not be looked at, and which regions are prepared first."""
    lines = told(lacking=("batch:CreateJobQueue",), unchecked="iam:SimulatePrincipalPolicy is not allowed", bootstrap=("eu-west-1",))
    assert "  ✗ you may not: batch:CreateJobQueue" in lines
    assert "  ? not looked at: iam:SimulatePrincipalPolicy is not allowed" in lines
    assert any("eu-west-1 gets what deployments need" in line for line in lines)


def test_what_fails_may_be_left() -> None:
    """The review says what becomes of it, and the command and the plan say the same."""
    draft = begin("cluster", HOST).with_value("name", "big")
    plan = Plan((Change("create", "cluster", "big", region="eu-west-1"),))
    details = Details((StackChange("create", "eu-west-1", "s", "cluster", "big"),))
    review = Review(draft, plan, (), Cost(), "hyper clusters add-cluster", Proposal(plan, (), details), World(HOST, MACHINE))
    kept = review.keeping_failed(True)
    assert (kept.plan.keep_failed, kept.proposal.plan.keep_failed) == (True, True)  # type: ignore[union-attr]
    assert kept.command == "hyper clusters add-cluster --keep-failed"
    assert kept.keeping_failed(False) == review


def test_a_deletion_says_what_stays() -> None:
    """With its name on AWS, so that it can be found."""
    kept = ResourceChange("retain", "Data", "AWS::S3::Bucket", "grid--data-1")
    details = Details((StackChange("delete", "eu-west-1", "grid--host", "host", "grid", (kept, resource("delete", "Queue"))),))
    assert stack_telling.removal(details) == ["eu-west-1: delete host grid (1 resource)", "stays: grid--data-1 (S3::Bucket)"]
    assert stack_telling.removal(details, keeps=False)[1] == "emptied and deleted: grid--data-1 (S3::Bucket)"


def test_a_resource_in_several_regions_is_told_once() -> None:
    """Its fields, then its stacks; the button names it, however many stacks it has."""
    draft = begin("cluster", HOST).with_value("name", "big")
    body = {"name": "big", "max_vcpus": 1000}
    plan = Plan(tuple(Change("create", "cluster", "big", (), body, None, region) for region in ("eu-west-1", "us-east-1")))
    stacks = tuple(StackChange("create", region, "grid--cluster-big", "cluster", "big") for region in ("eu-west-1", "us-east-1"))
    review = Review(draft, plan, (), Cost(), "hyper …", Proposal(plan, (), Details(stacks)), World(HOST, MACHINE))
    lines = ["".join(text for text, _ in line) for line in telling.lines(review)]
    assert lines.count("  + create cluster big") == 1
    assert lines.count("    + create cluster big") == 2
    assert telling.summary(plan) == "Create cluster big"


def test_a_cluster_of_machines_that_join_has_no_fields_of_instances() -> None:
    """They are in its record, and mean nothing."""
    draft = begin("cluster", HOST).with_values({"name": "lab", "launch_type": "ONPREM"})
    body = {"name": "lab", "max_vcpus": 1000, "launch_type": "ONPREM", "instance_list": ["optimal"], "bid_percentage": 100}
    plan = Plan((Change("create", "cluster", "lab", differences({}, body), body),))
    review = Review(draft, plan, (), Cost(), "hyper …", Proposal(plan, (), Details()), World(HOST, MACHINE))
    text = "\n".join("".join(text for text, _ in line) for line in telling.lines(review)).lower()
    assert "onprem" in text
    assert "optimal" not in text
    assert "bid" not in text


def test_stacks_without_a_resource_of_their_own_are_no_part_of_the_name() -> None:
    """A region's registration and peering are its own."""
    changes = (Change("create", "hub", "us-east-1", region="eu-west-1"), Change("create", "region", "us-east-1", region="us-east-1"))
    assert telling.summary(Plan(changes)) == "Create region us-east-1"
