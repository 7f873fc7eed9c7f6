"""What work used, and where: the words in which every engine tells it. Pure.

A *place* is where vCPUs are paid for, as one text: `REGION TYPE PURCHASE USD` (instance type; spot, ondemand or own; US dollars of a vCPU
hour as they were known when the worker came), `?` for what nobody told. Days are those of UTC, `2026-11-23`, and whole.
"""

from typing import NamedTuple

UNKNOWN = "?"
OWN = "own"


class Place(NamedTuple):
    """Where something ran; "" for what is not known."""

    region: str
    type: str
    """Instance type."""
    purchase: str
    """spot, ondemand or own"""
    usd: float | None
    """Of a vCPU hour, None: nobody told."""


class Used(NamedTuple):
    """What attempts used that have these things in common."""

    day: str
    """When they ended; "" for a job as a whole."""
    queue: str
    user: str
    place: Place
    tasks: int
    """Attempts that ended; of a job on an AWS host its tasks that are over."""
    vcpu_ms: int
    job: int = 0
    """0: jobs are not told apart."""
    name: str = ""
    """The job's."""


class There(NamedTuple):
    """Workers of a place on a day."""

    day: str
    place: Place
    busy_ms: int
    """vCPU milliseconds that tasks used."""
    up_ms: int
    """vCPU milliseconds that the workers were there."""


def place_of(text: str) -> Place:
    """A place from its text; what cannot be read is not known."""
    region, kind, purchase, usd = (*("" if word == UNKNOWN else word for word in text.split(" ")), "", "", "", "")[:4]
    return Place(region, kind, purchase, _number(usd))


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if 0 <= found < 1e6 else None  # no infinity, and no NaN
