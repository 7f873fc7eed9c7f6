"""How long AWS is waited for and asked again. Lean: the job commands use it."""


class Patience:
    """How long requests are waited for and repeated."""

    __slots__ = ("attempts", "connect_s", "longest_wait_s", "read_s", "throttled_s")

    def __init__(
        self,
        connect_s: float = 5.0,
        read_s: float = 60.0,
        attempts: int = 3,
        throttled_s: float = 60.0,
        longest_wait_s: float = 5.0,
    ) -> None:
        """How long, in seconds, and how often.

        connect_s, read_s: until there is a connection, and between two pieces of an answer; attempts: of a request that gets no answer,
        or a failure of the service; throttled_s: so long throttled requests are repeated (Cyclone goes on through half a minute of
        throttling); longest_wait_s: between two attempts of a throttled request.
        """
        self.connect_s, self.read_s, self.attempts = connect_s, read_s, attempts
        self.throttled_s, self.longest_wait_s = throttled_s, longest_wait_s
