"""EC2's forms and XML: what is sent is what AWS's library sends, what comes back is read."""

from typing import Any
from urllib.parse import parse_qsl

import pytest

from cyclone_core.aws.lean import ec2
from cyclone_core.errors import AccessDenied, AwsError
from tests.lean.peer import close, good, peer

_NAMESPACE = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'
_OVERRIDES = [
    {"InstanceType": "m6a.large", "SubnetId": "subnet-1", "WeightedCapacity": 2.0},
    {"InstanceType": "c6a.large", "Priority": 1.5},
]
_FLEET: dict[str, Any] = {
    "ClientToken": "r-1",
    "Type": "instant",
    "TargetCapacitySpecification": {"TotalTargetCapacity": 40, "DefaultTargetCapacityType": "spot"},
    "SpotOptions": {"AllocationStrategy": "price-capacity-optimized", "SingleInstanceType": False},
}
_LAUNCH = {"LaunchTemplateSpecification": {"LaunchTemplateName": "c é+&=", "Version": "$Latest"}, "Overrides": _OVERRIDES}
_TAGS = [{"Key": "a b", "Value": "~x/y"}]
_SCORES: dict[str, Any] = {"TargetCapacity": 64, "TargetCapacityUnitType": "vcpu", "SingleAvailabilityZone": False}
_TYPES, _REGIONS = ["c6a.large", "m6a.large", "r6a.large"], ["eu-west-1", "us-east-1"]
_BOTH: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "CreateFleet",
        {**_FLEET, "LaunchTemplateConfigs": [_LAUNCH], "TagSpecification": [{"ResourceType": "instance", "Tag": _TAGS}]},
        {**_FLEET, "LaunchTemplateConfigs": [_LAUNCH], "TagSpecifications": [{"ResourceType": "instance", "Tags": _TAGS}]},
    ),
    (
        "GetSpotPlacementScores",
        {**_SCORES, "InstanceType": _TYPES, "RegionName": _REGIONS},
        {**_SCORES, "InstanceTypes": _TYPES, "RegionNames": _REGIONS},
    ),
    (
        "DescribeSpotPriceHistory",
        {"InstanceType": _TYPES, "ProductDescription": ["Linux/UNIX"], "StartTime": "2026-01-02T03:04:05Z"},
        {"InstanceTypes": _TYPES, "ProductDescriptions": ["Linux/UNIX"], "StartTime": "2026-01-02T03:04:05Z"},
    ),
    (
        "DescribeInstances",
        {"Filter": [{"Name": "tag:x", "Value": ["1", "2"]}], "MaxResults": 100},
        {"Filters": [{"Name": "tag:x", "Values": ["1", "2"]}], "MaxResults": 100},
    ),
    ("TerminateInstances", {"InstanceId": ["i-1", "i-2"]}, {"InstanceIds": ["i-1", "i-2"]}),
]


@pytest.mark.parametrize(("operation", "wire", "library"), _BOTH, ids=[operation for operation, _, _ in _BOTH])
def test_forms(operation: str, wire: dict[str, Any], library: dict[str, Any]) -> None:
    """The same pairs as those of AWS's library."""
    pytest.importorskip("botocore", reason="its serializer is the reference")
    from botocore.serialize import EC2Serializer
    from botocore.session import Session

    model = Session().get_service_model("ec2")
    theirs = EC2Serializer().serialize_to_request(library, model.operation_model(operation))["body"]
    ours = dict(parse_qsl(ec2.form(operation, wire).decode(), keep_blank_values=True))
    assert {name: _plain(value) for name, value in ours.items()} == {name: _plain(_text(value)) for name, value in theirs.items()}


def _text(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _plain(text: str) -> str:
    return text.removesuffix(".0")


def test_values_that_cannot_be_sent() -> None:
    """None is left out, bytes are base64, what has no form is refused with its name."""
    assert ec2.form("X", {"A": None, "B": b"\0\xff", "C": {"D": [True]}}).endswith(b"&B=AP8%3D&C.D.1=true")
    with pytest.raises(TypeError, match=r"A\.1 cannot be sent to EC2: object"):
        ec2.form("X", {"A": [object()]})


def test_answers() -> None:
    """Sets are lists, also those with one entry and with none; elements are dicts; values are texts, their entities resolved."""
    inner = "<item><instanceId>i-1</instanceId><tagSet/><state><code>16</code></state><note>a &lt;b&gt; é</note></item>"
    text = f"<r {_NAMESPACE}>\n <requestId>x</requestId>\n <instancesSet>{inner}</instancesSet>\n <itemSet />\n<nextToken/></r>"
    assert ec2.loads(f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()) == {
        "requestId": "x",
        "instancesSet": [{"instanceId": "i-1", "tagSet": [], "state": {"code": "16"}, "note": "a <b> é"}],
        "itemSet": [],
        "nextToken": "",
    }


def test_a_request() -> None:
    """Signed for EC2, and its answer read."""
    body = f"<A {_NAMESPACE}><spotPlacementScoreSet><item><region>eu-west-1</region><score>7</score></item></spotPlacementScoreSet></A>"
    with peer(good(body.encode())) as there:
        answer = there.aws().ec2("GetSpotPlacementScores", RegionName=["eu-west-1"])
    assert answer["spotPlacementScoreSet"] == [{"region": "eu-west-1", "score": "7"}]
    assert there.asked[0].body == b"Action=GetSpotPlacementScores&Version=2016-11-15&RegionName.1=eu-west-1"
    assert "/eu-west-1/ec2/aws4_request" in there.asked[0].headers["authorization"]


def _refused(code: str, status: str = "400 Bad Request") -> bytes:
    text = (
        f"<Response><Errors><Error><Code>{code}</Code><Message>You may not.</Message></Error></Errors><RequestID>x</RequestID></Response>"
    )
    return good(text.encode(), status=status)


def test_refusals() -> None:
    """Permissions that are missing are told; any other code is kept."""
    with peer(_refused("UnauthorizedOperation", "403 Forbidden")) as there, pytest.raises(AccessDenied) as denied:
        there.aws().ec2("DescribeSpotPriceHistory")
    assert denied.value.action == "ec2:DescribeSpotPriceHistory"
    with peer(_refused("MaxConfigLimitExceeded")) as there, pytest.raises(AwsError) as other:
        there.aws().ec2("GetSpotPlacementScores")
    assert (other.value.code, len(there.asked)) == ("MaxConfigLimitExceeded", 1)


def test_throttling() -> None:
    """Is outlasted; for too long it is told as throttling."""
    with peer(_refused("RequestLimitExceeded", "503 Service Unavailable"), good(b"<A><requestId>x</requestId></A>")) as there:
        assert there.aws().ec2("DescribeInstances") == {"requestId": "x"}
    with peer(_refused("RequestLimitExceeded", "503 Service Unavailable")) as there, pytest.raises(AwsError) as caught:
        there.aws().ec2("DescribeInstances")
    assert caught.value.code == "Throttling"


@pytest.mark.parametrize(("token", "asked"), [({}, 1), ({"ClientToken": "r-1"}, 2)], ids=["without", "with"])
def test_what_is_made_once(token: dict[str, str], asked: int) -> None:
    """A fleet is asked for again after silence only under the same token."""
    with peer(close, good(b"<A><fleetId>fleet-1</fleetId></A>")) as there:
        try:
            there.aws().ec2("CreateFleet", Type="instant", **token)
        except AwsError:
            pass
        assert len(there.asked) == asked


def test_something_else_answers() -> None:
    """A page of a proxy is no answer of EC2."""
    with peer(good(b"<html><br></html>")) as there, pytest.raises(AwsError, match="its answer is no XML"):
        there.aws().ec2("DescribeInstances")
