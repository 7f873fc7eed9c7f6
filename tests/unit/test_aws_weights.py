"""How a queue's weights are told, from what the router, the scaler and the workers wrote."""

from dataclasses import replace
from typing import Any

import pytest

from cyclone_core.operations import aws_weights
from cyclone_core.operations.aws_weights import Known
from cyclone_core.operations.weights import MissingInput
from cyclone_core.scheduler import routing
from cyclone_core.scheduler.dynamo.fleet import Request
from cyclone_core.scheduler.dynamo.machine_items import Machine
from cyclone_core.scheduler.failover import Breaker, Stand
from cyclone_core.scheduler.health import Health
from cyclone_core.scheduler.routing import Signals
from cyclone_tui import weights_looks as looks
from cyclone_tui.cli.groups import weights as shown

NOW = 1_780_000_000.0
MS = int(NOW * 1000)
SIGNALS = [Signals("eu-west-1", 9, 0.01, 0.05), Signals("us-east-1", 3, 0.02, 0.05)]
ROUTED: dict[str, Any] = {
    **routing.to_body(routing.weigh(SIGNALS)), "at": MS - 120_000,
    "inputs": {"eu-west-1": {"score": 9, "score_at": MS - 7_200_000}}, "question": {},
    "missing": {"score eu-west-1": {"why": "too many requests", "since": MS - 3_600_000}},
    "history": [[MS - 120_000, {"eu-west-1": 80, "us-east-1": 20}, ["eu-west-1: score 3.0 -> 9.0"]]],
}  # fmt: skip
PRICE = {"at": MS - 60_000, "vcpus": {"m6i.large": 2}, "spot": {"m6i.large": {"a": 0.03, "b": 0.02}}}
LEFT = Health(MS, began=4.0, waited_s=400.0, stands={"small": Stand(breaker=Breaker("open", MS, MS + 240_000, 1, "0 of 9 came"))})


def host(queue: dict[str, Any] | None = None, **known: Any) -> Known:
    """Two regions, an automatic queue, and whatever is known of them."""
    bodies: dict[str, dict[str, Any]] = {
        "region": {"us-east-1": {"main_region": True}, "eu-west-1": {}},
        "cluster": {"big": {"name": "big", "type": "SPOT", "instance_list": ["m6i.large"]}},
        "queue": {"fast": {"name": "fast", "cluster": "big", **(queue or {})}},
    }
    return Known("grid", bodies, now=NOW, **known)


def test_weights_with_what_they_come_from() -> None:
    """Score with its age, prices with their dates, workers, what each signal did; what is missing and what was before."""
    request = Request("big", "eu-west-1", "r", "small", 10, 2, MS, "b", running=6)
    found = aws_weights.view(host(routing={"big": ROUTED}, prices={"eu-west-1": PRICE}, requests=(request,)), "fast")
    first, second = found.regions
    assert (first.weight, second.weight) == tuple(ROUTED["base"].values())
    assert (first.running, first.starting, first.score, first.score_at) == (6, 4, 9, NOW - 7200)
    assert (first.spot_usd, first.spot_at) == (0.01, NOW - 60)
    assert first.ondemand_usd
    assert first.ondemand_date
    assert first.why.startswith("price x")
    assert (second.spot_usd, second.score) == (None, None)
    assert found.missing == (MissingInput("score eu-west-1", "too many requests", NOW - 3600),)
    assert found.history[0].why == ("eu-west-1: score 3.0 -> 9.0",)
    assert (found.automatic, found.decided, found.note) == (True, NOW - 120, "")


def test_a_region_that_is_left_alone() -> None:
    """Keeps its weight, and says until when and why."""
    region = aws_weights.view(host(routing={"big": ROUTED}, health={("big", "eu-west-1"): LEFT}), "fast").regions[0]
    assert (region.is_on, region.weight > 0, region.start_s) == (False, True, 100.0)
    assert region.why.startswith("left alone, tried again in 4 min: 0 of 9 came; price x")


NUMBERS = {"automate_region_weights": False, "region_distribution_weights": {"us-east-1": 3, "eu-west-1": 0}}


@pytest.mark.parametrize(
    ("queue", "known", "weights", "note"),
    [
        ({}, {}, [1, 1], "no weights are decided yet, so regions are equal: the router looks each ten minutes"),
        ({}, {"routing": {"big": ROUTED | {"at": MS - 9 * 3_600_000}}}, [1, 1], "the weights are 9 h old and count no more"),
        ({}, {"routing": {"big": ROUTED | {"at": MS - 5 * 3_600_000}}}, list(ROUTED["base"].values()), "the weights are 5 h old: they are"),
        (NUMBERS, {"routing": {"big": ROUTED}}, [0, 3], ""),
        ({"cluster": "gone"}, {}, [1, 1], "its cluster 'gone' is not there"),
    ],
    ids=["new host", "router that is silent", "quiet night", "numbers", "no cluster"],
)
def test_what_counts_and_what_is_said(queue: dict[str, Any], known: dict[str, Any], weights: list[int], note: str) -> None:
    """Decided weights while they are fresh enough, else equal ones, openly; a queue's numbers as they are."""
    found = aws_weights.view(host(queue, **known), "fast")
    assert [each.weight for each in found.regions] == weights
    assert found.note.startswith(note)
    assert bool(found.note) == bool(note)


def test_machines() -> None:
    """Slots of EC2's machines run in their region; those that joined have a line of their own, and no weight."""
    made = Machine("big", "eu-west-1", "m-1", "EC2", lanes={"small": 4, "large": 1})
    joined = replace(made, region="lab", launch="ONPREM")
    asked = Request("big", "eu-west-1", "r", "small", 10, 2, MS, "b", running=5, launch="EC2")
    found = aws_weights.view(host(routing={"big": ROUTED}, machines=(made, joined), requests=(asked,)), "fast")
    assert [(each.region, each.running, each.starting, each.is_on) for each in found.regions] == [
        ("eu-west-1", 5, 5, True),
        ("us-east-1", 0, 0, True),
        ("lab", 5, 0, True),
    ]
    row = dict(zip(shown.COLUMNS, shown.row(found.regions[2], found, NOW), strict=True))
    assert (row["weight"], row["running"], row["state"], row["why"]) == (
        "-",
        "5 (50%)",
        "joined",
        "1 machine joined: no weight, score or price, takes what waits",
    )


def test_a_queue_of_machines_that_join_is_told_where_they_are() -> None:
    """No region of AWS has a part of it, whatever weights and prices there are; before one joined it says how they do."""
    lab = [Machine("big", "lab", name, lanes={"small": 2}) for name in ("m-1", "m-2")]
    known = host(routing={"big": ROUTED}, prices={"eu-west-1": PRICE}, machines=(*lab, Machine("other", "attic", "m-3")))
    known.bodies["cluster"]["big"]["launch_type"] = "ONPREM"  # type: ignore[index]
    found = aws_weights.view(known, "fast")
    assert (found.joins, found.automatic, found.note) == (True, False, aws_weights.JOINS)
    assert [(each.region, each.joined, each.running, each.share, each.spot_usd) for each in found.regions] == [("lab", True, 4, 0.0, None)]
    assert shown.heading(found, NOW) == "queue fast (cluster big): machines that join"
    assert looks.weight_text(found.regions[0]) == "-"
    assert looks.state_text(found.regions[0]) == "● joined"
    nobody = aws_weights.view(replace(known, machines=()), "fast")
    assert (nobody.regions, "hyper clusters join-command --name big" in nobody.note) == ((), True)


def test_regions_without_a_weight_say_why() -> None:
    """Off, or unable to work."""
    known = host(NUMBERS)
    assert aws_weights.view(known, "fast").regions[0].why == "the queue gives it 0"
    regions = {**known.bodies["region"], "eu-west-1": {"subnet_config": "PRIVATE_ISOLATED"}}
    found = aws_weights.view(replace(known, bodies={**known.bodies, "region": regions}), "fast")
    assert (found.regions[0].weight, found.regions[0].why) == (0, aws_weights.ISOLATED)
    assert "one region to compute in" in found.note


def test_lines_and_records() -> None:
    """What is old is shown with its age, a dollar has its date below the table, and JSON has null for what nobody knows."""
    found = aws_weights.view(host(routing={"big": ROUTED}, prices={"eu-west-1": PRICE}, health={("big", "eu-west-1"): LEFT}), "fast")
    row = dict(zip(shown.COLUMNS, shown.row(found.regions[0], found, NOW), strict=True))
    assert (row["score"], row["spot_$"], row["start"], row["state"]) == ("9 (2h00m old)", "0.0100", "1m40s", "left alone")
    dated, missing = shown.notes(found, NOW)
    assert "spot as read 20" in dated
    assert "price list of 20" in dated
    assert missing.endswith("too many requests")
    told = shown.record(found)
    assert told["regions"][1]["spot_usd"] is None
    assert told["regions"][0]["breaker_until"].startswith("20")
    assert told["history"][0]["weights"] == {"eu-west-1": 80, "us-east-1": 20}
