"""Where an AWS host's job goes, and what of the host's resources decides how it is stored. Pure and lean."""

from cyclone_core.scheduler.admission import admit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cyclone_core.jobs import JobRequest

    Resources = Mapping[str, Mapping[str, Mapping[str, Any]]]
    """kind -> name -> body"""

USUAL_VCPUS = 1000
"""`max_vcpus` of a cluster that says none, in each region."""


class Place:
    """queue, definition; cluster: the queue's. queue_priority: the queue's. ratio: open tasks for each worker. most_workers: so many
    tasks of the definition fit into the cluster, over all regions."""

    __slots__ = ("cluster", "definition", "most_workers", "queue", "queue_priority", "ratio")

    def __init__(
        self, queue: str, definition: str, cluster: str = "default", queue_priority: int = 0, ratio: int = 1, most_workers: int = 1000
    ) -> None:
        self.queue, self.definition, self.cluster = queue, definition, cluster
        self.queue_priority, self.ratio, self.most_workers = queue_priority, ratio, most_workers


def place(request: "JobRequest", resources: "Resources") -> Place:
    """Where a request goes. Raises InvalidRequest with every reason why it cannot be a job here."""
    admitted = admit(request, resources)
    return place_of(admitted.queue, admitted.definition, resources)


def place_of(queue: str, definition: str, resources: "Resources") -> Place:
    """The same of a queue and a definition that exist."""
    of_queue, of_definition = resources["queue"][queue], resources["definition"][definition]
    name = of_queue.get("cluster") or "default"
    cluster = resources.get("cluster", {}).get(name, {})
    weights = of_queue.get("region_distribution_weights") or {}
    regions = [region for region in resources.get("region", {}) if weights.get(region, 1) != 0]
    vcpus = (cluster.get("max_vcpus") or USUAL_VCPUS) * max(1, len(regions))
    most = max(1, vcpus // (of_definition.get("vcpus") or 1))
    return Place(queue, definition, name, of_queue.get("priority") or 0, of_definition.get("jobs_to_workers_ratio") or 1, most)
