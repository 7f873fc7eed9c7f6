"""The resources of an AWS host as job commands see them: its records, kept in a file of this machine for KEPT_S seconds. Lean.

Submissions come in thousands, and what they are checked against changes seldom: reading it each time would cost more requests than the
submission. Nothing is lost when what was kept is old: a name that is not in it is looked for anew, and one that was deleted a moment ago is
told as the reason why the job waits. A record is there as long as its stack is, so what is recorded can be used.
"""

import os
from time import time

from cyclone_core import paths
from cyclone_core.aws.lean import jsons

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Body = dict[str, Any]
    Bodies = dict[str, dict[str, Body]]
    """kind -> name -> body"""

KEPT_S = 60.0


class HostBodies:
    """The records of one host."""

    def __init__(self, name: str, place: str, read: "Callable[[], Bodies]", now: "Callable[[], float]" = time) -> None:
        """place: which host of that name it is (its account, region and address); read: asks AWS for all of them."""
        self._path = os.path.join(paths.host_state_dir(name), "records.json")
        self._place, self._read, self._now = place, read, now
        self._at, self._is_own = 0.0, False
        self._bodies: Bodies = {}

    def all(self, oldest_s: float = KEPT_S) -> "Bodies":
        """Every body, none older than `oldest_s`. Raises AwsError."""
        if not self._at:
            self._at, self._bodies = self._kept()
        if not 0 <= self._now() - self._at < oldest_s:
            self._at, self._bodies, self._is_own = self._now(), self._read(), True
            self._keep()
        return self._bodies

    @property
    def is_new(self) -> bool:
        """Whether this process has read them within the last second."""
        return self._is_own and 0 <= self._now() - self._at < 1.0

    def find(self, kind: str, name: str) -> "Body | None":
        """One body; before there is said to be none, it is looked for anew. Raises AwsError."""
        found = self.all().get(kind, {}).get(name)
        return found if found is not None else self._newest().get(kind, {}).get(name)

    def _newest(self) -> "Bodies":
        return self._bodies if self.is_new else self.all(oldest_s=0)

    def names(self, kind: str) -> list[str]:
        """Names of all resources of a kind, sorted. Raises AwsError."""
        return sorted(self.all().get(kind, {}))

    def _kept(self) -> "tuple[float, Bodies]":
        try:
            with open(self._path, "rb") as file:
                kept = jsons.loads(file.read())
            if kept["place"] == self._place:
                return float(kept["at"]), dict(kept["bodies"])
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            pass
        return 0.0, {}

    def _keep(self) -> None:
        """For the next commands; where that is not possible they ask."""
        temporary = f"{self._path}.{os.getpid()}.new"
        try:
            os.makedirs(os.path.dirname(self._path), 0o700, exist_ok=True)
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(jsons.dumps({"place": self._place, "at": self._at, "bodies": self._bodies}))
            os.replace(temporary, self._path)
        except OSError:
            return
