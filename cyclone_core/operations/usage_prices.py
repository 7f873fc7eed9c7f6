"""What a vCPU hour costs where no worker told its price: the price list, with its date."""

from collections.abc import Callable
from dataclasses import dataclass

from cyclone_core.operations.queries import HostView
from cyclone_core.scheduler.usage import Place


@dataclass(frozen=True)
class Prices:
    """A price list."""

    of: Callable[[Place], float | None]
    """US dollars of a vCPU hour, None: not known."""
    date: str = ""
    source: str = ""


def of_host(host: HostView) -> Prices:
    """That of a host; a local one has none."""
    return Prices(lambda place: None)
