"""What a lane's CAPACITY item says, in one line for people. Pure and lean.

What the item holds is told in `capacity_items`, with two members from here: `why` and `stuck`.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Body = Mapping[str, Any]

JOINS = "its machines join by themselves"
"""Why nothing is asked for in a cluster of type ONPREM."""
_STEPS = {"instance-types": "other instance types too", "zones": "instances in all zones", "on-demand": "instances on demand"}
"""What a step of the fallback chain asks for."""
_MANY = 3
"""Regions that are named."""


def why(body: "Body", cluster: str, now_ms: int) -> str:
    """Why not all open tasks of a lane run, "" where nothing waits. now_ms: milliseconds since 1970."""
    if not body.get("waiting"):
        return ""
    if is_stuck(body):
        return _nowhere(body)
    parts = [*_resting(body, now_ms), *_fallback(body), *_starting(body, now_ms), *_limits(body, cluster)]
    running = _sum(body, "running")
    if running:
        parts.append(f"{_workers(running)} {'is' if running == 1 else 'are'} running")
    parts += [f"{region} is left out: {reason}" for region, reason in _closed(body)]
    return "; ".join(parts) or "workers for it are asked for within a minute"


def is_stuck(body: "Body") -> bool:
    """Whether tasks wait, no worker is there or starts, and none can be asked for: it stays so until somebody changes something."""
    is_there = any(_sum(body, what) for what in ("starting", "running"))
    if body.get("rest") or any(each["state"] != "closed" for each in body.get("fallback", {}).values()):
        return False  # one more is tried by and by
    return bool(body.get("waiting") and body.get("short") and not is_there and (body.get("unfit") or not body.get("full")))


def _nowhere(body: "Body") -> str:
    if body.get("unfit"):
        words = f"{body['vcpus']} vCPU{'s' * (body['vcpus'] != 1)}"
        return f"a worker of {words} with its memory and GPUs fits into nothing that the cluster may start"
    if body.get("closed") and all(reason == JOINS for reason in body["closed"].values()):
        return "no machine has joined that has room for it (hyper clusters join-command says how)"
    if not body.get("closed"):
        return "no region may be asked for workers: none has a weight"
    told = "; ".join(f"{region}: {reason}" for region, reason in _closed(body))
    return f"no region can be asked for workers: {told}"


def _resting(body: "Body", now_ms: int) -> "list[str]":
    """Where workers end as soon as they start."""
    parts = []
    for region, rest in sorted(body.get("rest", {}).items())[:_MANY]:
        minutes = -(-max(0, rest["until"] - now_ms) // 60_000)
        when = f"in {minutes} min" if minutes > 1 else "within a minute"
        parts.append(f"workers in {region} end as soon as they start ({rest['why']}), one more is tried {when}")
    return parts


def _fallback(body: "Body") -> "list[str]":
    """Regions that are left alone because nothing came there, and those that are asked for something else than at first."""
    told = sorted(body.get("fallback", {}).items())
    left = {region for region, each in told if each["state"] != "closed"}
    others = [region for region, each in sorted(body.get("regions", {}).items()) if region not in left and _has_any(each)]
    instead = f", {_listed(others)} {'is' if len(others) == 1 else 'are'} asked instead" if others else ""
    parts = []
    for region, each in told[:_MANY]:
        if each["state"] == "open":
            parts.append(f"{region} is left alone until {_clock(each['until'])} UTC ({each['why']}){instead}")
        elif each["state"] == "trying":
            parts.append(f"{region} was left alone ({each['why']}), one worker is tried there{instead}")
        if each["rung"] == "on-demand":
            parts.append(f"{region} is asked for {_STEPS[each['rung']]}")
        elif each["rung"] and each["state"] == "closed":
            parts.append(f"{region} is asked for {_STEPS[each['rung']]} since {_clock(each['rung_since'])} UTC")
    return parts


def _has_any(region: "Body") -> bool:
    return any(region.get(what) for what in ("starting", "running", "asked"))


def _clock(ms: int) -> str:
    """Time of the day in UTC, `10:32`."""
    return f"{ms // 3_600_000 % 24:02d}:{ms // 60_000 % 60:02d}"


def _starting(body: "Body", now_ms: int) -> "list[str]":
    """Workers that were asked for, by region, those that have waited longest first."""
    found = [(each.get("since") or now_ms, region, each) for region, each in body.get("regions", {}).items() if each.get("starting")]
    found.sort(key=lambda each: each[:2])
    parts = []
    for since, region, each in found[:_MANY]:
        reason = f" ({each['reason']})" if each.get("reason") else ""
        count = each["starting"]
        have = "has" if count == 1 else "have"
        parts.append(f"{_workers(count)} requested in {region} {_ago(now_ms - since)} {have} not started{reason}")
    more = len(found) - _MANY
    return [*parts, f"others in {more} more region{'' if more == 1 else 's'}"] if more > 0 else parts


def _limits(body: "Body", cluster: str) -> "list[str]":
    if not body.get("full"):
        return []
    regions = _listed(body["full"])
    return [f"cluster {cluster!r} is at its limit of vCPUs in {regions}, {_workers(body['short'])} more would be of use"]


def _closed(body: "Body") -> "list[tuple[str, str]]":
    return sorted(body.get("closed", {}).items())[:_MANY]


def _listed(names: "list[str]") -> str:
    return ", ".join(names[:_MANY]) + (f" and {len(names) - _MANY} more" if len(names) > _MANY else "")


def _sum(body: "Body", what: str) -> int:
    return sum(int(each.get(what) or 0) for each in body.get("regions", {}).values())


def _workers(count: int) -> str:
    return f"{count:,} worker{'' if count == 1 else 's'}"


def _ago(ms: int) -> str:
    """`just now`, `4 min ago`, `2 h ago`, `3 days ago`."""
    minutes = max(0, ms) // 60_000
    if minutes < 1:
        return "just now"
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 2880 else f"{minutes // 1440} days ago"
