"""What is wrong with a draft, and the values that mend it."""

import pytest

from cyclone_core.operations.resources import Snapshot, Stored, judge
from cyclone_core.problems import Problem
from cyclone_tui.wizard.draft import Draft, begin, edit
from cyclone_tui.wizard.sources import World
from cyclone_tui.wizard.verdicts import Complaint, complaints
from tests.wizard.conftest import HOST, body_of, world_for

CASES = (
    ("cluster", {"name": "default"}, "name", "there is a cluster 'default' already", {"name": "default-2"}),
    ("cluster", {"name": "a b"}, "name", "'a b' is not a name", {"name": "a-b"}),
    ("cluster", {}, "name", "is needed", {"name": "cluster-1"}),
    ("cluster", {"name": "x", "max_vcpus": "0"}, "max_vcpus", "must be at least 1", {"max_vcpus": 1}),
    ("cluster", {"name": "x", "max_vcpus": "many"}, "max_vcpus", "'many' is not a whole number", {"max_vcpus": None}),
    ("cluster", {"name": "x", "max_memory_mib": "4 GiB"}, "max_memory_mib", "'4 GiB' is not a whole number", {"max_memory_mib": 4096}),
    ("cluster", {"name": "x", "max_memory_mib": "512m"}, "max_memory_mib", "'512m' is not a whole number", {"max_memory_mib": 512}),
    ("cluster", {"name": "x", "type": "SPOT", "bid_percentage": 50}, "bid_percentage", "instance types", {"bid_percentage": None}),
    ("queue", {"name": "q", "cluster": "bigg"}, "cluster", "there is no cluster 'bigg'", {"cluster": "big"}),
    ("queue", {"name": "q", "cluster": "zzz"}, "cluster", "there is no cluster 'zzz'", {"cluster": "default"}),
    ("queue", {"name": "q", "priority": "5000"}, "priority", "must be at most 1000", {"priority": 1000}),
    (
        "definition",
        {"name": "d", "cyclone_image_name": "solvr"},
        "cyclone_image_name",
        "there is no image",
        {"cyclone_image_name": "solver"},
    ),
    ("definition", {"name": "d", "cyclone_image_name": "?"}, "cyclone_image_name", "not a name", {"cyclone_image_name": None}),
    ("definition", {"name": "d", "working_directory": "sumbit"}, "working_directory", "is not one of", {"working_directory": "submit"}),
    ("definition", {"name": "d", "user": "me"}, "user", "it describes a container", {"user": None}),
    ("definition", {"name": "d", "environment": "oops"}, "environment", "is no map", {"environment": None}),
    ("image", {"name": "i", "directory": "d", "reference": "a:b"}, "reference", "not both", {"directory": None}),
)


def found(draft: Draft, field: str) -> Complaint:
    """The complaint about a field."""
    return next(one for one in complaints(draft, world_for(draft.kind)) if one.field == field)


@pytest.mark.parametrize(
    ("kind", "values", "field", "message", "fix"), CASES, ids=[f"{case[0]}-{case[2]}-{n}" for n, case in enumerate(CASES)]
)
def test_a_problem_stands_on_its_field_and_its_fix_mends_it(
    kind: str, values: dict[str, object], field: str, message: str, fix: dict[str, object]
) -> None:
    """Cause in words, a value that one key applies, and nothing left to say about the field after it."""
    draft = begin(kind, HOST).with_values(values)
    complaint = found(draft, field)
    assert message in complaint.problem.message
    assert complaint.fix is not None
    assert complaint.fix.values == fix
    mended = draft.with_values(complaint.fix.values)
    assert field not in {one.field for one in complaints(mended, world_for(kind)) if one.level == "error"}


def test_everything_is_told_at_once() -> None:
    """Three mistakes, three complaints, in the order of the fields."""
    draft = begin("queue", HOST).with_values({"name": "a b", "cluster": "nope", "priority": "x"})
    assert [one.field for one in complaints(draft, world_for("queue"))] == ["name", "cluster", "priority"]


def test_a_definition_larger_than_every_cluster(world: World) -> None:
    """The largest cluster is the remedy."""
    draft = begin("definition", HOST).with_values({"name": "d", "vcpus": "64"})
    complaint = found(draft, "vcpus")
    assert "do not fit any cluster" in complaint.problem.message


def test_a_cluster_larger_than_its_machine_is_a_warning() -> None:
    """It works, so it does not stop anybody."""
    complaint = found(begin("cluster", HOST).with_values({"name": "x", "max_vcpus": "64"}), "max_vcpus")
    assert complaint.level == "warning"
    assert complaint.fix is not None
    assert complaint.fix.values == {"max_vcpus": 4}


def test_an_update_has_its_name() -> None:
    """What is there may be changed; the name is not taken by itself."""
    draft = edit("queue", HOST, body_of("queue", "fast")).with_value("paused", True)
    assert complaints(draft, world_for("queue")) == ()


def test_a_field_that_such_a_host_does_not_have_keeps_what_is_stored(world: World) -> None:
    """The main region of a local host stays the main one."""
    region = Stored(
        "region", "local", "ACTIVE", {"name": "local", "main_region": True, "kind": "main", "cores": 4, "memory_mib": 8000}, 0, 0
    )
    plan = judge(HOST, "region", {"name": "local"}, "update", Snapshot((region,)), world.machine).plan
    assert not plan


def test_the_type_of_a_host_stays(world: World) -> None:
    """A document may say otherwise; the remedy is what it was."""
    draft = edit("host", HOST, {"name": "local", "type": "local"}).with_value("type", "aws")
    complaint = next(one for one in complaints(draft, world) if one.field == "type")
    assert complaint.fix is not None
    assert complaint.fix.values == {"type": "local"}


def test_what_a_look_at_the_machine_found_belongs_to_what_was_looked_at(world: World) -> None:
    """After another answer it is no longer known."""
    draft = begin("definition", HOST).with_values({"name": "d", "image_uri": "a:b"})
    looked = World(world.host, world.machine, world.snapshot, looked=(draft.given(), (Problem("image", "no engine", "Install one"),)))
    complaint = complaints(draft, looked)[0]
    assert complaint.field == "image_uri"
    assert complaint.fix is not None
    assert complaints(draft.with_values(complaint.fix.values), looked) == ()


def test_a_new_host_is_judged_by_the_operations(world: World) -> None:
    """Names of hosts are file names."""
    complaint = next(one for one in complaints(begin("host", HOST).with_value("name", ".x"), world))
    assert complaint.field == "name"
    assert complaint.fix is not None
    assert complaint.fix.values == {"name": "x"}
