"""What applies plans to a host: the one place that knows which type of host is changed by what."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from cyclone_core import paths, wire
from cyclone_core.errors import HostUnavailable
from cyclone_core.infra import local
from cyclone_core.infra.containers import ContainerEngine, Stop, find_engine
from cyclone_core.infra.deployer import Applier
from cyclone_core.infra.events import Event
from cyclone_core.infra.plan import Plan
from cyclone_core.resources import Host
from cyclone_core.scheduler.local import client

if TYPE_CHECKING:
    from cyclone_core.aws.account import Account

Connect = Callable[[str], wire.Channel]
"""State directory of a host -> a channel to its supervisor, which is started when it does not run."""


def for_host(host: Host, connect: Connect = client.ensure, engine: Callable[[], ContainerEngine] = find_engine) -> Applier:
    """What applies plans to this host. Raises MissingExtra or HostUnavailable for an AWS host that cannot be reached."""
    if host.type == "aws":
        return AwsApplier(host)
    return LocalApplier(host, connect, engine)


class AwsApplier:
    """Applies plans to an AWS host, and lets this machine forget the host once it is deleted."""

    def __init__(self, host: Host, account: "Account | None" = None) -> None:
        """account: how it is reached, None for the user's own way. Raises MissingExtra, HostUnavailable."""
        from cyclone_core.operations import aws_hosts

        self._host, self._account = host, account or aws_hosts.account_of(host)

    def apply(self, plan: Plan, stop: Stop) -> Iterator[Event]:
        """As `Applier` says. Raises AwsError, MissingExtra, and CycloneError when a template cannot be made."""
        from cyclone_core.aws import records
        from cyclone_core.infra.stack_deployer import StackDeployer
        from cyclone_core.infra.synth import Synthesizer
        from cyclone_core.operations import aws_hosts
        from cyclone_core.operations.working import Workers

        place = aws_hosts.place_of(self._host)
        with Synthesizer() as synthesizer:
            deployer = StackDeployer(
                self._account,
                place,
                synthesizer,
                lambda: records.read(self._account, place.main_region, place.host).bodies,
                workers=Workers(self._host.name),
            )
            for event in deployer.apply(plan, stop):
                if (event.kind, event.phase, event.part) == ("host", "DELETED", ""):
                    aws_hosts.forget(self._host)
                yield event


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
