"""AWS's price list, asked for through its Price List API: what instances cost on demand in a region.

The API answers in three regions only, about all of them, and each product is a text of JSON by itself
(https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api-get-products.html). What is wanted is asked for by
filters, and looked at again: a product more than expected would be another price of the same type.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from cyclone_core.prices import table

REGION = "us-east-1"
"""Where it is asked."""
WANTED = {
    "operatingSystem": "Linux",
    "tenancy": "Shared",
    "preInstalledSw": "NA",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}
"""Attributes of a product: instances that anybody starts, paid as they run."""
SERVICES = {
    table.NAT_GATEWAY: ("AmazonEC2", "NAT Gateway", "NatGateway-Hours"),
    table.ENDPOINT: ("AmazonVPC", "VpcEndpoint", "VpcEndpoint-Hours"),
}
"""What networks have -> service, family of products, and end of the usage type, which begins with the region in most of them."""
_PAGE = 100
"""The most products of an answer."""


class Asked(Protocol):
    """A client of the API, as `aws.client.Client` is one."""

    def all(self, operation: str, member: str, **parameters: Any) -> Iterator[Any]:
        """The entries of a list on all pages."""
        ...


@dataclass(frozen=True)
class Listed:
    """A region's list."""

    usd: Mapping[str, float]
    """type -> USD an hour"""
    date: str
    """ISO: when AWS published the newest part of it"""
    services: Mapping[str, float] = field(default_factory=dict)
    """of `SERVICES` those that it has -> USD an hour"""


def of_region(client: Asked, region: str) -> Listed:
    """Prices of a region. Raises AwsError, and ValueError when the answer does not look as AWS's."""
    usd: dict[str, float] = {}
    date = ""
    for product in _products(client, "AmazonEC2", {**WANTED, "regionCode": region}):
        if (found := _price(product, region)) is not None:
            name, price = found
            if usd.setdefault(name, price) != price:
                raise ValueError(f"the price list has two prices of {name} in {region}: {usd[name]} and {price}")
            date = max(date, str(product.get("publicationDate", ""))[:10])
    services = {name: hour for name in SERVICES if (hour := _of_service(client, region, name)) is not None}
    return Listed(usd, date, services)


def _products(client: Asked, service: str, attributes: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in attributes.items()]
    texts = client.all("GetProducts", "PriceList", ServiceCode=service, Filters=filters, FormatVersion="aws_v1", MaxResults=_PAGE)
    yield from (json.loads(text) for text in texts)


def _of_service(client: Asked, region: str, name: str) -> float | None:
    """The dearest hour of something in a region, None where the list has none."""
    service, family, usage = SERVICES[name]
    found = [0.0]
    for product in _products(client, service, {"productFamily": family, "regionCode": region}):
        attributes = product["product"]["attributes"]
        kind = str(attributes.get("usagetype", ""))
        if attributes.get("regionCode") == region and (kind == usage or kind.endswith(f"-{usage}")):
            found += _hourly(product)
    return max(found) or None


def _price(product: Mapping[str, Any], region: str) -> tuple[str, float] | None:
    """Type and USD an hour of a product; None for one that is something else."""
    try:
        attributes = product["product"]["attributes"]
        if attributes.get("regionCode") != region or any(attributes.get(name, value) != value for name, value in WANTED.items()):
            return None
        hourly = _hourly(product)
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise ValueError(f"a product of the price list does not look as AWS documents it: {exc!r}") from exc
    hourly.discard(0.0)
    name = attributes.get("instanceType")
    return (str(name), hourly.pop()) if len(hourly) == 1 and name else None


def _hourly(product: Mapping[str, Any]) -> set[float]:
    """USD an hour of a product, by the terms on demand."""
    dimensions = [each for term in product["terms"]["OnDemand"].values() for each in term["priceDimensions"].values()]
    return {float(each["pricePerUnit"]["USD"]) for each in dimensions if each["unit"] == "Hrs"}
