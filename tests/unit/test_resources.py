"""The models: old and new spellings are the same resource; what is wrong is told precisely and all at once."""

import pytest

from cyclone_core import resources
from cyclone_core.errors import InvalidRequest
from cyclone_core.resource_fields import Document, field_problems, fields_of, read, refusals
from cyclone_core.resources import MODELS, Cluster, Host, Image, JobDefinition, Queue, Region


def problems(model: type[Document], raw: dict[str, object]) -> dict[str, str]:
    """path -> message of everything that is wrong."""
    with pytest.raises(InvalidRequest) as caught:
        read(model, raw)
    return {problem.path: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("model", "old", "new"),
    [
        (Cluster, {"clusterName": "c", "max_vCPUs": "7"}, {"name": "c", "max_vcpus": 7}),
        (Cluster, {"name": "c", "instance_list": '["m5", "c5"]'}, {"name": "c", "instance_list": ["m5", "c5"]}),
        (Cluster, {"name": "c", "instance_list": "m5,c5", "type": "spot"}, {"name": "c", "instance_list": ("m5", "c5")}),
        (Queue, {"queue_name": "q", "computeEnvironment": "c"}, {"name": "q", "cluster": "c"}),
        (Queue, {"name": "q", "optimise_lowest_spot_cost_region": "False"}, {"name": "q", "automate_region_weights": False}),
        (Queue, {"name": "q", "optimise_spot_cost": "False"}, {"name": "q", "automate_region_weights": False}),
        (Queue, {"name": "q", "region_distribution_weights": {"us-east-1": "auto", "eu-west-1": "3"}},
         {"name": "q", "region_distribution_weights": {"us-east-1": "auto", "eu-west-1": 3}}),
        (Image, {"imageName": "i", "directory": "d"}, {"name": "i", "local_build_directory": "d"}),
        (JobDefinition, {"jobDefinitionName": "d", "privileged": "True", "gpu_count": None}, {"name": "d", "privileged": True}),
        (JobDefinition, {"name": "d", "environment": '{"A": 1}'}, {"name": "d", "environment": {"A": "1"}}),
        (JobDefinition, {"name": "d", "environment": "A=1,2,B=x=y"}, {"name": "d", "environment": {"A": "1,2", "B": "x=y"}}),
        (JobDefinition, {"name": "d", "linux_parameters": '{"init_process_enabled": "True", "shared_memory_size": 10}'},
         {"name": "d", "linux_parameters": {"init_process_enabled": True, "shared_memory_size": 10}}),
        (JobDefinition, {"name": "d", "ulimits": '[{"hard_limit":9,"UlimitName":"CORE","soft_limit":1}]'},
         {"name": "d", "ulimits": [{"name": "core", "soft_limit": 1, "hard_limit": 9}]}),
        (JobDefinition, {"name": "d", "host_volumes": "{'name': 'v', 'source_path': '/s'}"},
         {"name": "d", "host_volumes": [{"name": "v", "source_path": "/s"}]}),
        (Region, {"region": "eu-west-1", "vpc_id": None}, {"name": "eu-west-1"}),
        (Host, {"stack_name": "h", "type": "AWS"}, {"name": "h", "type": "aws"}),
    ],
)  # fmt: skip
def test_old_spellings_are_the_same_resource(model: type[Document], old: dict[str, object], new: dict[str, object]) -> None:
    """Names, booleans and JSON strings of the earlier system mean what ours mean."""
    assert read(model, old) == read(model, new)


def test_every_problem_is_told_at_once() -> None:
    """Five mistakes are five problems, each at its place."""
    found = problems(JobDefinition, {"name": "a b", "vcpus": "x", "memry": 1, "ulimits": [{"name": "COR"}], "timeout_minutes": -1})
    assert set(found) == {"name", "vcpus", "memry", "ulimits[0].name", "ulimits[0].soft_limit", "ulimits[0].hard_limit", "timeout_minutes"}


def test_unknown_field_names_the_nearest() -> None:
    """A mistyped name is answered with the right one."""
    with pytest.raises(InvalidRequest, match=r"Did you mean max_vcpus\?"):
        read(Cluster, {"name": "c", "max_vcpu": 3})


@pytest.mark.parametrize(
    ("model", "field", "value", "message"),
    [
        (Cluster, "max_vcpus", 0, "must be at least 1, it is 0"),
        (Cluster, "type", "SPOTT", "'SPOTT' is not one of SPOT, ONDEMAND"),
        (Cluster, "compute_envs", 4, "must be at most 3, it is 4"),
        (Queue, "paused", "maybe", "'maybe' is neither true nor false"),
        (Queue, "priority", "1.5", "'1.5' is not a whole number"),
        (JobDefinition, "timeout_minutes", "nan", "'nan' is not a number"),
        (JobDefinition, "environment", "novalue", "'novalue' is no map"),
        (JobDefinition, "environment", "[1, 2]", "[1, 2] is no map"),
        (JobDefinition, "environment", ["A=1", "[1, 2]"], "['A=1', '[1, 2]'] is no map"),
        (JobDefinition, "environment", {"A B": "1"}, "'A B' cannot be the name of a variable"),
        (JobDefinition, "ulimits", "{broken", "'{broken' cannot be read"),
    ],
)
def test_problems_say_what_is_wrong(model: type[Document], field: str, value: object, message: str) -> None:
    """The value is quoted and the rule is told, in words."""
    assert problems(model, {"name": "x", field: value}) == {field: message}
    assert [problem.message for problem in field_problems(model, field, value, {"name": "x"})] == [message]


@pytest.mark.parametrize(
    ("model", "field", "value", "path", "message"),
    [
        (Cluster, "fallback", {"foo": 3}, "fallback", "'foo' is not one of instance-types, zones, regions, on-demand"),
        (Cluster, "fallback", {"zones": -1}, "fallback.zones", "must be at least 0, it is -1"),
        (Queue, "region_distribution_weights", {"eu-west-1": "foo"}, "region_distribution_weights.eu-west-1",
         "'foo' is neither a whole number nor auto"),
    ],
)  # fmt: skip
def test_problems_of_maps_name_what_was_typed(model: type[Document], field: str, value: object, path: str, message: str) -> None:
    """Once, and without the words of the library that reads them."""
    assert problems(model, {"name": "x", field: value}) == {path: message}


def test_mount_points_need_their_volume() -> None:
    """A mount of a volume that is not named is refused with the option that names it."""
    mount = {"container_path": "/data", "source_volume": "scratch"}
    with pytest.raises(InvalidRequest, match=r"does not name: scratch. Add them with --host-volumes"):
        read(JobDefinition, {"name": "d", "mount_points": [mount]})


def test_local_hosts_refuse_what_aws_decides_with_the_reason() -> None:
    """All of them at once, by the name that the caller knows."""
    found = refusals(Cluster, {"instance_list": "m5", "max_vcpus": 3, "bid_percentage": "50"}, "local", lambda name: f"--{name}")
    assert [problem.path for problem in found] == ["--instance_list", "--bid_percentage"]
    assert "pool of processes on this machine" in found[0].message


def test_values_that_describe_a_local_host_are_accepted() -> None:
    """Scripts that say `--enable-qlog True --gpu-count 0` go on working; the opposite is refused."""
    assert refusals(JobDefinition, {"enable_qlog": "True", "gpu_count": "0"}, "local") == []
    assert len(refusals(JobDefinition, {"enable_qlog": "False", "gpu_count": "1"}, "local")) == 2


def test_aws_hosts_refuse_local_fields() -> None:
    """The memory of a cluster is a local matter."""
    assert [problem.path for problem in refusals(Cluster, {"max_memory_mib": 100}, "aws")] == ["max_memory_mib"]


@pytest.mark.parametrize(
    "model", [*MODELS.values(), resources.Ulimit, resources.MountPoint, resources.HostVolume, resources.LinuxParameters]
)
def test_every_field_is_documented(model: type[Document]) -> None:
    """One line without a full stop; fields of one type of host say why the other refuses them."""
    for spec in fields_of(model):
        assert spec.help
        assert "\n" not in spec.help
        assert not spec.help.endswith(".")
        assert spec.option.only is None or spec.option.reason


def test_resources_do_not_change() -> None:
    """Models are frozen."""
    with pytest.raises(ValueError, match="frozen"):
        read(Queue, {"name": "q"}).priority = 3


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({}, "none"),
        ({"cyclone_image_name": "i"}, "cyclone"),
        ({"image_uri": "u"}, "uri"),
        ({"image_uri": "u", "cyclone_image_name": "i"}, "cyclone"),
        ({"image_uri": "u", "cyclone_image_name": "i", "use_cyclone_image": "False"}, "uri"),
        ({"cyclone_image_name": "i", "use_cyclone_image": False}, "none"),
    ],
)
def test_one_image_counts(fields: dict[str, object], source: str) -> None:
    """use_cyclone_image decides between the two; an address alone is enough."""
    assert read(JobDefinition, {"name": "d", **fields}).image_source == source
