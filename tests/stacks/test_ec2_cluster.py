"""The stack of a cluster of type EC2: what its instances are, may do and do first, and what such clusters take of the fields."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cyclone_core.infra import ec2_checks, user_data, worker_package
from cyclone_core.infra.synth import Synthesizer
from cyclone_core.infra.user_data import Package
from cyclone_core.sandbox.instances.engine import variables
from cyclone_core.sandbox.instances.metadata import Metadata
from tests.stacks.bodies import MAIN, PLACE, cluster, target

KEYS = {"AWS_ACCESS_KEY_ID": "ASIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}


def template(synthesizer: Synthesizer, region: str = MAIN, **fields: Any) -> dict[str, Any]:
    """Resources of a cluster's stack."""
    images = {"machine_images": fields.pop("machine_images", {})}
    wanted = target("cluster", {**cluster(launch_type="EC2", **fields), **images}, region)
    resources: dict[str, Any] = synthesizer.templates([wanted])[wanted.key].body["Resources"]
    return resources


def instances(resources: dict[str, Any]) -> dict[str, Any]:
    """What they are launched from."""
    found: dict[str, Any] = resources["Instances"]["Properties"]["LaunchTemplateData"]
    return found


def test_instances_are_closed_and_end_when_they_shut_down(synthesizer: Synthesizer) -> None:
    """Metadata for those with a token, on the instance itself; encrypted disks."""
    data = instances(template(synthesizer))
    assert (data["MetadataOptions"]["HttpTokens"], data["MetadataOptions"]["HttpPutResponseHopLimit"]) == ("required", 1)
    assert [mapping["Ebs"]["Encrypted"] for mapping in data["BlockDeviceMappings"]] == [True]
    assert data["InstanceInitiatedShutdownBehavior"] == "terminate"


@pytest.mark.parametrize(
    ("fields", "image"),
    [
        ({}, "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"),
        ({"instance_list": ("c7g",)}, "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"),
        ({"machine_images": {MAIN: "ami-0123456789abcdef0"}}, "ami-0123456789abcdef0"),
    ],
)
def test_the_image_is_of_their_architecture(synthesizer: Synthesizer, fields: dict[str, Any], image: str) -> None:
    """Or the cluster's own, whose disks are as it says."""
    data = instances(template(synthesizer, **fields))
    assert data["ImageId"] == image
    assert ("BlockDeviceMappings" in data) == image.startswith("resolve")


def test_the_scaler_finds_template_and_subnets_by_their_names(synthesizer: Synthesizer) -> None:
    """In each region; the user's tags do not say whose an instance is."""
    resources = template(synthesizer, "eu-west-1", compute_resources_tags={"team": "physics", "cyclone:host": "other"})
    assert resources["Instances"]["Properties"]["LaunchTemplateName"] == "grid--default"
    assert resources["Subnets"]["Properties"]["Name"] == "/cyclone-network/grid/subnets/default"
    tags = {tag["Key"]: tag["Value"] for spec in instances(resources)["TagSpecifications"] for tag in spec["Tags"]}
    assert tags == {"Name": "grid--default", "team": "physics"}


def test_instances_may_fetch_their_package_and_nothing_else_of_that_bucket(synthesizer: Synthesizer) -> None:
    """It is in their region's bucket of assets."""
    policy = template(synthesizer, "eu-west-1")["InstanceRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    (asset,) = [each["Resource"] for each in policy["Statement"] if "cdk-" in str(each["Resource"])]
    assert asset.startswith("arn:aws:s3:::cdk-hnb659fds-assets-123456789012-eu-west-1/")
    assert asset.endswith(".zip")


def _script(package: Package = Package("bucket", "key.zip")) -> str:  # noqa: B008  a value
    return user_data.script(package, MAIN, user_data.variables("big", PLACE, MAIN))


def test_user_data_are_a_script_that_fits(tmp_path: Path) -> None:
    """EC2 takes 16 KiB; bash can read it."""
    assert len(_script(Package("b" * 63, "k" * 68)).encode()) < user_data.MOST_BYTES
    path = tmp_path / "script"
    path.write_text(_script())
    assert subprocess.run(["bash", "-n", path], check=False).returncode == 0


def test_the_sandbox_reads_what_the_machine_is_told() -> None:
    """From the script, as systemd would from the file that it writes."""
    assert variables(_script()) == user_data.variables("big", PLACE, MAIN)


class _Bucket(BaseHTTPRequestHandler):
    """S3, which refuses the first request."""

    asked: list[dict[str, str]] = []  # noqa: RUF012  one for all requests

    def do_GET(self) -> None:
        """The package."""
        self.asked.append({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}})
        self.send_response(503 if len(self.asked) == 1 else 200)
        self.end_headers()
        self.wfile.write(b"package")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def test_the_package_is_fetched_with_the_credentials_of_the_instance(tmp_path: Path) -> None:
    """Signed, and again when it could not be had at once."""
    server, metadata = ThreadingHTTPServer(("127.0.0.1", 0), _Bucket), Metadata({}, "role", lambda: KEYS)
    threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    program = user_data.FETCH.replace("time.sleep(5)", "time.sleep(0)")
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.endpoint,
    }
    target_file = tmp_path / "worker.zip"
    argv = [sys.executable, "-", "bucket", "key.zip", MAIN, str(target_file)]
    done = subprocess.run(argv, input=program, text=True, env=environment, capture_output=True, check=False)
    server.shutdown()
    server.server_close()
    metadata.close()
    assert (done.returncode, target_file.read_bytes()) == (0, b"package")
    assert "cannot be fetched yet" in done.stdout
    last = _Bucket.asked[-1]
    assert (last["path"], last["x-amz-security-token"]) == ("/bucket/key.zip", "token")
    assert last["authorization"].startswith("AWS4-HMAC-SHA256 Credential=ASIA/")


def test_the_package_has_all_that_a_machine_runs(tmp_path: Path) -> None:
    """With Python's own modules alone: it says what it misses, which is its environment."""
    path = tmp_path / "worker.zip"
    path.write_bytes(worker_package.packed())
    subprocess.run([sys.executable, "-m", "zipfile", "-e", path, tmp_path / "x"], check=True)
    program = f"import sys; sys.path.insert(0, '{tmp_path}/x'); import cyclone_core.worker.agent; {_MAIN}"
    done = subprocess.run([sys.executable, "-ISE", "-c", program, "machine"], capture_output=True, text=True, env={}, check=False)
    assert "does not know whom it works for" in done.stderr
    assert (tmp_path / "x" / "cyclone_core" / "worker" / "warm.sh").exists()


_MAIN = "from cyclone_core.scheduler.remote.main import main; main()"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({}, []),
        ({"allocation_strategy": "BEST_FIT"}, ["allocation_strategy"]),
        ({"compute_envs": 1}, ["compute_envs"]),
        ({"instance_list": ("m6i", "nonsense.large")}, ["instance_list"]),
        ({"fallback_instance_list": ("z99",)}, ["fallback_instance_list"]),
        ({"instance_list": ("m6i.4xlarge",), "max_vcpus": 8}, ["max_vcpus"]),
        ({"bid_percentage": 50}, []),
        ({"bid_percentage": 50, "instance_list": ("p5.48xlarge",)}, ["bid_percentage"]),
    ],
)
def test_what_such_clusters_take(fields: dict[str, Any], where: list[str]) -> None:
    """What means nothing there is refused, with a remedy."""
    found = list(ec2_checks.problems("clusters[default]", json.loads(json.dumps(cluster(launch_type="EC2", **fields))), ["af-south-1"]))
    assert [problem.path.rpartition(".")[2] for problem in found] == where
    assert all(problem.hint for problem in found)
