"""What a plan does about copies of machine images, from what is wanted (`machine_images`) and what is there."""

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from cyclone_core.infra.machine_images import ImageChange, needed, parameter
from cyclone_core.infra.plan import Bodies
from cyclone_core.infra.targets import Place

if TYPE_CHECKING:
    from cyclone_core.aws.account import Account


def plan(
    account: "Account", place: Place, desired: Bodies, regions: Iterable[str], clusters: Collection[str] | None, cleans: bool
) -> list[ImageChange]:
    """What there is to copy for these clusters (None: all), and to delete (`cleans`). regions: where copies may be. Raises AwsError."""
    from cyclone_core.aws import machine_images

    wanted, used = needed(desired, clusters), needed(desired)
    everywhere = sorted({*(region for region, _ in wanted), *(regions if cleans else ())})
    with ThreadPoolExecutor(max(1, len(everywhere))) as pool:
        there = dict(zip(everywhere, pool.map(lambda region: machine_images.copies(account, region, place.host), everywhere), strict=True))
        told = pool.map(lambda each: machine_images.parameter(account, each[0], parameter(place.host, each[1])), wanted)
        ids = dict(zip(wanted, told, strict=True))
    found = []
    for (region, source), name in wanted.items():
        ready = [copy.id for copy in there[region] if copy.source == source and copy.is_ready]
        if not ready or ids[region, source] not in ready:
            image = machine_images.source(account, place.main_region, source)
            more = (image.gib, image.is_encrypted) if image else (0, False)
            found.append(ImageChange("copy", region, name, source, place.main_region, *more))
    for region in everywhere if cleans else ():
        for source, name in {copy.source: copy.name for copy in there[region] if (region, copy.source) not in used}.items():
            found.append(ImageChange("delete", region, name, source, place.main_region))
    return found
