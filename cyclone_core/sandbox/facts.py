"""What an account is told about AWS and ministack does not tell: quotas, and where instance types are offered.

The quotas are AWS's defaults for accounts in November 2026 as its documentation has them; offerings are made up, but for the point that not
every type is everywhere. Pure functions of the request; `plugin` puts them where requests arrive.
"""

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

QUOTAS: Mapping[tuple[str, str], tuple[str, float]] = {
    ("cloudformation", "L-0485CB21"): ("Stack count", 2000),
    ("ec2", "L-0263D0A3"): ("EC2-VPC Elastic IPs", 5),
    ("ec2", "L-1216C47A"): ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 5),
    ("ec2", "L-34B43A08"): ("All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", 5),
    ("lambda", "L-B99A9384"): ("Concurrent executions", 1000),
    ("vpc", "L-F678F1CE"): ("VPCs per Region", 5),
    ("vpc", "L-FE5A380F"): ("NAT gateways per Availability Zone", 5),
    ("vpc", "L-7E9ECCDB"): ("Active VPC peering connections per VPC", 50),
}
"""Service and code -> name and value."""
_FAMILIES = ("t3", "c5", "c6i", "c7i", "m5", "m6i", "m7i", "r5", "r6i", "c6g", "c7g", "m6g", "m7g", "r6g")
_SIZES = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge")
_RARE = {
    "g5.xlarge": ("us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1"),
    "p5.48xlarge": ("us-east-1", "us-east-2", "us-west-2"),
    "hpc7a.96xlarge": ("us-east-2", "eu-west-1", "eu-north-1"),
}
"""Type -> the only regions that have it."""


class NoSuchQuota(Exception):
    """A quota that is not in the list; the text is the message."""


def quotas(operation: str, request: Mapping[str, Any], region: str, account: str) -> dict[str, Any]:
    """GetServiceQuota, GetAWSDefaultServiceQuota, ListServiceQuotas, ListAWSDefaultServiceQuotas. Raises NoSuchQuota."""
    service = request["ServiceCode"]
    found = [_quota(key, region, account) for key in QUOTAS if key[0] == service]
    if operation.startswith("List"):
        return {"Quotas": found}
    for quota in found:
        if quota["QuotaCode"] == request["QuotaCode"]:
            return {"Quota": quota}
    raise NoSuchQuota(f"The sandbox knows no quota {request['QuotaCode']} of {service}.")


def _quota(key: tuple[str, str], region: str, account: str) -> dict[str, Any]:
    (service, code), (name, value) = key, QUOTAS[key]
    return {
        "ServiceCode": service, "ServiceName": service, "QuotaCode": code, "QuotaName": name, "Value": value, "Unit": "None",
        "QuotaArn": f"arn:aws:servicequotas:{region}:{account}:{service}/{code}", "Adjustable": True, "GlobalQuota": False,
    }  # fmt: skip


def offerings(region: str, location_type: str, filters: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """DescribeInstanceTypeOfferings: instance types with the region or the zones that have them."""
    locations = [region] if location_type == "region" else [f"{region}{letter}" for letter in "abc"]
    patterns, wanted = filters.get("instance-type", ["*"]), filters.get("location", locations)
    for name in _types(region):
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
            yield from ((name, location) for location in locations if location in wanted)


def _types(region: str) -> Iterator[str]:
    yield from (f"{family}.{size}" for family in _FAMILIES for size in _SIZES)
    yield from (name for name, regions in _RARE.items() if region in regions)
