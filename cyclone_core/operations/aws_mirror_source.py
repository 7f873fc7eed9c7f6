"""Where a mirror reads the jobs of an AWS host: its table, in batches, and parts of the listing side by side.

Implements `mirror_refresh.Source`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from cyclone_core.errors import AccessDenied
from cyclone_core.operations import aws_watched
from cyclone_core.operations.aws_host import AwsHost
from cyclone_core.operations.mirror_refresh import Counts, Listed
from cyclone_core.scheduler.dynamo import keys, totals
from cyclone_core.scheduler.dynamo.side_by_side import each
from cyclone_core.scheduler.dynamo.tally import Tally
from cyclone_core.views import Job

T = TypeVar("T")
_LAST = "~"
"""Above every place of a listing: those are digits and `#`."""


class TableSource:
    """The jobs of one host. Use it in one thread."""

    def __init__(self, host: AwsHost) -> None:
        """Nothing is asked yet."""
        self._host = host

    def identity(self) -> str:
        """See `Source`: the table's own id, or where that may not be asked for, where the table is."""
        lean = self._host.lean
        where = f"{lean.account} {lean.region} {lean.table}"
        try:
            told = lean.aws.dynamodb("DescribeTable", TableName=lean.table).get("Table", {})
        except AccessDenied:
            return where
        return f"{where} {told.get('TableId') or told.get('CreationDateTime')}"

    def counts(self) -> Mapping[str, Counts]:
        """See `Source`. One question."""
        return dict(totals.queues(self._host.table))

    def parts(self, queue: str) -> Sequence[str]:
        """See `Source`."""
        return [keys.listing_part(queue, shard) for shard in range(keys.SHARDS)]

    def newer(self, wanted: Mapping[str, str], limit: int) -> Mapping[str, Sequence[Listed]]:
        """See `Source`. One question for each part."""
        return self._each(wanted, lambda part: self._listed(part, (wanted[part] or "0", _LAST), False, limit))

    def older(self, wanted: Mapping[str, str], limit: int) -> Mapping[str, Sequence[Listed]]:
        """See `Source`. One question for each part."""

        def read(part: str) -> list[Listed]:
            place = wanted[part]
            found = self._listed(part, ("0", place or _LAST), True, limit + bool(place))
            return [one for one in found if one[0] != place][:limit]

        return self._each(wanted, read)

    def states(self, jobs: Mapping[int, bool]) -> Mapping[int, Counts]:
        """See `Source`. One question for a hundred arrays, or for hundreds of single jobs whose numbers lie near each other."""
        arrays = [number for number, is_array in jobs.items() if is_array]
        singles = {number for number, is_array in jobs.items() if not is_array}
        groups = sorted({keys.tally(number) for number in singles})
        found: dict[int, Counts] = {}
        items = self._items([keys.total(number) for number in arrays] + groups)
        for number in arrays:
            item = items.get(keys.total(number))
            if item is not None and "t" in item:
                found[number] = totals.of_array(int(item["t"]), item)
        for group in groups:
            units = Tally.unpack(items.get(group, {}).get("units") or b"")
            found |= {number: counts for number, _, counts in units if number in singles}
        return found

    def jobs(self, ids: Sequence[int]) -> Sequence[Job]:
        """See `Source`. One question for a hundred single jobs, another for a hundred arrays among them."""
        return self._host.reader.listed(ids)

    def _items(self, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
        parts = [wanted[at : at + 100] for at in range(0, len(wanted), 100)]
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for part in each(self._host.table.batch_get, parts):
            found |= part
        return found

    def _listed(self, part: str, between: tuple[str, str], backwards: bool, limit: int) -> list[Listed]:
        items = self._host.table.query(part, index="listing", between=between, backwards=backwards, limit=limit)
        return [(str(item["listed_at"]), int(item["pk"][2:])) for item in items]

    def _each(self, parts: Iterable[str], read: Callable[[str], T]) -> dict[str, T]:
        names = list(parts)
        return dict(zip(names, each(read, names), strict=True))


def open_source(host: str) -> TableSource:
    """The jobs of a host. Raises CycloneError where it cannot be reached from here."""
    aws_watched.forget(host)  # this is asked for at the beginning, and after a failure
    return TableSource(aws_watched.host(host))
