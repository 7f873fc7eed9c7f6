"""Bodies: what the engine reads is complete, and an update starts from what was stored."""

import json

import pytest

from cyclone_core.resource_bodies import Machine, body, dump, image_reference, load, local_problems, settings
from cyclone_core.resource_fields import Document, read
from cyclone_core.resources import Cluster, Image, JobDefinition, Queue, Region

MACHINE = Machine(cores=4, memory_mib=8000)


CORE = {"name": "CORE", "soft_limit": 1, "hard_limit": 2}


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("region", read(Region, {"name": "local"})),
        ("cluster", read(Cluster, {"name": "c", "max_vcpus": 3})),
        ("queue", read(Queue, {"name": "q", "cluster": "c", "priority": 5, "paused": True})),
        ("image", read(Image, {"name": "i", "directory": "/src", "build_arguments": {"A": "1"}})),
        ("image", read(Image, {"name": "i", "reference": "repo:tag"})),
        ("definition", read(JobDefinition, {"name": "d", "image_uri": "busybox", "user": "me", "environment": {"A": "1"}})),
        ("definition", read(JobDefinition, {"name": "d", "cyclone_image_name": "i", "ulimits": [CORE]})),
    ],
)  # fmt: skip
def test_stored_and_read_again_is_the_same(kind: str, resource: Document) -> None:
    """body -> text -> settings -> model -> body changes nothing."""
    stored = body(resource, MACHINE)
    again = read(type(resource), settings(kind, load(dump(stored))))
    assert body(again, MACHINE) == stored


def test_cluster_takes_its_defaults_from_the_machine() -> None:
    """All cores and all memory."""
    stored = body(Cluster(name="c"), MACHINE)
    assert stored == {"name": "c", "max_vcpus": 4, "max_memory_mib": 8000}


def test_definition_has_what_the_engine_reads() -> None:
    """Every key is there, with defaults, so that the engine needs no model."""
    stored = body(JobDefinition(name="d"), MACHINE)
    expected = {"vcpus": 1, "memory_limit_mib": 1024, "environment": {}, "timeout_minutes": 0, "jobs_to_workers_ratio": 1}
    expected |= {"working_directory": "submit", "image": None, "container_options": {}, "output_limit_mib": 64}
    assert {key: stored[key] for key in expected} == expected
    assert "log_driver" not in stored


def test_container_options_are_in_the_engines_terms() -> None:
    """Volumes are resolved, names of limits are lower case."""
    definition = read(
        JobDefinition,
        {
            "name": "d", "image_uri": "busybox", "privileged": "True",
            "host_volumes": [{"name": "v", "source_path": "/scratch"}],
            "mount_points": [{"container_path": "/data", "source_volume": "v", "read_only": "True"}],
            "ulimits": [{"UlimitName": "NOFILE", "soft_limit": 10, "hard_limit": 20}],
        },
    )  # fmt: skip
    options = body(definition, MACHINE)["container_options"]
    assert options["mounts"] == [{"source": "/scratch", "target": "/data", "read_only": True}]
    assert options["ulimits"] == [{"name": "nofile", "soft": 10, "hard": 20}]
    assert options["privileged"] is True


def test_image_keeps_its_reference_whatever_it_is_made_from() -> None:
    """Definitions stay right when an image is replaced."""
    built, taken = Image(name="i", directory="/d"), Image(name="i", reference="repo:1")
    assert body(built, MACHINE)["reference"] == body(taken, MACHINE)["reference"] == "cyclone/local:i"
    definition = read(JobDefinition, {"name": "d", "cyclone_image_name": "i"})
    assert body(definition, MACHINE)["image"] == "cyclone/local:i"


def test_hosts_that_differ_in_case_have_different_images() -> None:
    """Repositories are lower case only, host names are not."""
    assert len({image_reference(host, "i") for host in ("lab", "Lab", "l.ab", "l_ab")}) == 4


def test_container_fields_without_an_image_are_refused() -> None:
    """A plain process has no user, no mounts and no ulimits of a container."""
    found = local_problems(read(JobDefinition, {"name": "d", "user": "me", "privileged": True}))
    assert [problem.path for problem in found] == ["user", "privileged"]


def test_region_in_an_address_is_refused() -> None:
    """There is no AWS region to put there."""
    definition = read(JobDefinition, {"name": "d", "image_uri": "1.dkr.ecr._REGION_.amazonaws.com/x"})
    assert [problem.path for problem in local_problems(definition)] == ["image_uri"]


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_damaged_body_is_empty(text: str) -> None:
    """A hand-made database does not end a listing."""
    assert load(text) == {}


def test_equal_bodies_are_equal_texts() -> None:
    """The order of keys does not matter."""
    assert dump({"b": 1, "a": 2}) == dump({"a": 2, "b": 1})
    assert json.loads(dump({"a": "ä\udcff"})) == {"a": "ä\udcff"}
