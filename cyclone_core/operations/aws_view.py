"""An AWS host, to look at: its table answers, its records say what resources there are, its bucket holds what tasks wrote. Lean."""

from cyclone_core import paths
from cyclone_core.errors import CycloneError, HostUnavailable
from cyclone_core.operations.aws_host import AwsHost
from cyclone_core.operations.queries import HostView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.operations.aws_door import AwsDoor
    from cyclone_core.operations.aws_follow import AwsFollower
    from cyclone_core.operations.aws_outputs import AwsOutputs
    from cyclone_core.views import Job


class AwsView(HostView):
    """One AWS host. Nothing is asked before it has to be; whatever keeps it from answering is a CycloneError."""

    type = "aws"
    poll_s = 2.0
    first_queues = frozenset()

    def __init__(self, host: "AwsHost | str") -> None:
        self.host = AwsHost(host) if isinstance(host, str) else host
        self.name, self.state_dir = self.host.name, paths.host_state_dir(self.host.name)
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

    def script(self, spec: "dict[str, Any]") -> bytes:
        """The snapshot of a script."""
        return self.host.script(spec)

    def parameter_line(self, name: str, line: int) -> str:
        """A line of packed parameters; only the chunk that it is in is fetched."""
        from cyclone_core.scheduler.parameters import ParameterFile

        file = ParameterFile(self.host.parameters(name, line))
        try:
            return file.line(line)
        finally:
            file.close()

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
