"""What a vCPU hour costs by the price list, where no worker was told its price: on demand, with the date of the list."""

from collections.abc import Iterable

from cyclone_core.prices import table as prices
from cyclone_core.scheduler.usage import OWN, Place


def usd(place: Place) -> float | None:
    """US dollars of a vCPU hour, None: not known. Spot capacity, which may have cost less, is listed as any."""
    return prices.vcpu_hour(place.type, place.region) if _is_listed(place) else None


def listed_on(places: Iterable[Place]) -> tuple[str, str]:
    """(dates, sources) of the lists that these are priced by, "" where none of them is."""
    known = prices.known()
    found = {known.regions[place.region] for place in places if place.usd is None and usd(place) is not None}
    sources = {known.sources[0] if each.source == "shipped" else "fetched from AWS" for each in found}
    return " and ".join(sorted({each.date for each in found})), "; ".join(sorted(sources))


def _is_listed(place: Place) -> bool:
    return bool(place.type) and place.purchase != OWN
