"""Changing a cluster's stack without ending what its workers have begun: what goes stays, disabled, until they have left (`draining`).

Whoever comes after a death finds from the stack alone how far it is: as long as its template has what nobody wants any more, that is waited
for. Workers are asked to leave by the scaler.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from cyclone_core.aws.stacks import Stacks
from cyclone_core.infra import draining, stack_states
from cyclone_core.infra.stack_operations import Ended, StackRun, Wanted, canonical
from cyclone_core.infra.stack_schedule import Left, Signal
from cyclone_core.infra.stack_words import RETRY

LOOK_EVERY_S, SELDOM_S = 2.0, 30.0
"""So often workers are counted while some leave (one that does says so at once), and in the end while none does: a count reads the whole
table of workers."""
_TOLD_EVERY = 20
"""So many looks without a change, and it is said again that there is something to wait for."""
Say = Callable[[str], None]


class Draining:
    """One cluster's stack in one region. Its methods raise AwsError, and `Left` once the thread is to leave."""

    def __init__(self, run: StackRun, stacks: Stacks, signal: Signal, say: Say, workers: Callable[[], Mapping[str, int]]) -> None:
        """workers: those that run in this region, by compute environment."""
        self._run, self._stacks, self._signal, self._say, self._workers = run, stacks, signal, say, workers

    def put(self, wanted: Wanted) -> Ended:
        """As `StackRun.put`, in two steps where something goes on which workers may run.

        Also where none runs there now: until the first step is done, some may still come.
        """
        now = self._run.steady(wanted.tags)
        if isinstance(now, Ended):
            return now
        if now is None or stack_states.next_move(now.status) != "update":
            return self._run.put(wanted)
        deployed = self._stacks.template(wanted.name)
        old = self._environments(wanted, deployed)
        if not old:
            return self._run.put(wanted)
        template = draining.with_old(deployed, wanted.template)
        between = replace(wanted, template=template, text=json.dumps(template))
        begun = self._run.put(between)
        if begun.phase != "ACTIVE":
            return begun
        self._say("the new environments are there; those that go start nothing any more, and are deleted when their workers have left")
        with self._signal.idling():
            ended = self._until_left(old, between)
        return ended or self._run.put(wanted)

    def _environments(self, wanted: Wanted, deployed: draining.Template) -> set[str]:
        """Names of the environments that go."""
        gone = set(draining.going(deployed, wanted.template))
        found = (each for each in self._stacks.resources(wanted.name) if each.logical_id in gone and each.type == draining.ENVIRONMENT)
        return {each.physical_id.rpartition("/")[2] for each in found}

    def _until_left(self, environments: set[str], between: Wanted) -> Ended | None:
        """Wait until nobody works there, which gives None; or how it ends without that."""
        before, looks, pause, seen = -1, 0, LOOK_EVERY_S, ("", -1.0)
        while not self._signal.cancelled.is_set():
            now = self._run.settled()
            if now is None or ((now.status, now.updated) != seen and not self._is(between)):
                return Ended("CANCELLED", _OVERTAKEN)
            left, seen = draining.on(self._workers(), environments), (now.status, now.updated)
            if not left:
                return None
            looks, pause = looks + 1, LOOK_EVERY_S if left != before else min(pause * 2, SELDOM_S)
            if left != before or looks % _TOLD_EVERY == 0:
                self._say(
                    f"{left} {'worker finishes' if left == 1 else 'workers finish'} what {'it has' if left == 1 else 'they have'} begun"
                )
            before = left
            self._signal.cancelled.wait(pause)
            if self._signal.left.is_set():
                raise Left
        return Ended("CANCELLED", f"{_KEPT}. To have it deleted, {RETRY}")

    def _is(self, between: Wanted) -> bool:
        """Whether the stack is as the first step left it."""
        return canonical(self._stacks.template(between.name)) == canonical(between.template)


_KEPT = "the change is made; what goes with it stays, disabled, while workers run there, and costs nothing without them"
_OVERTAKEN = "the change was made, and somebody has changed the cluster again since: what is left is done by whoever did that"
