"""When one function asks another to look: at once, but not again too soon. Pure."""


class Asking:
    """Kept by one process. What came too soon is owed."""

    def __init__(self, every_s: float) -> None:
        self._every_s, self._owed = every_s, False
        self._at: float | None = None

    def is_due(self, now_s: float, news: bool) -> bool:
        """Whether to ask now. news: whether there is something to ask for."""
        self._owed |= news
        if not self._owed or (self._at is not None and now_s - self._at < self._every_s):
            return False
        self._at, self._owed = now_s, False
        return True
