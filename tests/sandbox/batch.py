"""Batch as tests use it: an environment, a queue, and jobs that run a line of bash."""

from typing import Any

from tests.sandbox.conftest import Sandbox, wait_until

OVER = ("SUCCEEDED", "FAILED")


class Batch:
    """Batch of one region, with queue `queue` on an environment of some vCPUs."""

    def __init__(self, aws: Sandbox, region: str, vcpus: int = 4) -> None:
        self.client: Any = aws.client("batch", region)
        self.logs: Any = aws.client("logs", region)
        ec2 = aws.client("ec2", region)
        self.network = {
            "subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]],
            "securityGroupIds": [ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]],
        }
        self.add_environment("environment", vcpus)
        self.add_queue("queue", "environment")

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
