"""How regions are weighed: rules by example, promises by property, and a day of scores and prices replayed."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyclone_core.scheduler.placement_scores import ScoreRequest, allowed_steps, capacity_step, score_requests, score_types
from cyclone_core.scheduler.routing import LOOKS, SLOW_LOOKS, Routing, Signals, most_share, of_body, to_body, weigh

DAY = Path(__file__).parent / "data" / "scores_and_prices.csv"
NAMES = ("ap-south-1", "eu-north-1", "eu-west-1", "sa-east-1", "us-east-1", "us-west-2")


def usual(region: str, score: float = 6, usd: float = 0.02, **more: float | str | None) -> Signals:
    """A region as most are."""
    return Signals(region, score, usd, usd * 2.5, **more)  # type: ignore[arg-type]


def looks(*series: list[Signals]) -> list[Routing]:
    """What comes out of looks one after the other."""
    found: list[Routing] = []
    for signals in series:
        found.append(weigh(signals, found[-1] if found else None))
    return found


# -- rules -------------------------------------------------------------------------------------------------------------
def test_equal_regions_are_equal() -> None:
    """Four of the same kind have a quarter each."""
    assert set(weigh([usual(name) for name in NAMES[:4]]).weights.values()) == {25}


def test_half_the_price_is_four_times_the_weight() -> None:
    """Prices count squared, where no limit of one region's share stands against it."""
    found = weigh([usual("a", usd=0.01), *(usual(name) for name in NAMES)]).weights
    assert found["a"] == 40
    assert set(found.values()) == {40, 10}


def test_unknown_signals_are_told_and_count_as_usual() -> None:
    """A region without a score or a price weighs as much as one with the usual ones."""
    found = weigh([Signals("a", ondemand_usd=0.05), usual("b", score=5, start_s=120, delivered=1.0, interruptions=0.05)])
    assert found.weights == {"a": 50, "b": 50}
    assert found.unknown == {"a": ("score", "price", "start", "delivered", "interruptions"), "b": ()}
    assert set(found.factors["a"].values()) == {1.0}


def test_scores_and_spot_prices_count_only_for_spot() -> None:
    """On demand the price on demand decides."""
    signals = [usual("a", score=1, usd=9.0), usual("b")]
    found = weigh([replace(each, ondemand_usd=0.05) for each in signals], is_spot=False)
    assert found.weights == {"a": 50, "b": 50}
    assert found.unknown["a"] == ("start", "delivered")


@pytest.mark.parametrize("worse", [{"start_s": 400.0}, {"delivered": 0.2}, {"interruptions": 0.5}])
def test_what_was_observed_counts(worse: dict[str, float]) -> None:
    """Slow starts, workers that do not come and interruptions make a weight less."""
    better = {"start_s": 60.0, "delivered": 1.0, "interruptions": 0.0}
    found = weigh([usual("a", **better), usual("b", **{**better, **worse})]).weights
    assert found["a"] > found["b"]


def test_a_closed_region_has_nothing_and_is_back_at_once() -> None:
    """Breakers wait for no second look; the weights as if all were open stay as they were."""
    signals = [usual(name) for name in NAMES]
    before, closed, after = looks(signals, [replace(signals[0], closed="workers do not come"), *signals[1:]], signals)
    assert closed.weights[NAMES[0]] == 0
    assert sum(closed.weights.values()) == 100
    assert before.weights == after.weights == before.base == closed.base
    assert (closed.changed, after.changed) == (True, True)


def test_where_all_are_closed_all_have_nothing() -> None:
    """There is nothing to share."""
    assert set(weigh([usual("a", closed="silent")]).weights.values()) == {0}
    assert weigh([]).weights == {}


def test_a_change_of_score_counts_in_the_second_look() -> None:
    """From 8 to 2: one look may be a mistake, two are not. It is told."""
    good, bad = [usual("a", 8), usual("b", 8)], [usual("a", 2), usual("b", 8)]
    first, second, third, fourth = looks(good, bad, bad, bad)
    assert first.weights == second.weights
    assert third.weights["a"] < 34
    assert (third.why, third.changed, fourth.changed) == (("a: score 8.0 -> 2.0",), True, False)


def test_two_points_that_last_count_in_the_sixth_look() -> None:
    """They may be noise of one point on both sides, so that they have to last."""
    good, bad = [usual("a", 6), usual("b", 6)], [usual("a", 4), usual("b", 6)]
    found = [routing.changed for routing in looks(good, *[bad] * (SLOW_LOOKS + 2))]
    assert found.index(True, 1) == SLOW_LOOKS


def test_a_signal_that_is_lost_for_one_look_is_kept() -> None:
    """A refused request is not a change; one that stays away is told as unknown."""
    good, gone = [usual("a", 9), usual("b", 9)], [replace(usual("a"), score=None), usual("b", 9)]
    found = looks(good, gone, good, *[gone] * LOOKS)
    assert [routing.weights["a"] for routing in found[:4]] == [50] * 4
    assert found[-1].weights["a"] < 50
    assert "score" in found[-1].unknown["a"]


def test_what_is_written_down_is_read_again() -> None:
    """A body gives the same next look."""
    signals = [usual("a", 8), usual("b", 8, start_s=30.0)]
    _, second = looks(signals, [usual("a", 2), usual("b", 8)])
    read = of_body(to_body(second))
    assert replace(read, changed=second.changed) == second
    assert weigh(signals, read) == weigh(signals, second)


# -- promises ----------------------------------------------------------------------------------------------------------
known = st.builds(
    Signals,
    region=st.just(""),
    score=st.none() | st.integers(1, 10).map(float),
    spot_usd=st.floats(0.001, 5),
    ondemand_usd=st.floats(0.01, 9),
    start_s=st.none() | st.floats(0, 2000),
    delivered=st.none() | st.floats(0, 1),
    interruptions=st.none() | st.floats(0, 3),
    closed=st.sampled_from(["", "", "", "left"]),
)
hosts = st.lists(known, min_size=1, max_size=33).map(
    lambda found: [replace(each, region=f"r{number:02}") for number, each in enumerate(found)]
)


@given(hosts)
@settings(max_examples=60, deadline=None)
def test_weights_sum_to_100_within_their_limits(signals: list[Signals]) -> None:
    """Over the regions that are open; nobody has nothing, nobody too much."""
    found = weigh(signals).weights
    open_ones = [each.region for each in signals if not each.closed]
    assert sum(found.values()) == (100 if open_ones else 0)
    assert all(1 <= found[region] <= most_share(len(open_ones)) for region in open_ones)
    assert all(found[each.region] == 0 for each in signals if each.closed)


@given(hosts, st.floats(0, 9), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_better_score_is_never_less_weight(signals: list[Signals], more: float, is_first: bool) -> None:
    """All else equal, in the first look, and after a look with the lower one."""
    lower = replace(signals[0], score=signals[0].score or 5.0, closed="")
    higher = replace(lower, score=min(10.0, (lower.score or 5.0) + more))
    before = None if is_first else weigh([lower, *signals[1:]], weigh([lower, *signals[1:]]))
    less, not_less = (weigh([each, *signals[1:]], before).weights["r00"] for each in (lower, higher))
    assert not_less >= less


@given(hosts, st.floats(1, 50), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_higher_price_is_never_more_weight(signals: list[Signals], times: float, is_first: bool, is_spot: bool) -> None:
    """All else equal, on spot and on demand."""
    usd = signals[0].spot_usd or 1.0
    cheap, dear = (replace(signals[0], spot_usd=each, ondemand_usd=each, closed="") for each in (usd, usd * times))
    before = None if is_first else weigh([cheap, *signals[1:]], None, is_spot)
    more, not_more = (weigh([each, *signals[1:]], before, is_spot).weights["r00"] for each in (cheap, dear))
    assert not_more <= more


noise = st.lists(st.lists(st.tuples(st.integers(-1, 1), st.floats(0.95, 1.05), st.floats(0.85, 1.15)), min_size=6, max_size=6), max_size=40)


def noisy(signals: list[Signals], look: list[tuple[int, float, float]]) -> list[Signals]:
    """A look at regions of which each signal is a little off."""
    return [
        replace(each, score=(each.score or 0) + score, spot_usd=(each.spot_usd or 0) * price, start_s=(each.start_s or 0) * start)
        for each, (score, price, start) in zip(signals, look, strict=True)
    ]


@given(noise)
@settings(max_examples=60, deadline=None)
def test_noise_never_changes_weights(series: list[list[tuple[int, float, float]]]) -> None:
    """A point of score, 5 % of price and 15 % of start time to either side, in any order and for any time."""
    signals = [usual(name, 2 + number, 0.01 * (number + 1), start_s=40.0 * number) for number, name in enumerate(NAMES)]
    found = looks(signals, *(noisy(signals, look) for look in series))
    assert not any(routing.changed for routing in found[1:])


@given(noise)
@settings(max_examples=40, deadline=None)
def test_what_begins_with_noise_changes_rarely(series: list[list[tuple[int, float, float]]]) -> None:
    """Where the first look was off already, a region's score is taken over anew in six looks at the earliest."""
    signals = [usual(name, 2 + number, 0.01 * (number + 1), start_s=40.0 * number) for number, name in enumerate(NAMES)]
    found = looks(*(noisy(signals, look) for look in series))
    for name in NAMES:
        assert sum(line.startswith(name) for routing in found for line in routing.why) <= len(series) / SLOW_LOOKS


# -- a day replayed ----------------------------------------------------------------------------------------------------
def day() -> list[list[Signals]]:
    """The looks of a day, one each ten minutes: see the head of the file for how it was made."""
    with DAY.open() as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    found: dict[int, list[Signals]] = {}
    for row in rows:
        found.setdefault(int(row["minute"]), []).append(Signals(row["region"], float(row["score"]), float(row["spot_usd"]), 0.05))
    return [found[minute] for minute in sorted(found)]


def test_a_day_has_few_changes() -> None:
    """Of 144 looks those that change weights are some that have a reason, not each."""
    found = looks(*day())
    assert len(found) == 144
    assert 2 <= sum(routing.changed for routing in found[1:]) <= 24
    assert all(sum(routing.weights.values()) == 100 for routing in found)


def test_a_collapsed_score_takes_weight_within_two_looks_and_gives_it_back() -> None:
    """eu-west-1 falls from about 8 to 1 at 600 minutes, and is well again at 840."""
    weights = [routing.weights["eu-west-1"] for routing in looks(*day())]
    collapsed = weights[60 + LOOKS : 84]
    assert max(collapsed) < weights[59] / 3
    assert min(weights[84 + LOOKS :]) > 2 * max(collapsed)


def test_a_price_spike_takes_weight_only_while_it_lasts() -> None:
    """us-east-1 costs three times as much from 300 to 420 minutes."""
    weights = [routing.weights["us-east-1"] for routing in looks(*day())]
    assert max(weights[30 + LOOKS : 42]) < weights[29] / 3
    assert min(weights[42 + LOOKS : 48]) > 2 * weights[40]


# -- what is asked about scores ----------------------------------------------------------------------------------------
def test_requests_for_scores_are_the_same_however_they_are_put() -> None:
    """Order and doubles of types and regions, and a little more capacity, are no new question."""
    one = score_requests(["c5.large", "m5.large", "r5.large"], 100, ["b", "a"])
    assert one == score_requests(["r5.large", "c5.large", "m5.large", "c5.large"], 200, ["a", "b", "a"])
    assert one == (ScoreRequest(("a", "b"), ("c5.large", "m5.large", "r5.large"), 256),)


def test_no_request_has_more_than_ten_regions() -> None:
    """25 regions are three calls."""
    found = score_requests(["optimal"], 1000, [f"r{number:02}" for number in range(25)])
    assert [len(request.regions) for request in found] == [10, 10, 5]


def test_fewer_than_three_types_are_asked_about_with_their_family_or_not_at_all() -> None:
    """A score for one type is always low and says nothing."""
    there = ("c5.large", "c5.xlarge", "c5.9xlarge", "m5.large")
    assert score_types(["c5.large"], there) == ("c5.9xlarge", "c5.large", "c5.xlarge")
    assert score_types(["c5.large"]) == ()
    assert score_requests(["m5.large"], 10, ["a"], there) == ()


def test_families_are_their_types() -> None:
    """Known ones, or else the usual sizes."""
    assert score_types(["c5"], ("c5.large", "c5.xlarge", "c5.metal", "m5.large")) == ("c5.large", "c5.metal", "c5.xlarge")
    assert len(score_types(["optimal"])) == 16


@pytest.mark.parametrize(("vcpus", "asked"), [(1, 64), (64, 64), (65, 256), (16_384, 16_384), (99_999, 16_384)])
def test_capacity_is_asked_about_in_steps(vcpus: int, asked: int) -> None:
    """Rounded up, to few numbers."""
    assert capacity_step(vcpus) == asked


@pytest.mark.parametrize(
    ("step", "refused", "asked"),
    [
        (1024, None, (1024, 256, 4)), (64, None, (64, 4)), (1024, 4096, (1024, 256, 4)), (4096, 1024, (256, 64, 4)), (64, 64, (4,)),
        (256, 4, ()),
    ],
)  # fmt: skip
def test_what_an_account_may_ask_about(step: int, refused: int | None, asked: tuple[int, ...]) -> None:
    """Nothing that it was refused, nor more; the next lower step, and then what every account may."""
    assert allowed_steps(step, refused) == asked
