"""The sandbox as a process: who may use it, how it ends, and what it leaves behind."""

import http.client
import json
import os
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cyclone_core.errors import CycloneError, HostUnavailable
from cyclone_core.operations import sandbox
from cyclone_core.operations.sandbox import Faults, RequestFault
from tests.sandbox.batch import Batch
from tests.sandbox.conftest import Sandbox, wait_until


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Callable[[], Sandbox]]:
    """Starts a sandbox of this test's home."""

    def start() -> Sandbox:
        status = sandbox.start(sandbox.Settings(grace_s=1.0))
        lines = dict(line.split(" = ") for line in status.directory.credentials.read_text().splitlines() if " = " in line)
        return Sandbox(status, lines["aws_access_key_id"], lines["aws_secret_access_key"], tmp_path)

    yield start
    sandbox.stop()


def get(aws: Sandbox, path: str = "/", **headers: str) -> int:
    """Status of an unsigned request."""
    assert aws.status.running is not None
    connection = http.client.HTTPConnection("127.0.0.1", aws.status.running.port, timeout=10)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 200),
        ({"Host": "localhost"}, 200),
        ({"Host": "attacker.example"}, 403),
        ({"Host": "127.0.0.1.attacker.example"}, 403),
        ({"Origin": "http://127.0.0.1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
    ],
)
def test_web_pages_are_not_answered(aws: Sandbox, headers: dict[str, str], expected: int) -> None:
    """A foreign Host, an Origin, or a browser's mark."""
    assert get(aws, "/_ministack/health", **headers) == expected


@pytest.mark.parametrize("path", ["/_ministack/reset", "/_ministack/config", "/_ministack/sqs/messages", "/_localstack/info", "/_aws/ses"])
def test_pages_without_keys_are_closed(aws: Sandbox, path: str) -> None:
    """Those of ministack itself."""
    assert get(aws, path) == 403


@pytest.mark.parametrize("key", ["test", "123456789012", ""])
def test_only_the_keys_of_this_start_are_taken(aws: Sandbox, key: str) -> None:
    """Not the usual ones of emulators, whose secret nobody checks, and not its own with another secret."""
    for secret in ("test", aws.secret):
        given = {"aws_access_key_id": key or aws.key, "aws_secret_access_key": secret if key else "test"}
        client = aws.client("sqs", "us-east-1", **given)
        with pytest.raises(client.exceptions.ClientError) as caught:
            client.list_queues()
        assert caught.value.response["Error"]["Code"] in ("InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException")


@pytest.mark.parametrize("authorization", ["", "Bearer token", "Basic dGVzdDp0ZXN0", "AWS test:signature"])
def test_what_is_not_signed_is_refused(aws: Sandbox, authorization: str) -> None:
    """For lists of queues and of buckets."""
    headers = {"Authorization": authorization} if authorization else {}
    assert get(aws, "/?Action=ListQueues", **headers) == 403
    assert get(aws, "/", **headers) == 403


def test_it_listens_on_loopback_only(aws: Sandbox) -> None:
    """Every listening socket of the process."""
    assert aws.status.running is not None
    descriptors = Path(f"/proc/{aws.status.running.pid}/fd").iterdir()
    inodes = {os.readlink(each).removeprefix("socket:[").removesuffix("]") for each in descriptors}
    rows = [row.split() for table in ("tcp", "tcp6") for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    listening = {row[1] for row in rows if row[3] == "0A" and row[9] in inodes}
    assert listening == {f"0100007F:{aws.status.running.port:04X}"}


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("cloudformation", "list_stacks"),
        ("sqs", "list_queues"),
        ("s3", "list_buckets"),
        ("batch", "describe_job_queues"),
        ("ec2", "describe_vpcs"),
        ("lambda", "list_functions"),
        ("dynamodb", "list_tables"),
    ],
)
def test_requests_fail_on_demand(aws: Sandbox, faults: Callable[[Faults], None], service: str, call: str) -> None:
    """With the code that was asked for, in the one region only."""
    faults(Faults(requests=[RequestFault(service, "eu-south-1", "ThrottlingException", 429)]))
    client = aws.client(service, "eu-south-1")
    with pytest.raises(client.exceptions.ClientError, match="ThrottlingException"):
        getattr(client, call)()
    getattr(aws.client(service, "eu-south-2"), call)()


def test_its_files_are_private_and_its_profile_is_enough(own: Callable[[], Sandbox]) -> None:
    """Keys are in a file that only the user reads; the profile also leads to the sandbox."""
    aws = own()
    directory = aws.status.directory
    assert stat.S_IMODE(directory.credentials.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.root.stat().st_mode) == 0o700
    assert aws.secret not in json.dumps(aws.status.environment)
    assert f"endpoint_url = {aws.endpoint}" in directory.credentials.read_text()


def test_starting_again_shows_the_one_that_runs(own: Callable[[], Sandbox]) -> None:
    """One sandbox per user; after its end another one has the same port and other keys."""
    first, second = own(), own()
    assert (first.status.running, first.key) == (second.status.running, second.key)
    assert sandbox.stop() is True
    assert (sandbox.stop(), sandbox.status().state) == (False, "stopped")
    third = own()
    assert third.endpoint == first.endpoint
    assert third.key != first.key


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _running_job(aws: Sandbox) -> int:
    """Process of a job that never ends by itself."""
    batch = Batch(aws, "us-east-1").open()
    job_id = batch.submit("echo $$; trap '' TERM; sleep 600 & wait; sleep 600")
    wait_until(lambda: batch.printed(job_id))
    return int(batch.printed(job_id)[0])


def test_stopping_ends_its_jobs(own: Callable[[], Sandbox]) -> None:
    """Also those that ignore SIGTERM; the keys are gone."""
    aws = own()
    process = _running_job(aws)
    assert _alive(process)
    sandbox.stop()
    assert not _alive(process)
    assert not aws.status.directory.credentials.exists()


def test_stopping_lets_jobs_finish(own: Callable[[], Sandbox], tmp_path: Path) -> None:
    """They get SIGTERM and a moment."""
    batch = Batch(own(), "us-east-1").open()
    job_id = batch.submit(f"trap 'echo done > {tmp_path}/left; exit' TERM; echo ready; sleep 600 & wait")
    wait_until(lambda: batch.printed(job_id))
    sandbox.stop()
    assert (tmp_path / "left").read_text() == "done\n"


def test_a_killed_sandbox_leaves_no_jobs_after_the_next_command(own: Callable[[], Sandbox]) -> None:
    """kill -9: `status` sees that it is gone, `stop` ends what it left."""
    aws = own()
    process = _running_job(aws)
    assert aws.status.running is not None
    os.kill(aws.status.running.pid, signal.SIGKILL)
    wait_until(lambda: sandbox.status().state == "stopped")
    sandbox.stop()
    wait_until(lambda: not _alive(process))


def test_a_port_that_is_taken_is_named() -> None:
    """And nothing is left running."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(HostUnavailable, match=f"port {taken.getsockname()[1]} of 127.0.0.1 cannot be used"):
            sandbox.start(sandbox.Settings(port=taken.getsockname()[1]))
    assert sandbox.status().state == "stopped"


def test_faults_need_a_sandbox() -> None:
    """The message says how to start one."""
    with pytest.raises(CycloneError, match="hyper sandbox start"):
        sandbox.set_faults(Faults())
