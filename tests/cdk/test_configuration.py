"""What the files of the CDK path mean, and what is said about those that cannot be used."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cyclone_core.errors import InvalidRequest
from cyclone_core.infra import configuration
from cyclone_core.infra.configuration import Configuration, load
from cyclone_core.infra.stack_checks import body_problems
from cyclone_core.infra.targets import Place
from cyclone_core.resource_bodies import aws_body
from cyclone_core.resource_fields import fields_of, plain
from cyclone_core.resources import MODELS, Cluster, Host, JobDefinition, Queue, Region

from .configurations import SMALL, write

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "configuration"


def _problems(folder: str) -> list[str]:
    with pytest.raises(InvalidRequest) as refused:
        load(folder)
    return [str(problem) for problem in refused.value.problems]


def test_the_examples_are_a_host_with_two_regions() -> None:
    """What a clone has can be used as it is."""
    found = load(str(EXAMPLES))
    assert found.place == Place("grid", "111122223333", "eu-west-1")
    assert list(found.models["region"]) == ["eu-west-1", "us-east-1"]
    assert set(found.models) == {"region", "cluster", "queue", "image", "definition"}


def test_files_are_read_in_the_spelling_of_the_earlier_system(tmp_path: Path) -> None:
    """Booleans and documents in strings, old names, null for what is not set."""
    definition = {
        "jobDefinitionName": "run", "use_cyclone_image": "False", "cyclone_image_name": None, "image_uri": "repo/_REGION_:1",
        "linux_parameters": '{"init_process_enabled": "True", "shared_memory_size": 10}', "gpu_count": None, "iam_policies": "[]",
        "ulimits": [{"hard_limit": 123, "UlimitName": "CORE", "soft_limit": 123}], "environment": "{'A': 'b'}", "privileged": "True",
    }  # fmt: skip
    queue = {"queue_name": "fast", "computeEnvironment": "big", "optimise_spot_cost": "False", "region_distribution_weights": None}
    cluster = {"clusterName": "big", "max_vCPUs": "64", "instance_list": '["c5", "m5"]', "type": "ondemand"}
    folder = write(tmp_path, job_definitions={"jobDefinitions": [definition]}, queues={"queues": [queue]}, clusters={"clusters": [cluster]})
    models = load(folder).models
    run, big = models["definition"]["run"], models["cluster"]["big"]
    assert isinstance(run, JobDefinition)
    assert isinstance(big, Cluster)
    assert run.linux_parameters is not None
    assert (run.privileged, run.linux_parameters.init_process_enabled, run.ulimits[0].name) == (True, True, "CORE")
    assert (run.environment, run.gpu_count, run.iam_policies) == ({"A": "b"}, 0, ())
    assert (big.max_vcpus, big.instance_list, big.type) == (64, ("c5", "m5"), "ONDEMAND")
    assert models["queue"]["fast"] == Queue(name="fast", cluster="big", automate_region_weights=False)


def test_null_stands_for_a_file_with_nothing(tmp_path: Path) -> None:
    """The earlier system's way to say that there are none."""
    nothing = {"queues": {"queues": None}, "images": {"images": [None]}, "job_definitions": {"jobDefinitions": ""}}
    found = load(write(tmp_path, **nothing))
    assert [dict(found.models[kind]) for kind in ("queue", "image", "definition")] == [{}, {}, {}]


def test_every_problem_of_all_files_is_told_at_once(tmp_path: Path) -> None:
    """With file, path and remedy: fields, names, references, what belongs to local hosts, what is not there."""
    folder = write(
        tmp_path,
        settings={"stack_settings": {"stack_name": "Grid", "account": "12", "dashbord": "True"}},
        regions={"regions": [{"region": "eu-west-1", "main_region": "True"}, {"region": "us-east-1", "cider": "x"}]},
        clusters={"clusters": [{"clusterName": "big", "type": "SPOTS"}, {"max_vCPUs": 0}, {"clusterName": "x", "max_memory_mib": 64}]},
        queues={"queues": [{"queue_name": "fast", "computeEnvironment": "bigg"}]},
        images=None,
        job_definitions='{"jobDefinitions": [\n{"jobDefinitionName": "run"} {}]}',
    )
    assert _problems(folder) == [
        "settings.json: stack_settings.account: '12' is no account: they have 12 digits. Ask for it: aws sts get-caller-identity",
        "settings.json: stack_settings.dashbord: is not a known field. Did you mean enable_dashboard?",
        "regions.json: regions[1].cider: is not a known field. Did you mean cidr?",
        "clusters.json: clusters[0].type: 'SPOTS' is not one of SPOT, ONDEMAND. Did you mean SPOT?",
        "clusters.json: clusters[1].clusterName: is needed. Add it",
        "clusters.json: clusters[1].max_vCPUs: must be at least 1, it is 0",
        "clusters.json: clusters[2].max_memory_mib: on AWS the memory of a cluster follows from its instance types. "
        "Leave it out: it belongs to a local host",
        f"images.json: is not in {folder}. Begin with the one in examples/configuration",
        "job_definitions.json: line 2: is not JSON: expecting ',' delimiter (column 30). Correct it",
        "regions.json: regions[0].cidr: a new network needs its range of addresses. "
        "For example 10.0.0.0/16; peered networks must not overlap. Or import one: import_vpc and vpc_id",
    ]


REFERENCES = [
    ({"queues": {"queues": [{"queue_name": "fast", "computeEnvironment": "bgi"}]}},
     "queues.json: queues[0].computeEnvironment: clusters.json has no cluster 'bgi'. Did you mean 'big'?"),
    ({"queues": {"queues": [{"queue_name": "q", "compute-environment": "big", "region_distribution_weights": {"somewhere": 1}}]}},
     "queues.json: queues[0].region_distribution_weights.somewhere: regions.json has no region 'somewhere'. regions.json has: eu-west-1"),
    ({"job_definitions": {"jobDefinitions": [{"jobDefinitionName": "run", "cyclone_image_name": "worker"}]}},
     "job_definitions.json: jobDefinitions[0].cyclone_image_name: images.json has no image. Add it to images.json"),
    ({"clusters": {"clusters": [{"clusterName": "big"}, {"name": "big"}]}},
     "clusters.json: clusters[1].name: there is a cluster 'big' already: clusters[0]. Give each its own name"),
    ({"clusters": {"clusters": [{"clusterName": "big", "max_vCPUs": 1, "max_vcpus": 2}]}},
     "clusters.json: clusters[0].max_vcpus: is the same as max_vCPUs, and only one can count. Leave one of them out"),
    ({"clusters": '{"clusters": [], "clusters": [{"clusterName": "big"}]}'},
     "clusters.json: clusters: is written twice in one object, and only one can count. Leave one of them out"),
    ({"regions": {"regions": [{"region": "eu-west-1", "main_region": "False", "cidr": "10.0.0.0/16"}]}},
     "regions.json: regions: none of them is the main region, where jobs are kept. Write \"main_region\": \"True\" in one of them"),
    ({"regions": {"regions": [{"region": "eu-west-1", "main_region": 1, "cidr": "10.0.0.0/16"},
                              {"region": "us-east-1", "main_region": "true", "cidr": "10.1.0.0/16"}]}},
     "regions.json: regions[1].main_region: eu-west-1 is the main region already. Exactly one may say \"True\""),
    ({"regions": {"regions": [{"region": "Ireland", "main_region": "True", "cidr": "10.0.0.0/16"}]}},
     "regions.json: regions[0].region: 'Ireland' is no AWS region. For example eu-west-1"),
    ({"settings": {"stack_settings": {"stack_name": "Grid", "account": 123456789012}}},
     "settings.json: stack_settings.stack_name: 'Grid' cannot name an AWS host: small letters, digits and single '-' only, a letter first. "
     "For example 'grid'"),
    ({"settings": {"stack_settings": {"stack_name": "grid"}}},
     "settings.json: stack_settings.account: the number of the AWS account is needed. Ask for it: aws sts get-caller-identity"),
    ({"settings": {"stack_settings": {"stack_name": "grid", "account": "123456789012", "region": "us-east-1"}}},
     "settings.json: stack_settings.region: is us-east-1, and regions.json says that eu-west-1 is the main region. Leave it out"),
    ({"settings": {"stack_settings": {"stack_name": "grid", "account": "123456789012", "sandbox": "True"}}},
     "settings.json: stack_settings.sandbox: means nothing here: files say which regions there are, and credentials which account. "
     "Leave it out"),
    ({"settings": {"stack_settings": {"stack_name": "grid", "account": "123456789012", "type": "local"}}},
     "settings.json: stack_settings.type: 'local' is no host that the CDK makes. Leave it out"),
    ({"images": "[" * 100_000}, None),
    ({"settings": {}}, 'settings.json: stack_settings: is needed. Write {"stack_settings": {"stack_name": "grid", "account": "…"}}'),
    ({"images": {"image": []}}, "images.json: image: is not a known key. Did you mean images?"),
    ({"images": {"images": {"imageName": "a"}}}, 'images.json: images: an object where a list is expected. Write {"images": [{…}, {…}]}'),
    ({"images": {"images": ["a"]}}, 'images.json: images[0]: a text where an object is expected. Write {"NAME": VALUE, …}'),
    ({"images": "[]"}, 'images.json: a list where an object is expected. Write {"KEY": [{…}, {…}]}'),
    ({"images": '{"images": NaN}'}, "images.json: is not JSON: NaN is no number there. Correct it"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "problem"), REFERENCES)
def test_a_mistake_is_told_with_its_place_and_remedy(tmp_path: Path, changed: dict[str, Any], problem: str | None) -> None:
    """One mistake, one problem: what follows from it is not told as well."""
    found = _problems(write(tmp_path, **changed))
    assert len(found) == 1
    assert problem in (None, found[0])


def test_what_aws_hosts_cannot_have_is_told_in_the_words_of_files(tmp_path: Path) -> None:
    """The rules are those of all ways in; paths and remedies name files and their keys, no commands."""
    regions = [
        {"region": "eu-west-1", "main_region": "True", "cidr": "10.0.0.0/16", "peer_with_main_region": "True"},
        {"region": "us-east-1", "cidr": "10.0.128.0/20", "peer_with_main_region": "True", "subnet_config": "PRIVATE_ISOLATED"},
        {"region": "us-west-2", "import_vpc": "True"},
        {"region": "us-west-1", "cidr": "10.4.0.0/16", "nat_gateways": 3},
    ]
    clusters = {"clusters": [{"clusterName": "big", "type": "ONDEMAND", "allocation_strategy": "SPOT_CAPACITY_OPTIMIZED", "max_vCPUs": 4}]}
    definitions = {"jobDefinitions": [{"jobDefinitionName": "run", "vcpus": 8, "use_cyclone_image": "False"}]}
    assert _problems(write(tmp_path, regions={"regions": regions}, clusters=clusters, job_definitions=definitions)) == [
        "regions.json: regions[0].peer_with_main_region: it is the main region itself. Leave it out",
        "regions.json: regions[0].cidr: 10.0.0.0/16 overlaps 10.0.128.0/20 of region us-east-1, so the networks cannot be connected. "
        "Choose another range (vpc), or leave peer_with_main_region out",
        "regions.json: regions[1].deploy_vpc_endpoints: workers in isolated subnets reach AWS through endpoints only. "
        "Use deploy_vpc_endpoints FOR_PRIVATE_VPC",
        "regions.json: regions[1].cidr: 10.0.128.0/20 overlaps 10.0.0.0/16 of region eu-west-1, so the networks cannot be connected. "
        "Choose another range (vpc), or leave peer_with_main_region out",
        "regions.json: regions[2].vpc_id: it says which network to import, and is not given. Add it",
        "regions.json: regions[3].nat_gateways: 3 are more than the 2 zones of the network. Give 2 at most",
        "clusters.json: clusters[0].allocation_strategy: SPOT_CAPACITY_OPTIMIZED is for spot instances, and the cluster is ONDEMAND. "
        "Use BEST_FIT_PROGRESSIVE or BEST_FIT",
        "job_definitions.json: jobDefinitions[0].image_uri: tasks on AWS Batch run in containers, so an image is needed. "
        "Give its address: image_uri (or make a cluster of type EC2 or ONPREM first)",
        "job_definitions.json: jobDefinitions[0].vcpus: 8 vCPUs do not fit any cluster of this host (the largest has 4). "
        "Ask for less, or enlarge a cluster first",
    ]


def test_where_both_networks_are_written_import_vpc_decides(tmp_path: Path) -> None:
    """Files of the earlier system often have both."""
    both = {"cidr": "10.0.0.0/16", "vpc_id": "vpc-0123456789abcdef0"}
    regions = [
        {"region": "eu-west-1", "main_region": "True", "import_vpc": "False", **both},
        {"region": "us-east-1", "import_vpc": "True", **both},
    ]
    bodies = load(write(tmp_path, regions={"regions": regions})).bodies["region"]
    found = {name: (body["import_vpc"], body["vpc_id"], body["cidr"]) for name, body in bodies.items()}
    assert found == {"eu-west-1": (False, None, "10.0.0.0/16"), "us-east-1": (True, "vpc-0123456789abcdef0", None)}


def test_images_are_a_warning_until_they_can_be_made(tmp_path: Path) -> None:
    """Definitions that use one are there all the same: its address is known."""
    found = load(str(EXAMPLES))
    assert [str(problem) for problem in found.warnings()] == [
        "images.json: images: images of AWS hosts are made with a later version of Cyclone; until then push them to the host's repository "
        "yourself, for the definitions that name them: default"
    ]
    assert found.bodies["definition"]["default"]["cyclone_image_name"] == "worker"
    assert load(write(tmp_path)).warnings() == []


def test_a_file_under_another_name_is_recognised(tmp_path: Path) -> None:
    """The nearest name is offered."""
    folder = write(tmp_path, clusters=None, cluster={"clusters": []})
    assert f"clusters.json: is not in {folder}. Is cluster.json meant? Rename it" in _problems(folder)


def test_bytes_that_are_no_text_are_told_with_their_line(tmp_path: Path) -> None:
    """Latin-1, say, from an old editor; a mark of the byte order is none of them."""
    folder = write(tmp_path)
    Path(folder, "images.json").write_bytes(b'{"images":\n"\xe9"}')
    Path(folder, "queues.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(SMALL["queues.json"]).encode())
    assert _problems(folder) == ["images.json: line 2: is no UTF-8 text. Save the file as UTF-8"]


def test_which_directory_is_read(tmp_path: Path) -> None:
    """The context wins over the environment, both over the checkout's; the earlier system's folder counts where ours is not."""
    root, ours = str(tmp_path), str(tmp_path / "examples" / "configuration")
    assert configuration.directory("a", {"CYCLONE_CONFIG_DIR": "b"}, root) == "a"
    assert configuration.directory(None, {"CYCLONE_CONFIG_DIR": "b"}, root) == "b"
    assert configuration.directory(None, {}, root) == ours
    (tmp_path / "hyper_batch" / "configurations").mkdir(parents=True)
    assert configuration.directory("", {}, root) == str(tmp_path / "hyper_batch" / "configurations")
    Path(ours).mkdir(parents=True)
    assert configuration.directory(None, {}, root) == ours


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    """With the ways to name another one."""
    assert _problems(str(tmp_path / "no")) == [
        f"{tmp_path}/no: there is no such directory with a configuration. Name another one with --context config=DIR or CYCLONE_CONFIG_DIR"
    ]


def test_the_account_may_come_from_the_command(tmp_path: Path) -> None:
    """The CDK says whose credentials it has; what is written wins."""
    without = write(tmp_path / "a", settings={"stack_settings": {"stack_name": "grid", "account": None}})
    assert load(without, "210987654321").place.account == "210987654321"
    assert load(write(tmp_path / "b"), "210987654321").place.account == "123456789012"
    number = write(tmp_path / "c", settings={"stack_settings": {"stack_name": "grid", "account": 23456789012}})
    assert load(number).place.account == "023456789012"


# ------------------------------------------------------------------------------------------------- any configuration
NAMES = st.from_regex(r"[a-z][a-z0-9_.-]{0,12}", fullmatch=True)


def _value(name: str, shape: str, choices: tuple[str, ...], minimum: float | None, maximum: float | None) -> st.SearchStrategy[Any]:
    match shape:
        case "flag":
            return st.booleans()
        case "integer" | "number":
            return st.integers(int(minimum or 0), int(maximum or 10_000))
        case "choice":
            return st.sampled_from(choices)
        case "list":
            return st.lists(NAMES, min_size=1, max_size=3).map(tuple)
        case "map" if name == "fallback":
            return st.dictionaries(st.sampled_from(["instance-types", "zones", "regions", "on-demand"]), st.integers(0, 86_400))
        case "map":
            return st.dictionaries(NAMES, st.integers(0, 9) if name == "region_distribution_weights" else NAMES, max_size=3)
    return NAMES


@st.composite
def _models(draw: st.DrawFn, kind: str) -> Any:
    """A resource whose fields have any values that files can hold."""
    known = [spec for spec in fields_of(MODELS[kind]) if spec.applies_to("aws") and spec.shape != "json" and spec.name != "name"]
    chosen = draw(st.lists(st.sampled_from([spec for spec in known if spec.name not in SET_BY_THE_TEST]), unique_by=lambda spec: spec.name))
    values = {spec.name: draw(_value(spec.name, spec.shape, spec.choices, spec.minimum, spec.maximum)) for spec in chosen}
    model = MODELS[kind](name=draw(NAMES), **RIGHT[kind], **values)
    assume(kind == "image" or not body_problems(kind, aws_body(model, Host(name="grid"), {}), {"region": {"eu-west-1": {}}}))
    return model


SET_BY_THE_TEST = {"main_region", "region_distribution_weights", "cluster", "use_cyclone_image", "cyclone_image_name", "reference",
    "launch_type", "type", "allocation_strategy", "compute_envs", "image_uri", "vcpus", "log_driver", "certificate_authority",
    "join_with"}  # fmt: skip
RIGHT: dict[str, dict[str, Any]] = {"cluster": {"compute_envs": 1}, "definition": {"image_uri": "debian:12"}, "image": {}}
"""What makes any other values fit together."""
SPELLINGS = st.sampled_from(["plain", "texts"])


def _written(value: Any, spelling: str) -> Any:
    """A value as JSON has it, or as the earlier system wrote it."""
    value = plain(value)
    if spelling == "texts" and isinstance(value, bool):
        return str(value)
    return json.dumps(value) if spelling == "texts" and isinstance(value, dict | list) else value


def _file(kind: str, models: list[Any], spelling: str) -> Any:
    entries = [{name: _written(getattr(model, name), spelling) for name in type(model).model_fields} for model in models]
    for entry in entries:
        for spec in fields_of(MODELS[kind]):
            if not spec.applies_to("aws"):
                del entry[spec.name]
    return {configuration.SECTIONS[kind].key: entries}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), spelling=SPELLINGS)
def test_what_is_written_is_read_back_equal(tmp_path: Path, data: st.DataObject, spelling: str) -> None:
    """Any resources, in our spelling or that of the earlier system."""
    wanted: dict[str, list[Any]] = {
        kind: data.draw(st.lists(_models(kind), max_size=3, unique_by=lambda model: model.name))
        for kind in ("cluster", "image", "definition")
    }
    wanted["region"] = [Region(name="eu-west-1", main_region=True, cidr="10.0.0.0/16"), Region(name="us-east-1", cidr="10.1.0.0/16")]
    clusters = [model.name for model in wanted["cluster"]]
    wanted["queue"] = [Queue(name="q", cluster=clusters[0], region_distribution_weights={"us-east-1": 3})] if clusters else []
    files = {configuration.SECTIONS[kind].file.removesuffix(".json"): _file(kind, models, spelling) for kind, models in wanted.items()}
    found = load(write(tmp_path, **files))
    assert {kind: list(models.values()) for kind, models in found.models.items()} == wanted
    assert isinstance(found, Configuration)
