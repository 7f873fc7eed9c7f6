"""A worker: takes units from its lane, hands their tasks to the agent, records what comes of them. One turn after the other.

    message queues ──▶ receiving ──▶ in hand ──▶ leases ──▶ agent ──▶ scripts
                                      │   ▲                   │ results
                                   writes └───────────────────┘
                                      │ outputs, then one conditional write, then the message
                                      ▼
                       bucket, table, message queues

The loop's parts know everything and never wait; whatever asks AWS runs beside them (`calls`): `intake`, `record`, `words`. What it must
never do: let a task be started above the mark that is written, go on with a task when its lease may be over, or tell of a result that is
not in the table as if it were.

It leaves (`stay`) when nothing came for `idle_s`, when it is told to, and when this machine can run nothing. It knows nothing of its own
process (`supervisor`): agent, threads and time are given to it, so that it can be played on a virtual clock.
"""

import os

from cyclone_core.errors import CycloneError
from cyclone_core.scheduler.remote.answers import Answers
from cyclone_core.scheduler.remote.counts import Counts
from cyclone_core.scheduler.remote.disk import Disk
from cyclone_core.scheduler.remote.hearing import Hearing
from cyclone_core.scheduler.remote.in_hand import InHand
from cyclone_core.scheduler.remote.intake import Intake
from cyclone_core.scheduler.remote.leases import Leases
from cyclone_core.scheduler.remote.log import log
from cyclone_core.scheduler.remote.presence import Presence
from cyclone_core.scheduler.remote.receiving import Receiving
from cyclone_core.scheduler.remote.record import Records
from cyclone_core.scheduler.remote.stay import Stay
from cyclone_core.scheduler.remote.usage import Usage
from cyclone_core.scheduler.remote.words import Words
from cyclone_core.scheduler.remote.writes import Writes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cyclone_core.scheduler.dynamo.queues import Lanes
    from cyclone_core.scheduler.dynamo.unit_store import UnitStore
    from cyclone_core.scheduler.remote.agent import AgentProcess
    from cyclone_core.scheduler.remote.calls import Calls
    from cyclone_core.scheduler.remote.clock import Clock
    from cyclone_core.scheduler.remote.files import Files
    from cyclone_core.scheduler.remote.machine import Machine
    from cyclone_core.scheduler.remote.notice import Instance

AT_ONCE = 12
"""Claims, and writes, that are under way together: to another continent each takes 0.1 s and more."""


class Loop:
    """See the module. `stay`: told from outside when it is to leave; `leases`: gets what the agent says."""

    def __init__(
        self, machine: "Machine", store: "UnitStore", lanes: "Lanes", files: "Files", agent: "AgentProcess", instance: "Instance",
        calls: "Callable[[int], Calls]", state_dir: str, clock: "Clock",
    ) -> None:  # fmt: skip
        """calls: makes a way to ask AWS beside the loop, in so many threads."""
        self._agent, self._clock = agent, clock
        self._notes = calls(2)
        answers, self.in_hand, self.stay = Answers(clock), InHand(machine.width), Stay(agent, clock)
        self.usage = Usage(machine, store.table, clock.wall)
        intake = Intake(machine, store, lanes, files, clock)
        records = Records(machine, store, store.bucket, lanes, state_dir, self.usage, clock)
        words = Words(machine, store.table, self.usage, clock)
        known = self.in_hand, self.stay
        self.leases = Leases(machine, agent, *known, self.usage, clock, state_dir)
        self._writes = Writes(records, self.in_hand, self.leases, self.stay, answers, calls(AT_ONCE), machine.times, clock)
        asked = calls(1), calls(AT_ONCE), self._notes
        self._receiving = Receiving(intake, self.in_hand, self.leases, self.stay, answers, agent, asked, machine.idle_s, clock)
        self._hearing = Hearing(store, intake, self.in_hand, self._writes, answers, (calls(2), self._notes), machine.times, clock)
        self._presence = Presence(words, Counts(os.environ), instance, *known, answers, self._notes, clock)
        self._disk = Disk(machine, files, agent, *known, state_dir)

    def begin(self) -> None:
        """Start the agent, and say that there is a worker. Raises OSError."""
        self._agent.start()
        self._presence.begin()

    def turn(self) -> None:
        """Do what is due now."""
        now = self._clock.seconds()
        self.leases.see_agent()
        if self.stay.why:
            self._writes.give_back_rest()
            self.leases.end_late(now)
        self._writes.watch_leases(now)
        self._writes.write_due(now)
        self.leases.hand_out()
        self._receiving.ask(now)
        self._receiving.delete_finished(now)
        self._hearing.look(now)
        self._disk.look(now, bool(self._writes.calls.open))
        self._presence.look(now, self.leases.done)

    @property
    def is_done(self) -> bool:
        """Whether it has left: nothing is in hand, and no answer is to come that something would follow of."""
        is_asking = self._receiving.claims.open or self._receiving.polls.open or self._notes.open
        return bool(self.stay.why) and not (self.in_hand or self.in_hand.finished or is_asking)

    def end(self) -> None:
        """Take leave of everybody."""
        log(f"leaves after {self.leases.done:,} tasks")
        self._agent.stop(0)
        self._agent.bury()
        try:
            self._presence.end()
        except CycloneError as exc:
            log(f"its item stays for some minutes: {exc}")
