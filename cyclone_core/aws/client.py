"""One service in one region, as Cyclone asks it: throttling is outlasted, and what fails is said in Cyclone's words."""

import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError

from cyclone_core.aws.codes import THROTTLED
from cyclone_core.aws.patience import Patience as Patience
from cyclone_core.aws.words import Asked
from cyclone_core.errors import AwsError

Answer = dict[str, Any]
"""What AWS answers, as its library reads it."""


class Client:
    """A service in a region. Threads may share it."""

    def __init__(self, client: Any, service: str, region: str, explain: Callable[[Exception, Asked], AwsError]) -> None:
        """client: AWS's own; explain: an exception of it in Cyclone's words."""
        self._client, self.service, self.region, self._explain = client, service, region, explain

    def ask(self, operation: str, **parameters: Any) -> Answer:
        """The answer to one request; operation as AWS names it, `DescribeStacks`. Raises AwsError."""
        try:
            answer: Answer = getattr(self._client, xform_name(operation))(**parameters)
        except (BotoCoreError, ClientError) as exc:
            raise self._explained(exc, operation) from exc
        return answer

    def pages(self, operation: str, **parameters: Any) -> Iterator[Answer]:
        """All pages of an answer, each asked for when it is wanted. Raises AwsError."""
        try:
            yield from self._client.get_paginator(xform_name(operation)).paginate(**parameters)
        except (BotoCoreError, ClientError) as exc:
            raise self._explained(exc, operation) from exc

    def all(self, operation: str, member: str, **parameters: Any) -> Iterator[Any]:
        """The entries of a list on all pages: `all("ListExports", "Exports")`. Raises AwsError."""
        for page in self.pages(operation, **parameters):
            yield from page.get(member) or ()

    def _explained(self, exc: Exception, operation: str) -> AwsError:
        return self._explain(exc, Asked(self.service, operation, self.region))


def outlast_throttling(client: Any, patience: Patience) -> None:
    """Let a client of AWS's library repeat throttled requests for longer than its own few attempts, and nothing else."""

    def wait_before_next(response: Any, attempts: int, request_dict: Any, **_: Any) -> float | None:
        """Seconds, None for no further attempt; asked after the library's own rule, which knows the number of attempts only."""
        code = response[1].get("Error", {}).get("Code") if response is not None else None
        if code not in THROTTLED:
            return None
        since = request_dict["context"].setdefault("cyclone-throttled-since", time.monotonic())
        if time.monotonic() - since > patience.throttled_s:
            return None
        return min(0.5 * 2.0 ** min(attempts, 16), patience.longest_wait_s) * random.uniform(0.5, 1.0)  # apart from each other

    client.meta.events.register_last("needs-retry", wait_before_next)
