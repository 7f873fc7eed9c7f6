"""The resources of a host as its control plane sees them: their records, SSM parameters of the main region.

Read as a whole, and kept for a while: a host has some dozens. A record appears once the stack that makes it is there.
"""

import time

from cyclone_core import naming
from cyclone_core.aws.lean import jsons

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class Ssm(Protocol):
        """The part of the lean client that is used here."""

        def ssm(self, operation: str, **parameters: Any) -> "dict[str, Any]":
            """The answer of a request. Raises AwsError."""

    Bodies = dict[str, dict[str, dict[str, Any]]]
    """kind -> name -> body"""

KEPT_S = 30.0


class Records:
    """The records of one host. Threads may share it."""

    def __init__(self, aws: "Ssm", host: str, kept_s: float = KEPT_S, clock: "Callable[[], float]" = time.monotonic) -> None:
        """aws: the client of the main region; kept_s: so long what was read counts as new."""
        self._aws, self._path, self._kept_s, self._clock = aws, naming.records(host), kept_s, clock
        self._read: tuple[float, Bodies] | None = None

    def bodies(self, oldest_s: float | None = None) -> "Bodies":
        """Every body; what was read longer ago than `kept_s`, or than `oldest_s`, is read again. Raises AwsError."""
        now, oldest = self._clock(), self._kept_s if oldest_s is None else oldest_s
        if self._read is None or now - self._read[0] > oldest:
            self._read = now, self._all()
        return self._read[1]

    def _all(self) -> "Bodies":
        found: Bodies = {}
        token: dict[str, str] = {}
        while True:
            answer = self._aws.ssm("GetParametersByPath", Path=self._path, Recursive=True, **token)
            for parameter in answer.get("Parameters") or ():
                kind, _, name = parameter["Name"].removeprefix(f"{self._path}/").partition("/")
                found.setdefault(kind, {})[name] = _body(parameter["Value"])
            token = {"NextToken": answer["NextToken"]} if answer.get("NextToken") else {}
            if not token:
                return found


def _body(text: str) -> "dict[str, Any]":
    """A body; {} when somebody wrote something else there."""
    try:
        found = jsons.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
