"""Regions are weighed by what AWS tells, and by what was known before where it tells nothing; asked for seldom."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from cyclone_core.errors import AwsError
from cyclone_core.prices import table as prices
from cyclone_core.scheduler.capacity import Lane
from cyclone_core.scheduler.dynamo import demand, keys, price_items, router, routing_items, totals
from cyclone_core.scheduler.dynamo.demand import LaneTasks, Question
from cyclone_core.scheduler.dynamo.router import Report, Router
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.failover import Breaker, Stand
from cyclone_core.scheduler.health import Health
from tests.dynamo.memory import MemoryDynamo

MINUTE, HOUR = 60_000, 3_600_000
FAR = ("eu-west-1", "us-east-1")
MANY = (*sorted(prices.shipped().regions)[:24], "us-east-1")
Answer = dict[str, Any]


@dataclass
class Account:
    """EC2 of all regions, as far as the router asks."""

    scores: dict[str, int] = field(default_factory=dict)
    """5 where nothing is said"""
    usd: dict[str, float] = field(default_factory=dict)
    """of a vCPU hour on spot; 0.02 where nothing is said"""
    refusals: dict[str, str] = field(default_factory=dict)
    """operation, or operation and region -> code"""
    most_vcpus: int = 1 << 30
    """that scores are told of"""
    asked: list[tuple[str, str, Answer]] = field(default_factory=list)

    def capacities(self) -> list[int]:
        """What scores were asked for, since the last count."""
        return [asked["TargetCapacity"] for _, operation, asked in self.asked if operation == "GetSpotPlacementScores"]

    def region(self, name: str) -> "Ec2":
        """A region's client."""
        return Ec2(self, name)

    def count(self) -> Counter[str]:
        """Requests by operation, since the last count."""
        found = Counter(operation for _, operation, _ in self.asked)
        self.asked = []
        return found


@dataclass
class Ec2:
    """One region."""

    account: Account
    name: str

    def ec2(self, operation: str, **asked: Any) -> Answer:
        """An answer."""
        self.account.asked.append((self.name, operation, asked))
        for what in (operation, f"{operation} {self.name}"):
            if code := self.account.refusals.get(what):
                raise AwsError(f"ec2 refused {operation}: {code}. Try again", code)
        if operation == "GetSpotPlacementScores":
            assert len(asked["RegionName"]) <= 10
            if asked["TargetCapacity"] > self.account.most_vcpus:
                raise AwsError("your limit is lower. Reduce it", "TargetCapacityLimitExceededException")
            found = [{"region": region, "score": str(self.account.scores.get(region, 5))} for region in asked["RegionName"]]
            return {"spotPlacementScoreSet": found}
        assert operation == "DescribeSpotPriceHistory"
        usd = self.account.usd.get(self.name, 0.02)
        return {"spotPriceHistorySet": [self._price(name, zone, usd) for name in asked["InstanceType"] for zone in "ab"], "nextToken": ""}

    def _price(self, name: str, zone: str, usd: float) -> Answer:
        facts = prices.facts(name)
        assert facts
        hour = usd * facts.vcpus * (1.0 if zone == "b" else 1.5)
        return {"instanceType": name, "availabilityZone": self.name + zone, "spotPrice": str(hour), "timestamp": "2026-11-23T00:00:00Z"}


@dataclass
class World:
    """A host with cluster `big` and its automatic queue."""

    regions: tuple[str, ...] = FAR
    account: Account = field(default_factory=Account)
    now: int = 1_700_000_000_000
    seen: dict[tuple[str, str], Health] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.table = Table(MemoryDynamo(lambda: self.now), "jobs")
        self.bodies: dict[str, dict[str, Any]] = {
            "region": {name: {"name": name, "main_region": name == "us-east-1"} for name in self.regions},
            "cluster": {"big": {"name": "big", "max_vcpus": 1000, "type": "SPOT", "instance_list": ["optimal"]}},
            "queue": {"work": {"name": "work", "cluster": "big"}},
        }

    def works(self, tasks: int = 5) -> "World":
        """So many tasks are open."""
        self.table.put(totals.key(("work", "small"), 0), {"c0": tasks})
        return self

    def look(self, later: int = 0) -> Report:
        """The router looks. later: milliseconds since the last look."""
        self.now += later
        return Router(self.table, self.bodies, self.account.region, prices.shipped(), self.now, self.seen).run()

    def told(self, cluster: str = "big") -> dict[str, Any]:
        """The item of a cluster."""
        return routing_items.read(self.table)[cluster]


def test_weights_are_decided_from_scores_and_prices() -> None:
    """The region with the better score and the lower price gets more; the item says from what."""
    world = World(account=Account({"eu-west-1": 9, "us-east-1": 3}, {"eu-west-1": 0.01, "us-east-1": 0.02})).works()
    assert world.look() == Report(["big"], ["big"])
    told = world.told()
    weights = routing_items.current({"big": told}, world.now)["big"]
    assert weights["eu-west-1"] > weights["us-east-1"]
    assert sum(weights.values()) == 100
    assert told["inputs"]["eu-west-1"] == {
        "score": 9, "score_at": world.now, "spot_usd": pytest.approx(0.01), "spot_at": world.now,
        "ondemand_usd": pytest.approx(0.05, abs=0.02), "ondemand_date": prices.shipped().date,
    }  # fmt: skip
    assert told["missing"] == {}
    assert told["history"] == [[world.now, weights, ["weighed for the first time"]]]


def test_nothing_is_asked_for_twice_within_ten_minutes() -> None:
    """Neither by a second look, nor for another cluster that asks the same."""
    world = World().works()
    world.bodies["cluster"]["twin"] = {**world.bodies["cluster"]["big"], "max_vcpus": 900}
    world.bodies["queue"]["other"] = {"name": "other", "cluster": "twin"}
    assert world.look().weighed == ["big", "twin"]
    assert world.account.count() == {"GetSpotPlacementScores": 1, "DescribeSpotPriceHistory": 2}
    assert world.look(8 * MINUTE) == Report()
    assert not world.account.count()
    assert world.look(2 * MINUTE).weighed == ["big"]
    assert world.account.count() == {"GetSpotPlacementScores": 1, "DescribeSpotPriceHistory": 2}


def test_many_regions_are_few_requests() -> None:
    """25 regions: three calls for scores, each with the same types and a round capacity; prices once a region."""
    world = World(MANY).works()
    world.look()
    scores = [asked for _, operation, asked in world.account.asked if operation == "GetSpotPlacementScores"]
    assert [len(asked["RegionName"]) for asked in scores] == [10, 10, 5]
    assert len({(*asked["InstanceType"], asked["TargetCapacity"]) for asked in scores}) == 1
    assert scores[0]["TargetCapacity"] == 1024
    assert scores[0]["InstanceType"] == sorted(scores[0]["InstanceType"])
    assert {region for region, operation, _ in world.account.asked if operation == "GetSpotPlacementScores"} == {"us-east-1"}
    assert world.account.count()["DescribeSpotPriceHistory"] == 25
    assert sum(world.told()["base"].values()) == 100


def test_an_idle_host_asks_for_little() -> None:
    """Weighed once, so that work does not begin blindly, and each six hours from then on."""
    world = World()
    assert world.look().weighed == ["big"]
    world.account.count()
    assert [world.look(HOUR).weighed for _ in range(6)] == [[], [], [], [], [], ["big"]]
    assert world.account.count() == {"GetSpotPlacementScores": 1, "DescribeSpotPriceHistory": 2}


REFUSED = {
    "the day's questions are used up": "MaxConfigLimitExceeded",
    "too many requests": "Throttling",
    "not allowed": "UnauthorizedOperation",
}


@pytest.mark.parametrize("code", REFUSED.values(), ids=REFUSED)
def test_scores_that_are_refused(code: str) -> None:
    """The last ones count, with their age, for a day; it is said since when, and why. Then they are unknown."""
    world = World(account=Account({"eu-west-1": 9})).works()
    world.look()
    begun = world.now
    world.account.refusals["GetSpotPlacementScores"] = code
    world.look(10 * MINUTE)
    failed = world.now
    world.look(23 * HOUR)
    told = world.told()
    assert (told["inputs"]["eu-west-1"]["score"], told["inputs"]["eu-west-1"]["score_at"]) == (9, begun)
    why = f"ec2 refused GetSpotPlacementScores: {code}"
    assert told["missing"] == {f"score {region}": {"why": why, "since": failed} for region in FAR}
    world.look(HOUR)
    assert "score" not in world.told()["inputs"]["eu-west-1"]
    assert world.told()["missing"]["score eu-west-1"]["since"] == failed


@pytest.mark.parametrize(("most", "asked"), [(300, [1024, 256, 256, 256]), (10, [1024, 256, 4, 4, 4])])
def test_an_account_that_has_used_little_spot(most: int, asked: list[int]) -> None:
    """AWS tells it scores of less: the next lower step is asked about, or the least there is, and that is said."""
    world = World(MANY, Account({"eu-west-1": 9}, most_vcpus=most)).works()
    world.look()
    assert world.account.capacities() == asked
    told = world.told()
    assert (told["inputs"]["eu-west-1"]["score"], told["question"]["vcpus"]) == (9, asked[-1])
    assert list(told["missing"]) == ["score of 1,024 vCPUs"]
    assert f"{asked[-1]} vCPUs are asked about" in told["missing"]["score of 1,024 vCPUs"]["why"]


def test_what_was_refused_is_asked_about_a_day_later() -> None:
    """And for no other cluster before; once the account may ask for all of it, nothing is missing."""
    world = World(account=Account(most_vcpus=300)).works()
    world.look()
    begun = world.now
    world.account.count()
    world.bodies["cluster"]["huge"] = {**world.bodies["cluster"]["big"], "max_vcpus": 4000}
    world.bodies["queue"]["other"] = {"name": "other", "cluster": "huge"}
    world.look(10 * MINUTE)
    assert world.account.capacities() == [256]  # one question for both
    world.account.most_vcpus = 1024
    world.look(23 * HOUR)
    assert set(world.account.capacities()) == {256}
    assert world.told()["missing"]["score of 1,024 vCPUs"]["since"] == begun
    world.account.count()
    world.look(HOUR)
    assert (world.account.capacities(), world.told()["missing"]) == ([1024], {})


def test_an_account_that_is_told_no_scores_at_all() -> None:
    """Three questions in a day; regions are weighed without."""
    world = World(account=Account(most_vcpus=1)).works()
    world.look()
    world.look(10 * MINUTE)
    assert world.account.capacities() == [1024, 256, 4]
    assert sorted(world.told()["missing"]) == ["score"]
    assert sum(world.told()["base"].values()) == 100


def test_a_region_that_does_not_tell_its_prices() -> None:
    """The others' are read; what it said before counts."""
    world = World().works()
    world.look()
    world.account.refusals["DescribeSpotPriceHistory eu-west-1"] = "ConnectTimeoutError"
    report = world.look(10 * MINUTE)
    assert list(report.missing) == ["spot price eu-west-1"]
    inputs = world.told()["inputs"]
    assert inputs["us-east-1"]["spot_at"] - inputs["eu-west-1"]["spot_at"] == 10 * MINUTE
    del world.account.refusals["DescribeSpotPriceHistory eu-west-1"]
    world.look(10 * MINUTE)
    assert world.told()["missing"] == {}


def test_nothing_can_be_asked() -> None:
    """From the first look on: weights are decided by what is shipped, and all that is missing is told."""
    world = World(account=Account(refusals={"GetSpotPlacementScores": "Throttling", "DescribeSpotPriceHistory": "Throttling"})).works()
    world.look()
    told = world.told()
    assert sorted(told["missing"]) == ["score eu-west-1", "score us-east-1", "spot price eu-west-1", "spot price us-east-1"]
    assert sum(told["base"].values()) == 100
    assert set(told["unknown"]["eu-west-1"]) >= {"score"}


def test_too_few_types_for_scores() -> None:
    """Nobody is asked what would always be answered with 1."""
    world = World().works()
    world.bodies["cluster"]["big"]["instance_list"] = ["p4d.24xlarge"]
    world.look()
    assert "GetSpotPlacementScores" not in world.account.count()
    assert world.told()["missing"]["score"]["why"] == router.FEW_TYPES


def test_types_that_nobody_knows() -> None:
    """Newer ones than the price table: neither scores nor prices are asked for, and that is said."""
    world = World().works()
    world.bodies["cluster"]["big"]["instance_list"] = ["m99z"]
    world.look()
    assert not world.account.count()
    assert {what: each["why"] for what, each in world.told()["missing"].items()} == {
        "score": router.FEW_TYPES,
        "spot price": router.NO_TYPES,
    }


def test_a_cluster_on_demand() -> None:
    """Is weighed by prices on demand alone: AWS is not asked at all."""
    world = World().works()
    world.bodies["cluster"]["big"]["type"] = "ONDEMAND"
    world.look()
    assert not world.account.count()
    assert set(world.told()["inputs"]["eu-west-1"]) == {"ondemand_usd", "ondemand_date"}
    assert (world.told()["missing"], world.told()["question"]) == ({}, {})


def test_what_was_observed_counts() -> None:
    """How workers came, and that a region is left alone; its weight without that is kept for whoever knows sooner."""
    world = World().works()
    health = Health(world.now, began=40.0, waited_s=4000.0, failed=10.0, worker_h=20.0, taken=1.0)
    left = Stand(breaker=Breaker("open", world.now, world.now + HOUR, 1, "of 40 workers 0 came within 240 s"))
    world.seen = {("big", "eu-west-1"): health, ("big", "us-east-1"): Health(world.now, stands={"small": left})}
    world.look()
    told = world.told()
    assert told["inputs"]["eu-west-1"] | {"start_s": 100.0, "delivered": 0.8, "interruptions": 0.05} == told["inputs"]["eu-west-1"]
    assert told["inputs"]["us-east-1"]["closed"] == "of 40 workers 0 came within 240 s"
    assert told["weights"] == {"eu-west-1": 100, "us-east-1": 0}
    assert routing_items.weights_of(told, world.now)["us-east-1"] > 0  # type: ignore[index]


def _other_queue(world: World) -> None:
    world.bodies["queue"]["work"] |= {"automate_region_weights": False, "region_distribution_weights": {"eu-west-1": 1}}


def _isolated(world: World) -> None:
    world.bodies["region"]["eu-west-1"]["subnet_config"] = "PRIVATE_ISOLATED"


def _joined(world: World) -> None:
    world.bodies["cluster"]["big"]["launch_type"] = "ONPREM"


NOT_WEIGHED: dict[str, Callable[[World], Any]] = {
    "numbers": _other_queue,
    "one usable region": _isolated,
    "machines that join": _joined,
    "no cluster": lambda world: world.bodies["cluster"].clear(),
}


@pytest.mark.parametrize("change", NOT_WEIGHED.values(), ids=NOT_WEIGHED)
def test_what_is_not_weighed(change: Callable[[World], Any]) -> None:
    """An item of before is taken away."""
    world = World()
    world.look()
    change(world)
    assert world.look(HOUR).removed == ["big"]
    assert routing_items.read(world.table) == {}
    assert world.look(HOUR) == Report()
    lanes = {Lane("big", "small"): LaneTasks(automatic=True)}
    if "automate_region_weights" not in world.bodies["queue"]["work"]:  # the scaler does not ask for what never comes
        assert demand.automatic(Question((), {}, (), lanes), world.bodies) == set()


def test_prices_of_work_whose_queue_has_numbers() -> None:
    """What it is paid with is known: read each hour while there is some."""
    world = World().works()
    _other_queue(world)
    assert [world.look(20 * MINUTE).weighed for _ in range(6)] == [[]] * 6
    assert world.account.count() == {"DescribeSpotPriceHistory": 4}
    body = price_items.read(world.table, "eu-west-1")
    assert body
    assert price_items.usd(body, "m6i.large", "spot", "eu-west-1a") == pytest.approx(0.03)
    assert price_items.usd(body, "m6i.large", "spot") == pytest.approx(0.02)
    assert price_items.usd(body, "m6i.large", "ondemand") == pytest.approx(prices.shipped().vcpu_hour("m6i.large", "eu-west-1"))
    assert price_items.usd(body, "x9.large", "spot") is None


def test_history() -> None:
    """Each change of the weights is kept with what had changed, the newest first; a look without one adds nothing."""
    world = World().works()
    world.look()
    world.account.scores["eu-west-1"] = 10
    for _ in range(4):
        world.look(10 * MINUTE)
    history = world.told()["history"]
    assert len(history) == 2
    assert history[0][1] == world.told()["base"]
    assert any("eu-west-1: score" in line for line in history[0][2])


def test_old_weights_count_no_more() -> None:
    """A router that has not looked for seven hours leaves regions equal; the scaler asks it much sooner."""
    world = World()
    world.look()
    bodies = routing_items.read(world.table)
    assert routing_items.current(bodies, world.now + 6 * HOUR)
    assert routing_items.current(bodies, world.now + 8 * HOUR) == {}
    assert routing_items.stale(bodies, ["big", "new"], world.now + 14 * MINUTE) == ["new"]
    assert routing_items.stale(bodies, ["big"], world.now + 16 * MINUTE) == ["big"]


def test_an_item_is_small() -> None:
    """25 regions with fifty changes: a read of it is a unit or two."""
    world = World(MANY).works()
    world.look()
    body = world.told()
    body["history"] = [[world.now + k, {region: (k * 7 + n) % 13 for n, region in enumerate(body["base"])}, ["a: score 3.0 -> 5.0"] * 3]
                       for k in range(50)]  # fmt: skip
    routing_items.write(world.table, "big", body)
    item = world.table.get((keys.ROUTING, "big"))
    assert item
    assert len(item["body"]) < 8192
