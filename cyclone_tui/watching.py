"""Jobs whose end is told: those that were submitted in this sitting."""

from collections.abc import Iterable

from cyclone_core.jobs import SUCCESSFUL
from cyclone_core.operations.queries import HostView


def ended_since(host: HostView, jobs: Iterable[int]) -> tuple[tuple[int, str, bool], ...]:
    """(job, what to tell, whether all went well) of those that are over; of a forgotten job nobody knows more than that."""
    found = []
    for number in jobs:
        job = host.reader.job(number)
        if job is None:
            found.append((number, f"job {number} is no longer kept", True))
        elif job.is_final:
            code = "" if job.exit_code in (None, 0) else f", exit code {job.exit_code}"
            found.append((number, f"job {number} ({job.name}): {job.state}{code}", job.status == SUCCESSFUL))
    return tuple(found)
