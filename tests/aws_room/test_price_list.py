"""AWS's price list as its API answers: what is asked, what is read, and what is refused. Products are in the form that AWS documents."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("boto3", reason="the room of AWS needs the extra aws")

from cyclone_core.aws import price_list

REGION = "eu-west-1"


def product(name: str, usd: str, region: str = REGION, published: str = "2026-11-20T17:04:33Z", **attributes: str) -> str:
    """A product as GetProducts has it: a text of JSON (https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-an-offer.html)."""
    sku = f"SKU{name.upper().replace('.', '')}"
    term, rate = f"{sku}.JRTCKXETXF", f"{sku}.JRTCKXETXF.6YS6EN2CT7"
    described = {
        "rateCode": rate, "unit": "Hrs", "beginRange": "0", "endRange": "Inf", "appliesTo": [], "pricePerUnit": {"USD": usd},
        "description": f"${usd} per On Demand Linux {name} Instance Hour",
    }  # fmt: skip
    whole = {
        "product": {
            "productFamily": "Compute Instance",
            "sku": sku,
            "attributes": {
                "regionCode": region, "instanceType": name, "operatingSystem": "Linux", "tenancy": "Shared", "preInstalledSw": "NA",
                "capacitystatus": "Used", "marketoption": "OnDemand", "licenseModel": "No License required", "operation": "RunInstances",
                "servicecode": "AmazonEC2", "location": "EU (Ireland)", "vcpu": "2", "memory": "4 GiB", **attributes,
            },
        },
        "serviceCode": "AmazonEC2",
        "terms": {
            "OnDemand": {
                term: {
                    "priceDimensions": {rate: described}, "sku": sku, "effectiveDate": "2026-11-01T00:00:00Z",
                    "offerTermCode": "JRTCKXETXF", "termAttributes": {},
                }
            },
            "Reserved": {},
        },
        "version": "20261120170433",
        "publicationDate": published,
    }  # fmt: skip
    return json.dumps(whole)


def of_network(family: str, usage: str, usd: str, unit: str = "Hrs", region: str = REGION) -> str:
    """A product of a network."""
    made = json.loads(product("none", usd, region))
    made["product"] |= {"productFamily": family, "attributes": {"regionCode": region, "usagetype": usage}}
    (term,) = made["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    dimension["unit"] = unit
    return json.dumps(made)


class Answering:
    """The API, with pages of products; it says what it was asked."""

    def __init__(self, *texts: str) -> None:
        self.texts, self.asked = texts, {}

    def all(self, operation: str, member: str, **parameters: Any) -> Iterator[Any]:
        """All entries."""
        filters = {each["Field"]: each["Value"] for each in parameters["Filters"]}
        if "instanceType" in filters or "tenancy" in filters:
            self.asked = {"operation": operation, "member": member, **parameters}
        family = filters.get("productFamily", "Compute Instance")
        yield from (text for text in self.texts if f'"{family}"' in text or ('"productFamily"' not in text and "tenancy" in filters))


def test_a_list_is_asked_for_by_filters() -> None:
    """Of shared Linux instances that run; with the parameters that the API knows."""
    from botocore.loaders import create_loader
    from botocore.model import ServiceModel
    from botocore.validate import ParamValidator

    api = Answering(product("c5.large", "0.0960000000"))
    assert price_list.of_region(api, REGION) == price_list.Listed({"c5.large": 0.096}, "2026-11-20")
    filters = {each["Field"]: each["Value"] for each in api.asked["Filters"]}
    assert filters["regionCode"] == REGION
    assert (filters["tenancy"], filters["capacitystatus"], filters["marketoption"]) == ("Shared", "Used", "OnDemand")
    model = ServiceModel(create_loader().load_service_model("pricing", "service-2")).operation_model(api.asked["operation"])
    parameters = {name: value for name, value in api.asked.items() if name not in ("operation", "member")}
    assert not ParamValidator().validate(parameters, model.input_shape).has_errors()
    assert api.asked["member"] in model.output_shape.members


def test_other_products_are_passed_over() -> None:
    """Those that filters should have kept away, and such without a price."""
    others = [
        product("c5.large", "0.1", tenancy="Dedicated"), product("c5.large", "0", capacitystatus="AllocatedCapacityReservation"),
        product("c5.large", "0.2", region="eu-west-2"), product("p5.48xlarge", "31.4", marketoption="CapacityBlock"),
        product("m5.large", "0.0000000000"),
    ]  # fmt: skip
    older = product("c5.large", "0.096", published="2026-10-01T00:00:00Z")
    found = price_list.of_region(Answering(*others, older, product("c5.xlarge", "0.192")), REGION)
    assert found == price_list.Listed({"c5.large": 0.096, "c5.xlarge": 0.192}, "2026-11-20")


def test_networks_are_priced_by_region() -> None:
    """By the hour of plain gateways and endpoints; other dimensions of the same families are not theirs."""
    texts = [
        of_network("NAT Gateway", "EU-NatGateway-Hours", "0.048"), of_network("NAT Gateway", "EU-NatGateway-Bytes", "0.048", "GB"),
        of_network("NAT Gateway", "EU-RegionalNatGateway-Hours", "0.9"), of_network("VpcEndpoint", "EU-VpcEndpoint-Hours", "0.011"),
        of_network("VpcEndpoint", "EU-VpcEndpoint-GWLBE-Hours", "0.7"),
    ]  # fmt: skip
    found = price_list.of_region(Answering(product("c5.large", "0.096"), *texts), REGION)
    assert found.services == {"nat_gateway": 0.048, "interface_endpoint": 0.011}


@pytest.mark.parametrize("text", ["{}", "[]", '{"product": {"attributes": {"regionCode": "eu-west-1"}}}', "no json"])
def test_another_form_is_refused(text: str) -> None:
    """As a ValueError: whoever asked keeps what they had."""
    with pytest.raises(ValueError, match=r"price list|Expecting"):
        price_list.of_region(Answering(text), REGION)


def test_two_prices_of_one_type_are_refused() -> None:
    """One of them would be taken without a word."""
    with pytest.raises(ValueError, match="two prices of c5"):
        price_list.of_region(Answering(product("c5.large", "0.1"), product("c5.large", "0.2")), REGION)
