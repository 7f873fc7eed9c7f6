"""Following the outputs of an array on an AWS host: what was counted tells which slices changed, and only those are read again.

Of a few groups of slices (`keys.TILES_PER_GROUP`) every slice is read at each look. Live output is followed in at most MOST_LIVE slices at
a time, since each of them has to be read and told that somebody follows; output of tasks in others is told when they are over.
"""

from cyclone_core.jobs import FINAL
from cyclone_core.operations.aws_outputs import live_of
from cyclone_core.scheduler.dynamo import failures, keys, unit_items
from cyclone_core.scheduler.dynamo.job_views import journal
from cyclone_core.scheduler.dynamo.tally import CLOSED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from cyclone_core.operations.aws_host import AwsHost
    from cyclone_core.operations.aws_outputs import AwsOutputs, AwsTail
    from cyclone_core.operations.follow import Piece
    from cyclone_core.scheduler.dynamo.reader import DynamoReader
    from cyclone_core.scheduler.dynamo.values import Item
    from cyclone_core.views import Job

MOST_LIVE = 32
FEW_GROUPS = 4
_LAST_POSITION = "999999999"


class AwsFollower:
    """Remembers what of an array was told: a flag per position, the versions of slices already read. Implements `follow.Follower`."""

    poll_s = 2.0

    def __init__(self, host: "AwsHost", reader: "DynamoReader", outputs: "AwsOutputs", job: "Job", last: int = 0) -> None:
        self._host, self._reader, self.outputs, self._job, self._last = host, reader, outputs, job, last
        self._told = bytearray(job.tasks + 1)
        self._tails: dict[tuple[int, int], AwsTail] = {}
        self._versions: dict[int, tuple[int, int]] = {}
        """first position -> version and tasks of what was read of it"""
        self._done: dict[int, int] = {}
        """first position -> version of slices whose results were told"""
        self._units: list[Item] = []
        """read at this look, and not told yet"""
        item = host.table.get(keys.job(job.id), fields=("sz",)) or {}
        self._size: int = item.get("sz", 1)

    def pass_over(self, but: int) -> None:
        """Count what is final now as told, `but` the last ones."""
        states = self._reader.task_states(self._job.id)
        self._told[1:] = states.translate(bytes(state in FINAL for state in range(256)))
        at = len(self._told)
        for _ in range(but):
            at = self._told.rfind(1, 1, at)
            if at < 0:
                return
            self._told[at] = 0

    def running(self) -> "Iterator[Piece]":
        """New output of tasks that run."""
        self._units = list(self._changed())
        live = 0
        for item in self._units:
            if item["s"] != keys.LEASED or live >= MOST_LIVE:
                continue
            live += 1
            self.outputs.follow(item)
            yield from self._live(item)

    def finished(self) -> "Generator[Piece, None, bool]":
        """Outputs of tasks that are final now and were not told yet. Everything that is final can be read."""
        for item in self._units:
            if self._done.get(item["lo"]) == item["v"]:
                continue
            self._done[item["lo"]] = item["v"]
            unit = unit_items.read(item)
            for position, (row, log) in sorted(unit.results.items()):
                if self._told[position]:
                    continue
                self._told[position] = 1
                attempt, at = row[2], row[6]
                number = journal(unit.low, log)
                tail = self._tails.pop((position, attempt), None)
                key = self._job.id, position, attempt
                pieces = tail.rest(number, at) if tail else self.outputs.rest(key, number, at, 0, self._last) if number else ()
                for data in pieces:
                    yield position, attempt, data
        self._units = []
        return True

    def _live(self, item: "Item") -> "Iterator[Piece]":
        for position in _positions(item):
            attempt, chunks, size = live_of(item, position)
            key = position, attempt
            if key not in self._tails:
                self._tails[key] = self.outputs.tail((self._job.id, *key), self._last)
            for data in self._tails[key].take(item["lo"], chunks, size):
                yield position, attempt, data

    # -- what changed -------------------------------------------------------------------------------------------------------------
    def _changed(self) -> "Iterator[Item]":
        """Slices that may tell something new."""
        groups = failures.group_count(self._job.tasks, self._size)
        if groups <= FEW_GROUPS:
            for group in range(groups):
                yield from self._slices(group, "000000000", _LAST_POSITION)
            return
        for group, tally in failures.tallies(self._host.table, self._job.id, range(groups)):
            for low, version, counts in tally:
                tasks = sum(counts)
                seen, read = self._versions.get(low, (-1, 0))
                if counts[1] or (seen, read) != (version, tasks):
                    self._versions[low] = version, tasks
                    begin = low + read if seen == version == CLOSED else low  # it was joined with what follows it
                    yield from self._slices(group, f"{begin:09d}", f"{low + tasks - 1:09d}")

    def _slices(self, group: int, low: str, high: str) -> "Iterable[Item]":
        return self._host.table.query(keys.slices(self._job.id, group), between=(low, high))


def _positions(item: "Item") -> list[int]:
    """Tasks of a slice with output so far."""
    text = item.get("lv")
    if not text:
        return []
    import json

    return sorted(map(int, json.loads(text)))
