"""A host whose cluster `big` has bare instances, in memory: EC2 of some regions, and machines that say so when a test lets them."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cyclone_core.prices import table as prices
from cyclone_core.sandbox.instances.pools import Pool, picked
from cyclone_core.scheduler.dynamo import keys, machine_items, totals
from cyclone_core.scheduler.dynamo.ec2_region import Ec2Region
from cyclone_core.scheduler.dynamo.machine_items import Machine
from cyclone_core.scheduler.dynamo.region_driver import EC2, ByLaunchType
from cyclone_core.scheduler.dynamo.scaling import Report, Scaler
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.machines import usable_mib
from tests.dynamo.memory import MemoryDynamo

HOST, MAIN, HUB, FAR = "grid", "us-east-1", "eu-west-1", "eu-west-2"
NOW = 1_700_000_000_000


class Ec2:
    """EC2 of one region, which has whatever is asked for."""

    def __init__(self, region: str, now: Any) -> None:
        self.region, self._now = region, now
        self.instances: dict[str, dict[str, Any]] = {}
        self.terminated: list[str] = []
        self.is_described = True
        """whether it tells of the instances that it launched"""

    def ec2(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """An answer."""
        match operation:
            case "DescribeLaunchTemplates":
                return {"launchTemplates": [{"launchTemplateName": "grid--big"}]}
            case "DescribeSubnets":
                return {"subnetSet": [{"subnetId": "subnet-a", "availabilityZone": f"{self.region}a"}]}
            case "DescribeInstances":
                return {"reservationSet": [{"instancesSet": list(self.instances.values()) if self.is_described else []}]}
            case "CreateFleet":
                return self._create(parameters)
            case _:
                assert operation == "TerminateInstances"
                return self._terminate(parameters["InstanceId"])

    def ssm(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """The subnets."""
        return {"Parameter": {"Value": "subnet-a"}}

    def alive(self) -> list[str]:
        """Instances that run."""
        return [name for name, each in self.instances.items() if each["instanceState"]["name"] == "running"]

    def _create(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        listed = asked["LaunchTemplateConfigs"][0]["Overrides"]
        pools = [Pool(each["InstanceType"], each["SubnetId"], each["WeightedCapacity"]) for each in listed]
        tags = [{"key": each["Key"], "value": each["Value"]} for each in asked["TagSpecification"][1]["Tag"]]
        made = []
        for pool in picked(pools, asked["TargetCapacitySpecification"]["TotalTargetCapacity"], 100):
            name = f"i-{self.region}-{len(self.instances)}"
            launched = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(self._now() / 1000))
            self.instances[name] = {
                "instanceId": name, "instanceType": pool.instance_type, "instanceState": {"name": "running"}, "launchTime": launched,
                "tagSet": tags,
            }  # fmt: skip
            made.append({"instanceType": pool.instance_type, "instanceIds": [name]})
        return {"fleetId": "fleet-1", "fleetInstanceSet": made, "errorSet": []}

    def _terminate(self, names: Sequence[str]) -> dict[str, Any]:
        for name in names:
            self.instances[name]["instanceState"] = {"name": "terminated"}
        self.terminated += names
        return {}


@dataclass
class Bare:
    """The host. Its clock stands until `now` is changed."""

    regions: Sequence[str] = (MAIN,)
    types: Sequence[str] = ("c6i.xlarge",)
    now: int = NOW
    bodies: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.table = Table(MemoryDynamo(lambda: self.now), "jobs")
        self.ec2 = {name: Ec2(name, lambda: self.now) for name in self.regions}
        cluster = {"launch_type": "EC2", "instance_list": list(self.types), "max_vcpus": 100, "type": "SPOT"}
        self.bodies = {
            "region": {name: {"name": name, "main_region": name == MAIN} for name in self.regions},
            "cluster": {"big": cluster},
            "queue": {"work": {"name": "work", "cluster": "big"}},
            "definition": {},
        }
        self.define(small=1)
        self._scaler = Scaler(self.table, lambda: self.bodies, self._region, lambda: self.now)

    def _region(self, name: str) -> ByLaunchType:
        def there() -> dict[str, bool]:
            return {machine.instance: machine.has_worked for machine in machine_items.heard(self.table, self.now / 1000)}

        return ByLaunchType({EC2: Ec2Region(self.ec2[name], HOST, name, lambda: self.bodies, there, clock=lambda: self.now / 1000)})

    def define(self, **vcpus: int) -> None:
        """Definitions, each with 512 MiB."""
        self.bodies["definition"] |= {name: {"name": name, "vcpus": many, "memory_limit_mib": 512} for name, many in vcpus.items()}

    def tasks(self, waiting: int, running: int = 0, queue: str = "work", definition: str = "small") -> None:
        """So many are counted as open."""
        self.table.put(totals.key((queue, definition), 0), {"c0": waiting, "c1": running})

    def look(self, later_s: float = 0) -> Report:
        """The scaler looks, so many seconds after the last time."""
        self.now += round(later_s * 1000)
        return self._scaler.run()

    def says(self, name: str, **fields: Any) -> None:
        """The machine of an instance says that it is there; it has nothing to do, where `fields` do not say what."""
        region = name.removeprefix("i-").rpartition("-")[0]
        kind = prices.facts(self.ec2[region].instances[name]["instanceType"])
        assert kind is not None
        room = {"vcpus": kind.vcpus, "memory_mib": usable_mib(kind.memory_mib)}
        free = {f"free_{what}": many for what, many in room.items()}
        said = {**room, **free, "instance": name, "launch": "EC2", "seen": self.now // 1000, **fields}
        machine_items.write(self.table, Machine("big", region, name, **said))

    def ends(self, name: str) -> None:
        """An instance shuts itself down, and its machine says so."""
        region = name.removeprefix("i-").rpartition("-")[0]
        over = {"instanceState": {"name": "terminated"}, "stateReason": {"code": "Client.InstanceInitiatedShutdown"}}
        self.ec2[region].instances[name] |= over
        machine_items.forget(self.table, Machine("big", region, name))

    def launched(self) -> dict[str, int]:
        """Region -> instances that run there."""
        return {region: len(ec2.alive()) for region, ec2 in self.ec2.items() if ec2.alive()}

    def all(self) -> Iterator[str]:
        """The instances that run."""
        for ec2 in self.ec2.values():
            yield from ec2.alive()

    def told(self, definition: str = "small") -> dict[str, Any]:
        """What is told of a lane."""
        item = self.table.get((keys.CAPACITY, f"big#{definition}"), consistent=True)
        found: dict[str, Any] = json.loads(item["body"]) if item else {}
        return found
