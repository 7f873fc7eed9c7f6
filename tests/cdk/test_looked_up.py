"""What only the account knows: parts of imported networks and machine images, looked up on the sandbox."""

import json
from pathlib import Path
from typing import Any

import pytest

from cyclone_core import naming
from cyclone_core.errors import InvalidRequest
from cyclone_core.infra import app
from cyclone_core.infra.configuration import load
from tests.aws import Sandbox

from .configurations import write

pytest.importorskip("boto3", reason="tests on an AWS need the extra test")


@pytest.fixture
def account(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of somebody whose credentials are the sandbox's."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.secret)


def _network(ec2: Any, region: str) -> tuple[str, str]:
    """A network with a subnet of its own; the ids."""
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24", AvailabilityZone=f"{region}a")["Subnet"]["SubnetId"]
    return vpc, subnet


def _folder(path: Path, region: str, vpc: str, **cluster: Any) -> str:
    regions = {"regions": [{"region": region, "main_region": "True", "import_vpc": "True", "vpc_id": vpc}]}
    return write(path, regions=regions, clusters={"clusters": [{"clusterName": "big", **cluster}]})


@pytest.mark.usefixtures("account")
def test_an_imported_network_is_looked_up_once(aws: Sandbox, region: str, tmp_path: Path) -> None:
    """Its range and subnets; once they are recorded, a new subnet changes nothing."""
    ec2, ssm = aws.client("ec2", region), aws.client("ssm", region)
    vpc, subnet = _network(ec2, region)
    configured = load(_folder(tmp_path, region, vpc))
    body = app.looked_up(configured)["region"][region]
    assert (body["cidr"], body["subnets"], body["subnet_config"]) == ("10.9.0.0/16", [subnet], "PRIVATE_ISOLATED")
    record = naming.record("grid", "region", region)
    ssm.put_parameter(Name=record, Value=json.dumps(body), Type="String")
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.2.0/24", AvailabilityZone=f"{region}b")
    assert app.looked_up(configured)["region"][region] == body
    ssm.delete_parameter(Name=record)
    assert len(app.looked_up(configured)["region"][region]["subnets"]) == 2


@pytest.mark.usefixtures("account")
def test_what_is_not_there_is_told_in_the_words_of_files(region: str, tmp_path: Path) -> None:
    """With the field that names it."""
    configured = load(_folder(tmp_path, region, "vpc-0123456789abcdef0", main_region_image_name="mine"))
    with pytest.raises(InvalidRequest) as refused:
        app.looked_up(configured)
    assert [problem.path for problem in refused.value.problems] == [
        "regions.json: regions[0].vpc_id",
        "clusters.json: clusters[0].main_region_image_name",
    ]
