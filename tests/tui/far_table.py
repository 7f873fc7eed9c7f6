"""What only an AWS host itself knows, for screens: its table in memory, and the resources that `test_aws_screens.Account` has."""

from collections.abc import Mapping
from typing import Any

from cyclone_core.operations.aws_host import AwsHost
from cyclone_core.scheduler.dynamo.table import Table
from tests.dynamo.memory import MemoryDynamo


class Bodies:
    """Resources as records have them."""

    def __init__(self, bodies: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
        self.bodies = bodies

    def all(self, oldest_s: float = 0.0) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """kind -> name -> body."""
        return self.bodies

    def names(self, kind: str) -> list[str]:
        """By name."""
        return sorted(self.bodies.get(kind, {}))


class There(AwsHost):
    """The host itself."""

    def __init__(self, name: str, bodies: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None) -> None:
        super().__init__(name)
        self.items = Table(MemoryDynamo(), "jobs")
        self.known = Bodies(bodies or {})

    @property
    def table(self) -> Table:
        """In memory."""
        return self.items

    @property
    def bodies(self) -> Any:
        """As they were given."""
        return self.known
