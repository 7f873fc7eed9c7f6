"""What several files of a configuration together get wrong, and what AWS hosts cannot have, told with file and path.

Pure. The rules of AWS hosts are those of every way in (`stack_checks`, `scheduler.references`); here their problems get the paths and the
words of files. Images are the one difference: a definition may name one of images.json before images can be made, since its address is
known; `warnings` says so.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from cyclone_core.infra import stack_checks
from cyclone_core.infra.configuration_files import Entry
from cyclone_core.infra.plan import Bodies
from cyclone_core.problems import Problem
from cyclone_core.resource_fields import Document, fields_of, fold
from cyclone_core.resources import MODELS, JobDefinition, Queue, Region
from cyclone_core.scheduler import references

Models = Mapping[str, Mapping[str, Document]]
"""kind -> name -> model"""
Entries = Mapping[tuple[str, str], Entry]
"""(kind, name) -> where it is written"""
_PLACE = re.compile(r"(\w+?)s\[(.+?)\](?:\.(.+))?")


def at(entry: Entry, kind: str, name: str) -> str:
    """Path of a field under the name that it has in the file; name may go on: `region_distribution_weights.eu-west-1`."""
    first, dot, rest = name.partition(".")
    spec = next((spec for spec in fields_of(MODELS[kind]) if spec.name == first), None)
    spellings = (first, *spec.option.aliases) if spec else (first,)
    return entry.at(next((spelling for spelling in spellings if fold(spelling) in entry.written), first)) + dot + rest


def dangling(found: Models, entries: Entries, files: Mapping[str, str], broken: frozenset[str]) -> Iterator[Problem]:
    """References to what is not there. broken: kinds whose files have problems of their own, so that not all of their names are known."""
    for name, model in found["queue"].items():
        assert isinstance(model, Queue)
        entry = entries["queue", name]
        if "cluster" not in broken and model.cluster not in found["cluster"]:
            yield _unknown(at(entry, "queue", "cluster"), "cluster", model.cluster, found, files)
        for region in model.region_distribution_weights:
            if "region" not in broken and region not in found["region"]:
                yield _unknown(at(entry, "queue", f"region_distribution_weights.{region}"), "region", region, found, files)
    for name, model in found["definition"].items():
        assert isinstance(model, JobDefinition)
        image = str(model.cyclone_image_name)
        if model.image_source == "cyclone" and "image" not in broken and image not in found["image"]:
            yield _unknown(at(entries["definition", name], "definition", "cyclone_image_name"), "image", image, found, files)


def without_network(found: Models, entries: Entries, main: str | None, host_network: str | None) -> Iterator[Problem]:
    """Regions whose network is not said: one that was chosen for them could be another one after the next change of the file."""
    for name, model in found["region"].items():
        assert isinstance(model, Region)
        if model.vpc or model.cidr or model.vpc_id or model.import_vpc or (name == main and host_network):
            continue
        hint = "For example 10.0.0.0/16; peered networks must not overlap. Or import one: import_vpc and vpc_id"
        yield Problem(entries["region", name].at("cidr"), "a new network needs its range of addresses", hint)


def of_aws(bodies: Bodies, entries: Entries, told: Collection[str]) -> Iterator[Problem]:
    """What an AWS host cannot have, of resources that are right by themselves. told: paths that have a problem already."""
    for kind, name in entries:
        body = bodies.get(kind, {}).get(name)
        if body is None or kind in ("host", "image"):
            continue
        for problem in (*stack_checks.body_problems(kind, body, bodies), *_too_large(kind, body, bodies)):
            written = placed(problem, entries)
            if (kind, _field(problem.path)) not in ALLOWED and written.path not in told:
                yield written


def placed(problem: Problem, entries: Entries) -> Problem:
    """A problem of a resource, `regions[eu-west-1].cidr`, with the path and the words of files."""
    found = _PLACE.fullmatch(problem.path)
    entry = entries.get((found[1], found[2])) if found else None
    if not found or entry is None:
        return Problem(problem.path, problem.message, in_files(problem.hint))
    path = at(entry, found[1], found[3]) if found[3] else entry.place
    return Problem(path, problem.message, in_files(problem.hint))


ALLOWED = {("definition", "cyclone_image_name"), ("queue", "region_distribution_weights")}
"""What the other ways in refuse and files may have, and what `dangling` tells better."""


def warnings(found: Models, entries: Entries) -> list[Problem]:
    """What is no problem yet and should be known."""
    images = found["image"]
    if not images:
        return []
    users = [name for name, model in found["definition"].items() if isinstance(model, JobDefinition) and model.image_source == "cyclone"]
    used = f"; until then push them to the host's repository yourself, for the definitions that name them: {', '.join(users)}"
    place = entries["image", next(iter(images))].place.partition("[")[0]
    return [Problem(place, "images of AWS hosts are made with a later version of Cyclone" + (used if users else ", these are left out"))]


def in_files(hint: str) -> str:
    """A hint that speaks of command lines, in the words of files."""
    if hint.startswith("Give it with --"):
        return "Add it"
    if "for the shell" in hint:
        return "Write it as JSON"
    if hint.startswith("Write JSON such as"):
        return 'Write {"NAME": "VALUE"}'
    return re.sub(r"--([a-z][a-z-]*)", lambda option: option[1].replace("-", "_"), hint.partition(": hyper ")[0])


def _too_large(kind: str, body: Mapping[str, Any], bodies: Bodies) -> list[Problem]:
    """A definition that no cluster could run."""
    problems = references.check_put(kind, body, bodies) if kind == "definition" else []
    return [problem for problem in problems if _field(problem.path) == "vcpus"]


def _field(path: str) -> str:
    """`cidr` of `regions[eu-west-1].cidr`."""
    found = _PLACE.fullmatch(path)
    return (found[3] or "") if found else path


def _unknown(path: str, kind: str, name: str, found: Models, files: Mapping[str, str]) -> Problem:
    known, file = found[kind], files[kind]
    near = references.nearest(name, known)
    listed = ", ".join(list(known)[:8]) + (", …" if len(known) > 8 else "")
    hint = f"Did you mean {near!r}?" if near else f"{file} has: {listed}" if known else f"Add it to {file}"
    return Problem(path, f"{file} has no {kind} {name!r}" if near or known else f"{file} has no {kind}", hint)
