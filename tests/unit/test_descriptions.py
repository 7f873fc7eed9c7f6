"""What is told about resources: where values come from, what refers to what, and that looking starts nothing."""

from pathlib import Path

import pytest

from cyclone_core import paths
from cyclone_core.errors import InvalidRequest
from cyclone_core.operations import descriptions, removals
from cyclone_core.operations.descriptions import fields_now
from cyclone_core.operations.queries import HostView, open_host
from cyclone_core.operations.resources import Stored
from cyclone_core.resource_bodies import Machine, body
from cyclone_core.resource_fields import read
from cyclone_core.resources import MODELS
from tests.filled import FilledHost

MACHINE = Machine(cores=8, memory_mib=16000)


@pytest.fixture
def filled() -> FilledHost:
    """A host without a supervisor: a cluster, two queues that use it, a definition."""
    directory = Path(paths.host_state_dir("local"))
    directory.mkdir(parents=True)
    host = FilledHost(directory)
    host.resource("cluster", "default", max_vcpus=8, max_memory_mib=16000)
    host.resource("queue", "default", cluster="default", priority=0, paused=False)
    host.resource("queue", "gpu", cluster="default", priority=7, paused=False)
    host.resource("definition", "default", vcpus=1, memory_limit_mib=1024)
    return host


@pytest.fixture
def view(filled: FilledHost) -> HostView:
    """An open view of it."""
    return open_host("local")


def origins(kind: str, **given: object) -> dict[str, str]:
    """Field -> where its value comes from, of a resource stored with these fields."""
    stored = Stored(kind, "x", "ACTIVE", body(read(MODELS[kind], {"name": "x", **given}), MACHINE), 0.0, 0.0)
    return {field.name: field.origin for field in fields_now(stored, "local", MACHINE, "local")}


def test_where_values_come_from() -> None:
    """Given, the model's default, or found out from the machine."""
    assert origins("cluster") == {"name": "set", "max_vcpus": "found", "max_memory_mib": "found"}
    assert origins("cluster", max_vcpus=2) == {"name": "set", "max_vcpus": "set", "max_memory_mib": "found"}
    assert origins("queue", priority=3) == {"name": "set", "cluster": "default", "priority": "set", "paused": "default"}


def test_what_a_default_means_is_told() -> None:
    """Words for what was found out, and how `hyper` takes the field."""
    stored = Stored("cluster", "x", "ACTIVE", body(read(MODELS["cluster"], {"name": "x"}), MACHINE), 0.0, 0.0)
    field = fields_now(stored, "local", MACHINE, "local")[1]
    assert (field.value, field.default, field.flag) == (8, "all cores", "--max-vcpus")


def test_fields_of_other_hosts_are_left_out() -> None:
    """A local cluster has no instance types."""
    assert "instance_list" not in origins("cluster")
    assert "instance_list" in {
        field.name for field in fields_now(Stored("cluster", "x", "ACTIVE", {"name": "x"}, 0.0, 0.0), "aws", MACHINE, "local")
    }


def test_references_both_ways(view: HostView) -> None:
    """The queue needs the cluster, the cluster is needed by both queues."""
    assert descriptions.describe(view, "queue", "gpu").refers_to == ((("cluster", "default"), "ACTIVE"),)
    assert [key for key, _ in descriptions.describe(view, "cluster", "default").used_by] == [("queue", "default"), ("queue", "gpu")]


def test_open_jobs_and_counts_of_a_queue(filled: FilledHost, view: HostView) -> None:
    """Open jobs are jobs, counts are tasks."""
    filled.job(1, (3, 2, 0, 1, 0, 0), queue="gpu")
    filled.job(2, (0, 0, 1, 0, 0, 0), queue="gpu")
    about = descriptions.describe(view, "queue", "gpu")
    assert about.stored.open_jobs == 1
    assert about.counts == (3, 2, 1, 1, 0, 0)
    (row,) = [row for row in descriptions.listing(view, "definition") if row.name == "default"]
    assert row.stored.open_jobs == 1


def test_two_looks_at_the_same_are_equal(view: HostView) -> None:
    """Whoever shows them compares them."""
    assert descriptions.listing(view, "queue") == descriptions.listing(view, "queue")
    assert descriptions.describe(view, "cluster", "default") == descriptions.describe(view, "cluster", "default")


def test_looking_starts_nothing() -> None:
    """A host that was never started has nothing, and is not started."""
    with open_host("local") as new:
        assert descriptions.listing(new, "queue") == ()
    assert not Path(paths.host_state_dir("local")).exists()


def test_what_happened_to_a_resource_comes_newest_first(filled: FilledHost, view: HostView) -> None:
    """Its own events only, the last of them."""
    for at, name, text in ((1.0, "gpu", "made"), (2.0, "default", "made"), (3.0, "gpu", "paused")):
        filled.db.execute("INSERT INTO event(at, kind, name, text) VALUES(?, 'queue', ?, ?)", (at, name, text))
    assert descriptions.events(view, "queue", "gpu") == ((3.0, "paused"), (1.0, "made"))
    assert descriptions.events(view, "queue", "gpu", limit=1) == ((3.0, "paused"),)


def test_unknown_names_and_kinds(view: HostView) -> None:
    """The nearest name, or the kinds that there are."""
    with pytest.raises(InvalidRequest, match="Did you mean 'gpu'"):
        descriptions.describe(view, "queue", "gpus")
    with pytest.raises(InvalidRequest, match="no kind of resource"):
        descriptions.describe(view, "planet", "mars")


def test_removal_of_several_is_one_plan(view: HostView) -> None:
    """A cluster and the queues on it stand in each other's way only while one of them stays."""
    proposal = removals.propose_removal(view, "queue", ["default", "gpu", "gone"])
    assert [change.name for change in proposal.plan.changes] == ["default", "gpu"]
    assert proposal.problems == ()
    assert "2 queues still use it" in str(removals.propose_removal(view, "cluster", ["default"]).problems[0])


def test_removal_is_refused_while_jobs_are_open(filled: FilledHost, view: HostView) -> None:
    """However many are looked at elsewhere: here all of them count."""
    filled.job(1, (1, 0, 0, 0, 0, 0), queue="gpu")
    (problem,) = removals.propose_removal(view, "queue", ["gpu"]).problems
    assert "not finished" in problem.message
