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
    ("ec2", "L-DB2E81BA"): ("Running On-Demand G and VT instances", 0),
    ("ec2", "L-3819A6DF"): ("All G and VT Spot Instance Requests", 0),
    ("ec2", "L-417A185B"): ("Running On-Demand P instances", 0),
    ("ec2", "L-7212CCBC"): ("All P Spot Instance Requests", 0),
    ("ec2", "L-F7808C92"): ("Running On-Demand HPC instances", 0),
    ("lambda", "L-B99A9384"): ("Concurrent executions", 1000),
    ("vpc", "L-F678F1CE"): ("VPCs per Region", 5),
    ("vpc", "L-FE5A380F"): ("NAT gateways per Availability Zone", 5),
    ("vpc", "L-29B6F2EB"): ("Interface VPC endpoints per VPC", 50),
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


Raised = dict[tuple[str, str, str, str], float]
"""Account, region, service and code -> value, of quotas that were asked to be raised."""


def quotas(operation: str, request: Mapping[str, Any], region: str, account: str, raised: Raised) -> dict[str, Any]:
    """GetServiceQuota, ListServiceQuotas, the same of AWS's defaults, and RequestServiceQuotaIncrease, which is granted at once.

    raised: what was granted, and will be. Raises NoSuchQuota.
    """
    service = request["ServiceCode"]
    own = raised if "Default" not in operation else {}
    found = [_quota(key, region, account, own) for key in QUOTAS if key[0] == service]
    if operation.startswith("List"):
        return {"Quotas": found}
    for quota in found:
        if quota["QuotaCode"] == request["QuotaCode"]:
            return {"Quota": quota} if operation.startswith("Get") else _granted(request, region, account, raised)
    raise NoSuchQuota(f"The sandbox knows no quota {request['QuotaCode']} of {service}.")


def _granted(request: Mapping[str, Any], region: str, account: str, raised: Raised) -> dict[str, Any]:
    service, code, value = request["ServiceCode"], request["QuotaCode"], float(request["DesiredValue"])
    raised[account, region, service, code] = value
    return {"RequestedQuota": {"ServiceCode": service, "QuotaCode": code, "DesiredValue": value, "Status": "APPROVED"}}


def _quota(key: tuple[str, str], region: str, account: str, raised: Raised) -> dict[str, Any]:
    (service, code), (name, value) = key, QUOTAS[key]
    value = raised.get((account, region, service, code), value)
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
