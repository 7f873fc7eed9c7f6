"""Which workers of an AWS host run now, and where: for plans that concern them, and for whoever waits until they have left."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cyclone_core.operations.aws_host import AwsHost


class Workers:
    """The workers of one host, as they say themselves; one that is silent for five minutes is not there."""

    def __init__(self, host: str) -> None:
        self._name = host
        self._host: AwsHost | None = None

    def __call__(self, cluster: str, region: str) -> Mapping[str, int]:
        """Workers of a cluster there, as `instances.by_environment` has them. A host without a table has none. Raises CycloneError."""
        from cyclone_core.errors import HostUnavailable
        from cyclone_core.operations.aws_host import AwsHost
        from cyclone_core.scheduler.dynamo import instances, leaving

        self._host = self._host or AwsHost(self._name)
        try:
            found = leaving.present(self._host.table, time.time())
        except HostUnavailable:
            return {}
        return instances.by_environment(worker for worker in found if (worker.lane.cluster, worker.region) == (cluster, region))
