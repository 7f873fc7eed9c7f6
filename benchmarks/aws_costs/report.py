"""docs/aws-costs.md, from the counts. Pure: the same counts give the same text."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.aws_costs import bill, ceilings
from benchmarks.aws_costs.bill import MILLION, Line, total
from benchmarks.aws_costs.ceilings import Stage

EARLIER = "$82 - 212"
STEPS = {
    "submit": "submission",
    "dispatch": "messages for new work",
    "receive": "messages received and deleted, queues looked for",
    "claim": "leases",
    "record": "results",
    "split": "slices cut smaller",
    "look alive": "leases and messages kept, output of what runs",
    "look for cancellation": "looks for cancellation",
    "worker": "what workers say of themselves",
    "count": "counters",
    "scaler": "scaler, each minute",
    "reconciler": "reconciler, each minute",
    "removal": "removal after 30 days",
    "other": "others",
}
BUDGETS = (("write units a task", 0.10), ("SQS requests a task", 0.05), ("S3 requests a task", 0.02), ("dollars a million", 0.50))
SINGLE_BUDGETS = (("write units a job", 8.0), ("dollars a million, API included", 12.0))
IDLE_MINUTES = 30 * 24 * 60
DEAD_LETTER_POLLS = 5 * 3 * IDLE_MINUTES
"""Lambda keeps five long polls of 20 s at the queue of dead letters."""


def text(counts: Mapping[str, Any]) -> str:
    """The whole document."""
    arrays = [(told, bill.of_array(told, counts["looks"])) for told in _parts(counts, "array")]
    singles = [(told, bill.of_singles(told, counts["contention"])) for told in _parts(counts, "single")]
    parts = [_head(counts), _sums(arrays, singles), _budgets(arrays[0][1], singles[0][1]), _prices()]
    parts += [_array(told, found) for told, found in arrays]
    parts += [_single(told, found) for told, found in singles]
    fast, faster = (bill.of_singles(singles[0][0], counts["contention"], rate) for rate in (6000.0, 12000.0))
    parts += [
        _counting(singles[0][0], counts["contention"]),
        _idle(counts["looks"]["idle"]),
        _ceilings(fast, faster, arrays[0]),
    ]
    return "\n\n".join(parts) + "\n"


def _parts(counts: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    """Those that are there, the shortest tasks first."""
    return sorted((told for name, told in counts.items() if name.startswith(kind)), key=lambda told: float(told["task_s"]))


def _head(counts: Mapping[str, Any]) -> str:
    return f"""# What jobs cost on AWS

What an AWS host asks of AWS for its jobs, counted, and what that costs at the list prices of us-east-1. The time of the workers themselves (EC2,
Spot), traffic between regions and storage are not in it. This page is made from counts of {counts["date"]} by
`python -m benchmarks.aws_costs`; how they come about and what to doubt is in [benchmarks/README.md](../benchmarks/README.md). Nothing here was measured on AWS."""


def _sums(arrays: Sequence[tuple[Mapping[str, Any], list[Line]]], singles: Sequence[tuple[Mapping[str, Any], list[Line]]]) -> str:
    rows = [_sum(f"array, tasks of {_duration(told['task_s'])}", found, 0) for told, found in arrays]
    rows += [_sum(f"single jobs of {_duration(told['task_s'])}, with the job API", found, bill.api()) for told, found in singles]
    head = ["a million of", "write units", "read units", "SQS", "S3", "Lambda", "dollars", "the earlier system"]
    return "## A million tasks\n\n" + _table(head, rows)


def _sum(name: str, found: Sequence[Line], more: float) -> list[str]:
    units = total(found, "units") + total(found, "index_units")
    services = [_count(total(found, "requests", service)) for service in ("sqs", "s3", "lambda")]
    return [name, _count(units), _count(total(found, "read_units")), *services, f"**${total(found, 'dollars') + more:,.2f}**", EARLIER]


def figures(found: Sequence[Line], more: float = 0.0) -> tuple[float, float, float, float]:
    """Write units, SQS and S3 requests of a task or job; dollars of a million, with so many more."""
    units = (total(found, "units") + total(found, "index_units")) / MILLION
    return units, total(found, "requests", "sqs") / MILLION, total(found, "requests", "s3") / MILLION, total(found, "dollars") + more


def _budgets(array: Sequence[Line], single: Sequence[Line]) -> str:
    units, _, _, dollars = figures(single, bill.api())
    rows = [
        [f"array of a million tasks of 5 ms: {name}", _fine(most), _fine(value), _verdict(value <= most)]
        for (name, most), value in zip(BUDGETS, figures(array), strict=True)
    ]
    rows += [
        [f"single submissions: {name}", _fine(most), _fine(value), _verdict(value <= most)]
        for (name, most), value in zip(SINGLE_BUDGETS, (units, dollars), strict=True)
    ]
    return "## Budgets\n\n" + _table(["", "at most", "counted", ""], rows)


def _prices() -> str:
    rows = [[name, price, f"<https://{page}/>"] for name, price, page in bill.PRICES]
    return "## Prices\n\nList, us-east-1, as of November 2026, without free tiers.\n\n" + _table(["", "price", "page"], rows)


def _array(told: Mapping[str, Any], found: Sequence[Line]) -> str:
    driven, workers = f"{told['sample']:,}", MILLION // told["slice"]
    title = f"## An array of a million tasks of {_duration(told['task_s'])}"
    how = f"{workers:,} workers, {_duration(told['seconds'])} with 20 s of waiting at the end; {driven} tasks were driven, {told['workers']} of its slices."
    return f"{title}\n\n{how}\n\n{_lines(found)}"


def _single(told: Mapping[str, Any], found: Sequence[Line]) -> str:
    title = f"## A million single jobs of {_duration(told['task_s'])}"
    how = f"{told['sample']:,} were driven, {told['rate']:,.0f} a second by {told['workers']} workers; the stream has {told['shards']} shards."
    api = ["the job API (an assumption: it is not built yet)", "HTTP API, function of 20 ms", _count(MILLION), "", "", f"{bill.api():.2f}"]
    return f"{title}\n\n{how}\n\n{_lines(found, [api])}"


def _lines(found: Sequence[Line], more: Sequence[list[str]] = ()) -> str:
    order = list(STEPS)
    rows = []
    for one in sorted(found, key=lambda one: (order.index(one.step), -one.dollars)):
        if one.requests < 0.5:
            continue
        units = f"{_count(one.units)} + {_count(one.index_units)}" if one.index_units >= 0.5 else _count(one.units) if one.units else ""
        name = {"dynamodb": "DynamoDB", "sqs": "SQS", "s3": "S3", "lambda": "Lambda"}[one.service]
        reads = _count(one.read_units) if one.read_units else ""
        rows.append([STEPS[one.step], f"{name} {one.operation}", _count(one.requests), units, reads, f"{one.dollars:.4f}"])
    rows += more
    dollars = sum(float(row[-1]) for row in more) + total(found, "dollars")
    units = f"{_count(total(found, 'units'))} + {_count(total(found, 'index_units'))}"
    rows.append(["**all**", "", _count(total(found, "requests")), units, _count(total(found, "read_units")), f"**{dollars:.2f}**"])
    return _table(["step", "request", "requests", "write units (+ of indices)", "read units", "dollars"], rows)


def _counting(told: Mapping[str, Any], contention: Sequence[Mapping[str, float]]) -> str:
    rows = []
    for one in sorted(told["accounting"], key=lambda one: float(one["rate"])):
        found = bill.of_singles(told, contention, one["rate"])
        units, _, _, dollars = figures(found, bill.api())
        counters = sum(line.units for line in found if line.step == "count") / MILLION
        tried = bill.attempts(contention, one["shards"]) if one["rate"] > bill.TRICKLE else 1
        verdict = _verdict(units <= SINGLE_BUDGETS[0][1] and dollars <= SINGLE_BUDGETS[1][1])
        rows.append([f"{one['rate']:,.0f}", str(one["shards"]), f"{tried:.1f}", _fine(counters), _fine(units), f"{dollars:.2f}", verdict])
    head = [
        "jobs/s",
        "shards of the stream",
        "attempts",
        "write units of counters",
        "of all",
        "dollars a million, with the API",
        "within 8 and 12",
    ]
    late = [[str(one["shards"]), f"{one['attempts']:.1f}", f"{one['seconds']:.1f} s"] for one in contention]
    return f"""## Single jobs at other rates

Counters are written once for a second of each shard of the stream. When few jobs come, few share a write: a million at one a second takes eleven days, and nobody
notices what it costs. When very many come, a tally's 1,024 jobs are spread over many shards, whose functions all change it:
of two who do so at once one has to begin again, and what it had tried takes its units all the same.

{_table(head, rows)}

So many attempts were counted when all shards tell of the same tally at the same instant, on this machine, until all was counted:

{_table(["shards", "attempts of each", "all was counted after"], late)}

Counters of single jobs that come by thousands a second are therefore late by some seconds, and catch up when fewer come. Nothing that runs waits for them but the
scaler, which asks for workers by them. Arrays are counted by the shard that their slices are in, alone."""


def _idle(looks: bill.Counts) -> str:
    found = bill.lines(looks, IDLE_MINUTES)
    polls = DEAD_LETTER_POLLS * bill.MESSAGE
    return f"""## A host that has nothing to do

Scaler and reconciler look each minute: {_count(total(found, "requests", "lambda"))} invocations and {_count(total(found, "read_units"))} read units in 30 days, ${total(found, "dollars"):.2f}; Lambda polls the queue of dead letters
{_count(DEAD_LETTER_POLLS)} times, ${polls:.2f}. Lambda's monthly free tier covers the greater part."""


def _ceilings(fast: Sequence[Line], faster: Sequence[Line], short: tuple[Mapping[str, Any], list[Line]]) -> str:
    arrays = ceilings.of_arrays(*short)
    accepted, through = ceilings.of_singles(fast)
    raise_for = [ceilings.raised(faster, rate) for rate in (40_000, 100_000)]
    rows = [[what, one, other] for (what, one), (_, other) in zip(*raise_for, strict=True)]
    return f"""## Ceilings at default quotas

The narrowest first. Shards and warm throughput: a table has to be warmed up to 40,000 write units a second, or to have had half of them within
the last half hour. EC2 vCPUs and Spot have quotas of their own for each account, which are the first to raise.

### Short tasks in arrays (5 ms): at least 300,000/s wanted

{_stages(arrays, 300_000, "tasks/s")}

A new bucket takes 3,500 PUT a second until S3 has divided it, by the beginnings of its keys, which takes minutes of such load; what it refuses meanwhile is tried again.
No quota has to be raised for it.

### Single submissions, to the printed id: at least 12,000/s wanted

{_stages(accepted, 12_000, "jobs/s")}

### Single jobs, through to their end

{_stages(through, 12_000, "jobs/s")}

With counters as they are at 6,000/s. What is accepted faster than this waits in the table, and is run as fast as that. AWS gives the quota of 40,000 to the table and to each index
(<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>); the first row takes it for all of them together.

### What to raise

With counters as they are at 12,000/s.

| for single jobs through one queue | 40,000/s | 100,000/s |
|---|---|---|
""" + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _stages(stages: Sequence[Stage], wanted: int, unit: str) -> str:
    rows = [[one.name, one.quota, one.takes, f"{_count(one.ceiling)}", _verdict(one.ceiling >= wanted)] for one in stages]
    return _table(["stage", "quota", "counted", unit, ""], rows)


# -- words -------------------------------------------------------------------------------------------------------------
def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _verdict(holds: bool) -> str:
    return "yes" if holds else "**no**"


def _count(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}".rstrip("0").rstrip(".") or "0"


def _fine(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".") if value < 1 else f"{value:.2f}"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 300:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
