"""The real cdk command on a clone: list, synth, and on the sandbox bootstrap, deploy, diff, import and destroy."""

import json
from pathlib import Path

import pytest

from cyclone_core.aws.account import Account
from cyclone_core.host_registry import HostRegistry
from cyclone_core.infra import bootstrap
from cyclone_core.infra.plan import Plan
from cyclone_core.infra.synth import Synthesizer
from cyclone_core.operations import imports
from cyclone_core.operations.aws_resources import AwsResources
from cyclone_core.sandbox.settings import PROFILE
from tests.aws import Sandbox, wait_until

from .configurations import write
from .conftest import Cdk


def test_synth_works_from_a_clone_without_credentials(cdk: Cdk) -> None:
    """`cdk synth "*"`, as the documentation has it, and the list of what it wrote."""
    done = cdk.run("synth", "*", "--quiet")
    assert done.returncode == 0, done.stderr
    listed = cdk.run("ls", "--app", "cdk.out")
    assert listed.stdout.splitlines()[:4] == [
        "grid--host-eu-west-1 (grid--host)",
        "grid--region-eu-west-1 (grid--region)",
        "grid--hub-us-east-1-eu-west-1 (grid--hub-us-east-1)",
        "grid--region-us-east-1 (grid--region)",
    ], listed.stderr
    template = json.loads((cdk.clone / "cdk.out" / "grid--region-us-east-1.template.json").read_text())
    assert template["Resources"]["Vpc"]["Properties"]["CidrBlock"] == "10.1.0.0/16"
    assert "Metadata" not in template["Resources"]["Vpc"]


def test_problems_of_the_configuration_end_it(cdk: Cdk, tmp_path: Path) -> None:
    """The context names the directory; its problems are shown."""
    folder = write(tmp_path / "conf", clusters={"clusters": [{"clusterName": "big", "type": "SPOTS"}]})
    done = cdk.run("synth", "*", "--context", f"config={folder}")
    assert done.returncode == 1
    assert "clusters.json: clusters[0].type: 'SPOTS' is not one of SPOT, ONDEMAND. Did you mean SPOT?" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_deployed_with_cdk_and_imported(cdk: Cdk, aws: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bootstrap over ours, deploy, no difference, a difference after a change, import into hyper, which finds nothing to do, destroy."""
    main = {"region": "ap-northeast-3", "main_region": "True", "cidr": "10.0.0.0/16", "subnet_config": "PUBLIC"}
    folder = write(tmp_path / "conf", settings={"stack_settings": {"stack_name": "cdkgrid", "account": None}}, regions={"regions": [main]})
    out, credentials = str(tmp_path / "cdk.out"), str(aws.status.directory.credentials)
    reach = {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_SHARED_CREDENTIALS_FILE": credentials,
        "AWS_PROFILE": PROFILE,
        "AWS_REGION": "us-east-1",
    }

    def run(*arguments: str) -> str:
        done = cdk.run(*arguments, "--output", out, CYCLONE_CONFIG_DIR=folder, **reach)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout + done.stderr

    cloudformation = aws.client("cloudformation", "ap-northeast-3")
    cloudformation.create_stack(StackName=bootstrap.STACK, TemplateBody=json.dumps(bootstrap.template()))
    wait_until(lambda: cloudformation.describe_stacks(StackName=bootstrap.STACK)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
    run("bootstrap", "aws://123456789012/ap-northeast-3")
    run("deploy", "*", "--require-approval", "never", "--concurrency", "5")
    assert run("diff", "*", "--method", "template").count("There were no differences") == 5
    write(tmp_path / "conf", clusters={"clusters": [{"clusterName": "big", "max_vCPUs": 64}]}, settings=None, regions=None)
    assert "Number of stacks with differences: 1" in run("diff", "*", "--method", "template")

    monkeypatch.setenv("CYCLONE_HOME", str(tmp_path / "home"))
    proposal = imports.propose("cdkgrid", region="ap-northeast-3", reach=lambda host: Account(region=host.region, endpoint=aws.door()))
    imports.import_host(proposal)
    selected = HostRegistry().selected()
    assert (selected.name, selected.type, selected.account, selected.region) == ("cdkgrid", "aws", "123456789012", "ap-northeast-3")
    account = aws.account("ap-northeast-3")
    with Synthesizer(str(tmp_path / "templates")) as synthesizer:
        known = AwsResources(selected, account, synthesizer)
        left = known.propose(known.look().known)
    assert (left.plan, left.problems, left.details.stacks) == (Plan(), (), ())  # nothing is left for our deployer to do
    run("destroy", "*", "--force", "--concurrency", "5")
