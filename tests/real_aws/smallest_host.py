"""The smallest host that has everything: one region with public subnets, a cluster of one vCPU, a queue, a definition.

Nothing of it is charged by the hour: no NAT gateway, no endpoints, and no machine, as no job is submitted.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cyclone_core import naming
from cyclone_core.errors import CycloneError
from cyclone_core.infra import bootstrap
from cyclone_core.operations import aws_hosts, deployments, hosts
from cyclone_core.operations.resources import Mode, Proposal
from cyclone_core.resources import Host

if TYPE_CHECKING:
    from cyclone_core.operations.aws_resources import AwsResources

_GONE_S = 120.0
"""So long AWS may still list what was deleted."""
_LISTS = (
    ("batch", "DescribeComputeEnvironments", "computeEnvironments", "computeEnvironmentName"),
    ("batch", "DescribeJobQueues", "jobQueues", "jobQueueName"),
    ("cloudwatch", "DescribeAlarms", "MetricAlarms", "AlarmName"),
    ("dynamodb", "ListTables", "TableNames", ""),
    ("ecr", "DescribeRepositories", "repositories", "repositoryName"),
    ("lambda", "ListFunctions", "Functions", "FunctionName"),
    ("sqs", "ListQueues", "QueueUrls", ""),
    ("ssm", "DescribeParameters", "Parameters", "Name"),
)
"""Service, request, where its answer has the things, and what their name is called, "" where they are names."""


@dataclass
class SmallestHost:
    """One in the account that the environment names."""

    host: Host
    say: Callable[[str], None]

    @classmethod
    @contextmanager
    def named(cls, name: str, say: Callable[[str], None]) -> "Iterator[SmallestHost]":
        """One that is not there yet, and of which in the end everything is deleted.

        Says where it will be, what it costs, and how to delete it should this process be killed.
        """
        given = {"name": name, "type": "aws", "auto_init_main": False}
        found = cls(aws_hosts.complete(hosts.propose(given).check()), say)
        account, region = found.host.account, found.host.region
        say(f"host {name} in account {account}, {region}: some cents at most (requests, log lines, an alarm; no machine, NAT or endpoint)")
        say(f"should this be killed: hyper hosts import-deployment --name {name} --region {region}; hyper hosts delete-host --name {name}")
        if not found._has_bootstrap():
            say(f"CDKToolkit, which all hosts share, is made in {region} and stays: a bucket with some kilobytes")
        try:
            yield found
        finally:
            found.delete()

    @property
    def known(self) -> "AwsResources":
        """Its resources."""
        from cyclone_core.operations.aws_resources import AwsResources

        return AwsResources(self.host)

    def make(self) -> None:
        """Its control plane, then the rest of it, one by one."""
        self._follow(aws_hosts.create(self.host, aws_hosts.propose_create(self.host)).number)
        main = {"name": self.host.region, "vpc": "10.213.0.0/20", "subnet_config": "PUBLIC", "availability_zones": 2}
        self.put("region", main)
        self.put("cluster", {"name": "small", "max_vcpus": 1, "compute_envs": 1, "type": "ONDEMAND"})
        self.put("queue", {"name": "fast", "cluster": "small"})
        self.put("definition", {"name": "box", "image_uri": "public.ecr.aws/docker/library/busybox:stable"})

    def put(self, kind: str, given: dict[str, Any], mode: Mode = "create") -> Proposal:
        """Make or change a resource; what was planned."""
        proposal = self.known.propose_put(kind, given, mode)
        self.apply(proposal)
        return proposal

    def apply(self, proposal: Proposal) -> None:
        """Make a plan true, as `hyper` does."""
        proposal.check()
        self._follow(deployments.start(self.host, proposal).number)

    def states(self) -> dict[tuple[str, str], str]:
        """(kind, name) -> state."""
        snapshot = self.known.snapshot()
        everything = (*((snapshot.host,) if snapshot.host else ()), *snapshot.resources)
        return {(stored.kind, stored.name): stored.state for stored in everything}

    def live(self) -> None:
        """All of it becomes ACTIVE and then needs nothing, and a cluster is changed in place."""
        self.make()
        states = self.states()
        assert {kind for kind, _ in states} == {"host", "region", "cluster", "queue", "definition"}
        assert set(states.values()) == {"ACTIVE"}, states
        assert not aws_hosts.propose_update(self.host).plan
        made = {each.split()[0] for each in self.left()}
        assert made == {"stack", "ec2", "logs", "s3", *(service for service, *_ in _LISTS)}, "what is looked for in the end is seen now"

        proposal = self.put("cluster", {"name": "small", "max_vcpus": 2}, "update")
        assert [(change.action, change.kind) for change in proposal.plan.changes] == [("change", "cluster")]
        assert self.known.snapshot().bodies["cluster"]["small"]["max_vcpus"] == 2
        assert set(self.states().values()) == {"ACTIVE"}
        assert not aws_hosts.propose_update(self.host).plan

    def delete(self) -> None:
        """Delete everything that there is of it, in a second try if need be, and see that nothing is left."""
        for last in (False, True):
            try:
                proposal = aws_hosts.propose_delete(self.host)
                if proposal.plan:
                    self.apply(proposal)
                break
            except (CycloneError, AssertionError) as exc:
                self.say(f"not deleted: {exc}")
                if last:
                    self.say(f"left: {', '.join(self.left()) or 'nothing'}")
                    raise
        until = time.monotonic() + _GONE_S
        while (left := self.left()) and time.monotonic() < until:
            time.sleep(2.0)
        self.say(f"left of {self.host.name}: {', '.join(left) or 'nothing'}")
        assert left == [], "delete these by hand: some may be charged"

    def left(self) -> list[str]:
        """What the account still has of it."""
        return sorted({*self._left_stacks(), *self._left_network(), *self._left_listed()})

    def _left_stacks(self) -> Iterator[str]:
        from cyclone_core.aws.stacks import Stacks

        yield from (f"stack {stack.name}" for stack in Stacks(self.known.account, str(self.host.region)).list(self.host.name))

    def _left_network(self) -> Iterator[str]:
        ec2 = self.known.account.client("ec2", str(self.host.region))
        for operation, member, name in (
            ("DescribeVpcs", "Vpcs", "VpcId"),
            ("DescribeNatGateways", "NatGateways", "NatGatewayId"),
            ("DescribeAddresses", "Addresses", "AllocationId"),
        ):
            for entry in ec2.ask(operation)[member]:
                is_its = any(str(tag["Value"]).startswith(f"{self.host.name}--") for tag in entry.get("Tags", ()))
                if is_its and entry.get("State") != "deleted":
                    yield f"ec2 {entry[name]}"
        for reservation in ec2.ask("DescribeInstances").get("Reservations", ()):
            for entry in reservation["Instances"]:
                is_its = any(str(tag["Value"]).startswith(f"{self.host.name}--") for tag in entry.get("Tags", ()))
                if is_its and entry["State"]["Name"] != "terminated":
                    yield f"ec2 {entry['InstanceId']}"

    def _left_listed(self) -> Iterator[str]:
        from cyclone_core.aws import storage

        words = (self.host.name, naming.in_logical_ids(self.host.name))
        for service, operation, member, key in _LISTS:
            for entry in self.known.account.client(service, str(self.host.region)).all(operation, member):
                name = str(entry[key] if key else entry)
                if any(word in name for word in words):
                    yield f"{service} {name}"
        bucket = naming.data_bucket(self.host.name, str(self.host.account), str(self.host.region))
        if storage.has_bucket(self.known.account, str(self.host.region), bucket):
            yield f"s3 {bucket}"
        logs = self.known.account.client("logs", str(self.host.region))
        for prefix in (f"/cyclone/{self.host.name}/", f"/aws/lambda/{self.host.name}--"):
            for entry in logs.all("DescribeLogGroups", "logGroups", logGroupNamePrefix=prefix):
                yield f"logs {entry['logGroupName']}"

    def _has_bootstrap(self) -> bool:
        from cyclone_core.aws import storage

        account, region = str(self.host.account), str(self.host.region)
        return storage.has_bucket(self.known.account, region, bootstrap.bucket(account, region))

    def _follow(self, number: int) -> None:
        for event in deployments.follow(self.host, number):
            if not event.part:
                self.say(f"  {event.kind} {event.name}: {event.phase} {event.text}".rstrip())
        ended = deployments.get(self.host, number)
        assert ended.state == "SUCCEEDED", ended.reason
