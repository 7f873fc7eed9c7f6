"""A host's jobs table and AWS Batch in some regions of the sandbox, and a scaler that looks at them whenever a test says so."""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from cyclone_core import naming
from cyclone_core.aws.lean.client import Aws
from cyclone_core.aws.lean.credentials import Credentials
from cyclone_core.aws.patience import Patience
from cyclone_core.operations.sandbox import Starvation
from cyclone_core.scheduler.capacity import Lane
from cyclone_core.scheduler.dynamo import keys, totals
from cyclone_core.scheduler.dynamo.batch_region import BatchRegion
from cyclone_core.scheduler.dynamo.demand import Bodies
from cyclone_core.scheduler.dynamo.fleet import Fleet, Request
from cyclone_core.scheduler.dynamo.scaling import Scaler
from cyclone_core.scheduler.dynamo.table import Table
from tests.aws import Sandbox
from tests.sandbox.batch import Batch

_HOSTS = itertools.count(1)
MAIN, HUB = "us-east-1", "eu-west-1"
LANE = Lane("big", "small")


@dataclass
class World:
    """A host with queue `work` on cluster `big`, and definition `small`, whose workers sleep."""

    aws: Sandbox
    host: str
    table: Table
    regions: tuple[str, ...] = (MAIN, HUB)
    vcpus: int = 1000
    """of the cluster in each region, as its record has it; the sandbox has fewer"""
    now: int = 1_700_000_000_000
    bodies: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    made: dict[str, Batch] = field(default_factory=dict)
    clients: list[Aws] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bodies = {
            "region": {name: {"name": name, "main_region": name == MAIN} for name in self.regions},
            "cluster": {"big": {"name": "big", "max_vcpus": self.vcpus, "compute_envs": 1}},
            "queue": {"work": {"name": "work", "cluster": "big"}},
            "definition": {},
        }
        for name in self.regions:
            batch = Batch(self.aws, name, f"{self.host}-")
            batch.add_environment(f"{self.host}-environment", 2)
            batch.add_queue(naming.job_queue(self.host, "big"), f"{self.host}-environment")
            self.made[name] = batch
        self.define("small")

    def define(self, name: str, script: str = "exec sleep 60", **fields: int) -> None:
        """A definition, everywhere."""
        self.bodies["definition"][name] = {"name": name, "image_uri": "none/worker:1", "vcpus": 1, "jobs_to_workers_ratio": 1, **fields}
        for batch in self.made.values():
            batch.define(script, naming.job_definition(self.host, name), self.bodies["definition"][name]["vcpus"])

    def weigh(self, **weights: int) -> None:
        """The queue's weights."""
        given = {name.replace("_", "-"): weight for name, weight in weights.items()}
        self.bodies["queue"]["work"] |= {"automate_region_weights": False, "region_distribution_weights": given}

    def chain(self, *steps: str, **fallback: int) -> None:
        """Queues for later steps of the cluster's fallback chain, and seconds until steps are taken."""
        given = {name.replace("_", "-"): seconds for name, seconds in fallback.items()}
        self.bodies["cluster"]["big"] |= {"fallback": given, "fallback_instance_list": ["m6a"], "type": "SPOT"}
        for batch in self.made.values():
            batch.client.update_compute_environment(computeEnvironment=f"{self.host}-environment", computeResources={"maxvCpus": 8})
            for step in steps:
                batch.add_environment(f"{self.host}-{step}", 8)
                batch.add_queue(naming.job_queue(self.host, "big", step), f"{self.host}-{step}")

    def tasks(self, waiting: int, running: int = 0, queue: str = "work", definition: str = "small") -> None:
        """So many are counted as open."""
        self.table.put(totals.key((queue, definition), 0), {"c0": waiting, "c1": running})

    def client(self, region: str) -> Aws:
        """The lean client of a region."""
        quick = Patience(connect_s=2.0, read_s=10.0, attempts=1, throttled_s=0.5)
        made = Aws(region, lambda: Credentials(self.aws.key, self.aws.secret), self.aws.endpoint, patience=quick)
        self.clients.append(made)
        return made

    def scaler(self, fleet: Fleet | None = None, region: Callable[[str], BatchRegion] | None = None) -> Scaler:
        """One of its scalers; its clock stands until `now` is changed."""
        return Scaler(self.table, self._bodies, region or self.region, lambda: self.now, fleet)

    def region(self, name: str) -> BatchRegion:
        """The way to a region's Batch."""
        return BatchRegion(self.client(name), self.host, name)

    def _bodies(self) -> Bodies:
        return self.bodies

    def requests(self) -> list[Request]:
        """What is written down of the fleet."""
        return Fleet(self.table).all()

    def told(self, lane: Lane = LANE) -> dict[str, Any]:
        """The body of a lane's CAPACITY item, {} when there is none."""
        item = self.table.get((keys.CAPACITY, f"{lane.cluster}#{lane.definition}"), consistent=True)
        found: dict[str, Any] = json.loads(item["body"]) if item else {}
        return found

    def jobs(self, region: str, step: str = "") -> list[dict[str, Any]]:
        """What Batch has in a region, on a step of the chain, newest first."""
        every = [{"name": "JOB_NAME", "values": ["*"]}]
        answer = self.made[region].client.list_jobs(jobQueue=naming.job_queue(self.host, "big", step), filters=every)
        found: list[dict[str, Any]] = answer["jobSummaryList"]
        return found

    def sizes(self, region: str) -> list[int]:
        """Sizes of the jobs that a region was asked for, 1 for a plain one; sorted."""
        return sorted(job.get("arrayProperties", {}).get("size", 1) for job in self.jobs(region))

    def alive(self, region: str, step: str = "") -> int:
        """Workers that a region was asked for on a step, and that have not ended."""
        ids = [job["jobId"] for job in self.jobs(region, step)]
        found = 0
        for job in self.made[region].client.describe_jobs(jobs=ids)["jobs"] if ids else ():
            counts = job.get("arrayProperties", {}).get("statusSummary") or {job["status"]: 1}
            found += sum(count for state, count in counts.items() if state not in ("SUCCEEDED", "FAILED"))
        return found

    def starved(self, *regions: str, queue: str = "*") -> list[Starvation]:
        """No instances come for the host in these regions."""
        return [Starvation(region, f"{naming.job_queue(self.host, 'big')}{queue}") for region in regions]

    def switch(self, region: str, state: str) -> None:
        """Enable or disable the job queue of a region."""
        self.made[region].client.update_job_queue(jobQueue=naming.job_queue(self.host, "big"), state=state)

    def end(self) -> None:
        """End all that it runs, and delete what that runs on."""
        for batch in self.made.values():
            batch.end()
        for client in self.clients:
            client.close()


def a_table(aws: Sandbox, name: str) -> None:
    """The jobs table of a host, as far as it is needed here."""
    keyed = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    typed = [{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk")]
    client = aws.client("dynamodb", MAIN)
    client.create_table(TableName=name, KeySchema=keyed, AttributeDefinitions=typed, BillingMode="PAY_PER_REQUEST")


@pytest.fixture
def world(aws: Sandbox) -> Iterator[World]:
    """A host over two regions."""
    host = f"scaled{next(_HOSTS)}"
    name = naming.jobs_table(host)
    a_table(aws, name)
    client = Aws(MAIN, lambda: Credentials(aws.key, aws.secret), aws.endpoint)
    made = World(aws, host, Table(client, name), clients=[client])
    yield made
    made.end()
