"""How the range of a new network is divided."""

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cyclone_core.errors import InvalidRequest
from cyclone_core.infra import addresses

zones = st.integers(1, addresses.MOST_ZONES)
networks = st.builds(lambda start, prefix: str(IPv4Network((start, prefix), strict=False)), st.integers(0, 2**32 - 1), st.integers(16, 24))


def _fits(cidr: str, zones: int) -> bool:
    return addresses.problem(cidr, zones) is None


def _subnets(found: addresses.Addresses) -> list[IPv4Network]:
    return [IPv4Network(cidr) for cidr in (*found.workers, *found.public)]


@given(networks, zones)
def test_subnets_are_apart_and_inside(cidr: str, zones: int) -> None:
    """Of every zone two, the workers' all as large."""
    if not _fits(cidr, zones):
        return
    found = addresses.split(cidr, zones)
    assert (len(found.workers), len(found.public)) == (zones, zones)
    assert all(subnet.subnet_of(IPv4Network(cidr)) for subnet in _subnets(found))
    assert not any(one.overlaps(other) for one, other in combinations(_subnets(found), 2))
    assert len({IPv4Network(cidr).prefixlen for cidr in found.workers}) == 1
    assert {IPv4Network(cidr).prefixlen for cidr in found.public} == {28}


@given(st.integers(0, 2**16 - 1), zones)
def test_the_range_that_a_refusal_names_works(start: int, zones: int) -> None:
    """And the next smaller one does not."""
    refusal = addresses.problem(str(IPv4Network((start << 16, 28))), zones)
    assert refusal is not None
    named = IPv4Network(refusal.hint.split()[1])
    assert _fits(str(named), zones)
    assert not _fits(str(next(named.subnets())), zones)


def test_three_zones_of_a_usual_network() -> None:
    """A quarter for each zone's workers; gateways at the end."""
    found = addresses.split("10.0.0.0/16", 3)
    assert found.workers == ("10.0.0.0/18", "10.0.64.0/18", "10.0.128.0/18")
    assert found.public == ("10.0.255.240/28", "10.0.255.224/28", "10.0.255.208/28")


def test_a_third_zone_moves_nothing() -> None:
    """Subnets that are there keep their addresses."""
    two, three = addresses.split("10.0.0.0/20", 2), addresses.split("10.0.0.0/20", 3)
    assert (three.workers[:2], three.public[:2]) == (two.workers, two.public)


@pytest.mark.parametrize(
    ("cidr", "zones", "text"),
    [
        ("ten", 3, "cidr: 'ten' is no range of IPv4 addresses. For example 10.0.0.0/16"),
        ("10.0.0.0", 3, "cidr: 10.0.0.0 does not begin a range of its size. For example 10.0.0.0/16"),
        ("10.0.0.1/16", 3, "cidr: 10.0.0.1/16 does not begin a range of its size. Use 10.0.0.0/16"),
        ("10.0.0.0/8", 3, "cidr: 10.0.0.0/8 is larger than a network on AWS may be. Use 10.0.0.0/16 or a smaller one"),
        (
            "10.0.0.0/25",
            3,
            "cidr: 10.0.0.0/25 is too small for subnets in 3 availability zones. Use 10.0.0.0/24 or a larger one",
        ),
        ("10.0.0.0/28", 1, "cidr: 10.0.0.0/28 is too small for subnets in 1 availability zone. Use 10.0.0.0/27 or a larger one"),
        ("10.0.0.0/16", 0, "cidr: a network cannot have 0 availability zones. Use 1 to 6, as the region has"),
    ],
)
def test_a_range_that_cannot_be_used_says_which_one_can(cidr: str, zones: int, text: str) -> None:
    """What, why, and what works."""
    assert str(addresses.problem(cidr, zones)) == text
    with pytest.raises(InvalidRequest):
        addresses.split(cidr, zones)
