"""Changing a cluster's stack without ending what its workers have begun: what goes stays, disabled, until they have left (`draining`).

Whoever comes after a death finds from the stack alone how far it is: as long as its template has what nobody wants any more, that is waited
for. Workers are asked to leave by the scaler.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from cyclone_core.aws.stacks import Stacks
from cyclone_core.infra import draining, stack_states
from cyclone_core.infra.stack_operations import Ended, StackRun, Wanted
from cyclone_core.infra.stack_schedule import Left, Signal
from cyclone_core.infra.stack_words import RETRY

LOOK_EVERY_S = 2.0
"""So often workers are counted: one that leaves says so at once."""
_TOLD_EVERY = 20
"""So many looks without a change, and it is said again that there is something to wait for."""
Say = Callable[[str], None]


class Draining:
    """One cluster's stack in one region. Its methods raise AwsError, and `Left` once the thread is to leave."""

    def __init__(self, run: StackRun, stacks: Stacks, signal: Signal, say: Say, workers: Callable[[], Mapping[str, int]]) -> None:
        """workers: those that run in this region, by compute environment."""
        self._run, self._stacks, self._signal, self._say, self._workers = run, stacks, signal, say, workers

    def put(self, wanted: Wanted) -> Ended:
        """As `StackRun.put`, in two steps where something goes on which workers run."""
        now = self._run.settled()
        if now is None or not stack_states.is_well(now.status):
            return self._run.put(wanted)
        deployed = self._stacks.template(wanted.name)
        old = self._environments(wanted, deployed)
        if not self._count(old):
            return self._run.put(wanted)
        between = draining.with_old(deployed, wanted.template)
        ended = self._run.put(replace(wanted, template=between, text=json.dumps(between)))
        if ended.phase != "ACTIVE":
            return ended
        self._say("the new environments are there; those that go start nothing any more, and are deleted when their workers have left")
        return self._run.put(wanted) if self._wait(old) else Ended("CANCELLED", f"{_KEPT}: {RETRY}")

    def _environments(self, wanted: Wanted, deployed: draining.Template) -> set[str]:
        """Names of the environments that go."""
        gone = set(draining.going(deployed, wanted.template))
        found = (each for each in self._stacks.resources(wanted.name) if each.logical_id in gone and each.type == draining.ENVIRONMENT)
        return {each.physical_id.rpartition("/")[2] for each in found}

    def _count(self, environments: set[str]) -> int:
        """Workers in these environments; of one that does not say where it is, one assumes that it is there."""
        return sum(count for name, count in self._workers().items() if not name or name in environments) if environments else 0

    def _wait(self, environments: set[str]) -> bool:
        """Until nobody works there; False when it was called off."""
        before, looks = -1, 0
        while left := self._count(environments):
            looks += 1
            if left != before or looks % _TOLD_EVERY == 0:
                self._say(
                    f"{left} {'worker finishes' if left == 1 else 'workers finish'} what {'it has' if left == 1 else 'they have'} begun"
                )
            before = left
            if self._signal.cancelled.is_set():
                return False
            if not self._signal.wait(LOOK_EVERY_S):
                raise Left
        return True


_KEPT = "the change is made; what goes with it stays, disabled, while workers run there, and costs nothing without them"
