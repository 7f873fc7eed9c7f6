"""Drafts: answers, where they came from, steps, and what becomes doubtful."""

from typing import Annotated

from cyclone_core.operations.discovery import Choice, Finding
from cyclone_core.resource_fields import Document, Option, aws, fields_of
from cyclone_core.resources import MODELS
from cyclone_tui.wizard import documents, twins
from cyclone_tui.wizard.draft import Draft, begin, edit
from cyclone_tui.wizard.values import written
from tests.wizard.conftest import AWS, HOST, body_of


class Boat(Document):
    """A model nobody has heard of before."""

    name: Annotated[str, Option("Name of the boat", step="Name")]
    sails: Annotated[int, Option("How many sails", step="Rigging")] = 1
    anchor: Annotated[bool, Option("Whether it has one", step="Rigging")] = True
    crane: Annotated[str | None, aws("Lifts it", "there is no sea here", step="Rigging")] = None
    flag_state: Annotated[str | None, Option("Where it is registered")] = None


def test_a_new_field_is_in_every_view() -> None:
    """Nothing but the model names it: steps, document and command line follow."""
    draft = begin("cluster", HOST, Boat).with_values({"name": "ada", "sails": "3", "anchor": False, "flag_state": "NO"})
    assert [spec.name for step in draft.steps for spec in step.specs] == ["name", "sails", "anchor", "flag_state"]
    assert [step.name for step in draft.steps] == ["Name, rigging", "Advanced"]
    assert "sails: 3" in documents.to_yaml(draft)
    assert twins.words(draft)[3:] == ["--name", "ada", "--sails", "3", "--no-anchor", "--flag-state", "NO", "--yes"]


def test_only_fields_of_the_hosts_type_are_shown() -> None:
    """A local cluster has no spot price, one on AWS has."""
    local, cloud = ({spec.name for spec in begin("cluster", host).specs} for host in (HOST, AWS))
    assert "bid_percentage" not in local
    assert "max_memory_mib" in local
    assert "bid_percentage" in cloud
    assert "max_memory_mib" not in cloud


def test_the_type_of_a_new_host_decides_its_fields() -> None:
    """The answer to one question brings the others."""
    draft = begin("host", HOST)
    assert "account" not in {spec.name for spec in draft.specs}
    assert "account" in {spec.name for spec in draft.with_value("type", "aws").specs}


def test_every_field_says_which_step_it_is_on() -> None:
    """A field without a step would hide among the advanced ones."""
    assert [spec.name for model in MODELS.values() for spec in fields_of(model) if not spec.option.step] == []


def test_given_is_what_differs_from_the_defaults() -> None:
    """Typing the default is the same as typing nothing, in any spelling."""
    draft = begin("queue", HOST).with_values({"name": "q", "cluster": "default", "priority": "0", "paused": "yes"})
    assert draft.given() == {"name": "q", "paused": "yes"}


def test_given_of_an_update_is_what_differs_from_the_stored() -> None:
    """A field that is cleared is given as its default."""
    draft = edit("definition", HOST, body_of("definition", "sim"))
    assert draft.given() == {"name": "sim"}
    cleared = draft.with_values({"vcpus": "2", "cyclone_image_name": "", "environment": None}).given()
    assert cleared == {"name": "sim", "cyclone_image_name": "", "environment": ""}
    assert draft.with_value("vcpus", "").given() == {"name": "sim", "vcpus": 1}


def test_a_changed_answer_marks_what_depends_on_it() -> None:
    """Marked for review, not reset; leaving the step forwards takes the mark away."""
    draft = begin("cluster", AWS).with_value("allocation_strategy", "BEST_FIT").with_value("type", "ONDEMAND")
    assert draft.review == {"allocation_strategy"}
    assert draft.value("allocation_strategy") == "BEST_FIT"
    assert draft.seen(draft.step_of("allocation_strategy")).review == frozenset()


def test_an_answer_nobody_gave_is_not_doubtful() -> None:
    """Defaults that were never looked at need no second look."""
    assert begin("cluster", AWS).with_value("type", "ONDEMAND").review == frozenset()


def test_discovery_fills_what_is_empty_only() -> None:
    """It says where the value comes from, and never replaces an answer."""
    found = Finding("cluster", (Choice("big"),), "big", "the clusters of this host", closed=True)
    draft = begin("queue", HOST).with_finding(found)
    assert (draft.value("cluster"), draft.origin("cluster").source) == ("big", "the clusters of this host")
    assert begin("queue", HOST).with_value("cluster", "mine").with_finding(found).value("cluster") == "mine"


def test_a_last_used_value_that_is_gone_is_replaced() -> None:
    """The cluster of last time may have been deleted since."""
    found = Finding("cluster", (Choice("big"),), "big", closed=True)
    assert begin("queue", HOST).with_last_used({"cluster": "old"}).with_finding(found).value("cluster") == "big"
    assert begin("queue", HOST).with_last_used({"cluster": "big"}).with_finding(found).origin("cluster").origin == "last used"


def test_an_answer_taken_back_is_what_was_before() -> None:
    """Default or stored."""
    draft: Draft = edit("queue", HOST, body_of("queue", "fast")).with_value("priority", "9")
    assert draft.without("priority").value("priority") == 5


def test_values_are_written_as_they_are_read() -> None:
    """A comma in a value must not become two values."""
    model = MODELS["definition"]
    assert written(model, "environment", {"A": "1", "B": "2"}) == "A=1,B=2"
    assert written(model, "environment", {"A": "1,C=2"}) == '{"A": "1,C=2"}'
    assert written(model, "environment", None) == "{}"
    assert written(model, "timeout_minutes", "1.50") == "1.5"


def test_a_cluster_is_asked_for_what_its_launch_type_has() -> None:
    """Machines that join have no instances to choose; certificates are for one way of joining."""
    shown = {
        kind: {spec.name for spec in begin("cluster", AWS).with_value("launch_type", kind).specs}
        for kind in ("BATCH", "EC2", "ONPREM", "onprem")
    }
    assert shown["BATCH"] - shown["EC2"] == {"compute_envs"}
    assert shown["ONPREM"] == shown["onprem"] == {"name", "launch_type", "max_vcpus", "iam_policies", "join_with"}
    joining = begin("cluster", AWS).with_value("join_with", "ROLES_ANYWHERE")
    assert "certificate_authority" in {spec.name for spec in joining.specs} - shown["BATCH"]
    assert [step.name for step in begin("cluster", AWS).with_value("launch_type", "ONPREM").steps] == ["Name", "Capacity", "Access"]


def test_what_was_answered_is_shown_whatever_it_means() -> None:
    """So it can be seen why it is refused, and taken back."""
    draft = begin("cluster", AWS).with_value("compute_envs", "2").with_value("launch_type", "EC2")
    assert draft.step_of("compute_envs") == "Capacity"
    assert draft.without("compute_envs").step_of("compute_envs") == ""


def test_what_was_found_for_a_field_without_a_meaning_is_not_given() -> None:
    """Nobody answered it, and nobody sees it."""
    draft = begin("cluster", AWS).with_value("name", "lab").with_value("instance_list", "c7i", "discovered", "the region")
    assert draft.given() == {"name": "lab", "instance_list": "c7i"}
    assert draft.with_value("launch_type", "ONPREM").given() == {"name": "lab", "launch_type": "ONPREM"}
