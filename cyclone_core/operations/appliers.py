"""What applies plans to a host: the one place that knows which type of host is changed by what. AWS hosts will be served here too."""

from collections.abc import Callable, Iterator
from typing import Any

from cyclone_core import paths, wire
from cyclone_core.errors import HostUnavailable
from cyclone_core.infra import local
from cyclone_core.infra.containers import ContainerEngine, Stop, find_engine
from cyclone_core.infra.deployer import Applier
from cyclone_core.infra.events import Event
from cyclone_core.infra.plan import Plan
from cyclone_core.operations import hosts
from cyclone_core.resources import Host
from cyclone_core.scheduler.local import client

Connect = Callable[[str], wire.Channel]
"""State directory of a host -> a channel to its supervisor, which is started when it does not run."""


def for_host(host: Host, connect: Connect = client.ensure, engine: Callable[[], ContainerEngine] = find_engine) -> Applier:
    """What applies plans to this host. Raises MissingExtra or CycloneError for an AWS host (a later version)."""
    if host.type == "aws":
        hosts.refuse_aws()
    return LocalApplier(host, connect, engine)


class LocalApplier:
    """Applies plans to a local host, by way of its supervisor."""

    def __init__(self, host: Host, connect: Connect, engine: Callable[[], ContainerEngine]) -> None:
        """connect: the way to the supervisor; engine: finds the container engine when one is needed."""
        self._host, self._connect, self._engine = host, connect, engine

    def apply(self, plan: Plan, stop: Stop) -> Iterator[Event]:
        """As `Applier` says. Raises InvalidRequest for what the supervisor refuses, HostUnavailable or StateUnusable."""
        way = _Way(lambda: self._connect(paths.host_state_dir(self._host.name)))
        try:
            yield from local.LocalProvisioner(way.ask, self._engine).apply(plan, stop)
        except (wire.Closed, OSError) as exc:
            raise HostUnavailable(f"the supervisor of host {self._host.name} left in the middle of a change. Try again") from exc
        finally:
            way.close()


class _Way:
    """A channel to a supervisor that may be another one after a long build."""

    def __init__(self, connect: Callable[[], wire.Channel]) -> None:
        self._connect, self._channel = connect, connect()

    def ask(self, message: tuple[Any, ...]) -> tuple[Any, ...]:
        """Send a message, once more when the supervisor has left: storing the same again changes nothing."""
        try:
            return self._channel.ask(message)
        except (wire.Closed, OSError):
            self.close()
            self._channel = self._connect()
            return self._channel.ask(message)

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()
