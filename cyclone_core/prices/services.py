"""What AWS asks for what a host has beside instances: list prices of us-east-1, each with its page, all of one date.

Other regions ask more for some of them, seldom more than twice as much. Taxes, discounts and free tiers are in none of them.
"""

from dataclasses import dataclass

DATE = "2026-06-13"
"""When they were looked up last, ISO."""
REGION = "us-east-1"
"""Whose they are."""
HOURS = 730
"""Of a month, as AWS's own calculator has it."""
MILLION = 1_000_000


@dataclass(frozen=True)
class Service:
    """A price."""

    usd: float
    unit: str
    page: str


NAT_GATEWAY = Service(0.045, "hour", "https://aws.amazon.com/vpc/pricing/")
PUBLIC_ADDRESS = Service(0.005, "hour", "https://aws.amazon.com/vpc/pricing/")
ENDPOINT = Service(0.01, "hour and zone", "https://aws.amazon.com/privatelink/pricing/")
DISK = Service(0.08, "GiB and month", "https://aws.amazon.com/ebs/pricing/")
"""gp3, with the throughput that it has without asking."""
_ON_DEMAND = "https://aws.amazon.com/ec2/pricing/on-demand/"
CREDITS = {
    "t3": Service(0.05, "vCPU and hour", _ON_DEMAND),
    "t3a": Service(0.05, "vCPU and hour", _ON_DEMAND),
    "t4g": Service(0.04, "vCPU and hour", _ON_DEMAND),
}
"""What burstable instances pay beyond their share, on spot too: of families that are `unlimited` where nobody says otherwise."""
DASHBOARD = Service(3.00, "month", "https://aws.amazon.com/cloudwatch/pricing/")
METRIC = Service(0.30, "month", "https://aws.amazon.com/cloudwatch/pricing/")
ALARM = Service(0.10, "month", "https://aws.amazon.com/cloudwatch/pricing/")
LOG = Service(0.50, "GB", "https://aws.amazon.com/cloudwatch/pricing/")
PARAMETER = Service(0.05, "month", "https://aws.amazon.com/systems-manager/pricing/")
"""An advanced one: a record of more than 4 KB. Standard ones cost nothing."""
INVOCATION = Service(0.20 / MILLION, "invocation", "https://aws.amazon.com/lambda/pricing/")
GB_SECOND = Service(0.0000166667, "GB-second", "https://aws.amazon.com/lambda/pricing/")
MESSAGE = Service(0.40 / MILLION, "request", "https://aws.amazon.com/sqs/pricing/")
READ_UNIT = Service(0.125 / MILLION, "read unit", "https://aws.amazon.com/dynamodb/pricing/on-demand/")
