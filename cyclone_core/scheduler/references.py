"""Rules between resources: what must exist when one is stored, and what must not use it when one is deleted.

Pure and lean: plain dicts in (the stored bodies, see `resources.body`), every problem out. `infra.checks` asks it before a
plan is shown; the supervisor asks it again inside the transaction that stores the change, so two people cannot slip a
queue under a cluster that is being deleted. It refuses nothing about single fields: those belong to `resources`.
"""

from cyclone_core.problems import Problem
from cyclone_core.scheduler.instance_fit import misfit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    Body = Mapping[str, Any]
    Existing = Mapping[str, Mapping[str, Body]]
    """kind -> name -> body"""

KINDS = ("region", "cluster", "queue", "image", "definition")
"""What a host stores, in the order in which it can be created."""
PLURALS = {"region": "regions", "cluster": "clusters", "queue": "queues", "image": "images", "definition": "definitions"}
"""Kind -> group of `hyper` commands (and key of a path in a problem)."""
REFERENCES = (("queue", "cluster", "cluster"), ("definition", "cyclone_image_name", "image"))
"""(kind, field of its body, kind that the field names)."""
MAX_NAME = 128
"""Longest name of a resource, in characters."""
LOCAL_REGION = "local"
"""The one region of a local host."""

_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


def check_put(kind: str, body: "Body", existing: "Existing", mode: str = "any") -> "list[Problem]":
    """Why `body` cannot be stored next to `existing`; [] when it can.

    mode: "create" refuses a name that is taken, "update" one that is not there, "any" neither.
    """
    if kind not in KINDS:
        return [Problem("kind", f"{kind!r} is no kind of resource", f"Kinds: {', '.join(KINDS)}")]
    name = str(body.get("name") or "")
    wrong = name_problem(f"{kind}.name", name)
    if wrong:
        return [wrong]
    return [
        *_mode_problems(kind, name, existing, mode),
        *_missing_references(kind, name, body, existing),
        *_does_not_fit(kind, name, body, existing),
    ]


def check_delete(kind: str, name: str, existing: "Existing", open_jobs: "Mapping[tuple[str, str], int]") -> "list[Problem]":
    """Why the resource cannot be deleted; [] when it can.

    open_jobs: (kind, name) of queues and definitions -> jobs that are not finished; absent = none.
    """
    if kind not in KINDS:
        return [Problem("kind", f"{kind!r} is no kind of resource", f"Kinds: {', '.join(KINDS)}")]
    path = f"{PLURALS[kind]}[{name}]"
    if name not in existing.get(kind, {}):
        return [unknown(kind, name, existing, path)]
    if kind == "region" and name == LOCAL_REGION:
        return [Problem(path, "the region local is this machine and cannot be deleted", "To remove the host: hyper hosts delete-host")]
    found = []
    users = _users(kind, name, existing)
    if users:
        shown = ", ".join(sorted(users)[:5]) + (f" and {len(users) - 5} more" if len(users) > 5 else "")
        user_kind = next(user for user, _, used in REFERENCES if used == kind)
        found.append(
            Problem(
                path, f"{_count(len(users), user_kind)} still {'uses' if len(users) == 1 else 'use'} it: {shown}", _move(kind, user_kind)
            )
        )
    jobs = open_jobs.get((kind, name), 0)
    if jobs:
        found.append(Problem(path, f"{_count(jobs, 'job')} in it {'is' if jobs == 1 else 'are'} not finished", _finish(kind, name)))
    return found


def name_problem(path: str, name: str) -> "Problem | None":
    """What is wrong with the name of a resource, None when nothing is."""
    if not name:
        return Problem(path, "a name is needed", "Give one with --name")
    if len(name) > MAX_NAME:
        return Problem(path, f"the name has {len(name)} characters, at most {MAX_NAME} are allowed", "Choose a shorter one")
    if not _NAME_CHARACTERS.issuperset(name):
        return Problem(
            path, f"{name!r} is not a name: only letters, digits, '.', '_' and '-' are allowed", f"For example {_cleaned(name)!r}"
        )
    if name in (".", ".."):
        return Problem(path, f"{name!r} is not a name: it means a directory", "Choose another one")
    return None


def unknown(kind: str, name: str, existing: "Existing", path: str) -> Problem:
    """The problem of naming something that does not exist, with the nearest name or the list of them as remedy."""
    names = existing.get(kind, {})
    near = nearest(name, names)
    if near:
        return Problem(path, f"there is no {kind} {name!r}", f"Did you mean {near!r}?")
    plural = PLURALS[kind]
    if names:
        shown = ", ".join(sorted(names)[:8]) + (", …" if len(names) > 8 else "")
        return Problem(path, f"there is no {kind} {name!r}", f"There are: {shown} (hyper {plural} list-{plural})")
    return Problem(path, f"there is no {kind} {name!r}, and no other one either", f"Make one with: hyper {plural} add-{kind} --name {name}")


def nearest(name: str, names: "Iterable[str]") -> "str | None":
    """The name that was probably meant, None when none is near."""
    import difflib  # only on the way to an error message

    by_folded = {known.lower(): known for known in names}
    close = difflib.get_close_matches(name.lower(), by_folded, 1, 0.6)
    return by_folded[close[0]] if close else None


def _mode_problems(kind: str, name: str, existing: "Existing", mode: str) -> "list[Problem]":
    there = name in existing.get(kind, {})
    if mode == "create" and there:
        return [
            Problem(
                f"{kind}.name", f"there is a {kind} {name!r} already", f"Change it with: hyper {PLURALS[kind]} update-{kind} --name {name}"
            )
        ]
    if mode == "update" and not there:
        return [unknown(kind, name, existing, f"{kind}.name")]
    return []


def _missing_references(kind: str, name: str, body: "Body", existing: "Existing") -> "list[Problem]":
    found = []
    for user, field, used in REFERENCES:
        target = body.get(field)
        if user == kind and target and target not in existing.get(used, {}):
            found.append(unknown(used, str(target), existing, f"{PLURALS[kind]}[{name}].{field}"))
    return found


def _does_not_fit(kind: str, name: str, body: "Body", existing: "Existing") -> "list[Problem]":
    """A definition that is larger than every cluster could never run."""
    clusters = existing.get("cluster", {}).values()
    if kind != "definition" or not clusters:
        return []
    found = []
    for field, limit, unit in (("vcpus", "max_vcpus", "vCPUs"), ("memory_limit_mib", "max_memory_mib", "MiB of memory")):
        limits = [cluster.get(limit) for cluster in clusters]
        wanted, most = body.get(field), max((value for value in limits if value), default=0)
        if wanted and all(limits) and wanted > most:
            remedy = f"Ask for less, or enlarge a cluster first: hyper clusters update-cluster --{limit.replace('_', '-')} {wanted}"
            found.append(
                Problem(
                    f"definitions[{name}].{field}", f"{wanted} {unit} do not fit any cluster of this host (the largest has {most})", remedy
                )
            )
    return found or _fits_no_instance(name, body, existing["cluster"])


def _fits_no_instance(name: str, body: "Body", clusters: "Mapping[str, Body]") -> "list[Problem]":
    """Of clusters that ask AWS for instances; where one of them may hold it, jobs are judged by their queue (`admission`)."""
    misfits = {each: misfit(body, cluster) for each, cluster in clusters.items()}
    first = min(misfits)
    found = misfits[first]
    if found is None or not all(misfits.values()):
        return []
    command = f"hyper clusters update-cluster --name {first} --instance-list {found.instance_list}"
    remedy = f"Ask for less, or add a type that does ({', '.join(found.would)}) first: {command}" if found.would else "Ask for less"
    why = f"no cluster of this host starts an instance that holds {found.needs} ({first}: {found.has})"
    return [Problem(f"definitions[{name}].{found.field}", why, remedy)]


def _users(kind: str, name: str, existing: "Existing") -> "list[str]":
    return [
        user_name
        for user, field, used in REFERENCES
        if used == kind
        for user_name, body in existing.get(user, {}).items()
        if body.get(field) == name
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number:,} {noun}s"


def _move(kind: str, user_kind: str) -> str:
    plural = PLURALS[user_kind]
    option = "--compute-environment" if kind == "cluster" else "--cyclone-image-name"
    group = f"hyper {plural}"
    return f"Move each first ({group} update-{user_kind} --name NAME {option} OTHER) or delete it ({group} delete-{user_kind} --name NAME)"


def _finish(kind: str, name: str) -> str:
    if kind == "queue":
        return f"Wait for them (qstat -q {name}) or cancel them (qdel -q {name} --all)"
    return "Wait for them (qstat) or cancel them (qdel)"


def _cleaned(name: str) -> str:
    return "".join(character if character in _NAME_CHARACTERS else "-" for character in name).strip("-") or "my-name"
