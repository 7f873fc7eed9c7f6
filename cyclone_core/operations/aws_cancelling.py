"""Which jobs and tasks of an AWS host a selector means, and cancelling each of them; many at once, in bounded parallelism. Lean."""

from cyclone_core.scheduler.dynamo import keys
from cyclone_core.scheduler.dynamo.cancelling import cancel_tasks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from typing import Any, TypeVar

    from cyclone_core.operations.aws_host import AwsHost
    from cyclone_core.scheduler.dynamo.values import Item

    T = TypeVar("T")
    R = TypeVar("R")
    Wish = tuple[int, int | None]
    """(job, index of a task or None)"""

AT_ONCE = 32
"""Requests under way together. The table takes more; a laptop's line and processor do not."""
IN_A_BATCH = 100
"""Items of one request."""
_FIELDS = ("n", "q", "a", "t", "lo", "st", "ix", "s", "x", "expires")


def cancel(host: "AwsHost", selector: "Mapping[str, Any]", now: int) -> "dict[str, Any]":
    """Cancel what a selector (`jobs.Door.cancel`) means. now: milliseconds since 1970."""
    wishes: list[Wish] = list(dict.fromkeys(selector.get("tasks", ())))
    items = _jobs(host, {job for job, _ in wishes})
    names, queue = selector.get("names", ()), selector.get("queue")
    if names or selector.get("all"):
        wishes += [(job, None) for job in _open_jobs(host, set(names), queue, items)]
    answer: dict[str, Any] = {"tasks": 0, "jobs": [], "finished": [], "unknown": []}
    wanted: list[tuple[int, int | None]] = []
    for job, index in wishes:
        item = items.get(job)
        position = None if item is None or index is None else _position(host, item, index)
        if item is None or (index is not None and position is None):
            answer["unknown"].append((job, index))
        elif is_over(item):
            answer["finished"].append(job)
        else:
            wanted.append((job, position))
    touched = _cancelled(host, wanted, now)
    answer["tasks"] = sum(touched)
    answer["jobs"] = [job for (job, _), tasks in zip(wanted, touched, strict=True) if tasks]
    answer["finished"] += [job for (job, _), tasks in zip(wanted, touched, strict=True) if not tasks]
    return answer


def _cancelled(host: "AwsHost", wanted: "Sequence[Wish]", now: int) -> list[int]:
    """Cancel each (job, position or None); how many tasks each touched. Tasks of one array are cancelled together."""
    store = host.store
    parts: dict[int, list[int]] = {}
    for job, position in wanted:
        if position is not None:
            parts.setdefault(job, []).append(position)
    arrays = list(parts)
    ended = dict(zip(arrays, at_once(lambda job: cancel_tasks(store, job, parts[job], now), arrays), strict=True))
    whole = [job for job, position in wanted if position is None]
    counts = dict(zip(whole, at_once(lambda job: store.cancel(job, None, now), whole), strict=True))
    return [counts[job] if position is None else int(position in ended[job]) for job, position in wanted]


def is_over(item: "Item") -> bool:
    """Whether nothing of a job is left to be cancelled, as its item says. An array's says so a little late."""
    return "expires" in item or item.get("s") == keys.OVER


def at_once(do: "Callable[[T], R]", each: "Sequence[T]") -> "list[R]":
    """The results of all, in order, AT_ONCE at a time. The first failure is raised, when none runs any more."""
    if len(each) < 2:
        return [do(one) for one in each]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(AT_ONCE, len(each))) as pool:
        futures = [pool.submit(do, one) for one in each]
        try:
            return [future.result() for future in futures]
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _jobs(host: "AwsHost", numbers: "Collection[int]") -> "dict[int, Item]":
    """Items of these jobs, as they are now."""
    ordered = sorted(numbers)
    parts = [ordered[at : at + IN_A_BATCH] for at in range(0, len(ordered), IN_A_BATCH)]
    found: dict[int, Item] = {}
    for items in at_once(lambda part: host.table.batch_get(list(map(keys.job, part)), consistent=True, fields=_FIELDS), parts):
        found.update((int(pk[2:]), item) for (pk, _), item in items.items())
    return found


def _open_jobs(host: "AwsHost", names: "set[str]", queue: str | None, items: "dict[int, Item]") -> "Iterable[int]":
    """Open jobs of these names (of any, when none is given) and this queue; their items are added to `items`."""
    listed = at_once(lambda part: list(host.table.query(keys.due_part(part), index="due")), range(keys.SHARDS))
    numbers = {int(item["pk"][2:]) for part in listed for item in part if item["sk"] == keys.JOB}
    items.update(_jobs(host, numbers - items.keys()))
    for job in sorted(numbers & items.keys()):
        item = items[job]
        if (not names or item["n"] in names) and queue in (None, item["q"]) and not is_over(item):
            yield job


def _position(host: "AwsHost", item: "Item", index: int) -> int | None:
    """Position of the task with an index; None where there is none. Raises AwsError."""
    if not item.get("a"):
        return None
    if item["a"] == 2:
        from cyclone_core.scheduler.dynamo.specs import indices_of

        return indices_of(item, host.bucket).position(index)
    steps, rest = divmod(index - item["lo"], item["st"])
    return int(steps) + 1 if rest == 0 and 0 <= steps < item["t"] else None
