"""Making new jobs available: a message for each of their units, to the queue of the lane where the job's queue sends it.

What follows from a job and the host's resources is decided in one place (`decide`), for the dispatcher, which hears of jobs by the table's
stream, and for the reconciler, which sends again. Doing it twice, late or in another order changes nothing that counts: a message is a
hint. Whatever cannot be done is told to the stream by the record's number, and comes again.
"""

from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo import keys, tiles
from cyclone_core.scheduler.dynamo.values import unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from cyclone_core.scheduler.dynamo.accountant import Send
    from cyclone_core.scheduler.dynamo.queues import Lanes, Unit
    from cyclone_core.scheduler.dynamo.records import Bodies, Records
    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.scheduler.dynamo.values import Item

    Channel = tuple[str, str, int]
    """(cluster, definition, index of the band)"""
    Job = tuple[int, Item]
    """(number, its item)"""

SEND, HOLD, REFUSE, NOTHING = range(4)
FRESH_S = 2.0
"""How old records may be by which a job is refused."""
MOST_AT_ONCE = 20_000
"""Messages that are put together before some are sent."""


class Decision:
    """What is done with a job. SEND: its units to `cluster`; HOLD: its queue is paused; REFUSE: nobody can ever run it, for `reason`;
    NOTHING: it is over, or cancelled."""

    __slots__ = ("cluster", "reason", "what")

    def __init__(self, what: int, cluster: str = "", reason: str = "") -> None:
        self.what, self.cluster, self.reason = what, cluster, reason


def decide(job: "Item", bodies: "Bodies") -> Decision:
    """What to do with the waiting tasks of a job, as the host's resources are."""
    if "x" in job or job.get("s") == keys.OVER:
        return Decision(NOTHING)
    queue, definition = job["q"], job["d"]
    body = bodies.get("queue", {}).get(queue)
    if body is None:
        return Decision(REFUSE, reason=f"its queue {queue} is not there any more: it was deleted. Submit it to another queue")
    cluster = str(body.get("cluster") or "default")
    if cluster not in bodies.get("cluster", {}):
        return Decision(REFUSE, reason=f"the cluster {cluster} of its queue {queue} is not there any more: it was deleted")
    if definition not in bodies.get("definition", {}):
        return Decision(
            REFUSE, reason=f"its definition {definition} is not there any more: it was deleted. Submit it with another definition"
        )
    return Decision(HOLD if body.get("paused") else SEND, cluster)


def units(number: int, job: "Item") -> "Iterator[Unit]":
    """What there is to claim of a new job: itself, or the tiles of an array that may be out at once."""
    if not job["a"]:
        yield number, 0, 0, job["u"]
        return
    end = job["nx"] if job.get("lm") else None
    for low, _ in tiles.tiles(job["t"], job["sz"], 0, end):
        yield number, low, 0, job["u"]


def channel(job: "Item", cluster: str) -> "Channel":
    """Where messages of a job go."""
    return cluster, job["d"], job["b"]


def send_next(lanes: "Lanes", bodies: "Bodies", send: "Send") -> int:
    """Send the tiles of a limited array that may be out now; how many, 0 while nothing of it may be sent. Raises AwsError."""
    decision = decide({"q": send.queue, "d": send.definition}, bodies)
    if decision.what != SEND:
        return 0  # the reconciler does it when its queue goes on, or ends it
    return lanes.send(decision.cluster, send.definition, send.band, [(send.job, low, 0, send.user) for low in send.lows])


def read(record: "Mapping[str, Any]") -> "Job | None":
    """The job that a record of the stream tells of, None for other items. Raises KeyError, TypeError and ValueError for what is none."""
    told = record["dynamodb"]
    if told["Keys"]["sk"]["S"] != keys.JOB or record["eventName"] != "INSERT":
        return None
    return int(told["Keys"]["pk"]["S"][2:]), unpack(told["NewImage"])


class Dispatcher:
    """Sends what is new. Threads do not share it."""

    def __init__(self, table: "Table", lanes: "Lanes", records: "Records", now: "Callable[[], int]") -> None:
        """now: milliseconds since 1970."""
        self._table, self._lanes, self._records, self._now = table, lanes, records, now
        self._is_fresh = False
        """whether the records were read after all jobs that are handled now were submitted"""
        self.sent = 0
        """messages"""
        self.why: list[str] = []
        """what went wrong"""

    def handle(self, records: "Iterable[Mapping[str, Any]]") -> list[str]:
        """Make the jobs of these records available; the sequence numbers of those with which that failed. Raises no AwsError."""
        failed: list[str] = []
        self._is_fresh = False
        waiting: dict[Channel, list[Unit]] = {}
        owners: dict[Channel, set[str]] = {}
        for record in records:
            sequence = record["dynamodb"]["SequenceNumber"]
            try:
                job = read(record)
                self._take(job, sequence, waiting, owners) if job else None
            except (AwsError, KeyError, TypeError, ValueError) as exc:  # the latter: an item that nobody here wrote
                self._note(f"{record['dynamodb'].get('Keys')}: {exc!r}")
                failed.append(sequence)
        for where, messages in waiting.items():
            failed += self._send(where, messages, owners[where])
        return failed

    def _take(self, job: "Job", sequence: str, waiting: "dict[Channel, list[Unit]]", owners: "dict[Channel, set[str]]") -> None:
        number, item = job
        decision = decide(item, self._records.bodies())
        if decision.what == REFUSE and not self._is_fresh:
            self._is_fresh = True  # what is missing may have been made a moment ago: read after the job was submitted, it is there
            decision = decide(item, self._records.bodies(0))
        if decision.what == REFUSE:
            from cyclone_core.scheduler.dynamo.refusals import refuse  # here and below: what is seldom needed starts no function later

            refuse(self._table, number, decision.reason, self._now())
        if decision.what != SEND:
            return
        if item.get("lm"):
            from cyclone_core.scheduler.dynamo.demand import note_limited

            note_limited(self._table, number, item)
        where = channel(item, decision.cluster)
        room = waiting.setdefault(where, [])
        owners.setdefault(where, set()).add(sequence)
        for unit in units(number, item):
            room.append(unit)
            if len(room) >= MOST_AT_ONCE:
                self.sent += self._lanes.send(*where, room)
                room.clear()

    def _send(self, where: "Channel", messages: "list[Unit]", owners: "set[str]") -> "list[str]":
        try:
            self.sent += self._lanes.send(*where, messages)
        except AwsError as exc:
            self._note(str(exc))
            return sorted(owners)
        return []

    def _note(self, what: str) -> None:
        self.why.append(what)
