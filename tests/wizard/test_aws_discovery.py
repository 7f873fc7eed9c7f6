"""What wizards are offered on AWS, from an account made by hand: one that answers, one that refuses, one that cannot be reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cyclone_core.errors import AccessDenied, CredentialsUnusable, CycloneError
from cyclone_core.operations.aws_discovery import Caller, Network, Quota, free_range
from cyclone_core.operations.discovery import Finding, depends, discover
from cyclone_core.resources import Host
from cyclone_tui.wizard import form
from cyclone_tui.wizard.draft import begin
from cyclone_tui.wizard.sources import World
from tests.wizard.conftest import MACHINE

HOST = Host(name="grid", type="aws", account="123456789012", region="eu-west-1")
BODIES = {"region": {"eu-west-1": {"cidr": "10.0.0.0/16"}, "us-east-1": {"cidr": "10.1.0.0/16"}}}
NETWORKS = (
    Network("vpc-1", "lab", ("10.2.0.0/16", "10.9.0.0/16"), {"PUBLIC": 2, "PRIVATE_WITH_NAT": 1}),
    Network("vpc-2", "", ("172.31.0.0/16",)),
)

TWO_OF_FIVE = Quota(2, 5)


@dataclass
class Somewhere:
    """An account as it is told to be."""

    refuses: Mapping[str, CycloneError] = field(default_factory=dict)
    """question -> what it raises"""
    vpcs: Quota = TWO_OF_FIVE
    runs_sandbox: bool = False
    types: Mapping[str, Sequence[str]] = field(default_factory=lambda: {"eu-west-1": ("c5.large", "m5.large"), "us-east-1": ("c5.large",)})

    def _ask(self, what: str) -> None:
        if what in self.refuses:
            raise self.refuses[what]

    def profiles(self) -> Sequence[tuple[str, str]]:
        """Two."""
        return (("default", "keys"), ("work", "sso, eu-west-1"))

    def sandbox(self) -> str:
        """Whether it is told to."""
        return "" if self.runs_sandbox else "no sandbox runs on this machine"

    def caller(self) -> Caller:
        """Ada."""
        self._ask("caller")
        return Caller("123456789012", "arn:aws:iam::123456789012:user/ada", "credentials of profile work")

    def default_region(self) -> str:
        """Ireland."""
        return "eu-west-1"

    def regions(self) -> Sequence[str]:
        """Three."""
        self._ask("regions")
        return ("eu-west-1", "us-east-1", "us-west-2")

    def zones(self, region: str) -> Sequence[str]:
        """Three."""
        return tuple(f"{region}{letter}" for letter in "abc")

    def networks(self, region: str) -> Sequence[Network]:
        """Two."""
        self._ask("networks")
        return NETWORKS

    def networks_left(self, region: str) -> Quota:
        """As told."""
        self._ask("networks_left")
        return self.vpcs

    def addresses_left(self, region: str) -> Quota:
        """Three of five."""
        return Quota(2, 5)

    def instance_types(self, region: str) -> Sequence[str]:
        """As told."""
        self._ask(f"types {region}")
        return self.types[region]

    def machine_images(self, region: str) -> Sequence[tuple[str, str]]:
        """One."""
        return (("workers-7", "ami-1, 2026-01-01"),)


def found(kind: str, account: Somewhere, **given: object) -> dict[str, Finding]:
    """The findings by field."""
    answers = {"type": "aws", **given} if kind == "host" else given
    return {one.field: one for one in discover(HOST, kind, BODIES, given=answers, look=lambda profile, region, sandbox: account)}


def values(finding: Finding) -> list[str]:
    """What could be chosen."""
    return [choice.value for choice in finding.choices]


def test_a_host_is_offered_what_the_account_has() -> None:
    """Profiles, the account behind the credentials, enabled regions, and a range of addresses that overlaps nothing."""
    findings = found("host", Somewhere())
    assert values(findings["profile"]) == ["default", "work"]
    assert (findings["account"].recommended, findings["account"].source) == ("123456789012", "credentials of profile work")
    assert (findings["region"].recommended, len(findings["region"].choices)) == ("eu-west-1", 3)
    assert findings["vpc"].recommended == "10.0.0.0/16"


def test_networks_say_what_subnets_they_have() -> None:
    """A new one first, with what the quota leaves; then those that are there."""
    choices = found("host", Somewhere())["vpc"].choices
    assert choices[0].text == "new, overlaps nothing here; 2 of 5 VPCs are used"
    assert (choices[1].value, choices[1].text) == ("vpc-1", "lab, 10.2.0.0/16, subnets: 1 private with NAT, 2 public")


def test_unusable_credentials_say_what_to_do() -> None:
    """The account's field tells it, nothing more is asked, and everything can still be typed."""
    expired = CredentialsUnusable("the credentials of profile work have expired. Sign in: aws sso login --profile work", "ExpiredToken")
    findings = found("host", Somewhere({"caller": expired}))
    told = findings["account"]
    assert (told.warning, told.remedy) == ("the credentials of profile work have expired", "Sign in: aws sso login --profile work")
    assert "vpc" not in findings


def test_the_form_tells_the_remedy() -> None:
    """Cause and command stand below the field."""
    told = Finding("account", warning="the credentials have expired", remedy="Sign in: aws sso login")
    draft = begin("host", HOST).with_value("type", "aws")
    spec = next(spec for spec in draft.specs if spec.name == "account")
    assert form.view(draft, World(HOST, MACHINE).with_finding(told), spec).note == "the credentials have expired. Sign in: aws sso login"


def test_a_missing_right_is_a_warning_that_names_it() -> None:
    """The other fields are filled all the same."""
    denied = AccessDenied("ada may not ec2:DescribeVpcs in eu-west-1: no policy allows it. Have it allowed", "403", "ec2:DescribeVpcs")
    findings = found("host", Somewhere({"networks": denied}))
    assert findings["vpc"].warning == "the networks of eu-west-1 cannot be listed: ec2:DescribeVpcs is not allowed to you"
    assert findings["region"].choices


def test_a_full_quota_recommends_no_new_network() -> None:
    """It says how many there may be."""
    vpc = found("host", Somewhere(vpcs=Quota(5, 5)))["vpc"]
    assert vpc.recommended is None
    assert vpc.warning.startswith("eu-west-1 has 5 VPCs and may have 5")


def test_a_quota_that_cannot_be_asked_hinders_nothing() -> None:
    """A range is recommended as if there were none."""
    denied = AccessDenied("no", "403", "servicequotas:GetServiceQuota")
    assert found("host", Somewhere({"networks_left": denied}))["vpc"].recommended == "10.0.0.0/16"


def test_the_sandbox_is_offered_where_it_runs() -> None:
    """Where none runs, that is told only to who wants it."""
    assert "choose yes" in found("host", Somewhere(runs_sandbox=True))["sandbox"].warning
    assert found("host", Somewhere())["sandbox"].warning == ""
    assert found("host", Somewhere(), sandbox="yes")["sandbox"].warning == "no sandbox runs on this machine"


def test_a_region_is_offered_those_that_the_host_lacks() -> None:
    """Nothing is recommended once there is a main region."""
    name = found("region", Somewhere())["name"]
    assert (values(name), name.recommended) == (["us-west-2"], None)


def test_a_region_gets_a_range_apart_from_the_hosts_others() -> None:
    """Peered networks must not overlap, wherever they are; zones and elastic IPs end what can be asked for."""
    findings = found("region", Somewhere(), name="us-west-2")
    assert findings["vpc"].recommended == "10.3.0.0/16"
    assert values(findings["vpc_id"]) == ["vpc-1", "vpc-2"]
    assert (findings["availability_zones"].limit, findings["nat_gateways"].limit) == (3, 3)


def test_instance_types_are_those_of_all_regions() -> None:
    """And their families; one that a region lacks is not offered."""
    types = found("cluster", Somewhere())["instance_list"]
    assert values(types) == ["optimal", "c5", "c5.large"]
    assert types.source == "offered in all 2 regions"


def test_a_region_that_does_not_answer_is_left_out_and_told() -> None:
    """What the others have is offered."""
    down = CycloneError("ec2 in us-east-1 does not answer: no connection was made in time")
    types = found("cluster", Somewhere({"types us-east-1": down}))["instance_list"]
    assert "m5.large" in values(types)
    assert types.warning.startswith("ec2 in us-east-1 does not answer")


def test_what_is_looked_for_anew() -> None:
    """A host's network hangs on profile and region, a region's on its name; nothing of a local host does."""
    assert depends("host", "aws") == ("type", "profile", "sandbox", "region")
    assert (depends("region", "aws"), depends("cluster", "aws"), depends("region", "local")) == (("name",), (), ())


def test_free_ranges() -> None:
    """The first of 10.N.0.0/16 that nothing overlaps, however large or small that is; none where all are taken."""
    assert free_range(()) == "10.0.0.0/16"
    assert free_range(("10.0.128.0/20", "10.1.0.0/16", "fd00::/8")) == "10.2.0.0/16"
    assert free_range(("10.0.0.0/8",)) is None
