"""How much of what an account may have in a region, and how much of it there is.

Quotas come from Service Quotas, those of Batch are fixed (https://docs.aws.amazon.com/batch/latest/userguide/service_limits.html). Who may
not ask for one gets None in its place: a plan can be made without them.
"""

from collections import Counter
from collections.abc import Callable, Iterable

from cyclone_core.aws.account import Account
from cyclone_core.errors import AccessDenied, AwsError
from cyclone_core.quotas import Quota as Quota

MOST_ENVIRONMENTS = MOST_QUEUES = 50
"""Of Batch; no request raises them."""
_VPCS = ("vpc", "L-F678F1CE")
_ADDRESSES = ("ec2", "L-0263D0A3")
_NAT_GATEWAYS = ("vpc", "L-FE5A380F")
_ENDPOINTS = ("vpc", "L-29B6F2EB")


def vpcs(account: Account, region: str) -> Quota:
    """VPCs of the region. Raises AwsError when the region cannot be asked at all, as all of these do."""
    return _quota(account, region, _VPCS, lambda: _count(account, region, "ec2", "DescribeVpcs", "Vpcs"))


def addresses(account: Account, region: str) -> Quota:
    """Elastic IP addresses of the region: each NAT gateway has one."""
    return _quota(account, region, _ADDRESSES, lambda: len(account.client("ec2", region).ask("DescribeAddresses")["Addresses"]))


def nat_gateways(account: Account, region: str) -> Quota:
    """NAT gateways of the zone that has most of them."""
    return _quota(account, region, _NAT_GATEWAYS, lambda: max(_nat_gateways(account, region).values(), default=0))


def interface_endpoints(account: Account, region: str, vpc_id: str | None) -> Quota:
    """Interface endpoints of a VPC; None: of one that does not exist yet."""
    return _quota(account, region, _ENDPOINTS, lambda: _endpoints(account, region, vpc_id) if vpc_id else 0)


def vcpus(account: Account, region: str, code: str) -> Quota:
    """vCPUs of a class of instances that may run at once; how many do is not counted: most of them may be our own."""
    return Quota(None, _limit(account, region, ("ec2", code)))


def compute_environments(account: Account, region: str) -> Quota:
    """Compute environments of Batch."""
    count = _unless_denied(lambda: _count(account, region, "batch", "DescribeComputeEnvironments", "computeEnvironments"))
    return Quota(count, MOST_ENVIRONMENTS)


def job_queues(account: Account, region: str) -> Quota:
    """Job queues of Batch."""
    return Quota(_unless_denied(lambda: _count(account, region, "batch", "DescribeJobQueues", "jobQueues")), MOST_QUEUES)


def _quota(account: Account, region: str, quota: tuple[str, str], count: Callable[[], int]) -> Quota:
    return Quota(_unless_denied(count), _limit(account, region, quota))


def _limit(account: Account, region: str, quota: tuple[str, str]) -> int | None:
    """The account's own value of a quota, else AWS's default, None where neither can be had."""
    client, names = account.client("service-quotas", region), {"ServiceCode": quota[0], "QuotaCode": quota[1]}
    for operation in ("GetServiceQuota", "GetAWSDefaultServiceQuota"):
        try:
            return int(client.ask(operation, **names)["Quota"]["Value"])
        except AccessDenied:
            return None
        except AwsError as exc:
            if exc.code != "NoSuchResourceException":
                raise
    return None


def _unless_denied(count: Callable[[], int]) -> int | None:
    try:
        return count()
    except AccessDenied:
        return None


def _count(account: Account, region: str, service: str, operation: str, member: str) -> int:
    return _length(account.client(service, region).all(operation, member))


def _endpoints(account: Account, region: str, vpc_id: str) -> int:
    filters = [{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": "vpc-endpoint-type", "Values": ["Interface"]}]
    return _length(account.client("ec2", region).all("DescribeVpcEndpoints", "VpcEndpoints", Filters=filters))


def _length(entries: Iterable[object]) -> int:
    return sum(1 for _ in entries)


def _nat_gateways(account: Account, region: str) -> Counter[str]:
    """Zone -> gateways in it."""
    client = account.client("ec2", region)
    filters = [{"Name": "state", "Values": ["pending", "available"]}]
    gateways = [str(entry["SubnetId"]) for entry in client.all("DescribeNatGateways", "NatGateways", Filters=filters)]
    if not gateways:
        return Counter()
    zones = {str(entry["SubnetId"]): str(entry["AvailabilityZone"]) for entry in client.all("DescribeSubnets", "Subnets")}
    return Counter(zones.get(subnet, "") for subnet in gateways)
