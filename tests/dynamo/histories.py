"""Histories of units as their stream would tell them: random lives of slices and single jobs, and what is true at the end."""

import random
from dataclasses import dataclass, field

from cyclone_core.jobs import CANCELLED, ERROR, FAILED, RUNNING, SUCCESSFUL, WAITING
from cyclone_core.scheduler.dynamo import tiles

Counts = tuple[int, int, int, int, int, int]
Record = tuple[int, int, Counts]
"""(unit, version, counts): one write of a unit"""
_ENDS = (SUCCESSFUL, SUCCESSFUL, FAILED, CANCELLED, ERROR)


@dataclass
class Slice:
    """A unit: the state of each of its positions, and how often it was written."""

    low: int
    states: list[int]
    version: int = 0

    def record(self) -> Record:
        """What the stream tells of its next write."""
        self.version += 1
        a, b, c, d, e, f = (self.states.count(state) for state in range(6))
        return self.low, self.version, (a, b, c, d, e, f)


@dataclass
class History:
    """An array of slices; each step writes one or two items."""

    tasks: int
    size: int
    choose: random.Random
    records: list[Record] = field(default_factory=list)
    slices: dict[int, Slice] = field(default_factory=dict)

    def step(self) -> None:
        """Something happens to one slice: it is claimed, split, given back, lost and taken over, cancelled in parts, or goes on."""
        low = self.choose.choice([low for low, _ in tiles.tiles(self.tasks, self.size)] + list(self.slices))
        one = self.slices.get(low) or Slice(low, [WAITING] * tiles.tile(low, self.size, self.tasks))
        self.slices[low] = one
        open_ones = [k for k, state in enumerate(one.states) if state in (WAITING, RUNNING)]
        if not open_ones:
            return None
        what = self.choose.randrange(6)
        if what == 0 and len(one.states) > 1 and one.states[-1] == WAITING:
            return self._split(one)
        if what == 1:  # given back, or lost
            one.states = [WAITING if state == RUNNING else state for state in one.states]
        elif what == 2:  # cancelled while nobody held it
            one.states[self.choose.choice(open_ones)] = CANCELLED
        else:
            for k in open_ones[: self.choose.randint(1, len(open_ones))]:
                one.states[k] = RUNNING if one.states[k] == WAITING else self.choose.choice(_ENDS)
        return self.records.append(one.record())

    def finish(self) -> None:
        """What was begun ends."""
        for one in self.slices.values():
            if {WAITING, RUNNING} & set(one.states):
                one.states = [SUCCESSFUL if state in (WAITING, RUNNING) else state for state in one.states]
                self.records.append(one.record())

    def truth(self) -> list[int]:
        """Numbers of tasks by state; tiles that nobody claimed wait."""
        begun = [state for one in self.slices.values() for state in one.states]
        waiting = self.tasks - len(begun)
        return [begun.count(state) + (waiting if state == WAITING else 0) for state in range(6)]

    def _split(self, one: Slice) -> None:
        """The waiting rest becomes a slice of its own; the two writes come in any order."""
        keep = max(1, max((k + 1 for k, state in enumerate(one.states) if state != WAITING), default=1))
        if keep == len(one.states):
            return
        part = Slice(one.low + keep, one.states[keep:])
        del one.states[keep:]
        self.slices[part.low] = part
        self.records += [one.record(), part.record()]
