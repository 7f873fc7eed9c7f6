"""Workers that were killed are not there, although DynamoDB shows what has expired for days."""

import json
from collections.abc import Iterator
from typing import Any, cast

from cyclone_core.scheduler.dynamo import keys, leaving
from cyclone_core.scheduler.dynamo.table import Table

NOW = 1_800_000_000


class Items:
    """A table with two workers in its first part: one that was silent for longer than five minutes, and one that was not."""

    def query(self, partition: str) -> Iterator[dict[str, Any]]:
        """The workers of a part."""
        if partition == keys.worker_part(0):
            for name, expires in (("us-east-1/dead", NOW - 1), ("us-east-1/alive", NOW + 200)):
                yield {"pk": partition, "sk": name, "expires": expires, "body": json.dumps({"region": "us-east-1", "state": "idle"})}


def test_what_has_expired_and_is_still_shown_is_no_worker() -> None:
    """Nobody asks the dead to leave."""
    found = leaving.present(cast(Table, Items()), NOW)
    assert [worker.key[1] for worker in found] == ["us-east-1/alive"]
