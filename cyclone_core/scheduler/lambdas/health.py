"""Looks at a host from inside, every few minutes: its table, its dead letters, and in each region the queues and environments of
its clusters.

Which regions and clusters there are is what the host's records say. The answer is one JSON document; the numbers in it go to CloudWatch
through the log (the embedded metric format), which costs no request. What cannot be looked at is said in the document.

    host  at (seconds)  healthy
    table         {"status"}                    ACTIVE when it is well; or {"error"}
    dead_letters  {"count", "oldest_s"}         oldest_s: null when not known; or {"error"}
    regions       region -> {"queues": [{"cluster", "name", "state", "status", "reason"}], "environments": [the same]}; or {"error"}

A queue that should be there and is not has the status MISSING.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from cyclone_core import naming

NAMESPACE = "Cyclone"
QUICK = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 3})
AT_ONCE = 8
"""Regions that are looked at at a time."""
PAGE = 100
"""Names that a call of Batch takes."""
WELL = ("VALID",)
CHANGING = ("CREATING", "UPDATING")
Document = dict[str, Any]


def handler(event: object, context: object) -> Document:
    """What a scheduled event or whoever asks gets."""
    found = look(os.environ["CYCLONE_HOST_NAME"], os.environ["AWS_REGION"], int(time.time()))
    sys.stdout.writelines(json.dumps(line) + "\n" for line in metrics(found))
    return found


def look(host: str, main_region: str, now_s: int) -> Document:
    """Everything that can be seen of a host."""
    found: Document = {"host": host, "at": now_s}
    found["table"] = _tried(lambda: _table(host, main_region))
    found["dead_letters"] = _tried(lambda: _dead_letters(host, main_region, now_s))
    records = _tried(lambda: _records(host, main_region))
    found["regions"] = _regions(host, records["region"], records["cluster"]) if "error" not in records else {}
    if "error" in records:
        found["error"] = records["error"]
    found["healthy"] = is_healthy(found)
    return found


def is_healthy(found: Mapping[str, Any]) -> bool:
    """Whether nothing in a document asks for somebody to look: what is being changed does not."""
    parts = [found["table"], found["dead_letters"], *found["regions"].values()]
    if "error" in found or any("error" in part for part in parts) or found["dead_letters"]["count"]:
        return False
    return found["table"]["status"] in ("ACTIVE", *CHANGING) and all(not _ailing(region) for region in found["regions"].values())


def metrics(found: Mapping[str, Any]) -> Iterator[Document]:
    """Lines of the embedded metric format: one for the host, one for each region."""
    of_host = {"Healthy": int(found["healthy"]), "DeadLetters": found["dead_letters"].get("count")}
    of_host["OldestDeadLetterSeconds"] = found["dead_letters"].get("oldest_s")
    yield _embedded(found, {"Host": found["host"]}, of_host)
    for name, region in found["regions"].items():
        numbers = {"Reachable": 0} if "error" in region else {"Reachable": 1, "Ailing": len(_ailing(region))}
        yield _embedded(found, {"Host": found["host"], "Region": name}, numbers)


def _ailing(region: Mapping[str, Any]) -> list[Any]:
    things = [*region["queues"], *region["environments"]]
    return [thing for thing in things if thing["status"] not in (*WELL, *CHANGING) or thing["state"] == "DISABLED"]


def _embedded(found: Mapping[str, Any], dimensions: Mapping[str, str], numbers: Mapping[str, Any]) -> Document:
    known = {name: number for name, number in numbers.items() if number is not None}
    described = [{"Name": name, "Unit": "Seconds" if name.endswith("Seconds") else "Count"} for name in known]
    directive = {"Namespace": NAMESPACE, "Dimensions": [list(dimensions)], "Metrics": described}
    return {"_aws": {"Timestamp": found["at"] * 1000, "CloudWatchMetrics": [directive]}, **dimensions, **known}


def _table(host: str, region: str) -> Document:
    described = _client("dynamodb", region).describe_table(TableName=naming.jobs_table(host))
    return {"status": described["Table"]["TableStatus"]}


def _dead_letters(host: str, region: str, now_s: int) -> Document:
    sqs, name = _client("sqs", region), naming.dead_letters(host)
    # What its function cannot handle either is hidden for some minutes each time.
    counted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    asked = sqs.get_queue_attributes(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"], AttributeNames=counted)
    count = sum(int(asked["Attributes"][each]) for each in counted)
    return {"count": count, "oldest_s": _oldest(region, name, now_s) if count else None}


def _oldest(region: str, queue: str, now_s: int) -> int | None:
    # A queue does not tell; its metric does, some minutes late.
    asked = _client("cloudwatch", region).get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName="ApproximateAgeOfOldestMessage",
        Dimensions=[{"Name": "QueueName", "Value": queue}],
        StartTime=now_s - 1800,
        EndTime=now_s,
        Period=300,
        Statistics=["Maximum"],
    )
    points = sorted(asked["Datapoints"], key=lambda point: point["Timestamp"])
    return int(points[-1]["Maximum"]) if points else None


def _records(host: str, region: str) -> Document:
    """Names of what is recorded: kind -> names."""
    found: Document = {"region": [], "cluster": []}
    pages = _client("ssm", region).get_paginator("get_parameters_by_path").paginate(Path=naming.records(host), Recursive=True)
    for page in pages:
        for parameter in page["Parameters"]:
            kind, _, name = parameter["Name"].removeprefix(naming.records(host) + "/").partition("/")
            found.setdefault(kind, []).append(name)
    return found


def _regions(host: str, regions: Sequence[str], clusters: Sequence[str]) -> Document:
    clients = [_client("batch", region) for region in regions]  # a session makes clients for one thread at a time
    with ThreadPoolExecutor(AT_ONCE) as pool:
        seen = pool.map(lambda batch: _tried(lambda: _region(host, batch, clusters)), clients)
        return dict(zip(regions, seen, strict=True))


def _region(host: str, batch: Any, clusters: Iterable[str]) -> Document:
    """Queues and environments of a host's clusters in one region."""
    names = {naming.job_queue(host, cluster): cluster for cluster in clusters}
    queues = {
        queue["jobQueueName"]: queue for part in _parts(list(names)) for queue in batch.describe_job_queues(jobQueues=part)["jobQueues"]
    }
    of_queue = {entry["computeEnvironment"]: name for name, queue in queues.items() for entry in queue["computeEnvironmentOrder"]}
    environments = [
        _thing(names[of_queue[environment["computeEnvironmentArn"]]], environment["computeEnvironmentName"], environment)
        for part in _parts(list(of_queue))
        for environment in batch.describe_compute_environments(computeEnvironments=part)["computeEnvironments"]
    ]
    missing = {"status": "MISSING", "state": "", "statusReason": "it is recorded, and not there"}
    return {"queues": [_thing(cluster, name, queues.get(name, missing)) for name, cluster in names.items()], "environments": environments}


def _thing(cluster: str, name: str, described: Mapping[str, Any]) -> Document:
    said = {"state": described["state"], "status": described["status"], "reason": described.get("statusReason", "")}
    return {"cluster": cluster, "name": name, **said}


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[first : first + PAGE] for first in range(0, len(names), PAGE))


@cache
def _client(service: str, region: str) -> Any:
    """Kept for the next event: making one reads the whole description of a service."""
    return _session().create_client(service, region_name=region, config=QUICK)


@cache
def _session() -> Session:
    return Session()


def _tried(look_at: Callable[[], Document]) -> Document:
    """What is seen, or why nothing is."""
    try:
        return look_at()
    except (BotoCoreError, ClientError) as exc:
        return {"error": " ".join(str(exc).split())}
