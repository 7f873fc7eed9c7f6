"""Jobs of Batch without a command, which in an image run its entry point: here they are workers of this installation."""

from collections.abc import Iterator

import pytest

from tests.sandbox.batch import Batch, one_queue
from tests.sandbox.conftest import Sandbox, wait_until


@pytest.fixture(scope="module")
def batch(aws: Sandbox) -> Iterator[Batch]:
    """Batch of a region of these tests."""
    with one_queue(aws, "ca-central-1") as made:
        yield made


def test_a_job_without_a_command_is_a_worker(batch: Batch) -> None:
    """This one does not know whom it works for, and says so in its log."""
    needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "128"}]
    properties = {"image": "none", "resourceRequirements": needs}
    made = batch.client.register_job_definition(jobDefinitionName="worker", type="container", containerProperties=properties)
    job_id = batch.client.submit_job(jobName="job", jobQueue="queue", jobDefinition=made["jobDefinitionArn"])["jobId"]
    job = batch.wait(job_id)
    assert (job["status"], job["container"]["exitCode"]) == ("FAILED", 2)
    (line,) = wait_until(lambda: batch.printed(job_id))
    assert "does not know whom it works for: CYCLONE_HOST, CYCLONE_ACCOUNT" in line
