"""Batch as tests use it: an environment, a queue, and jobs that run a line of bash."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.sandbox.conftest import Sandbox, wait_until

OVER = ("SUCCEEDED", "FAILED")


class Batch:
    """Batch of one region. Whoever makes one ends it: a region has 50 queues and 50 environments, for all tests together."""

    def __init__(self, aws: Sandbox, region: str, prefix: str = "") -> None:
        """prefix: what names of queues and environments begin with, where tests share the region."""
        self.prefix = prefix
        self.client: Any = aws.client("batch", region)
        self.logs: Any = aws.client("logs", region)
        ec2 = aws.client("ec2", region)
        self.network = {
            "subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
            "securityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
        }

    def open(self, vcpus: int = 4) -> "Batch":
        """With queue `queue` on the environment `environment` of some vCPUs."""
        self.add_environment("environment", vcpus)
        self.add_queue("queue", "environment")
        return self

    def end(self) -> None:
        """Delete every queue, which ends its jobs, and every environment."""
        for queue in self._names("job_queue", "jobQueues"):
            self.client.update_job_queue(jobQueue=queue, state="DISABLED")
            self.client.delete_job_queue(jobQueue=queue)
        for environment in self._names("compute_environment", "computeEnvironments"):
            self.client.update_compute_environment(computeEnvironment=environment, state="DISABLED")
            self.client.delete_compute_environment(computeEnvironment=environment)
        for client in (self.client, self.logs):
            client.close()

    def _names(self, kind: str, member: str) -> list[str]:
        pages = self.client.get_paginator(f"describe_{kind}s").paginate()
        found = [each[f"{member[:-1]}Name"] for page in pages for each in page[member]]
        return [name for name in found if name.startswith(self.prefix)]

    def add_environment(self, name: str, vcpus: int) -> None:
        """A compute environment that needs no instance role."""
        resources = {"type": "FARGATE", "maxvCpus": vcpus, **self.network}
        self.client.create_compute_environment(computeEnvironmentName=name, type="MANAGED", computeResources=resources)

    def add_queue(self, name: str, environment: str, priority: int = 1) -> None:
        """A queue with one environment."""
        order = [{"order": 1, "computeEnvironment": environment}]
        self.client.create_job_queue(jobQueueName=name, priority=priority, computeEnvironmentOrder=order)

    def define(self, script: str, name: str = "definition", vcpus: int = 1, **more: Any) -> str:
        """A definition that runs a line of bash; its ARN."""
        needs = [{"type": "VCPU", "value": str(vcpus)}, {"type": "MEMORY", "value": "128"}]
        properties = {"image": "none", "command": ["bash", "-c", script], "resourceRequirements": needs, **more.pop("container", {})}
        answer = self.client.register_job_definition(jobDefinitionName=name, type="container", containerProperties=properties, **more)
        return str(answer["jobDefinitionArn"])

    def submit(self, script: str = "true", queue: str = "queue", definition: dict[str, Any] | None = None, **more: Any) -> str:
        """A job of a new definition; its id."""
        arn = self.define(script, **(definition or {}))
        return str(self.client.submit_job(jobName="job", jobQueue=queue, jobDefinition=arn, **more)["jobId"])

    def job(self, job_id: str) -> Any:
        """A job as DescribeJobs shows it."""
        return self.client.describe_jobs(jobs=[job_id])["jobs"][0]

    def wait(self, job_id: str, *states: str) -> Any:
        """A job once it is in one of some states, or over."""
        return wait_until(lambda: job if (job := self.job(job_id))["status"] in (states or OVER) else None)

    def printed(self, job_id: str) -> list[str]:
        """What a job that is over printed in its last attempt."""
        stream = self.job(job_id)["container"]["logStreamName"]
        names = {"logGroupName": "/aws/batch/job", "logStreamName": stream}
        streams = {"logGroupName": "/aws/batch/job", "logStreamNamePrefix": stream}
        wait_until(lambda: self.logs.describe_log_groups()["logGroups"] and self.logs.describe_log_streams(**streams)["logStreams"])
        return [event["message"] for event in self.logs.get_log_events(**names)["events"]]


@contextmanager
def one_queue(aws: Sandbox, region: str, vcpus: int = 4) -> Iterator[Batch]:
    """Batch of a region that nobody else uses meanwhile, opened."""
    batch = Batch(aws, region)
    try:
        yield batch.open(vcpus)
    finally:
        batch.end()
