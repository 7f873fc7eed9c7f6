"""Workers that are to be asked for in several regions, put together so that fewer instances come. Pure.

A region's part of a lane's workers seldom fills whole instances, and each region rounds its own up: of eight workers, four to an instance,
three regions would launch three instances, one of which finds nothing to do. So what fills no instance in one region goes to others,
which launch one for their own remainder anyway. No region launches more instances by that, and none less than whole ones by its weight.
"""

from collections.abc import Mapping


def merged(asked: Mapping[str, int], held: Mapping[str, int]) -> dict[str, int]:
    """Workers to ask for, by region: as many as before, altogether.

    held: region -> workers of the smallest instance that may come there; regions that are not in it stay as they are.
    """
    found = dict(asked)
    rests = {region: workers % held[region] for region, workers in asked.items() if held.get(region, 0) > 1}
    rests = {region: rest for region, rest in rests.items() if rest}
    for giver in sorted(rests, key=lambda region: (rests[region], region)):
        gaps = {region: held[region] - rest for region, rest in rests.items() if rest and region != giver}
        if not 0 < rests[giver] <= sum(gaps.values()):
            continue  # it was filled meanwhile, or an instance would be launched for it all the same
        for region in sorted(gaps, key=lambda region: (gaps[region], region)):
            moved = min(gaps[region], rests[giver])
            found[giver], found[region] = found[giver] - moved, found[region] + moved
            rests[giver] -= moved
            rests[region] = (rests[region] + moved) % held[region]
    return {region: workers for region, workers in found.items() if workers}
