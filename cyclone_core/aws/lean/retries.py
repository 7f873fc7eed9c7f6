"""When a request is sent again, and after how long. Pure: whoever asks waits.

Throttling is outlasted for as long as `Patience.throttled_s`; silence and failures of a service are met with so many attempts as
`Patience.attempts`; a wrong clock and keys that have just expired are mended once each.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from cyclone_core.aws.lean.links import NoAnswer
    from cyclone_core.aws.lean.refusals import Refusal
    from cyclone_core.aws.patience import Patience

_FIRST_S = 0.1
"""Before the second attempt, at most; each further one waits twice as long."""
_MOST_STALE = 40
"""So many kept connections may turn out to be closed, more than are kept to an endpoint."""
_HOPELESS = frozenset(("SSLError", "ProxyRefused"))
"""Codes for no answer that the next attempt gets too."""


class Tries:
    """The attempts of one request."""

    def __init__(self, patience: "Patience", repeats: bool, random: "Callable[[], float]") -> None:
        """repeats: see `Request.repeats`; random: numbers in 0..1, so that clients do not return all at once."""
        self._patience, self._repeats, self._random = patience, repeats, random
        self._failures = self._throttles = self._stale = 0
        self._throttled_since: float | None = None

    def after_silence(self, what: "NoAnswer") -> "float | None":
        """Seconds until the next attempt after one without an answer, None for no further one."""
        if what.code in _HOPELESS or (what.sent and not self._repeats):
            return None
        if what.stale and self._stale < _MOST_STALE:
            self._stale += 1
            return 0.0
        return self._after_failure()

    def after_refusal(self, what: "Refusal", now_s: float) -> "float | None":
        """The same after a refusal; now_s: of a clock that only goes on."""
        if what.is_throttling:
            return self._after_throttling(now_s)
        if what.is_failure and (self._repeats or what.status == 503):
            return self._after_failure()
        return None

    def _after_failure(self) -> "float | None":
        self._failures += 1
        if self._failures >= self._patience.attempts:
            return None
        return self._pause(self._failures)

    def _after_throttling(self, now_s: float) -> "float | None":
        if self._throttled_since is None:
            self._throttled_since = now_s
        if now_s - self._throttled_since > self._patience.throttled_s:
            return None
        self._throttles += 1
        return self._pause(self._throttles)

    def _pause(self, attempt: int) -> float:
        longest = min(_FIRST_S * 2.0 ** min(attempt - 1, 16), self._patience.longest_wait_s)
        return longest * (0.5 + self._random() / 2)
