"""How many jobs of an AWS host are not over, by queue and definition: what keeps those from being deleted."""

from cyclone_core.operations.aws_host import AwsHost
from cyclone_core.scheduler.dynamo import keys, listing

MOST = 2000
"""So many are counted; of more, those of one part are, times the number of parts."""


def count(host: AwsHost) -> dict[tuple[str, str], int]:
    """(kind, name) of queues and definitions -> jobs that are not over; absent = none. Raises CycloneError."""
    ids, each = listing.open_jobs(host.table, MOST), 1
    if ids is None:
        part = host.table.query(keys.due_part(0), index="due", limit=MOST)
        ids, each = [int(item["pk"][2:]) for item in part if item["sk"] == keys.JOB], keys.SHARDS
    found: dict[tuple[str, str], int] = {}
    for item in host.table.batch_get([keys.job(job) for job in ids], fields=("q", "d", "expires")).values():
        if "expires" not in item:
            for place in (("queue", item["q"]), ("definition", item["d"])):
                found[place] = found.get(place, 0) + each
    return found
