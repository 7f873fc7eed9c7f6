"""An AWS host, to look at: its table answers, its records say what resources there are, its bucket holds what tasks wrote. Lean."""

import os

from cyclone_core import paths
from cyclone_core.aws.lean.requests import of_object
from cyclone_core.errors import CycloneError, HostUnavailable
from cyclone_core.operations.aws_host import AwsHost
from cyclone_core.operations.queries import HostView
from cyclone_core.scheduler.dynamo import keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.operations.aws_door import AwsDoor
    from cyclone_core.operations.aws_follow import AwsFollower
    from cyclone_core.operations.aws_outputs import AwsOutputs
    from cyclone_core.scheduler.remote.files import ParameterObject
    from cyclone_core.views import Job


class AwsView(HostView):
    """One AWS host. Nothing is asked before it has to be; whatever keeps it from answering is a CycloneError."""

    type = "aws"
    poll_s = 1.0
    first_queues = frozenset()

    def __init__(self, host: "AwsHost | str") -> None:
        self.host = AwsHost(host) if isinstance(host, str) else host
        self.name, self.state_dir = self.host.name, paths.host_state_dir(self.host.name)
        self._parameters: tuple[str, ParameterObject] | None = None
        self.reader = AwsReader(self.host)  # type: ignore[assignment]  # the same methods, as far as they are used

    def reading(self) -> "_Nothing":
        """Errors of AWS are CycloneErrors already."""
        return _Nothing()

    def is_current(self) -> bool:
        """It is asked anew each time."""
        return True

    def supervised(self) -> bool:
        """Nothing has to run on this machine."""
        return True

    def health(self, timeout_s: float = 1.0) -> str:
        """In a word: ready, not deployed, or not answering."""
        try:
            self.reader.counts()
        except HostUnavailable:
            return "not deployed"
        except CycloneError:
            return "not answering"
        return "ready"

    def revive(self) -> None:
        """Its functions are always there."""

    def door(self) -> "AwsDoor":
        """Where jobs are submitted, cancelled and awaited."""
        from cyclone_core.operations.aws_door import AwsDoor

        return AwsDoor(self.host)

    def outputs(self) -> "AwsOutputs":  # type: ignore[override]  # the same methods as `logs.Outputs`
        """What tasks wrote."""
        from cyclone_core.operations.aws_outputs import AwsOutputs

        return AwsOutputs(self.host)

    def follower(self, job: "Job", last: int = 0) -> "AwsFollower":  # type: ignore[override]
        """Follows the outputs of an array's tasks."""
        from cyclone_core.operations.aws_follow import AwsFollower

        return AwsFollower(self.host, self.host.reader, self.outputs(), job, last)

    def script(self, job: "Job") -> bytes:
        """The snapshot of a script. Raises NotFound, AwsError."""
        item = self.host.table.get(keys.job(job.id), fields=("sp",)) or {}
        return self.host.store.specs.spec(item.get("sp", b"")).script(self.host.bucket)

    def parameter_line(self, job: "Job", line: int) -> str | None:
        """A line of packed parameters; only the part that it is in is fetched. Raises AwsError."""
        key = (self.host.table.get(keys.job(job.id), fields=("pm",)) or {}).get("pm")
        if not key:
            return None
        from cyclone_core.scheduler.parameters import ParameterFile
        from cyclone_core.scheduler.remote.files import ParameterObject

        if self._parameters is None or self._parameters[0] != key:
            self._forget_parameters()
            path = os.path.join(self.host.own_dir(), f"parameters-{os.getpid()}-{id(self):x}")
            self._parameters = key, ParameterObject(self._fetch, key, path)
        found = self._parameters[1]
        found.need([(line, line)])
        file = ParameterFile(found.path)
        try:
            return file.line(line)
        finally:
            file.close()

    def close(self) -> None:
        """Close connections, and remove what was fetched."""
        self._forget_parameters()
        self.host.close()

    def _forget_parameters(self) -> None:
        if self._parameters is not None:
            try:
                os.unlink(self._parameters[1].path)
            except OSError:
                pass
            self._parameters = None

    def _fetch(self, key: str, first: int, last: int) -> bytes:
        """Bytes first..last of an object; a negative first: so many of its end."""
        request = of_object("GetObject", "GET", self.host.lean.bucket, key)
        request.headers["range"] = f"bytes={first}" if first < 0 else f"bytes={first}-{last}"
        return self.host.aws.send(request).body

    def why_waiting(self, job: "Job") -> str | None:
        """Why tasks of this job wait, in one line; None when none does."""
        from cyclone_core.operations.aws_waiting import why_waiting

        return why_waiting(self.host, job)


class AwsReader:
    """What an AWS host knows: its table's jobs (`DynamoReader`), and its records' resources."""

    def __init__(self, host: AwsHost) -> None:
        self._host = host

    def close(self) -> None:
        """Connections are closed with the process."""

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._host.reader, name)

    def resource(self, kind: str, name: str) -> "tuple[dict[str, Any], str] | None":
        """(body, state) of a queue, cluster, definition …, None when there is none. What is recorded is there. Raises AwsError."""
        found = self._host.bodies.find(kind, name)
        return None if found is None else (found, "ACTIVE")

    def resource_names(self, kind: str) -> list[str]:
        """Names of all resources of a kind, sorted. Raises AwsError."""
        return self._host.bodies.names(kind)


class _Nothing:
    """A `with` around nothing."""

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(self, *exc: object) -> None:
        """Nothing to do."""
