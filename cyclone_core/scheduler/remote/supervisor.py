"""The supervisor of a worker machine: takes units from its lane, hands their tasks to the agent, records what comes of them.

    message queues ──▶ intake (threads) ──▶ held ──▶ agent ──▶ scripts
                                             │ ▲        │ results
                          record (threads) ◀─┘ └────────┘
                                │ outputs, then one conditional write, then the message
                                ▼
                       bucket, table, message queues

One loop knows everything; whatever asks AWS runs beside it (`calls`). What it must never do: let a task be started above the mark that
is written, go on with a task when its lease may be over, or tell of a result that is not in the table as if it were.

It leaves when nothing came for `idle_s`, when it is told to (SIGTERM, notice of a spot interruption), and when this machine can run
nothing. SIGUSR1 is a machine's word to its workers: take nothing more, and end what runs, however long that takes.
"""

import ctypes
import os
import select
import time
from signal import SIG_IGN, SIGINT, SIGPIPE, SIGTERM, SIGUSR1, set_wakeup_fd, signal

from cyclone_core.errors import CycloneError
from cyclone_core.journal import output_path
from cyclone_core.scheduler.dynamo.keys import LEASED
from cyclone_core.scheduler.dynamo.queues import BATCH
from cyclone_core.scheduler.local.connections import Connections
from cyclone_core.scheduler.remote import clock, logs
from cyclone_core.scheduler.remote.agent import STREAM, AgentProcess, log
from cyclone_core.scheduler.remote.calls import Arrivals, Calls
from cyclone_core.scheduler.remote.counts import Counts
from cyclone_core.scheduler.remote.exits import TAKEN_BACK
from cyclone_core.scheduler.remote.held import FLUSH_ROWS, FLUSH_S, PIPELINED_S, SHORT_S, Held, Pace, surplus
from cyclone_core.scheduler.remote.intake import SPEC, Intake
from cyclone_core.scheduler.remote.machine import SPOT_S
from cyclone_core.scheduler.remote.notice import INTERRUPTED, LOOK_S, WHY, Instance
from cyclone_core.scheduler.remote.record import BACK, DIED, LEAVING, Plan, Records, Written
from cyclone_core.scheduler.remote.usage import Usage
from cyclone_core.scheduler.remote.words import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.journal import Row
    from cyclone_core.ports import Range
    from cyclone_core.scheduler.dynamo.queues import Lanes, Message
    from cyclone_core.scheduler.dynamo.store import DynamoStore
    from cyclone_core.scheduler.remote.files import Files
    from cyclone_core.scheduler.remote.machine import Machine
    from cyclone_core.wire import Channel

    Error = CycloneError | OSError | None

TICK_S = 0.25
RETRY_S = 2.0
"""After a write that failed, or a question that was not answered."""
KILL_S = 3.0
MOST_HELD = 40
"""Units in hand at once, and twice as many as tasks that may run."""
AT_ONCE = 12
"""Claims, and writes, that are under way together: to another continent each takes 0.1 s and more."""
CUT_OFF_S = 120.0
"""A worker that holds nothing and has got no answer for so long leaves."""
DELETE_S = 2.0
"""A message of what is over waits at most so long for others to be deleted with."""
_LOG_S = 30.0
_LEAST_BYTES = 1 << 20
_KINDS = 200
_PR_SET_NAME, _PR_SET_CHILD_SUBREAPER = 15, 36


class Supervisor:
    """See the module. `run` returns the exit code."""

    def __init__(
        self, machine: "Machine", store: "DynamoStore", lanes: "Lanes", files: "Files", state_dir: str, socket_path: str,
        instance: Instance | None = None,
    ) -> None:  # fmt: skip
        self.machine, self.store, self.times, self.files, self.state_dir = machine, store, machine.times, files, state_dir
        self.usage = Usage(machine, store.table)
        self.intake = Intake(machine, store, lanes, files)
        self.records = Records(machine, store, store.bucket, lanes, state_dir, self.usage)
        self.width, self.most_held = machine.width, max(MOST_HELD, 2 * machine.width)
        """tasks that run at once, one in a container, which has the vCPUs of one; units in hand at once"""
        self.connections = Connections(socket_path, self._take_in, self._gone)
        self.arrivals = Arrivals()
        self.signals = _wakeup_pipe()
        for descriptor in (self.arrivals.descriptor, self.signals):
            self.connections.poll.register(descriptor, select.EPOLLIN)
        self.polls, self.claims, self.writes = (Calls(self.arrivals, threads) for threads in (1, AT_ONCE, AT_ONCE))
        self.looks, self.notes = Calls(self.arrivals, 2), Calls(self.arrivals, 2)
        self.agent = AgentProcess(state_dir, socket_path, self.connections)
        self.words, self.instance = Words(machine, store.table, self.usage), instance or Instance()
        self.held: dict[tuple[int, int], Held] = {}
        self.finished: list[Message] = []
        """messages that are to be deleted, of units that are over"""
        self.leases: dict[int, tuple[Held, int]] = {}
        """number of a lease of the agent's -> whose tasks they are, and how many of them are left"""
        self.pace = Pace()
        self.paces: dict[bytes, Pace] = {}
        """of what kinds of tasks (their spec)"""
        self.next_lease = 1
        self.receive_after = self.look_at = self.hide_at = self.notice_at = self.full_since = self.told_at = self.delete_at = 0.0
        self.worked_at = self.taken_at = self.answered_at = clock.seconds()
        self.counts = Counts(os.environ)
        self.leave_at = 0.0
        """running tasks may go on until then; 0: nobody told it to leave"""
        self.why, self.exit_code, self.left_code = "", 0, 0
        self.is_told, self.parent = False, os.getppid()

    # -- the loop -----------------------------------------------------------------------------------------------------------------
    def run(self) -> int:
        """Work until there is nothing to do here any more; 0 when all is well, TAKEN_BACK when only its instance goes."""
        self.agent.start()
        self.notes.start(self.words.begin, self.instance, done=_nothing)
        while not self._is_done():
            self._step()
        log(f"leaves after {self.words.done:,} tasks")
        self.agent.stop(0)
        self.agent.bury()
        try:
            self.words.end()
        except CycloneError as exc:
            log(f"its item stays for some minutes: {exc}")
        return self.exit_code or self.left_code

    def _step(self) -> None:
        for descriptor, event in self.connections.poll.poll(TICK_S):
            if descriptor == self.signals:
                self._signalled()
            elif descriptor == self.arrivals.descriptor:
                self.arrivals.take_in()
            elif why := self.connections.handle(descriptor, event):
                log(f"no connection can be taken just now: {why}")
        now = clock.seconds()
        self._see_agent()
        self._drain(now)
        self._watch_leases(now)
        self._write_due(now)
        self._hand_out()
        self._ask_for_work(now)
        self._delete_finished(now)
        self._look(now)

    def _is_done(self) -> bool:
        return bool(self.why) and not (self.held or self.finished or self.claims.open or self.polls.open or self.notes.open)

    def _leave(self, why: str, seconds: float, code: int = 0) -> None:
        """Take nothing more; running tasks may go on for so long."""
        leave_at = clock.seconds() + seconds
        self.exit_code = self.exit_code or code
        if self.why:
            self.leave_at = min(self.leave_at, leave_at)
            return
        log(f"takes no more work: {why}")
        self.why, self.leave_at = why, leave_at
        self.words.state = "leaving"
        self.agent.say(("width", STREAM, 0))

    def _signalled(self) -> None:
        for number in os.read(self.signals, 512):
            if number == SIGUSR1:
                self._leave("its machine takes nothing more", float("inf"))
            elif number in (SIGTERM, SIGINT):
                self._told_to_end()

    def _told_to_end(self) -> None:
        """What runs may go on for a while; not when we are told again, and not without the machine that would have told us."""
        is_orphan = os.getppid() != self.parent
        self._leave(
            "its machine's agent died" if is_orphan else "it was told to end", 0 if self.is_told or is_orphan else self.machine.stop_s
        )
        self.is_told = True

    # -- the agent ----------------------------------------------------------------------------------------------------------------
    def _take_in(self, channel: "Channel", message: "tuple[Any, ...]") -> None:
        if not self.agent.is_from(channel):
            if not self.agent.welcome(channel, message):
                self.connections.hang_up(channel)
        elif message[0] == "report":
            for lease, rows, returned, reasons in message[1]:
                self._report(lease, rows, returned, reasons)
        elif message[0] == "running":
            for lease, _, position, attempt, start_us, _ in message[1]:
                if lease in self.leases:
                    self.leases[lease][0].running[position] = (attempt, start_us)

    def _report(self, lease: int, rows: "list[Row]", returned: "list[tuple[int, int, int]]", reasons: "dict[tuple[int, int], str]") -> None:
        if lease not in self.leases:
            return
        held, left = self.leases[lease]
        for row in rows:
            self.pace.lasted(row[5] / 1e6)
            held.pace.lasted(row[5] / 1e6)
            self.usage.add(held.job["q"], held.job["u"], row[5])
        held.report(rows, reasons, self.agent.descriptor, clock.seconds())
        if held.lost:
            logs.remove((row[1], row[2], output_path(self.state_dir, *row[:3])) for row in rows)
        for _, low, high in returned:
            held.returned(low, high)
            left -= high - low + 1
        left -= len(rows)
        self.words.done += len(rows)
        if left > 0:
            self.leases[lease] = held, left
        else:
            del self.leases[lease]

    def _gone(self, channel: "Channel") -> None:
        """A connection has ended; the agent's means that the agent is dead."""
        if self.agent.is_from(channel):
            self._bury()

    def _see_agent(self) -> None:
        if self.agent.has_ended():
            self._bury()
        if not self.leases and not self.agent.leaving and self.agent.is_heavy(self.machine.journal_bytes):
            self.agent.stop(0)

    def _bury(self) -> None:
        """The agent is dead: what it finished is recorded, what it ran is lost, and another one is started."""
        told = self.agent.leaving
        self.agent.bury()
        for lease, (rows, started) in self.agent.evidence(self.leases).items():
            held, _ = self.leases[lease]
            held.report(rows, {}, self.agent.descriptor, clock.seconds())
            held.died.update({position: start for position, start in started.items() if position in held.out})
        for held in {id(held): held for held, _ in self.leases.values()}.values():
            held.out.clear()
            held.running.clear()
            if held.died:
                held.how = held.how or (LEAVING if told and not self.exit_code else DIED)
            if not held.busy:
                held.take_over()
        self.leases.clear()
        if not told:
            log("the agent died and is started again; what it ran counts as lost")
        if self.agent.is_hopeless:
            self._leave("no agent lives here for long", 0, 1)
        if not self.why:
            self.agent.start()

    # -- tasks to the agent -------------------------------------------------------------------------------------------------------
    def _hand_out(self) -> None:
        """Keep the agent supplied with about half a second of tasks."""
        if self.why or not self.agent.is_up or self.agent.leaving or self.agent.is_heavy(self.machine.journal_bytes):
            return
        oldest_s = self._oldest_s()
        has = sum(len(held.out) for held in self.held.values())
        for held in self.held.values():
            share = held.pace.share(oldest_s, self.width)  # of a kind of which nothing is known, one after the other
            if has > share // 2 and has >= self.width:
                continue
            while held.queue and has < share and not held.lost and not held.how:
                ranges = held.take(min(share - has, held.queue[0][2] - held.queue[0][1] + 1))
                self._lease(held, ranges)
                has += sum(high - low + 1 for _, low, high, *_ in ranges)

    def _lease(self, held: Held, ranges: "list[Range]") -> None:
        number = self.next_lease
        self.next_lease += 1
        self.leases[number] = held, sum(high - low + 1 for _, low, high, *_ in ranges)
        jobs = {held.number: held.fields_for(ranges[0][1], ranges[-1][2])}
        self.agent.say(("lease", number, STREAM, self.width, held.lane, ranges, jobs, {SPEC: held.spec}))

    def _oldest_s(self) -> float:
        """How long the task that has been running longest does so."""
        now = time.time()
        return max((held.oldest_s(now) for held in self.held.values()), default=0.0)

    # -- writes -------------------------------------------------------------------------------------------------------------------
    def _write_due(self, now: float) -> None:
        wall_us = int(time.time() * 1e6)
        for held in surplus(self.held.values(), wall_us / 1e6, self.width):
            held.how = held.how or BACK
        for held in list(self.held.values()):
            if held.is_due(now, wall_us, self.times):
                self._write(held)
            elif self._follows(held, now, wall_us):
                self._write(held, follow=True)
            elif not held.busy and not held.lost and not held.how and not self.why:
                self._split_if_slow(held)

    def _follows(self, held: Held, now: float, wall_us: int) -> bool:
        """Whether output of what runs is to be uploaded: often while somebody follows, else seldom."""
        if held.busy or held.lost or not held.running:
            return False
        interval = self.times.follow_s if held.unit.follow * 1000 > wall_us else self.times.live_s
        return now - held.live_at >= interval

    def _write(self, held: Held, follow: bool = False) -> None:
        rows, reasons = held.take_rows()
        plan = Plan(rows, reasons, held.died if held.died and not held.out else held.begun())
        plan.running = [[position, attempt, start_us // 1000] for position, (attempt, start_us) in sorted(held.running.items())]
        plan.follow, plan.how, plan.reason = follow or held.unit.follow > time.time() * 1000, held.how, self._reason(held)
        seconds = held.pace.estimate(held.oldest_s(time.time()))
        plan.short = 0 <= seconds < SHORT_S
        if seconds >= FLUSH_S:
            held.lower_mark()  # what will not begin soon is not said to run
        plan.width = self.width + _further(seconds, held.unit.ahead, self.width)
        held.busy, held.written_at = True, clock.seconds()
        if plan.follow:
            held.live_at = held.written_at
        self.writes.start(self.records.write, held, plan, done=lambda written, error: self._written(held, plan, written, error))

    def _written(self, held: Held, plan: Plan, written: Written | None, error: "Error") -> None:
        """A write has ended."""
        held.busy = False
        if written is None:
            raise error or AssertionError
        if written.until:
            held.until = written.until
        if written.lost:
            self._lose(held, "its lease is over: another worker has it")
        elif written.error is not None:
            if not written.taken:
                held.put_back(plan.rows, plan.reasons)
            held.heard, held.retry_at = True, clock.seconds() + RETRY_S
            self._trouble(written.error)
        elif held.unit.state != LEASED:
            self.held.pop(_key(held), None)
            if held.unit.is_over:
                self.finished.append(held.message)
        else:
            self.answered_at = clock.seconds()
            held.take_over()
            self._cancel(held, written.news)

    def _reason(self, held: Held) -> str:
        """Why what ran of a unit that is let go of came to nothing."""
        if held.how == LEAVING:
            return f"its worker left: {self.why}"
        return f"its worker could not go on: {self.why}" if self.exit_code else "its worker's agent died"

    def _trouble(self, error: "Error") -> None:
        """Something could not be asked: it is tried again, and told now and then."""
        now = clock.seconds()
        if now - self.told_at >= _LOG_S:
            self.told_at = now
            log(f"{error}. It is tried again")

    def _lose(self, held: Held, why: str) -> None:
        """A unit is not ours any more: its tasks are ended, and nobody is told."""
        log(f"lets go of {_name(held)}: {why}")
        held.lost = True
        self.held.pop(_key(held), None)
        for position in held.out:
            self.agent.say(("cancel", held.number, position))

    def _watch_leases(self, now: float) -> None:
        for held in list(self.held.values()):
            if held.is_over_at(now, self.times):
                self._lose(held, "its lease could not be made longer")
        if not self.held and now - self.answered_at >= CUT_OFF_S:
            self._leave("the main region does not answer", 0, 1)

    def _split_if_slow(self, held: Held) -> None:
        """What would take long here goes to whoever is free."""
        if not held.is_slow(held.pace.expected(held.oldest_s(time.time())), self.width):
            return
        cuts = held.cuts()
        if cuts:
            self._split(held, cuts)

    def _split(self, held: Held, cuts: "list[int]") -> None:
        held.busy = True
        self.writes.start(self.records.split, held, cuts, done=lambda written, error: self._divided(held, written, error))

    def _divided(self, held: Held, written: Written | None, error: "Error") -> None:
        held.busy = False
        if written is None:
            raise error or AssertionError
        if written.lost:
            self._lose(held, "its lease is over: another worker has it")
        elif written.error is not None:
            held.retry_at = clock.seconds() + RETRY_S
            self._trouble(written.error)
        else:
            held.take_over()

    # -- leaving ------------------------------------------------------------------------------------------------------------------
    def _drain(self, now: float) -> None:
        """Return what is not begun; at the end of its time, what runs too."""
        if not self.why:
            return
        for held in self.held.values():
            if not held.out:
                held.how = held.how or BACK
            elif not (held.busy or held.shed or held.unwritten) and len(held.out) <= self.width:
                held.shed = True
                self._shed(held)
        if any(held.out for held in self.held.values()) and now >= self.leave_at:
            if not self.agent.leaving:
                self.agent.stop(KILL_S)
            elif now >= self.leave_at + 2 * KILL_S:
                self.agent.kill()

    def _shed(self, held: Held) -> None:
        """Of a slice that goes on here only what runs is kept; the rest becomes a slice of its own."""
        cut = held.rest() if held.unit.array and not held.limited else []
        if cut:
            self._split(held, cut)

    # -- work ---------------------------------------------------------------------------------------------------------------------
    def _ask_for_work(self, now: float) -> None:
        """Receive about a second of work, one question at a time."""
        if self.why or self.polls.open or not self.agent.is_up or now < self.receive_after:
            return
        coming = self.claims.open
        in_hand = sum(held.in_hand for held in self.held.values())
        wanted = self.pace.messages(in_hand, coming, self._oldest_s(), self.width)
        wanted = min(wanted, self.most_held - len(self.held) - coming)
        if wanted > 0:
            has_room = in_hand < self.width if self.width > 1 else not self.held
            self.polls.start(self.intake.receive, wanted, has_room and not coming, done=self._received)

    def _received(self, messages: "list[Message] | None", error: "Error") -> None:
        now = clock.seconds()
        if messages is None:
            self._trouble(error)
            self.receive_after = now + RETRY_S
            return
        self.answered_at = now
        if not messages and self.held:
            self.receive_after = now + TICK_S
            self._narrow(now)
        elif not messages and not self.claims.open and now - self.worked_at >= self.machine.idle_s:
            self._leave(f"nothing has been waiting for {self.machine.idle_s:g} s", 0)
        if self.why:
            self.notes.start(self.intake.hand_back, messages, done=_nothing)
            return
        short = 0 <= self.pace.task_s < PIPELINED_S
        for message in messages:
            self.claims.start(self.intake.take, message, self.width + FLUSH_ROWS if short else self.width, done=self._taken)

    def _narrow(self, now: float) -> None:
        """Slots for which nothing came for as long as a worker without work would stay are somebody else's."""
        in_hand = sum(held.in_hand for held in self.held.values())
        if self.width > 1 and not (self.why or self.claims.open) and in_hand < self.width and now - self.taken_at >= self.machine.idle_s:
            self.width = max(1, in_hand)
            self.usage.narrow(self.width)
            self.agent.say(("width", STREAM, self.width))

    def _taken(self, held: Held | None, error: "Error") -> None:
        """A message was looked at."""
        now = clock.seconds()
        if error is not None:
            self.receive_after = now + RETRY_S  # each attempt is a delivery of a message, and those are counted
            self._trouble(error)
        if held is None:
            return
        self.worked_at = self.taken_at = now
        self.pace.came(held.in_hand)
        held.pace = self._pace_of(held)
        self.held[_key(held)] = held

    def _pace_of(self, held: Held) -> Pace:
        """How long tasks of the same kind have lasted here."""
        kind = bytes(held.job["sp"])
        if kind not in self.paces:
            if len(self.paces) >= _KINDS:
                self.paces.clear()
            self.paces[kind] = Pace()
        return self.paces[kind]

    def _delete_finished(self, now: float) -> None:
        """Ten messages cost as much as one."""
        if not self.finished:
            self.delete_at = now + DELETE_S
        elif len(self.finished) >= BATCH or now >= self.delete_at or not self.held:
            found, self.finished = self.finished, []
            self.notes.start(self.intake.finish, found, done=self._noted)

    # -- looks --------------------------------------------------------------------------------------------------------------------
    def _look(self, now: float) -> None:
        """What is to be done now and then."""
        if self.held:
            self.worked_at = now
        self.words.slots = min(self.width, sum(len(held.out) for held in self.held.values())), self.width
        self.counts.tell(self.words.slots[0], self.words.done, self.width)
        if now >= self.look_at and not self.looks.open:
            self.look_at = now + self.times.look_s
            self._hear(now)
            self._tidy(now)
        if now >= self.hide_at and self.held:
            self.hide_at = now + self.times.hide_again_s
            self.notes.start(self.intake.keep, [held.message for held in self.held.values()], done=self._noted)
        if now >= self.notice_at and not self.notes.open:
            self.notice_at = now + LOOK_S
            if self.instance.is_there:
                self.notes.start(self.instance.news, done=self._noticed)
        self.words.running = next((held.task_name for held in self.held.values() if held.out), "")
        if self.words.is_due(now) and not self.notes.open:
            self.notes.start(self.words.say, now, done=self._noted)
        if self.words.is_unwanted and not self.why:
            self._leave("others are to have its place", float("inf"))

    def _hear(self, now: float) -> None:
        """Ask whether somebody cancelled, or follows, what is here for longer than a moment."""
        found = [held for held in self.held.values() if not (held.busy or held.lost) and now - held.begun_at >= self.times.look_s / 2]
        if not found:
            return
        for held in found:
            held.busy = True
        units = [held.unit for held in found]
        self.looks.start(self.store.hear, units, clock.milliseconds(), done=lambda news, error: self._heard(found, news, error))

    def _heard(self, found: "list[Held]", news: "dict[tuple[str, str], set[int] | None] | None", error: "Error") -> None:
        for held in found:
            held.busy = False
        if news is None:
            self._trouble(error)
            return
        for held in found:
            if held.unit.key in news:
                positions = news[held.unit.key]
                if positions is None:
                    self._lose(held, "another worker has it")
                else:
                    self._cancel(held, positions)

    def _cancel(self, held: Held, positions: "set[int]") -> None:
        """Tasks were cancelled: what runs is ended, what was not begun is settled with the next write."""
        if not positions:
            return
        held.heard = True
        held.take_over()
        for position in positions:
            if position in held.out:
                self.agent.say(("cancel", held.number, position))

    def _noted(self, _: object, error: "Error") -> None:
        if error is not None:
            self._trouble(error)

    def _noticed(self, news: str | None, error: "Error") -> None:
        self.left_code = TAKEN_BACK if news == INTERRUPTED else self.left_code
        if news == INTERRUPTED and self.leave_at > clock.seconds() + SPOT_S:
            self._leave(WHY[news], SPOT_S)
        elif news and not self.why:
            self._leave(WHY[news], SPOT_S if news == INTERRUPTED else float("inf"))

    def _tidy(self, now: float) -> None:
        """Files that nobody needs any more; a disk that stays full."""
        needed = {journal for held in self.held.values() for _, journal in held.rows}
        if self.agent.is_up and not self.writes.open:
            self.agent.forget(needed)
        self.files.clean(
            {str(held.spec["script"]) for held in self.held.values()}, {str(held.job.get("pm")) for held in self.held.values()}
        )
        space = os.statvfs(self.state_dir)
        is_full = space.f_bavail * space.f_frsize < _LEAST_BYTES
        self.full_since = (self.full_since or now) if is_full else 0.0
        if self.full_since and now - self.full_since >= self.times.full_s:
            self._leave(f"the disk that holds {self.machine.root} is full", 0, 1)


def _further(seconds: float, ahead: int, width: int) -> int:
    """How many more tasks than run at once may be started between two writes. seconds: that they last, negative: unknown."""
    if 0 <= seconds < PIPELINED_S and ahead > FLUSH_ROWS // 2:
        return FLUSH_ROWS
    return width * int(FLUSH_S / seconds) if SHORT_S <= seconds < FLUSH_S else 0


def _key(held: Held) -> "tuple[int, int]":
    return held.unit.job, held.unit.low


def _name(held: Held) -> str:
    """A unit for people."""
    return f"{held.unit.job}--{held.unit.low}…{held.unit.high}" if held.unit.array else str(held.unit.job)


def _nothing(_: object, error: "Error") -> None:
    """What comes of it does not matter."""


def _wakeup_pipe() -> int:
    """A descriptor on which the numbers of signals arrive."""
    reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (SIGTERM, SIGINT, SIGUSR1):
        signal(number, lambda *_: None)
    signal(SIGPIPE, SIG_IGN)
    return reader


def become_parent_of_orphans() -> None:
    """What an agent leaves when it dies is ours; and what `ps` calls us."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(_PR_SET_NAME, b"cyclone-worker", 0, 0, 0)
