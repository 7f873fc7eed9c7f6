"""Slow and failing resources and requests on demand: what an AWS account does on a bad day, to test and to see what Cyclone says then.

They are read from a file of the sandbox's directory whenever something happens, so they can be changed while it runs.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path


@dataclass(frozen=True)
class RequestFault:
    """Requests that are answered with an error, or late."""

    service: str
    """As signatures name it: `cloudformation`, `sqs`."""
    region: str = ""
    """Only of this region, "" for all."""
    code: str = ""
    """Error code, such as `Throttling` or `ExpiredToken`; "" for an answer that is only late."""
    status: int = 400
    """HTTP status of the error."""
    delay_s: float = 0.0


@dataclass(frozen=True)
class Starvation:
    """Where no new instance comes, as when AWS has none left; what runs goes on."""

    region: str
    queue: str = "*"
    """Pattern of names of job queues, and of the launch templates of fleets."""
    purchase: str = ""
    """How they would be bought: SPOT, or EC2 for on demand; "" for any way."""


@dataclass(frozen=True)
class Faults:
    """What goes wrong. Resources are named by type (`AWS::SQS::Queue`) or logical id."""

    delay_s: float = 0.0
    """Seconds that each resource takes to be created, changed and deleted."""
    delays: Mapping[str, float] = field(default_factory=dict)
    """Resource -> seconds, in place of `delay_s`."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Resource -> why it cannot be created or changed."""
    delete_failures: Mapping[str, str] = field(default_factory=dict)
    """Resource -> why it cannot be deleted."""
    rollback_failures: Mapping[str, str] = field(default_factory=dict)
    """Resource -> why a change of it cannot be taken back: its stack ends in UPDATE_ROLLBACK_FAILED."""
    requests: Sequence[RequestFault] = ()
    interruptions: Sequence[tuple[str, int]] = ()
    """Jobs of Batch with the number of the attempt that loses its host, as when a spot instance is taken away."""
    starved: Sequence[Starvation] = ()
    image_copy_s: float = 0.0
    """Seconds that a copy of a machine image takes."""
    image_copy_failure: str = ""
    """Why such a copy fails in the end."""
    notices: Mapping[str, str] = field(default_factory=dict)
    """Instance of a fleet -> what it is told: `interruption`, after which it is taken away, or `rebalance`."""

    def delay_of(self, resource_type: str, logical_id: str) -> float:
        """Seconds that a resource takes; its logical id goes before its type."""
        return self.delays.get(logical_id, self.delays.get(resource_type, self.delay_s))

    @property
    def slows(self) -> bool:
        """Whether any resource takes time."""
        return self.delay_s > 0 or any(seconds > 0 for seconds in self.delays.values())

    def interrupts(self, job_id: str, attempt: int) -> bool:
        """Whether an attempt loses its host."""
        return any((job_id, attempt) == (each[0], each[1]) for each in self.interruptions)

    def starves(self, region: str, queue: str, purchase: str) -> bool:
        """Whether no instance comes for a job queue. purchase: as Batch spells it."""
        return any(each.region == region and fnmatchcase(queue, each.queue) and each.purchase in ("", purchase) for each in self.starved)

    def request_fault(self, service: str, region: str) -> RequestFault | None:
        """What happens to a request, None for nothing."""
        return next((fault for fault in self.requests if fault.service == service and fault.region in ("", region)), None)


def write(path: Path, faults: Faults) -> None:
    """Put them where a running sandbox finds them."""
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(asdict(faults)), encoding="utf-8")
    beside.replace(path)


class FaultFile:
    """The faults of a file, read anew when it changed; none while there is no file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[tuple[int, int], Faults] | None = None

    def current(self) -> Faults:
        """What is in it now."""
        try:
            info = self._path.stat()
            version = info.st_mtime_ns, info.st_ino
            if self._read is None or self._read[0] != version:
                self._read = version, _parse(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self._read = None
        return self._read[1] if self._read else Faults()


def _parse(text: str) -> Faults:
    values = json.loads(text)
    requests = [RequestFault(**fault) for fault in values.pop("requests", ())]
    starved = [Starvation(**each) for each in values.pop("starved", ())]
    return Faults(**values, requests=requests, starved=starved)
