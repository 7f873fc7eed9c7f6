"""Command lines of drafts on AWS hosts: the real command's parser makes of them what the draft says."""

from cyclone_core.resources import Host
from cyclone_tui.wizard import twins
from cyclone_tui.wizard.draft import begin
from tests.wizard.test_twins import meant, read

HOST = Host(name="grid", type="aws", account="123456789012", region="eu-west-1")


def test_hosts() -> None:
    """Account, network and sandbox too."""
    values = {"name": "lab", "type": "aws", "sandbox": True, "vpc": "10.3.0.0/16", "enable_dashboard": True, "region": "eu-west-1"}
    draft = begin("host", HOST).with_values(values)
    assert read(draft) == meant(draft)
    assert twins.words(draft)[-1] == "--yes"


def test_regions() -> None:
    """A hub, with its network and peering."""
    draft = begin("region", HOST).with_values({"name": "us-east-1", "vpc": "vpc-0123456789abcdef0", "peer_with_main_region": True})
    assert read(draft) == meant(draft)
    assert twins.words(draft)[:3] == ["hyper", "regions", "add-region"]


def test_the_main_region_has_a_command_of_its_own() -> None:
    """Which knows what it is called."""
    draft = begin("region", HOST).with_values({"name": "eu-west-1", "vpc": "10.0.0.0/16", "nat_gateways": 2})
    assert twins.line(draft) == "hyper regions init-main-region --vpc 10.0.0.0/16 --nat-gateways 2 --yes"
    assert read(draft) == {name: value for name, value in meant(draft).items() if name != "name"}


def test_queues_with_weights() -> None:
    """A pair for each region."""
    weights = {"eu-west-1": 2, "us-east-1": "auto"}
    draft = begin("queue", HOST).with_values({"name": "q", "cluster": "big", "region_distribution_weights": weights})
    assert read(draft) == meant(draft)
