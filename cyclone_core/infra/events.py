"""What happens while a plan is applied, as values: the log of the TUI, the lines of `hyper` and the record on disk are this one stream."""

from dataclasses import dataclass
from typing import Literal

Phase = Literal["CREATING", "UPDATING", "DELETING", "ACTIVE", "DELETED", "FAILED", "LOG"]
"""States that a resource goes through; LOG: a line of what is being done, such as an image build."""


@dataclass(frozen=True)
class Event:
    """One thing that happened."""

    at: float
    """Seconds since 1970."""
    kind: str
    name: str
    phase: Phase
    text: str = ""
    level: Literal["info", "warning", "error"] = "info"
