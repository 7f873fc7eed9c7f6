"""Workers whose instances go, or were changed under them: they finish what they have begun, new ones come on instances as they should be.

A changed cluster gets other compute environments, and those that were there stay, disabled and in no queue, until nothing runs on them any
more. AWS Batch can also be told to change one in place: it leaves its jobs alone then, for some hours. Either way a worker of ours would go
on taking work there all that time. So the scaler keeps what each environment's instances are made from (`seen`), and once the queue has
the environment no more, or its instances are made from something else, its workers that are older are asked to leave (`leaving`): a worker
gives back what it has not begun, so nothing is lost and no attempt counts. An environment that comes back into its queue keeps the workers
that come then.

Only what instances are made from counts: how many there may be (vCPUs) concerns no worker. What is written down (INSTANCES items) survives
whoever looks; it makes no difference who changed the environment, a deployment, the `cdk` command or somebody in the console.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.region_driver import EC2

if TYPE_CHECKING:
    from cyclone_core.scheduler.dynamo.leaving import Present
    from cyclone_core.scheduler.dynamo.machine_items import Machine
    from cyclone_core.scheduler.dynamo.table import Table

_NUMBERS = ("minvCpus", "maxvCpus", "desiredvCpus")
"""Of an environment's resources: what changes without new instances."""
STARTS_S = 300
"""So long after a change a worker may say for the first time that it is there, and that it is older."""
MACHINES = "machines"
"""What stands for the environment of instances that are machines with slots."""
Body = Mapping[str, Any]
Place = tuple[str, str]
"""(cluster, region)"""


@dataclass(frozen=True)
class Known:
    """What is known of a cluster's instances in a region."""

    seen: Mapping[str, str] = field(default_factory=dict)
    """environment -> what its instances are made from, as a hash"""
    since: Mapping[str, int] = field(default_factory=dict)
    """environment -> when its instances were changed, or it left the queue (seconds since 1970), while older workers may be there"""


def made_from(environments: Iterable[Body]) -> dict[str, str]:
    """Environment's name -> a hash of what its instances are made from. environments: as Batch describes them."""
    return {str(each["computeEnvironmentArn"]).rpartition("/")[2]: _hash(each.get("computeResources") or {}) for each in environments}


def of_machines(template: str, cluster: Body) -> dict[str, str]:
    """The same of a cluster of type EC2: the version of its launch template, and what of its body fleets are asked for with."""
    asked = {name: cluster.get(name) for name in ("instance_list", "type")}
    return {MACHINES: _hash({"template": template, **asked})}


def after(before: Known, seen: Mapping[str, str], now_s: int) -> Known:
    """What is known once environments were seen so. What was never seen before has no older workers."""
    changed = {name: now_s for name, digest in before.seen.items() if seen.get(name) != digest}
    return Known(dict(seen), {**before.since, **changed})


def older(known: Mapping[Place, Known], workers: Iterable["Present"]) -> list["Present"]:
    """Workers whose instances were changed under them, those that are leaving already among them."""
    return [worker for worker in workers if _is_older(known.get((worker.lane.cluster, worker.region), Known()), worker)]


def older_machines(known: Mapping[Place, Known], machines: Iterable["Machine"]) -> list["Machine"]:
    """Instances of clusters of type EC2 that were launched before what they are made from was changed; machines that joined stay."""
    since = {place: each.since.get(MACHINES, 0) for place, each in known.items()}
    return [each for each in machines if each.launch == EC2 and each.started < since.get((each.cluster, each.region), 0)]


def without_past(place: Place, known: Known, found: Iterable["Present"], machines: Iterable["Machine"], now_s: int) -> Known:
    """Without changes of which no worker is left. found, machines: older ones, of this cluster and region and others."""
    there = {worker.environment for worker in found if (worker.lane.cluster, worker.region) == place}
    there |= {MACHINES for each in machines if (each.cluster, each.region) == place}
    kept = {name: at for name, at in known.since.items() if name in there or "" in there or now_s <= at + STARTS_S}
    return Known(known.seen, kept)


def by_environment(workers: Iterable["Present"]) -> Counter[str]:
    """Compute environment's name -> workers there; MACHINES: those of machines with slots, "": those that do not say where they are."""
    return Counter(MACHINES if _is_of_machine(worker) else worker.environment for worker in workers)


def _is_older(known: Known, worker: "Present") -> bool:
    """A worker of an earlier version does not say where it is: it may be anywhere; one of a machine leaves with that."""
    if _is_of_machine(worker):
        return False
    if not worker.environment:
        return worker.started < max(known.since.values(), default=0)
    at = known.since.get(worker.environment)
    return at is not None and (worker.environment not in known.seen or worker.started < at)


def _is_of_machine(worker: "Present") -> bool:
    return "#" in worker.key[1]  # NAME#N


def _hash(resources: Body) -> str:
    found = {name: sorted(map(str, value)) if isinstance(value, list) else value for name, value in resources.items()}
    told = json.dumps({name: value for name, value in found.items() if name not in _NUMBERS}, sort_keys=True, default=str)
    return sha256(told.encode()).hexdigest()[:16]


# -- what is written down -----------------------------------------------------------------------------------------------
def read(table: "Table") -> dict[Place, Known]:
    """All that is known. Raises AwsError."""
    found = {}
    for item in table.query(keys.INSTANCES):
        cluster, _, region = str(item["sk"]).rpartition("#")
        body = json.loads(str(item["body"]))
        found[cluster, region] = Known(body["seen"], body["since"])
    return found


def keep(table: "Table", before: Mapping[Place, Known], known: Mapping[Place, Known]) -> None:
    """Write down what became known, and forget clusters that are gone. before: as it was read. Raises AwsError."""
    for place, each in known.items():
        if each != before.get(place):
            body = json.dumps({"seen": dict(each.seen), "since": dict(each.since)}, separators=(",", ":"))
            table.put(_key(place), {"body": body})
    for place in before.keys() - known.keys():
        table.delete(_key(place))


def _key(place: Place) -> tuple[str, str]:
    return keys.INSTANCES, f"{place[0]}#{place[1]}"
