"""An AWS host at a glance, from what was read of it last: how it is, its queues and clusters, and what needs attention. No jobs yet."""

from typing import cast

from cyclone_core import paths
from cyclone_core.jobs import STATES
from cyclone_core.operations import attention, aws_looks
from cyclone_core.operations.attention import Attention
from cyclone_core.operations.aws_looks import Look
from cyclone_core.operations.monitoring import Health, NotActive, Overview, Pool, QueueNow
from cyclone_core.operations.queries import HostView
from cyclone_core.operations.resources import Place

_NONE = (0,) * len(STATES)


def overview(host: HostView, now: float) -> Overview:
    """How it is. now: seconds since 1970. Raises NotYet, or why nothing could be read."""
    look = aws_looks.SHARED.look(host.name, 0.5)
    found = look.need().resources
    return Overview(
        host=host.name, type="aws", supervised=look.error is None, health=cast("Health", look.health()), counts=_NONE,
        queues=tuple(
            QueueNow(one.name, str(one.body.get("cluster") or ""), int(one.body.get("priority") or 0), bool(one.body.get("paused")), _NONE)
            for one in found if one.kind == "queue"
        ),
        open_jobs=0, done=0, last_job=0, rates=(), pools=_pools(look),
        not_active=tuple(NotActive(one.kind, one.name, one.state) for one in found if one.state != "ACTIVE"),
        newest=(), attention=tuple(_attention(host.name, look)), at=now,
    )  # fmt: skip


def _pools(look: Look) -> tuple[Pool, ...]:
    """Each cluster in each region; nothing of it is busy."""
    return tuple(
        Pool(place.region, one.name, 0, 0.0, float(one.body.get("max_vcpus") or 0))
        for one in look.need().resources
        if one.kind == "cluster"
        for place in one.places
    )


def _attention(host: str, look: Look) -> list[Attention]:
    at = "" if host == paths.selected_host() else f" --host {host}"
    found: list[Attention] = []
    if look.error is not None:
        found.append(Attention("error", ("host", host), f"host {host} cannot be read", str(look.error)))
    snapshot = look.need()
    if snapshot.host is None:
        found.append(
            Attention("error", ("host", host), f"host {host} is not deployed", "none of its stacks is there", "hyper deployments list" + at)
        )
    elif snapshot.host.state == "FAILED":
        found.append(
            Attention("error", ("host", host), f"host {host} is FAILED", _why(snapshot.host.places), "hyper deployments list" + at)
        )
    rows = [(one.kind, one.name, one.state, _why(one.places)) for one in snapshot.resources]
    return [*found, *attention.resource_attention(rows, at)]


def _why(places: tuple[Place, ...]) -> str:
    return "; ".join(f"{place.region}: {place.reason}" for place in places if place.reason)
