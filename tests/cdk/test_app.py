"""The app as a process, without the cdk command: what it writes, that it is what the deployer deploys, and what it says when it cannot."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cyclone_core.errors import CycloneError
from cyclone_core.infra import app
from cyclone_core.infra.configuration import load
from cyclone_core.infra.synth import Synthesizer
from cyclone_core.infra.targets import Target, targets

from .configurations import write

pytest.importorskip("aws_cdk", reason="the CDK path needs the extra test")
ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = str(ROOT / "examples" / "configuration")


def run(folder: str, outdir: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run it as the cdk command does, with no credentials and nothing else of this environment."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH", "LANG", "TMPDIR") if name in os.environ}
    nowhere = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_CONFIG_FILE": os.devnull}
    variables = {**kept, **nowhere, "CYCLONE_CONFIG_DIR": folder, "CDK_OUTDIR": str(outdir), **environment}
    command = [sys.executable, "-m", "cyclone_core.infra.app"]
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What it writes for the examples, told by a cdk command whose user has settings of their own."""
    outdir = tmp_path_factory.mktemp("out")
    settings = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True, "aws:cdk:version-reporting": True}
    done = run("/nowhere", outdir, CDK_CONTEXT_JSON=json.dumps({**settings, "config": EXAMPLES}), DEPLOYED="False")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert done.stderr.startswith("warning: images.json: images: images of AWS hosts are made with a later version"), done.stderr
    assert len(done.stderr.splitlines()) == 1
    return outdir


@pytest.fixture(scope="module")
def wanted() -> list[Target]:
    """The targets of the examples."""
    found = load(EXAMPLES)
    return targets(found.place, found.bodies)


def _stacks(outdir: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """(region, stack) -> its part of the manifest."""
    artifacts = json.loads((outdir / "manifest.json").read_text())["artifacts"]
    found = {}
    for name, artifact in artifacts.items():
        if artifact["type"] == "aws:cloudformation:stack":
            region = artifact["environment"].rpartition("/")[2]
            found[region, artifact["properties"].get("stackName", name)] = {"id": name, **artifact}
    return found


def test_its_stacks_are_the_targets_with_their_tags(examples: Path, wanted: list[Target]) -> None:
    """Each in its region and account, in all kinds that there are."""
    found = _stacks(examples)
    assert {key: stack["properties"]["tags"] for key, stack in found.items()} == {target.key: target.tags for target in wanted}
    assert {target.kind for target in wanted} == {"host", "region", "hub", "peering", "cluster", "definition", "queue"}
    assert all(stack["environment"].startswith("aws://111122223333/") for stack in found.values())


def test_its_templates_are_those_of_the_deployer(examples: Path, wanted: list[Target], tmp_path: Path) -> None:
    """Byte for byte in their canonical form, whatever the user of the cdk command has set; and with the same files."""
    with Synthesizer(str(tmp_path / "cache")) as synthesizer:
        deployed = synthesizer.templates(wanted)
    stacks = _stacks(examples)
    for key, template in deployed.items():
        file = examples / stacks[key]["properties"]["templateFile"]
        assert json.dumps(json.loads(file.read_text()), sort_keys=True, separators=(",", ":")) == template.text, key
        assets = json.loads((examples / f"{stacks[key]['id']}.assets.json").read_text())["files"]
        keys = {place["objectKey"] for asset in assets.values() for place in asset["destinations"].values()}
        assert {asset.key for asset in template.assets} == keys - {key for key in keys if key.endswith(".json")}


def test_stacks_wait_for_what_they_need(examples: Path, wanted: list[Target]) -> None:
    """The order of deployment is the deployer's."""
    stacks = _stacks(examples)
    ids = {key: stack["id"] for key, stack in stacks.items()}
    for target in wanted:
        waits = {name for name in stacks[target.key]["dependencies"] if not name.endswith(".assets")}
        assert waits == {ids[key] for key in target.after}, target.key


def test_the_control_plane_can_be_left_out(tmp_path: Path) -> None:
    """As ever, by DEPLOYED=True; nothing else needs its stack."""
    everything, left = (app.chosen(load(write(tmp_path)), load(write(tmp_path)).bodies, {"DEPLOYED": text}) for text in ("", "True"))
    assert [target for target in everything if target.kind == "host"] == everything[:1]
    assert left == everything[1:]
    assert not {target.key for target in everything[:1]} & {key for target in left for key in target.after}


def test_problems_are_told_without_a_trace(tmp_path: Path) -> None:
    """All of them on the standard error, and the status says that nothing was written."""
    folder = write(tmp_path / "conf", queues={"queues": [{"queue_name": "q"}]}, images="{")
    done = run(folder, tmp_path / "out")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == "The configuration has 2 problems:"
    assert "  queues.json: queues[0].cluster: clusters.json has no cluster 'default'. clusters.json has: big" in done.stderr.splitlines()
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_without_the_environment_it_says_what_to_do(tmp_path: Path) -> None:
    """A python3 that has none of the libraries: no trace, but the two commands."""
    command = [sys.executable, "-S", "-E", "-m", "cyclone_core.infra.app"]
    done = subprocess.run(command, cwd=ROOT, env={"CDK_OUTDIR": str(tmp_path / "out")}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"pydantic is not installed for {sys.executable}. Activate the virtual environment (source .env/bin/activate)"
    )
    assert "pip3 install -r requirements.txt" in done.stderr


def test_what_only_the_account_knows_needs_credentials(tmp_path: Path) -> None:
    """An imported network has to be looked up: the place says which, the reason what to do."""
    region = {"region": "eu-west-1", "main_region": "True", "import_vpc": "True", "vpc_id": "vpc-0123456789abcdef0"}
    done = run(write(tmp_path / "conf", regions={"regions": [region]}), tmp_path / "out")
    assert done.returncode == 1
    assert done.stderr.startswith("regions.json: regions[0].vpc_id: has to be looked up in the account: "), done.stderr
    assert "aws configure" in done.stderr


def test_a_long_context_is_read_from_its_file(tmp_path: Path) -> None:
    """The cdk command writes one that is too long for a variable to a file."""
    (tmp_path / "context").write_text('{"config": "there", "number": 1}')
    assert app.context({"CONTEXT_OVERFLOW_LOCATION": str(tmp_path / "context")}) == {"config": "there"}
    assert app.context({"CDK_CONTEXT_JSON": '{"config": "here"}'}) == {"config": "here"}
    assert app.context({}) == {}
    with pytest.raises(CycloneError, match="the context of the cdk command cannot be read"):
        app.context({"CDK_CONTEXT_JSON": "{"})
