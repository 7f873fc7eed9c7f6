"""Use cases around AWS hosts: from a host to its account, what creating one takes, and how one is.

A host on the sandbox is in the registry as any other; where the sandbox listens and with which keys is looked up each time, since both
change with each start of it.
"""

import importlib.util
from typing import TYPE_CHECKING

from cyclone_core.errors import HostUnavailable, MissingExtra
from cyclone_core.infra.targets import Place
from cyclone_core.resources import Host

if TYPE_CHECKING:
    from cyclone_core.aws.account import Account, Endpoint

INSTALL = "bash install.sh --extras aws, or pip install 'cyclone-hpc[aws]'"


def check_installed() -> None:
    """Raises MissingExtra where the libraries of AWS hosts are not installed."""
    lacking = [name for name in ("boto3", "aws_cdk") if importlib.util.find_spec(name) is None]
    if lacking:
        raise MissingExtra(f"AWS hosts need the optional part aws, which is not installed ({', '.join(lacking)} is missing): {INSTALL}")


def account_of(host: Host) -> "Account":
    """The account that a host is in, as this user reaches it; nothing is asked of it yet.

    Raises MissingExtra, or HostUnavailable when the host is on the sandbox and that does not run.
    """
    check_installed()
    from cyclone_core.aws.account import Account

    if not host.sandbox:
        return Account(host.profile, host.region, expected=host.account or "")
    return Account(region=host.region, endpoint=_sandbox(host.name), expected=host.account or "")


def place_of(host: Host) -> Place:
    """Whose stacks a host's are."""
    return Place(host.name, host.account or "", host.region or "")


def _sandbox(host: str) -> "Endpoint":
    from cyclone_core.aws.account import Endpoint
    from cyclone_core.operations import sandbox
    from cyclone_core.sandbox.settings import PROFILE

    status = sandbox.status()
    if status.running is None:
        what = f"the host {host} is on the sandbox of this machine, which does not run" if host else "no sandbox runs on this machine"
        raise HostUnavailable(f"{what}. Start it: hyper sandbox start (it starts empty: what was on the last one is gone)")
    return Endpoint(status.running.endpoint, str(status.directory.credentials), PROFILE)
