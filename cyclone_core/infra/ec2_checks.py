"""What clusters of type EC2 take of a cluster's fields, and what is refused because it means nothing there. Pure.

instance_list, fallback_instance_list   types and families that the shipped table knows; optimal as AWS Batch has it
type, bid_percentage                    SPOT or ONDEMAND; a bid below 100 per cent is a MaxPrice of the list price, and leaves out types
                                        that the table has no price of
allocation_strategy                     SPOT_CAPACITY_OPTIMIZED is EC2's price-capacity-optimized, BEST_FIT_PROGRESSIVE lowest-price; on
                                        demand the cheapest is taken. BEST_FIT is Batch's alone
compute_envs                            Batch's alone
main_region_image_name                  an image with bash and systemd, and Python 3.11 or `dnf`
max_vcpus, first_zones, fallback, iam_policies, compute_resources_tags    as with Batch
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cyclone_core.prices import table as prices
from cyclone_core.problems import Problem
from cyclone_core.resources import Cluster

_USUAL_ENVIRONMENTS = Cluster.model_fields["compute_envs"].default
Body = Mapping[str, Any]


def problems(path: str, body: Body, regions: Sequence[str]) -> Iterator[Problem]:
    """What is wrong with a cluster of type EC2. path: what it is called; regions: the host's."""
    if body.get("allocation_strategy") == "BEST_FIT":
        message = "BEST_FIT is a strategy of AWS Batch, and the cluster is of type EC2"
        yield Problem(f"{path}.allocation_strategy", message, "Use SPOT_CAPACITY_OPTIMIZED, or BEST_FIT_PROGRESSIVE for the cheapest")
    if body.get("compute_envs") not in (None, _USUAL_ENVIRONMENTS):
        message = "compute environments are of AWS Batch, and the cluster is of type EC2"
        yield Problem(f"{path}.compute_envs", message, "Leave it out: EC2 is asked for all of its instances at once")
    for field in ("instance_list", "fallback_instance_list"):
        yield from _unknown(f"{path}.{field}", [str(word) for word in body.get(field) or ()])
    yield from _too_small(path, body)
    yield from _unpriced(path, body, regions)


def _unknown(path: str, words: Sequence[str]) -> Iterator[Problem]:
    for word in words:
        if not prices.types_of([word]):
            message = f"no instance type or family is called {word!r} in the table of {prices.shipped().facts_date}"
            yield Problem(path, message, "Correct it, or use a type that is listed; newer ones come with newer versions of Cyclone")


def _too_small(path: str, body: Body) -> Iterator[Problem]:
    sizes = [facts.vcpus for name in prices.types_of(_words(body)) if (facts := prices.facts(name)) is not None]
    most = int(body.get("max_vcpus") or 0)
    if sizes and most and min(sizes) > most:
        message = f"its smallest instance has {min(sizes)} vCPUs, and {most} are allowed"
        yield Problem(f"{path}.max_vcpus", message, f"Give {min(sizes)} at least, or smaller instances")


def _unpriced(path: str, body: Body, regions: Sequence[str]) -> Iterator[Problem]:
    """A bid is a share of a price."""
    if int(body.get("bid_percentage") or 100) >= 100 or body.get("type") != "SPOT":
        return
    types = prices.types_of(_words(body))
    for region in regions if types else ():
        if not any(prices.on_demand(name, region) for name in types):
            message = f"a bid is a share of the on-demand price, and no price of these types in {region} is known"
            yield Problem(f"{path}.bid_percentage", message, "Leave it at 100: spot never costs more than on demand")


def _words(body: Body) -> list[str]:
    return [str(word) for word in body.get("instance_list") or ()]
