"""Instances from their launch to their end: each is a process that runs the machine of the worker, as its systemd unit would.

A machine that ends well has shut its instance down, which terminates it; one that fails is started again. Instances are taken away as EC2
takes spot capacity: with a notice first, and then whatever runs is killed. Everything of one account and region is in one `engine`.
"""

import json
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from cyclone_core.sandbox.batch.execution import ROOT, WORKER, CannotStart, Processes, ProcessExecution
from cyclone_core.sandbox.batch.place import Scope
from cyclone_core.sandbox.instances.metadata import Metadata
from cyclone_core.sandbox.instances.pools import Pool
from cyclone_core.sandbox.instances.power import end_below

_PROGRAM = f"import sys; sys.path.insert(0, {ROOT!r}); from cyclone_core.sandbox.instances.power import main; main()"
_FIRST = (sys.executable, "-ISE", "-c", _PROGRAM)
INTERRUPTION, REBALANCE = "interruption", "rebalance"
"""Notices, as faults name them."""
_LOOK_EVERY_S, _AGAIN_S, _MOST_STARTS = 0.2, 1.0, 10
_KEPT_S = 3600.0
"""Terminated instances are described for so long."""
_PENDING, _RUNNING, _ENDING, _OVER = (0, "pending"), (16, "running"), (32, "shutting-down"), (48, "terminated")
_BY_USER = ("Client.UserInitiatedShutdown", "User initiated shutdown")
_BY_ITSELF = ("Client.InstanceInitiatedShutdown", "Instance initiated shutdown")
_BY_SPOT = ("Server.SpotInstanceTermination", "Server initiated spot instance termination")


@dataclass
class Instance:
    """One of them."""

    id: str
    scope: Scope
    fleet: str
    pool: Pool
    zone: str
    is_spot: bool
    image: str
    tags: Mapping[str, str]
    profile: str
    """ARN of its instance profile"""
    role: str
    """ARN of its role"""
    variables: Mapping[str, str]
    """of its worker"""
    launched: float = field(default_factory=time.time)
    state: tuple[int, str] = _PENDING
    reason: tuple[str, str] = ("", "")
    ending: tuple[str, str] | None = None
    """why it is to end"""
    ended: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether it does nothing any more."""
        return self.state == _OVER


class World(Protocol):
    """What instances need of what is around them."""

    def endpoint(self) -> Mapping[str, str]:
        """Variables that lead every AWS library to the sandbox."""

    def credentials(self, scope: Scope, role_arn: str, job_id: str, service: str) -> Mapping[str, str]:
        """Variables with credentials of a role that trusts a service. Raises CannotStart."""

    def notice(self, instance: str) -> str:
        """INTERRUPTION, REBALANCE, or ""."""


class Engine:
    """All instances of a sandbox."""

    def __init__(self, root: Path, world: World, grace_s: float = 30.0, notice_s: float = 120.0, most: int = 32) -> None:
        """root: directory for the directories of instances; grace_s: between SIGTERM and SIGKILL; notice_s: between the notice of an
        interruption and the end; most: instances at once."""
        self._root, self._starter, self._world = root, Processes(root), world
        self._grace_s, self._notice_s, self.most = grace_s, notice_s, most
        self.lock = threading.RLock()
        self._instances: dict[str, Instance] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._closed = False

    def launch(self, made: Instance) -> None:
        """Start one."""
        with self.lock:
            self._instances[made.id] = made
            thread = threading.Thread(target=self._live, args=(made,), name=f"instance {made.id}", daemon=True)
            self._threads[made.id] = thread
            thread.start()

    def all(self, scope: Scope) -> list[Instance]:
        """Those of an account and region, also those that ended lately."""
        with self.lock:
            self._instances = {key: each for key, each in self._instances.items() if not each.is_over or time.time() - each.ended < _KEPT_S}
            return [each for each in self._instances.values() if each.scope == scope]

    @property
    def count(self) -> int:
        """Instances that run."""
        with self.lock:
            return sum(not each.is_over for each in self._instances.values())

    def terminate(self, ids: Iterable[str]) -> None:
        """End some."""
        with self.lock:
            for each in ids:
                found = self._instances[each]
                if not found.is_over:
                    found.ending = found.ending or _BY_USER
                    found.state = _ENDING

    def close(self, wait_s: float) -> None:
        """End all, and wait for it."""
        self._closed = True
        self.terminate(list(self._instances))
        until = time.monotonic() + wait_s
        for thread in self._threads.values():
            thread.join(max(0.0, until - time.monotonic()))

    # -- one instance --------------------------------------------------------------------------------------------------
    def _live(self, made: Instance) -> None:
        metadata = Metadata(_facts(made), made.role.rpartition("/")[2], lambda: self._keys(made))
        try:
            for start in range(_MOST_STARTS):
                if made.ending:
                    break
                if self._run(made, metadata, start) == 0:
                    made.ending = made.ending or _BY_ITSELF
                time.sleep(_LOOK_EVERY_S if made.ending else _AGAIN_S)
        finally:
            metadata.close()
            with self.lock:
                made.reason, made.state, made.ended = made.ending or _BY_ITSELF, _OVER, time.time()
                self._threads.pop(made.id, None)

    def _keys(self, made: Instance) -> Mapping[str, str]:
        return self._world.credentials(made.scope, made.role, made.id, "ec2.amazonaws.com")

    def _run(self, made: Instance, metadata: Metadata, start: int) -> int:
        """Start its machine, and attend it; its exit code."""
        environment = {
            **made.variables,
            **{name: value for name, value in self._world.endpoint().items() if name != "AWS_EC2_METADATA_DISABLED"},
            "AWS_EC2_METADATA_DISABLED": "false",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata.endpoint,
            "CYCLONE_WORKER_DIR": str(self._root / f"instance-{made.id}-{start}"),
        }
        try:
            execution = self._starter.start(f"instance-{made.id}-{start}", made.image, (*_FIRST, *WORKER, "machine"), environment)
        except (CannotStart, OSError):
            return 1
        with self.lock:
            if not made.ending:
                made.state = _RUNNING
        code = self._attend(made, metadata, execution)
        execution.clean()
        return code

    def _attend(self, made: Instance, metadata: Metadata, execution: ProcessExecution) -> int:
        kill_at = taken_at = float("inf")
        while True:
            code = execution.wait(_LOOK_EVERY_S)
            if code is not None:
                return code
            now = time.monotonic()
            if self._hears_of_end(made, metadata) and taken_at == float("inf"):
                taken_at = now + self._notice_s
            if now >= taken_at and not made.ending:
                made.ending, made.state = _BY_SPOT, _ENDING
            if made.ending and kill_at == float("inf"):
                execution.ask_to_end()
                kill_at = now + (1.0 if self._closed else self._grace_s)
            if now >= kill_at:
                end_below(execution.pid)
                execution.end()

    def _hears_of_end(self, made: Instance, metadata: Metadata) -> bool:
        """Put what is to be told where the machine looks; whether its capacity is taken back."""
        notice, now = self._world.notice(made.id) if made.is_spot else "", datetime.now(UTC)
        if notice == REBALANCE:
            metadata.notices.setdefault("events/recommendations/rebalance", json.dumps({"noticeTime": _text(now)}))
        if notice == INTERRUPTION:
            told = {"action": "terminate", "time": _text(now + timedelta(seconds=self._notice_s))}
            metadata.notices.setdefault("spot/instance-action", json.dumps(told))
        return notice == INTERRUPTION


def new_id() -> str:
    """Of an instance."""
    return f"i-{uuid.uuid4().hex[:17]}"


def variables(script: str, end: str = "CYCLONE_VARIABLES") -> dict[str, str]:
    """The variables of the worker that a script of user data writes, as systemd reads them; {} when it writes none."""
    _, found, rest = script.partition(f"<<'{end}'\n")
    lines = rest.partition(f"\n{end}\n")[0].splitlines() if found else []
    return {
        name: json.loads(value) if value.startswith('"') else value for name, _, value in (line.partition("=") for line in lines) if name
    }


def _facts(made: Instance) -> dict[str, Any]:
    return {
        "instance-id": made.id,
        "instance-type": made.pool.instance_type,
        "instance-life-cycle": "spot" if made.is_spot else "on-demand",
        "ami-id": made.image,
        "placement/availability-zone": made.zone,
        "placement/region": made.scope[1],
    }


def _text(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
