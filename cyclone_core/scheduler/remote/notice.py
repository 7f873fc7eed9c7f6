"""What the instance below tells: its id, that its spot capacity will be taken back, and that this is likelier than it was.

A container reaches the metadata service only where its instance allows a second hop; where it does not answer at first it is not asked
again. The notice comes two minutes before, best effort, and is to be looked for every 5 s
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html). A rebalance recommendation may come before it,
or never, and may be wrong: whoever gets one takes no more work and ends what runs
(https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/rebalance-recommendations.html).
"""

import os

from cyclone_core.aws.lean.links import NoAnswer
from cyclone_core.aws.lean.machine import Metadata

LOOK_S = 5.0
INTERRUPTED, REBALANCE = "interrupted", "rebalance"
WHY = {INTERRUPTED: "its spot capacity is taken back", REBALANCE: "its spot capacity is likely to be taken back soon"}
"""News in words: why a worker leaves."""


class Instance:
    """The instance that a worker runs on. `is_there` is False where nobody tells. For one thread at a time.

    A worker that a machine with several slots has started is told by that, and asks nobody.
    """

    __slots__ = ("_has_answered", "_metadata", "_told", "is_there")

    def __init__(self) -> None:
        self._metadata, self._has_answered, self._told = Metadata(), False, os.environ.get("CYCLONE_INSTANCE", "")
        self.is_there = not self._told and os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true"

    def name(self) -> str:
        """Its id, "" where nobody tells."""
        return self._told or self.get("instance-id")

    def is_interrupted(self) -> bool:
        """Whether it will be stopped or terminated within two minutes."""
        return bool(self.get("spot/instance-action"))

    def news(self) -> str:
        """INTERRUPTED: it will be stopped or terminated within two minutes; REBALANCE: others should take its work; "": neither."""
        if self.is_interrupted():
            return INTERRUPTED
        return REBALANCE if self.get("events/recommendations/rebalance") else ""

    def get(self, path: str) -> str:
        """One of its metadata, "" where nobody tells."""
        if not self.is_there:
            return ""
        try:
            found = self._metadata.get(path)
        except (NoAnswer, OSError, ValueError):
            self.is_there = self._has_answered
            return ""
        self._has_answered = True
        return found
