"""Machines with several slots, EC2's and those that joined: what they say of themselves in MACHINE items.

pk MACHINE, sk CLUSTER#REGION#NAME    expires: seconds since 1970, when of a machine that is silent nothing is left; five minutes after its
                last word it counts as there no more, after ten its instance is terminated (`ec2_sights`);
                leave: 1 when somebody asked it to leave, which it hears whenever it says something, within a minute, or when it leaves
                by itself and will end what runs there;
                its first word takes away what another of its name was asked, which was killed and whose item is still there
body (JSON)     the fields of `Machine` by their names

A machine says so when it comes, each minute, and soon after something changed; it takes its item away when it leaves.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.table import ConditionFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cyclone_core.scheduler.dynamo.table import Table

LIVES_S, SILENT_S = 300, 600
"""So long after its last word a machine counts as there; so long after it its instance does."""
_KEPT_S = 900
WORKING, IDLE, LEAVING = "working", "idle", "leaving"
EC2, ONPREM = "EC2", "ONPREM"
_ASKED = "is_asked_to_leave"


@dataclass(frozen=True)
class Machine:
    """A machine, as it says itself. Times are seconds since 1970."""

    cluster: str
    region: str
    """of AWS, or the name that whoever let it join gave its site"""
    name: str
    launch: str = ONPREM
    """EC2 or ONPREM (it joined)"""
    instance: str = ""
    """id of the instance, or the host name"""
    instance_type: str = ""
    purchase: str = "own"
    """spot, ondemand, or own"""
    zone: str = ""
    usd: float | None = None
    """of a vCPU hour, None where nobody told"""
    vcpus: int = 1
    """that it offers, as memory and GPUs"""
    memory_mib: int = 0
    gpus: int = 0
    free_vcpus: int = 0
    free_memory_mib: int = 0
    free_gpus: int = 0
    lanes: Mapping[str, int] = field(default_factory=dict)
    """definition -> slots that its workers have here; those of workers that are leaving are in no lane and not free"""
    tasks: int = 0
    """that run now"""
    done: int = 0
    """tasks that have ended here"""
    state: str = IDLE
    """working, idle, or leaving: it takes nothing more"""
    started: int = 0
    seen: int = 0
    request: str = ""
    """name of the request (FLEET) that it came of, "" for one that joined"""
    version: str = ""
    """of Cyclone"""
    is_asked_to_leave: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Of its item."""
        return keys.MACHINE, f"{self.cluster}#{self.region}#{self.name}"

    @property
    def slots(self) -> int:
        """Tasks that its workers may run at once."""
        return sum(self.lanes.values())

    @property
    def has_worked(self) -> bool:
        """Whether it has run anything yet."""
        return bool(self.tasks or self.done)

    @property
    def takes_work(self) -> bool:
        """Whether it will start something for what waits."""
        return self.state != LEAVING and not self.is_asked_to_leave


def read(table: "Table", now_s: float) -> list[Machine]:
    """The machines of a host that are there, by cluster, region and name. now_s: seconds since 1970. Raises AwsError.

    DynamoDB removes what has expired within days, not at once, and shows it until then.
    """
    return [machine for machine in _all(table) if machine.seen + LIVES_S >= now_s]


def heard(table: "Table", now_s: float) -> list[Machine]:
    """Those whose last word is no older than `SILENT_S`. Raises AwsError."""
    return [machine for machine in _all(table) if machine.seen + SILENT_S >= now_s]


def write(table: "Table", machine: Machine, is_first: bool = False) -> bool:
    """Say that a machine is there, as it is (at `seen`); whether it was asked to leave, which before its first word it was not.

    Who says so itself lets what runs end there, and nobody else is bought for it.

    Raises AwsError.
    """
    body = {name: value for name, value in asdict(machine).items() if name != _ASKED}
    said: dict[str, Any] = {"body": json.dumps(body, separators=(",", ":")), "expires": machine.seen + _KEPT_S}
    if is_first or machine.is_asked_to_leave:
        said["leave"] = 1 if machine.is_asked_to_leave else None
    return bool(table.update(machine.key, set=said).get("leave"))


def forget(table: "Table", machine: Machine) -> None:
    """It is gone. Raises AwsError."""
    table.delete(machine.key)


def ask_to_leave(table: "Table", machine: Machine) -> bool:
    """Ask a machine to end what runs, however long that takes, and to leave; False when it is gone already. Raises AwsError."""
    try:
        table.update(machine.key, set={"leave": 1}, when=[("pk", "present", None)], returns="NONE")
    except ConditionFailed:
        return False
    return True


def _all(table: "Table") -> "Iterator[Machine]":
    return map(_of_item, table.query(keys.MACHINE))


def _of_item(item: Mapping[str, Any]) -> Machine:
    cluster, region, name = str(item["sk"]).split("#", 2)
    known = Machine.__dataclass_fields__
    body = {field: value for field, value in json.loads(item["body"]).items() if field in known}
    return Machine(**{**body, "cluster": cluster, "region": region, "name": name, _ASKED: bool(item.get("leave"))})
