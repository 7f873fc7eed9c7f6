"""An AWS account as wizards look at it: `aws_discovery.Sight` of a real account, or of the sandbox on this machine.

Looking is quick to give up: a form that fills beside somebody's typing has no use for an answer after a minute of trying.
"""

from collections.abc import Sequence
from functools import cached_property

from cyclone_core.aws import account as accounts
from cyclone_core.aws import limits, network
from cyclone_core.aws.account import Account
from cyclone_core.aws.client import Patience
from cyclone_core.operations import aws_hosts
from cyclone_core.operations import sandbox as sandboxes
from cyclone_core.operations.aws_discovery import Caller, Network, Quota

PATIENCE = Patience(connect_s=4.0, read_s=10.0, attempts=2, throttled_s=8.0, longest_wait_s=2.0)


class AccountSight:
    """See the module."""

    def __init__(self, profile: str | None, region: str | None, on_sandbox: bool) -> None:
        """Nothing is asked before it has to be."""
        self._profile, self._region, self._on_sandbox = profile, region, on_sandbox

    @cached_property
    def account(self) -> Account:
        """The account. Raises CycloneError when the sandbox is wanted and does not run."""
        endpoint = aws_hosts.sandbox_endpoint() if self._on_sandbox else None
        return Account(self._profile, self._region, endpoint, patience=PATIENCE)

    def profiles(self) -> Sequence[tuple[str, str]]:
        """Those of the AWS configuration."""
        return [(one.name, ", ".join(filter(None, (one.kind, one.region, one.account)))) for one in accounts.profiles()]

    def sandbox(self) -> str:
        """Why no sandbox can be used."""
        return "" if sandboxes.status().running else "no sandbox runs on this machine: hyper sandbox start"

    def caller(self) -> Caller:
        """Whose credentials they are."""
        found = self.account.identity()
        return Caller(found.account, found.arn, self.account.source.words.removeprefix("the "))

    def default_region(self) -> str:
        """What the configuration says, else AWS's own."""
        return self.account.default_region

    def regions(self) -> Sequence[str]:
        """Those that are enabled."""
        return self.account.regions()

    def zones(self, region: str) -> Sequence[str]:
        """Availability zones."""
        return network.zones(self.account, region)

    def networks(self, region: str) -> Sequence[Network]:
        """VPCs, with how many subnets of which kind."""
        found = []
        for vpc in network.vpcs(self.account, region):
            kinds: dict[str, int] = {}
            for subnet in vpc.subnets:
                kinds[subnet.kind] = kinds.get(subnet.kind, 0) + 1
            found.append(Network(vpc.id, vpc.name, vpc.cidrs, kinds))
        return found

    def networks_left(self, region: str) -> Quota:
        """VPCs."""
        return limits.vpcs(self.account, region)

    def addresses_left(self, region: str) -> Quota:
        """Elastic IPs."""
        return limits.addresses(self.account, region)

    def instance_types(self, region: str) -> Sequence[str]:
        """Those that are offered there."""
        return network.instance_types(self.account, region)

    def machine_images(self, region: str) -> Sequence[tuple[str, str]]:
        """The account's own and those shared with it, newest first."""
        return [(one.name, f"{one.id}, {one.created[:10]}") for one in network.machine_images(self.account, region) if one.name]


def look(profile: str | None, region: str | None, on_sandbox: bool) -> AccountSight:
    """The way to an account: see `aws_discovery.Look`."""
    return AccountSight(profile, region, on_sandbox)
