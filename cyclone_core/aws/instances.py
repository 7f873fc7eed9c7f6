"""Instances that a cluster of type EC2 has launched: found by the tags of its requests, and ended with it."""

import time
from collections.abc import Callable, Mapping

from cyclone_core.aws.account import Account

LOOK_S, WAIT_S = 3.0, 300.0
"""Between two looks at instances that are ending; they take about a minute."""
_THERE = ["pending", "running", "shutting-down", "stopping", "stopped"]
_MOST = 500


def terminate(account: Account, region: str, tags: Mapping[str, str], sleep: Callable[[float], None] = time.sleep) -> int:
    """Terminate the instances with these tags, and wait until they are; how many there were. Raises AwsError.

    Those that take longer than some minutes are not waited for: what they use cannot be deleted then, and AWS says so.
    """
    client = account.client("ec2", region)
    found = _ids(account, region, tags)
    for first in range(0, len(found), _MOST):
        client.ask("TerminateInstances", InstanceIds=found[first : first + _MOST])
    until = time.monotonic() + WAIT_S
    while found and _ids(account, region, tags) and time.monotonic() < until:
        sleep(LOOK_S)
    return len(found)


def _ids(account: Account, region: str, tags: Mapping[str, str]) -> list[str]:
    filters = [{"Name": f"tag:{name}", "Values": [value]} for name, value in tags.items()]
    filters.append({"Name": "instance-state-name", "Values": _THERE})
    reservations = account.client("ec2", region).all("DescribeInstances", "Reservations", Filters=filters)
    return [str(each["InstanceId"]) for reservation in reservations for each in reservation.get("Instances", ())]
