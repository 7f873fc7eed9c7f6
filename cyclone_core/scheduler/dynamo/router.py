"""The router of an AWS host: weighs the regions of clusters whose queues leave that to Cyclone, and writes down from what (ROUTING items).

    each ten minutes   clusters with open tasks, and those that have no weights yet
    each six hours     all others: an idle host costs nothing worth a line, and does not begin a burst with weights of last month
    when it is asked   clusters with open tasks whose weights are older than they should be (the scaler asks)

Everything is read first, then AWS is asked for what is due (`router_signals`), then `routing.weigh` decides, which is pure. Whatever
cannot be had leaves what was known before, with its age, and is said in the item beside the weights that were chosen without it.

Spot prices are also what work is paid with: they are renewed each hour while work is open on spot, whoever chooses the weights.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cyclone_core.prices.table import Table as Prices
from cyclone_core.scheduler import capacity, routing
from cyclone_core.scheduler.dynamo import demand, routing_items, totals
from cyclone_core.scheduler.dynamo.router_signals import AGAIN_S, KEPT_S, Ec2, Missing, Scores, SpotPrices
from cyclone_core.scheduler.dynamo.table import Table
from cyclone_core.scheduler.health import Health, why_left
from cyclone_core.scheduler.placement_scores import score_requests
from cyclone_core.scheduler.routing import Routing, Signals

IDLE_S = 6 * 3600.0
"""Between two looks at a cluster without open tasks."""
PRICED_S = 3600.0
"""Spot prices of clusters that nothing is weighed for are not older, while they work."""
MOST_HISTORY = 50
"""Changes of weights that are kept."""
FEW_TYPES = "AWS scores three instance types or more, and fewer of the cluster's are known"
NO_TYPES = "none of the cluster's instance types is in the price table"
_BEFORE = ("c5", "m5", "r5")
"""What Batch may start beside `optimal` (`infra.compute_environments`)."""
_MOST_VCPUS = 1000
"""Of a cluster whose record does not say."""
Body = Mapping[str, Any]
Bodies = Mapping[str, Mapping[str, Body]]
"""kind -> name -> body"""


@dataclass
class Report:
    """What a look came to."""

    weighed: list[str] = field(default_factory=list)
    """clusters"""
    changed: list[str] = field(default_factory=list)
    """those of them whose weights are others now"""
    removed: list[str] = field(default_factory=list)
    """clusters that are not weighed any more"""
    missing: dict[str, str] = field(default_factory=dict)
    """what could not be had -> why"""


class Router:
    """One look at one host."""

    def __init__(
        self, table: Table, bodies: Bodies, region: Callable[[str], Ec2], prices: Prices, now_ms: int,
        seen: Mapping[tuple[str, str], Health] | None = None,
    ) -> None:  # fmt: skip
        """bodies: the host's records; region: the client of a region; seen: how workers came, by cluster and region (`health_items`)."""
        self._table, self._bodies, self._region, self._prices, self._now_ms = table, bodies, region, prices, now_ms
        self._seen = seen or {}
        self._report = Report()

    def run(self) -> Report:
        """Look, and write down what came of it. Raises AwsError of the table."""
        known, working = routing_items.read(self._table), self._working()
        wanted = self._automatic()
        for cluster in known:
            if cluster not in wanted:
                routing_items.remove(self._table, cluster)
                self._report.removed.append(cluster)
        due = [name for name in wanted if self._is_due(known.get(name), name in working)]
        self._renew_prices(due, working)
        scores = Scores(self._region(self._main), self._now_ms, known.values())
        for name in due:
            self._weigh(name, known.get(name) or {}, scores)
        return self._report

    # -- what is to be done ----------------------------------------------------------------------------------------------
    @cached_property
    def _regions(self) -> list[str]:
        """Those that workers can be asked for in."""
        return sorted(name for name, body in self._bodies.get("region", {}).items() if not capacity.is_isolated(body))

    @cached_property
    def _main(self) -> str:
        known = self._bodies.get("region", {})
        return next((name for name, body in known.items() if body.get("main_region")), next(iter(known), ""))

    def _working(self) -> set[str]:
        """Clusters with open tasks."""
        queues = self._bodies.get("queue", {})
        return {str(queues[queue].get("cluster")) for queue, counts in totals.queues(self._table) if sum(counts[:2]) and queue in queues}

    def _automatic(self) -> list[str]:
        """Clusters whose regions are to be weighed: of automatic queues, where there are regions to choose from."""
        clusters = {str(queue.get("cluster")) for queue in self._bodies.get("queue", {}).values() if capacity.is_automatic(queue)}
        return sorted(clusters & demand.weighed(self._bodies))

    def _is_due(self, body: Body | None, works: bool) -> bool:
        return body is None or self._now_ms - body["at"] >= (AGAIN_S if works else IDLE_S) * 1000

    # -- prices ----------------------------------------------------------------------------------------------------------
    @cached_property
    def _spot(self) -> SpotPrices:
        return SpotPrices(self._table, self._region, self._prices, self._now_ms)

    def _renew_prices(self, due: Sequence[str], working: Collection[str]) -> None:
        known = self._bodies.get("cluster", {})
        weighed = [name for name in due if _is_spot(known[name])]
        others = [name for name in working if name in known and _is_spot(known[name]) and _has_regions(known[name])]
        oldest_s = AGAIN_S if weighed else PRICED_S
        types = sorted({each for name in {*weighed, *others} for each in self._types(known[name], everything=True)})
        if types:
            self._report.missing |= self._spot.renew(types, self._regions, oldest_s)

    def _types(self, cluster: Body, everything: bool = False) -> tuple[str, ...]:
        """Instance types of a cluster; everything: also those that it falls back on."""
        words = list(cluster.get("instance_list") or ("optimal",))
        if everything:
            words += [*(cluster.get("fallback_instance_list") or ()), *(_BEFORE if "optimal" in words else ())]
        return self._prices.types_of(words)

    # -- a cluster -------------------------------------------------------------------------------------------------------
    def _weigh(self, cluster: str, before: Body, scores: Scores) -> None:
        body = self._bodies["cluster"][cluster]
        question, missing = self._scored(body, scores)
        if _is_spot(body) and not self._types(body):
            missing["spot price"] = NO_TYPES
        missing |= {what: why for what, why in self._report.missing.items() if what.startswith("spot price ") and _is_spot(body)}
        inputs = {region: self._inputs(cluster, region, question) for region in self._regions}
        signals = [_signals(region, found) for region, found in inputs.items()]
        found = routing.weigh(signals, routing.of_body(before) if before else None, _is_spot(body))
        told = {
            **routing.to_body(found), "at": self._now_ms, "inputs": inputs, "question": question,
            "missing": self._since(missing, before), "history": self._history(found, before),
        }  # fmt: skip
        routing_items.write(self._table, cluster, told)
        self._report.weighed.append(cluster)
        self._report.changed += [cluster] if found.changed else []
        self._report.missing |= missing

    def _scored(self, cluster: Body, scores: Scores) -> tuple[dict[str, Any], Missing]:
        if not _is_spot(cluster):
            return {}, {}
        words = cluster.get("instance_list") or ("optimal",)
        requests = score_requests(words, int(cluster.get("max_vcpus") or _MOST_VCPUS), self._regions, self._prices.types)
        return scores.of(requests) if requests else ({}, {"score": FEW_TYPES})

    def _inputs(self, cluster: str, region: str, question: Body) -> dict[str, Any]:
        """What is known of a region now; what is not known is left out."""
        body, seen = self._bodies["cluster"][cluster], self._seen.get((cluster, region), Health())
        types = self._types(body)
        score, score_at = question.get("scores", {}).get(region, (None, 0))
        spot, spot_at = self._spot.spot(types, region) if _is_spot(body) else (None, 0)
        is_old = self._now_ms - score_at > KEPT_S * 1000
        ondemand = self._spot.on_demand(types, region)
        found = {
            "score": None if is_old else score, "score_at": None if is_old else score_at,
            "spot_usd": spot, "spot_at": spot_at if spot else None,
            "ondemand_usd": ondemand, "ondemand_date": self._spot.priced_on(region) if ondemand else None,
            "start_s": seen.start_s, "delivered": seen.delivered, "interruptions": seen.interruptions,
            "closed": why_left(seen, self._now_ms) or None,
        }  # fmt: skip
        return {name: value for name, value in found.items() if value is not None}

    # -- what is told ----------------------------------------------------------------------------------------------------
    def _since(self, missing: Missing, before: Body) -> dict[str, dict[str, Any]]:
        """What could not be had, with since when (ms)."""
        known = before.get("missing", {})
        return {what: {"why": why, "since": known.get(what, {}).get("since", self._now_ms)} for what, why in sorted(missing.items())}

    def _history(self, found: Routing, before: Body) -> list[list[Any]]:
        """The newest first: when the weights became what, and why."""
        known: list[list[Any]] = list(before.get("history") or ())
        if known and dict(found.base) == known[0][1]:
            return known
        return [[self._now_ms, dict(found.base), list(found.why) if known else ["weighed for the first time"]], *known][:MOST_HISTORY]


def _signals(region: str, found: Body) -> Signals:
    return Signals(
        region, found.get("score"), found.get("spot_usd"), found.get("ondemand_usd"), found.get("start_s"), found.get("delivered"),
        found.get("interruptions"), found.get("closed", ""),
    )  # fmt: skip


def _is_spot(cluster: Body) -> bool:
    return str(cluster.get("type") or "SPOT") == "SPOT"


def _has_regions(cluster: Body) -> bool:
    """Whether a cluster asks AWS for machines: those that join are where they are."""
    return str(cluster.get("launch_type") or "BATCH") != "ONPREM"
