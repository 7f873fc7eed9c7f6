"""What happens while a plan is applied, as values: the log of the TUI, the lines of `hyper` and the record on disk are this one stream."""

from dataclasses import dataclass
from typing import Literal

Phase = Literal["CREATING", "UPDATING", "DELETING", "ACTIVE", "DELETED", "FAILED", "CANCELLED", "LOG"]
"""States that a resource goes through; CANCELLED: its change was ended because somebody asked for it, and what was there before stays.
LOG: a line of what is being done, such as an image build."""
OVER: tuple[Phase, ...] = ("ACTIVE", "DELETED", "FAILED", "CANCELLED")
"""Phases after which nothing more happens to a resource in this deployment."""


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
    region: str = ""
    """Where it happened; "" on hosts that have one place only."""
    part: str = ""
    """What of the resource it happened to, on AWS `LogicalId AWS::Service::Type`; "" = the whole of it.

    How a part ends does not say how the whole ends."""
