"""The supervisor of a local host: one process, the only writer, one transaction per turn.

    clients ──submit, cancel, wait──▶ door ┐
                                           ├─▶ turn: begin · requests · results · leases · commit ─▶ answers, leases
    workers ──report, running───────▶ desk ┘

Everything is woken by the socket; nothing ticks while nothing happens but a slow look at workers that are out of touch. A turn takes in
whatever has arrived, so submissions and results commit in groups; answers and leases leave after the commit. Results alone
may wait up to COMPANY_S for others unless somebody needs them now. When a commit fails (full disk) submissions are refused with the
reason, results are kept and tried again, nothing new is leased, and what runs goes on.
"""

import _sqlite3
import fcntl
import os
import select
import sys
import time
import traceback
from signal import SIG_IGN, SIGCHLD, SIGINT, SIGPIPE, SIGTERM, signal

from cyclone_core import __version__, wire
from cyclone_core.errors import CycloneError
from cyclone_core.paths import socket_path, stop_mark
from cyclone_core.problems import Problem
from cyclone_core.scheduler.local import pool, recovery
from cyclone_core.scheduler.local.connections import Connections
from cyclone_core.scheduler.local.dispatch import Dispatch
from cyclone_core.scheduler.local.door import Door, Unreadable
from cyclone_core.scheduler.local.pace import Pace
from cyclone_core.scheduler.local.pool import Peer
from cyclone_core.scheduler.process import become_parent_of_orphans, wakeup_pipe
from cyclone_core.scheduler.sqlite import event_log, retention
from cyclone_core.scheduler.sqlite.store import SqliteStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.scheduler.sqlite.work import Lease
    from cyclone_core.wire import Channel, Message

COMPANY_S = 0.02
"""So long results wait for others to share a commit, when nobody needs them at once."""
RETRY_S = 1.0
"""After a failed commit, and between looks at workers that are out of touch."""
SEEN_S = 10.0
"""A worker's row tells when it was last heard, as exactly as this: a report is worth no second row."""
STOP_GRACE_S = 3.0
"""Between TERM and KILL for the tasks that run when the host is stopped."""
_DIRECTORIES = ("scripts", "parameters", "spool", "journals", "outputs", "workdirs")


class Supervisor:
    """Wires the store, the workers and the door together; see the module."""

    def __init__(self, state_dir: str) -> None:
        self.state_dir = state_dir
        for name in _DIRECTORIES:
            os.makedirs(os.path.join(state_dir, name), 0o700, exist_ok=True)
        self.store = SqliteStore(state_dir)
        self.started = time.time()
        self.socket_path = socket_path(state_dir)
        self.connections = Connections(self.socket_path, self.take_in, self.gone)
        self.signals = wakeup_pipe(SIGCHLD, SIGTERM, SIGINT)
        signal(SIGPIPE, SIG_IGN)
        self.connections.poll.register(self.signals, select.EPOLLIN)
        self.peers: dict[int, Peer] = {}
        """worker number -> peer, from its start on"""
        self.by_fd: dict[int, Peer] = {}
        self.door = Door(self)
        self.dispatch = Dispatch(self.store, self.state_dir)
        self.pace = Pace(self.store.done)
        self.reports: list[tuple[Peer, Message]] = []
        self.reports_since = 0.0
        self.urgent = False
        self.look_again_at = 0.0
        """monotonic time of the next timed look, 0 = none is needed"""
        self.hold_until = 0.0
        """after a failed commit nothing is tried before this time"""
        self.last_commit = 0.0
        self.trouble: tuple[float, str] | None = None
        """since when commits fail, and why"""
        self.stopping = False

    # -- life ---------------------------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Bring the database to the present: defaults on first use, what earlier workers left, fresh workers."""
        now = time.time()
        remove_mark(self.state_dir)
        retention.clean_spool(self.state_dir, now)
        self.store.begin()
        self.store.resources.make_defaults(now)
        self.note_start(now)
        self.store.db.execute("DELETE FROM worker WHERE state IN ('lost', 'ended')")
        self.store.set_number("supervisor_started", int(now))
        self.store.commit()
        self.pace.begin(now)
        self.dispatch.refresh()
        self.expect_workers()
        self.settle_lost()
        self.hire()

    def note_start(self, now: float) -> None:
        """An event that tells how the one before us ended: workers that nobody stopped are the mark of a crash."""
        left = self.store.db.execute("SELECT count(*) FROM worker WHERE state NOT IN ('lost', 'ended')").fetchone()[0]
        event_log.prune(self.store.db)
        event_log.note(self.store.db, now, "host", self.name, "supervisor started" + (" after a crash" if left else ""))

    @property
    def name(self) -> str:
        """Of the host."""
        return os.path.basename(self.state_dir)

    def expect_workers(self) -> None:
        """Workers of an earlier supervisor that live will say hello again: they are counted from the start, idle ones too."""
        for number, cluster, pid, journal, started in self.store.db.execute("SELECT id, cluster, pid, journal, started FROM worker"):
            peer = Peer(number, cluster, pid if pool.journal_is_held(self.state_dir, journal) else 0, journal, started)
            peer.welcomed = True
            self.peers[number] = peer

    def run(self) -> None:
        """Serve until told to stop."""
        while not self.stopping:
            self.step(self.timeout())
        self.shut_down()

    def step(self, timeout: float) -> None:
        """Wait for something to happen (at most `timeout` seconds, -1 = for ever), take it in, and act on it."""
        for fd, event in self.connections.poll.poll(timeout):
            if fd == self.signals:
                self.signalled()
            elif why := self.connections.handle(fd, event):
                log(f"no connection can be taken just now: {why}")
        now = time.monotonic()
        if self.look_again_at and now >= self.look_again_at:
            self.look_again_at = 0.0
            self.settle_lost()
            self.hire()
        if self.connections.accept_again_at and now >= self.connections.accept_again_at:
            self.connections.accept_again()
        if now >= self.hold_until:
            self.turn(now)

    def timeout(self) -> float:
        """Seconds until something is due, -1 = nothing is."""
        now = time.monotonic()
        due = [at for at in (self.look_again_at, self.connections.accept_again_at) if at]
        if self.hold_until > now:
            due.append(self.hold_until)
        elif self.reports and not self.urgent:
            due.append(self.reports_since + COMPANY_S)
        return max(0.0, min(due) - now) if due else -1

    # -- what arrives -------------------------------------------------------------------------------------------------------------
    def take_in(self, channel: "Channel", message: "Message") -> None:
        """Sort one message: workers report here, everything else goes to the door."""
        peer = self.by_fd.get(channel.fd)
        if peer is None and message[0] == "worker":
            self.welcome(channel, message)
        elif peer is None:
            self.door.take_in(channel, message)
        else:
            peer.heard = time.time()
            if not self.reports:
                self.reports_since = time.monotonic()
            self.reports.append((peer, message))
            self.urgent = self.urgent or message[0] != "report" or self.dispatch.is_waiting() or not self.is_company_expected()

    def is_company_expected(self) -> bool:
        """Whether results are on their way that could share a commit with those that are here, and a commit was just made."""
        here = sum(len(rows) for _, message in self.reports if message[0] == "report" for _, rows, *_ in message[1])
        return self.dispatch.outstanding() > here and time.monotonic() - self.last_commit < COMPANY_S

    def gone(self, channel: "Channel") -> None:
        """A connection ended: a client's is forgotten, a worker's means that the worker is gone."""
        self.door.forget(channel)
        peer = self.by_fd.pop(channel.fd, None)
        if peer is not None:
            peer.channel = None
            peer.kill()
            self.look_again_at = time.monotonic()

    def signalled(self) -> None:
        """Children ended, or we are asked to leave."""
        for number in os.read(self.signals, 512):
            if number in (SIGTERM, SIGINT):
                self.stopping = True
        ended = set(pool.reap())
        for peer in self.peers.values():
            if peer.pid in ended and peer.channel is None:
                self.look_again_at = time.monotonic()

    # -- workers ------------------------------------------------------------------------------------------------------------------
    def welcome(self, channel: "Channel", message: "Message") -> None:
        """A worker says hello: one that we started, or one that outlived another supervisor."""
        if message[1:2] != (wire.VERSION,):
            self.connections.say(channel, ("stop", 0))
            self.connections.hang_up(channel)
            return
        _, _, number, pid, journal, journal_size, runs = message
        peer = self.peers.get(number)
        if peer is None:
            peer = self.peers[number] = Peer(number, self.dispatch.cluster_of(number), pid, journal, time.time())
        elif not peer.pid:  # started by another supervisor, which did not live to learn it
            peer.is_process(pid)
        peer.channel, peer.journal_at, peer.welcomed = channel, journal_size, True
        peer.heard = peer.seen = time.time()
        self.by_fd[channel.fd] = peer
        self.reports.append((peer, ("hello", runs)))
        self.urgent = True

    def leases_of(self, journal: int) -> "list[Lease]":
        """Open leases whose frames lie in this journal."""
        return [lease for lease in self.store.leases.values() if lease.journal == journal]

    def settle_lost(self) -> None:
        """Workers that are gone: end what they left running, record what their journals prove, put the rest back, replace them."""
        silent = {lease.journal: lease.worker for lease in self.store.leases.values()}
        silent.update({peer.journal: peer.id for peer in self.peers.values()})
        connected = {peer.journal for peer in self.peers.values() if peer.channel is not None}
        gone, held = {}, False
        for journal, worker in silent.items():
            if journal in connected:
                continue
            if pool.journal_is_held(self.state_dir, journal) or self.is_starting(worker):
                held = True
            else:
                gone[journal] = worker
        if held:
            self.look_again_at = time.monotonic() + RETRY_S
        if gone:
            self.bury(gone)

    def is_starting(self, worker: int) -> bool:
        """Whether a worker we started lives and has not said hello yet."""
        peer = self.peers.get(worker)
        return peer is not None and peer.pidfd >= 0 and not select.select([peer.pidfd], [], [], 0)[0]

    def bury(self, gone: "dict[int, int]") -> None:
        """Workers (journal -> number) are dead: nothing of theirs runs on, nothing of theirs is lost."""
        for worker in gone.values():
            if worker in self.peers:
                self.peers[worker].await_end()
        pool.end_orphans(
            {pool.mark(self.socket_path, worker, journal) for journal, worker in gone.items()}, {peer.pid for peer in self.peers.values()}
        )
        now = time.time()
        try:
            self.store.begin()
            for journal, worker in gone.items():
                back = recovery.settle(self.store, self.state_dir, self.leases_of(journal), now)
                self.dispatch.came_back(back)
                state = "ended" if worker in self.peers and self.peers[worker].retiring else "lost"
                self.store.db.execute("UPDATE worker SET state=?, seen=? WHERE id=?", (state, now, worker))
                if state == "lost":
                    self.note_death(worker, sum(high - low + 1 for _, low, high, *_ in back), now)
            self.commit()
        except _sqlite3.Error as exc:
            self.commit_failed(exc)
            self.look_again_at = self.hold_until
            return
        for worker in gone.values():
            peer = self.peers.pop(worker, None)
            if peer is not None:
                self.dispatch.dismiss(peer)
                peer.forget()
        self.door.tell_ended(self.store.ended)
        self.hire()
        self.urgent = True

    def note_death(self, worker: int, tasks: int, now: float) -> None:
        """An event: a worker ended that was not told to. One with nothing to do leaves by itself while there is no supervisor."""
        peer = self.peers.get(worker)
        if peer is not None and peer.welcomed and not peer.heard and not tasks:
            return
        waiting = f": {tasks:,} task{'' if tasks == 1 else 's'} of it wait{'s' if tasks == 1 else ''} again" if tasks else ""
        event_log.note(self.store.db, now, "worker", str(worker), "died" + waiting)

    # -- the turn -----------------------------------------------------------------------------------------------------------------
    def turn(self, now: float) -> None:
        """Everything that is due, in one transaction; again without a request that turned out to be unreadable half-way."""
        while not self.attempt_turn(now):
            pass

    def attempt_turn(self, now: float) -> bool:
        """One transaction; False when it was undone because of one request, which is refused."""
        due = self.reports and (self.urgent or now - self.reports_since >= COMPANY_S)
        if not (due or self.door.asks or self.dispatch.can_place()):
            return True
        reports, self.reports = (self.reports, []) if due or self.door.asks else ([], self.reports)
        self.urgent = self.urgent and bool(self.reports)
        clock = time.time()
        try:
            self.store.begin()
            for peer, message in reports:
                self.book(peer, message, clock)
            answers = self.door.act(clock)
            leases = self.dispatch.place(self.peers, clock, now)
            self.commit()
        except Unreadable as exc:
            self.reports = reports + self.reports
            self.undo()
            self.connections.say(exc.channel, exc.answer)
            return False
        except (_sqlite3.Error, OSError) as exc:  # OSError: a script could not be kept
            self.reports = reports + self.reports
            self.commit_failed(exc)
            return True
        self.last_commit = now
        if reports:
            self.pace.ended(clock)
        self.door.asks.clear()
        self.door.clear_up()
        for peer, message in leases:
            if peer.channel is not None:
                self.connections.say(peer.channel, message)
        for channel, message in answers:
            self.connections.say(channel, message)
        self.door.tell_ended(self.store.ended)
        self.hire()
        return True

    def commit(self) -> None:
        """End the open transaction; the first one that succeeds after others failed tells about those. Raises sqlite3.Error."""
        if self.trouble is not None:
            since, why = self.trouble
            event_log.note(self.store.db, time.time(), "host", self.name, f"nothing could be stored for {time.time() - since:.0f} s: {why}")
        self.store.commit()
        self.trouble = None

    def book(self, peer: Peer, message: "Message", clock: float) -> None:
        """Results and notes of a worker, as steps of the turn's transaction."""
        kind = message[0]
        if clock - peer.seen > SEEN_S:
            peer.seen = clock
            self.store.db.execute("UPDATE worker SET seen=? WHERE id=?", (clock, peer.id))
        if kind == "report":
            for lease, rows, returned, reasons in message[1]:
                self.dispatch.came_back(self.store.report(lease, rows, reasons, clock))
                if returned:
                    self.dispatch.gave_back(peer, lease)
                    self.dispatch.came_back(self.store.give_back(lease, returned, clock))
                self.dispatch.progress(lease, time.monotonic())
                if rows:
                    peer.journal_at = max(peer.journal_at, rows[-1][6])
        elif kind == "running":
            self.store.running(message[1])
        elif kind == "hello":
            self.adopt(peer, message[1], clock)

    def adopt(self, peer: Peer, runs: "list[tuple[int, int, int, int, int, int]]", clock: float) -> None:
        """A worker is here: what it runs stays its own, what it finished while out of touch is in its journal."""
        known = {(lease, job, position) for lease, job, position, *_ in runs}
        back = recovery.catch_up(self.store, self.state_dir, self.leases_of(peer.journal), known, clock)
        self.dispatch.came_back(back)
        self.store.running(runs)
        self.dispatch.adopt(peer, self.leases_of(peer.journal))
        self.store.db.execute(
            "INSERT OR REPLACE INTO worker VALUES(?,?,?,?,?,?,?)",
            (peer.id, peer.cluster, peer.pid, peer.journal, peer.started, clock, "idle"),
        )
        for lease in self.leases_of(peer.journal):
            for job, position in self.store.cancellations(lease):
                self.send_to(peer, ("cancel", job, position))

    def hire(self) -> None:
        """Start missing workers; what prevents it is in the log, and tried again."""
        try:
            self.dispatch.hire(self)
        except (_sqlite3.Error, OSError) as exc:
            self.commit_failed(exc)

    def send_to(self, peer: Peer, message: "Message") -> None:
        """Send to a worker that is connected."""
        if peer.channel is not None:
            self.connections.say(peer.channel, message)

    def undo(self) -> None:
        """Nothing of the open transaction happened."""
        self.store.rollback()
        self.dispatch.reset()

    def commit_failed(self, exc: Exception) -> None:
        """Nothing of this turn happened: refuse what was asked, keep what was reported, try again in a moment."""
        self.undo()
        self.hold_until = time.monotonic() + RETRY_S
        log(f"commit failed: {exc}")
        why = why_not_stored(self.state_dir, exc)
        self.trouble = self.trouble or (time.time(), why)
        problem = Problem("", why, "Make room, then try again: nothing was stored")
        for channel, message in self.door.refuse_all(problem):
            self.connections.say(channel, message)

    # -- the end ------------------------------------------------------------------------------------------------------------------
    def stop_for_good(self) -> None:
        """Somebody asked: leave a mark, so that whoever merely looks does not start the host again."""
        self.stopping = True
        try:
            os.close(os.open(stop_mark(self.state_dir), os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        except OSError as exc:
            log(f"the host's stop cannot be marked: {exc.strerror}")

    def shut_down(self) -> None:
        """Stop the workers, put what they ran back to waiting, and leave."""
        self.connections.listener.close()
        for peer in self.peers.values():
            self.send_to(peer, ("stop", STOP_GRACE_S))
        deadline = time.monotonic() + STOP_GRACE_S + 2
        while self.by_fd and time.monotonic() < deadline:
            for fd, event in self.connections.poll.poll(max(0.0, deadline - time.monotonic())):
                if fd in self.connections.channels:
                    self.connections.handle(fd, event)
        for peer in self.peers.values():
            peer.kill()
        pool.end_orphans({pool.mark(self.socket_path, peer.id, peer.journal) for peer in self.peers.values()}, set())
        now = time.time()
        self.store.begin()
        for peer, message in self.reports:
            self.book(peer, message, now)
        for journal in {lease.journal for lease in self.store.leases.values()}:
            recovery.settle(self.store, self.state_dir, self.leases_of(journal), now, counted=False, reason="the host was stopped")
        self.store.db.execute("UPDATE worker SET state='ended', seen=?", (now,))
        event_log.note(self.store.db, now, "host", self.name, "supervisor stopped")
        self.store.commit()
        self.store.close()
        self.door.tell_stopped()

    def status(self) -> "dict[str, Any]":
        """What `hyper hosts status` shows."""
        return {
            "pid": os.getpid(), "version": __version__, "epoch": self.store.epoch, "started": self.started, "state_dir": self.state_dir,
            "workers": [
                {"id": peer.id, "cluster": peer.cluster, "pid": peer.pid, "connected": peer.channel is not None,
                 "streams": len(peer.streams), "tasks": sum(stream.outstanding for stream in peer.streams.values()),
                 "started": peer.started, "heard": peer.heard, "leaving": peer.retiring}
                for peer in self.peers.values()
            ],
            "clusters": [
                {"name": name, "max_vcpus": share.max_vcpus, "busy_vcpus": share.max_vcpus - share.vcpus}
                for name, share in self.dispatch.shares.items()
                if name in self.store.resources.bodies["cluster"]
            ],
            "pace": self.pace.told(),
            "storage": "full" if self.hold_until > time.monotonic() else "ok",
        }  # fmt: skip


def remove_mark(state_dir: str) -> None:
    """The host runs again."""
    try:
        os.unlink(stop_mark(state_dir))
    except FileNotFoundError:
        pass


def why_not_stored(state_dir: str, exc: Exception) -> str:
    """A failed commit in words."""
    free = os.statvfs(state_dir)
    if "full" in str(exc) or free.f_bavail * free.f_frsize < 2**20:
        return f"the disk that holds {state_dir} is full"
    return f"the database in {state_dir} cannot be written: {exc}"


def log(text: str) -> None:
    """One line in the supervisor's log (its standard error); where the disk is full, none."""
    try:
        os.write(2, (time.strftime("%Y-%m-%dT%H:%M:%S ") + text + "\n").encode("utf-8", "backslashreplace"))
    except OSError:
        return


def be_only_one(state_dir: str) -> bool:
    """Take the host's lock for life; False when another supervisor has it."""
    fd = os.open(os.path.join(state_dir, "supervisor.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return False
    os.ftruncate(fd, 0)
    os.write(fd, b"%d\n" % os.getpid())
    return True


def main() -> None:
    """STATE_DIR STATUS_FD: says `ok`, `busy` or what is wrong on the status descriptor, then serves."""
    state_dir, status = sys.argv[1], int(sys.argv[2])
    os.set_inheritable(status, False)  # whoever started us waits until nobody holds it: workers must not
    become_parent_of_orphans("cyclone-superv")
    try:
        if not be_only_one(state_dir):
            os.write(status, b"busy")
            return
        supervisor = Supervisor(state_dir)
        supervisor.start()
    except (CycloneError, OSError, _sqlite3.Error) as exc:
        log(f"cannot start: {exc}")
        os.write(status, (str(exc) if isinstance(exc, CycloneError) else why_not_started(state_dir, exc)).encode())
        return
    os.write(status, b"ok")
    os.close(status)
    try:
        supervisor.run()
    except Exception:  # noqa: BLE001 - the border of the process: what happened must be in the log
        log(traceback.format_exc())
        sys.exit(1)


def why_not_started(state_dir: str, exc: Exception) -> str:
    """A failed start in words."""
    if isinstance(exc, OSError):
        return f"the host's state directory {state_dir} cannot be used: {exc.strerror or exc}. Choose another one with CYCLONE_STATE_DIR"
    return why_not_stored(state_dir, exc)
