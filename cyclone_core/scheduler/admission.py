"""May this request become a job on this host? Names resolved, limits checked, all problems at once. Pure."""

from cyclone_core import jobs
from cyclone_core.problems import Problems
from cyclone_core.scheduler.instance_fit import misfit
from cyclone_core.scheduler.settings import is_job_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from cyclone_core.jobs import JobRequest
    from cyclone_core.problems import Problem

    Resources = Mapping[str, Mapping[str, Mapping[str, Any]]]
    """kind -> name -> body"""


class Admitted:
    """Where an acceptable request goes."""

    __slots__ = ("definition", "queue")

    def __init__(self, queue: str, definition: str) -> None:
        self.queue, self.definition = queue, definition


def admit(request: "JobRequest", resources: "Resources") -> Admitted:
    """The queue and definition of a request. Raises InvalidRequest with every reason why it cannot be a job here."""
    problems = Problems()
    place = _place(request.queue, request.definition, resources, problems)
    _check_numbers(request, problems)
    problems.check()
    return place


def check_place(queue: str | None, definition: str | None, resources: "Resources") -> "list[Problem]":
    """Why a job cannot go to this queue with this definition (any more); [] when it can."""
    problems = Problems()
    _place(queue, definition, resources, problems)
    return problems.found


def _place(queue: str | None, definition: str | None, resources: "Resources", problems: Problems) -> Admitted:
    place = Admitted(_resolve("queue", queue, resources, problems), _resolve("definition", definition, resources, problems))
    if place.queue and place.definition:
        _check_fit(place.queue, place.definition, resources, problems)
    return place


def _resolve(kind: str, name: str | None, resources: "Resources", problems: Problems) -> str:
    known = resources.get(kind, {})
    if name is None:
        name = "default" if "default" in known else next(iter(known)) if len(known) == 1 else None
        if name is None:
            option = "-q" if kind == "queue" else "-d"
            problems.add(
                kind, f"this host has no default {kind}", f"Name one with {option}: {', '.join(sorted(known)) or 'there is none yet'}"
            )
    elif name not in known:
        problems.add(kind, f"there is no {kind} {name!r}", _did_you_mean(kind, name, known))
        name = None
    return name or ""


def _did_you_mean(kind: str, name: str, known: "Mapping[str, object]") -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1, 0.5)
    listed = f"hyper {kind}s list-{kind}s shows all"
    return f"Did you mean {near[0]!r}? ({listed})" if near else f"{listed}; hyper {kind}s add-{kind} makes one"


def _check_numbers(request: "JobRequest", problems: Problems) -> None:
    """What the job commands check too: other clients must not get past it."""
    if not 1 <= request.tasks <= jobs.MAX_TASKS:
        problems.add("array", f"an array of {request.tasks:,} tasks is not possible", f"1 to {jobs.MAX_TASKS:,} are")
    if bool(request.indices) + bool(request.ranges) + bool(request.parameters) > 1:
        problems.add("array", "indices, a list of them and parameters exclude each other", "Give one of them")
    if request.script is None or not request.script.strip():
        problems.add("script", "the script is empty")
    elif len(request.script) > jobs.MAX_SCRIPT_BYTES:
        problems.add(
            "script", f"the script has {len(request.script):,} bytes", f"At most {jobs.MAX_SCRIPT_BYTES:,} are accepted: keep data in files"
        )
    if request.retries < 0:
        problems.add("retries", f"{request.retries} is negative")
    if request.priority not in jobs.PRIORITIES:
        problems.add("priority", f"{request.priority} is out of range", "-1000 to 1000 are possible")
    if not is_job_name(request.name):
        problems.add("name", f"{request.name[:40]!r} is no job name", f"Use at most {jobs.MAX_NAME} printable characters")


def _check_fit(queue: str, definition: str, resources: "Resources", problems: Problems) -> None:
    name = resources["queue"][queue]["cluster"]
    cluster, needs = resources.get("cluster", {}).get(name), resources["definition"][definition]
    if cluster is None:
        problems.add(
            "queue",
            f"queue {queue!r} is mapped to cluster {name!r}, which does not exist",
            f"Map it to one that does: hyper queues update-queue --name {queue} --compute-environment CLUSTER",
        )
        return
    if cluster.get("launch_type") == "BATCH" and not (needs.get("image_uri") or needs.get("cyclone_image_name")):
        problems.add(
            "definition",
            f"definition {definition!r} has no image, and cluster {name!r} runs containers alone (AWS Batch)",
            f"Give it one: hyper definitions update-definition --name {definition} --image-uri ADDRESS; "
            "or choose a queue of a cluster of machines with -q, or another definition with -d",
        )
    _check_instances(name, cluster, definition, needs, problems)
    for field, limit, unit in (("vcpus", "max_vcpus", "vCPUs"), ("memory_limit_mib", "max_memory_mib", "MiB of memory")):
        wanted, most = needs.get(field) or 0, cluster.get(limit) or 0
        if most and wanted > most:
            problems.add(
                "definition",
                f"a task of {definition!r} needs {wanted:,} {unit}, cluster {name!r} has {most:,}",
                f"Give the cluster more: hyper clusters update-cluster --name {name} --{limit.replace('_', '-')} {wanted}; "
                "or choose another definition with -d",
            )


def _check_instances(name: str, cluster: "Mapping[str, Any]", definition: str, needs: "Mapping[str, Any]", problems: Problems) -> None:
    """What no instance holds waits for ever."""
    other = "choose a queue of another cluster with -q, or another definition with -d"
    change = f"hyper clusters update-cluster --name {name}"
    gpus = int(needs.get("gpu_count") or 0)
    if gpus and cluster.get("launch_type") == "EC2" and not cluster.get("main_region_image_name"):
        why = f"needs {gpus} GPU{'' if gpus == 1 else 's'}, cluster {name!r} starts Amazon's image, which has no drivers for them"
        remedy = f"Give it one that has them: {change} --main-region-image-name IMAGE"
        problems.add("definition", f"a task of {definition!r} {why}", f"{remedy}; or {other}")
    elif found := misfit(needs, cluster):
        why = f"a task of {definition!r} needs {found.needs}, and cluster {name!r} starts nothing that holds it ({found.has})"
        remedy = f"Add a type that does ({', '.join(found.would)}): {change} --instance-list {found.instance_list}; or"
        problems.add("definition", why, f"{remedy if found.would else 'No type does:'} {other}")
