"""What AWS Batch is told of a definition's container."""

import pytest

from cyclone_core.infra import worker_containers
from cyclone_core.infra.worker_containers import EcrRepository
from tests.stacks.bodies import ACCOUNT, PLACE, definition


def test_an_image_is_of_its_region() -> None:
    """`_REGION_` becomes the region; an image of the host is in the region's own repository, in China with another domain."""
    address = "111122223333.dkr.ecr._REGION_.amazonaws.com/tools/mine:1"
    found = worker_containers.image(definition(image_uri=address), PLACE, "eu-west-1")
    assert found == address.replace("_REGION_", "eu-west-1")
    assert worker_containers.ecr_repository(found) == EcrRepository("111122223333", "eu-west-1", "tools/mine")
    own = definition(image_uri=None, cyclone_image_name="worker")
    assert worker_containers.image(own, PLACE, "us-east-1") == f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/grid/images:worker"
    assert worker_containers.image(own, PLACE, "cn-north-1") == f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn/grid/images:worker"


@pytest.mark.parametrize("address", ["python:3.14", "public.ecr.aws/docker/library/python:3.14", "ghcr.io/a/b@sha256:00"])
def test_other_registries_need_no_rights(address: str) -> None:
    """Only those of AWS accounts do."""
    assert worker_containers.ecr_repository(address) is None


def test_variables_of_the_user_do_not_hide_ours() -> None:
    """A worker has to know whom it works for."""
    found = worker_containers.environment(definition(environment={"CYCLONE_HOST": "other", "A": "b"}), PLACE, "eu-west-1")
    assert (found["CYCLONE_HOST"], found["A"], found["CYCLONE_REGION"]) == ("grid", "b", "eu-west-1")


def test_logs_go_to_the_definitions_own_group() -> None:
    """Unless the driver's options name another one, or another driver is chosen."""
    own = worker_containers.logging(definition(), "grid", "us-east-1")
    assert (own.driver, own.group, own.is_ours) == ("awslogs", "/cyclone/grid/definition/default", True)
    other = worker_containers.logging(definition(log_options={"awslogs-group": "ours", "mode": "non-blocking"}), "grid", "us-east-1")
    assert (other.group, other.is_ours, other.options["mode"]) == ("ours", False, "non-blocking")
    syslog = worker_containers.logging(definition(log_driver="JSON_FILE", log_options={"max-size": "1m"}), "grid", "us-east-1")
    assert (syslog.driver, syslog.options, syslog.group) == ("json-file", {"max-size": "1m"}, "")


@pytest.mark.parametrize(("minutes", "seconds"), [(0, None), (0.1, 60), (1.01, 61), (60, 3600)])
def test_timeouts(minutes: float, seconds: int | None) -> None:
    """Batch has whole seconds, 60 at least; 0 is no limit."""
    assert worker_containers.timeout_s(definition(timeout_minutes=minutes)) == seconds


def test_what_batch_does_not_have_is_told() -> None:
    """A log driver that Docker gave up, variables that are Batch's own or that CloudFormation would fill, paths that begin nowhere."""
    body = definition(
        log_driver="LOGENTRIES",
        environment={"AWS_BATCH_JOB_ID": "1", "KEY": "{{resolve:ssm:key}}"},
        host_volumes=({"name": "data", "source_path": "/data"},),
        mount_points=({"source_volume": "data", "container_path": "data"},),
    )
    found = [str(each) for each in worker_containers.problems(body, "definitions[default]")]
    assert [each.partition(":")[0] for each in found] == [
        f"definitions[default].{field}" for field in ("log_driver", "environment", "environment", "mount_points")
    ]
    assert list(worker_containers.problems(definition(), "")) == []
