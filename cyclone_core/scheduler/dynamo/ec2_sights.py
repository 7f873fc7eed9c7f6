"""Requests as their instances are: how many workers start, run and are over, what never worked, and who has been silent for too long. Pure.

A worker of a request

    waits       EC2 has had no instance for it (`placed` says for how many it had)
    starts      its machine has not said anything yet (MACHINE item); after ten minutes it is terminated: it never became a worker
    runs        its machine has said something within ten minutes, whoever's tasks it runs
    is over     terminated, by itself when it had nothing to do, or by EC2 (a spot interruption: `taken`)

as its instance does.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from cyclone_core.scheduler.dynamo.ec2_instances import FAILED, TAKEN, Instance
from cyclone_core.scheduler.dynamo.fleet import UNKNOWN_S, Request

SILENT_S = 600.0
"""An instance on which no machine has said a word for so long is terminated, as long as somebody listened."""
PAUSE_S = 300.0
"""Two looks that are farther apart did not listen in between: the table, the function or the region was out of order. (What did not change
is written down each two minutes and a half.)"""
Slots = Callable[[Instance], int]
"""Workers of a request's lane that an instance holds."""


def seen(
    request: Request, mine: Sequence[Instance], there: Mapping[str, bool], late: Collection[str], slots: Slots, now_ms: int
) -> Request | None:
    """A request as its instances are; None when nothing came of it. mine: they; late: ids of those that were ended in this look."""
    if not request.batch and not mine:
        return None if now_ms - request.at > UNKNOWN_S * 1000 else replace(request, seen=now_ms)
    alive = [each for each in mine if not each.is_gone and each.id not in late]
    running, starting = (sum(slots(each) for each in alive if (each.id in there) == is_there) for is_there in (True, False))
    gone = sum(slots(each) for each in mine if each not in alive)
    placed = max(request.placed, running + starting + gone)
    is_new = is_settling(request, now_ms)
    over = gone if is_new else placed - running - starting
    types = Counter(each.type for each in mine)
    unseen = Counter(request.launched) - types if is_new else Counter[str]()
    known = replace(
        request,
        batch=request.batch or request.name,
        placed=placed,
        moved=now_ms if placed > request.placed else request.moved,
        workers=max(request.workers, placed),
        running=running,
        over=max(over, 0),
        taken=max(request.taken, sum(slots(each) for each in mine if each.reason in TAKEN)),
        came=request.came or (now_ms if running else 0),
        seen=now_ms,
        well=request.well or any(there.get(each.id) for each in mine),
        launched=dict(Counter(request.launched) | types),
        coming=dict(Counter(each.type for each in alive if each.id not in there) + unseen),
    )
    return _judged(known, [each for each in mine if each.id not in there], [each.id for each in mine if each.id in late])


def _judged(request: Request, unknown: Sequence[Instance], never: Sequence[str]) -> Request:
    """With what is said of instances that ran nothing: those that ended are seen for an hour, and told once.

    unknown: of which no machine says anything now.
    """
    failed = [each for each in unknown if each.is_gone and each.reason in FAILED]
    if request.well or (not never and len(failed) <= request.early):
        return request
    named = never[0] if never else failed[0].id
    ended = "" if never else f" before it ended ({failed[0].reason})"
    what = "ran nothing" if request.came else "never became a worker"
    why = f"instance {named} {what}{ended}: aws ec2 get-console-output --instance-id {named} --region {request.region}"
    return replace(request, early=request.early + len(never) if never else len(failed), why=why)


def listening(request: Request, now_ms: int) -> Request:
    """A request that is looked at now: after a pause silence counts anew."""
    return replace(request, listened=now_ms) if now_ms - max(request.seen, request.at) > PAUSE_S * 1000 else request


def silent(instances: Iterable[Instance], requests: Sequence[Request], there: Collection[str], now_ms: int) -> list[str]:
    """Ids of instances that never became workers, or are none any more.

    there: those whose machines have said something lately. Where nothing is asked for nobody listened, and they end by themselves.
    """
    listened = max((request.listened for request in requests), default=now_ms)
    quiet = (each for each in instances if not each.is_gone and each.id not in there)
    return [each.id for each in quiet if now_ms - max(each.launched_s * 1000, listened) > SILENT_S * 1000]


def is_settling(request: Request, now_ms: int) -> bool:
    """Whether instances of it were launched a moment ago, and need not be described yet."""
    return is_young(request, now_ms) or now_ms - request.moved < UNKNOWN_S * 1000


def is_young(request: Request, now_ms: int, seconds: float = UNKNOWN_S) -> bool:
    """Whether it was asked for no longer ago."""
    return now_ms - request.at < seconds * 1000
