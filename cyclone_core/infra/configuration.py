"""The configuration of the CDK path: what the files of a directory say that a host has, as models, or every problem in them at once.

Files of the earlier system are read as they are: `"True"` for true, JSON in strings, its names of fields, null for what is not set. What is
wrong is told with the file and the path in it (`regions.json: regions[1].cidr`), also what only several files together get wrong, such as
a queue of a cluster that is not there. Nothing is asked of AWS here.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cyclone_core import naming
from cyclone_core.errors import InvalidRequest
from cyclone_core.infra import addresses
from cyclone_core.infra import configuration_checks as checks
from cyclone_core.infra import configuration_files as files
from cyclone_core.infra.configuration_files import Entry, Section
from cyclone_core.infra.targets import Place
from cyclone_core.problems import Problem, Problems
from cyclone_core.resource_bodies import aws_body
from cyclone_core.resource_fields import Document, fold, read, refusals, spellings
from cyclone_core.resources import MODELS, Host, Region

FOLDER = os.path.join("examples", "configuration")
"""Where a checkout has its configuration."""
FOLDER_BEFORE = os.path.join("hyper_batch", "configurations")
"""Where the earlier system had it."""
VARIABLE = "CYCLONE_CONFIG_DIR"
"""Names another directory, as `--context config=DIR` does."""
SETTINGS = Section("settings.json", "stack_settings", single=True)
SECTIONS = {
    "region": Section("regions.json", "regions"),
    "cluster": Section("clusters.json", "clusters"),
    "queue": Section("queues.json", "queues"),
    "image": Section("images.json", "images"),
    "definition": Section("job_definitions.json", "jobDefinitions"),
}
"""Kind of resource -> its file."""
_FILES = frozenset(section.file for section in (SETTINGS, *SECTIONS.values()))
NAME_KEYS = {
    "region": "region",
    "cluster": "clusterName",
    "queue": "queue_name",
    "image": "imageName",
    "definition": "jobDefinitionName",
    "host": "stack_name",
}
"""What the files call the name of each."""
FEWER_ZONES = {"us-west-1": 2}
"""Regions that give most accounts fewer: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html"""
_ACCOUNT = re.compile(r"\d{12}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
Models = dict[str, dict[str, Document]]
"""kind -> name -> model, in the order of the files"""


@dataclass(frozen=True)
class Configuration:
    """What the files say."""

    directory: str
    host: Host
    models: Mapping[str, Mapping[str, Document]]
    """kind -> name -> model: region, cluster, queue, image, definition"""
    entries: Mapping[tuple[str, str], Entry]
    """(kind, name) -> where it is written; the host's is ("host", its name)"""

    @property
    def place(self) -> Place:
        """Whose stacks they are."""
        return Place(self.host.name, str(self.host.account), str(self.host.region))

    @property
    def bodies(self) -> dict[str, dict[str, Mapping[str, Any]]]:
        """kind -> name -> body, as a deployer of the same resources records them; what takes a look at the account is left open.

        How many zones a region has is no such thing here: the files have to mean the same with credentials and without.
        """
        found: dict[str, dict[str, Mapping[str, Any]]] = {"host": {self.host.name: aws_body(self.host, self.host, {})}}
        for kind, models in self.models.items():
            for name, model in models.items():
                body = aws_body(model, self.host, found)
                if kind == "region" and body.get("availability_zones") is None and not body["import_vpc"]:
                    body["availability_zones"] = FEWER_ZONES.get(name, addresses.DEFAULT_ZONES)
                found.setdefault(kind, {})[name] = body
        return found

    @property
    def open_fields(self) -> dict[tuple[str, str], str]:
        """(kind, name) -> field, of what only the account knows: parts of imported networks, ids of machine images."""
        regions = {("region", name): "vpc_id" for name, body in self.bodies.get("region", {}).items() if body["import_vpc"]}
        images = {
            ("cluster", name): "main_region_image_name"
            for name, body in self.bodies.get("cluster", {}).items()
            if body.get("main_region_image_name")
        }
        return {**regions, **images}

    def path(self, kind: str, name: str, field: str) -> str:
        """Where a field is, or would be, written."""
        return checks.at(self.entries[kind, name], kind, field)

    def in_files(self, problems: Iterable[Problem]) -> list[Problem]:
        """Problems of resources with the paths and the words of these files."""
        return [checks.placed(problem, self.entries) for problem in problems]

    def warnings(self) -> list[Problem]:
        """What is no problem yet and should be known."""
        return checks.warnings(self.models, self.entries)


def directory(context: str | None, environ: Mapping[str, str], root: str = ".") -> str:
    """The directory to read: what `--context config=` says, what CYCLONE_CONFIG_DIR says, or the checkout's own.

    root: the checkout. Where only the earlier system's folder is there, it is that one.
    """
    chosen = context or environ.get(VARIABLE)
    if chosen:
        return chosen
    ours, before = os.path.join(root, FOLDER), os.path.join(root, FOLDER_BEFORE)
    return before if os.path.isdir(before) and not os.path.isdir(ours) else ours


def load(folder: str, account: str | None = None) -> Configuration:
    """What the files of a directory say. Raises InvalidRequest with every problem of all of them.

    account: the one to take where settings.json names none.
    """
    problems = Problems()
    if not os.path.isdir(folder):
        hint = f"Name another one with --context config=DIR or {VARIABLE}"
        raise InvalidRequest([Problem(folder, "there is no such directory with a configuration", hint)])
    found: Models = {}
    entries: dict[tuple[str, str], Entry] = {}
    host = _host(folder, account, problems, entries)
    for kind, section in SECTIONS.items():
        found[kind] = _resources(kind, files.read(folder, section, problems, _FILES), entries, problems)
    main = _main_region(found, entries, problems)
    broken = frozenset(kind for kind, section in SECTIONS.items() if any(p.path.startswith(section.file) for p in problems))
    problems.extend(checks.dangling(found, entries, {kind: section.file for kind, section in SECTIONS.items()}, broken))
    problems.extend(checks.without_network(found, entries, main, host.vpc if host else None))
    if host and main and host.region not in (None, main):
        message = f"is {host.region}, and regions.json says that {main} is the main region"
        problems.add(entries["host", host.name].at("region"), message, "Leave it out")
    configuration = Configuration(folder, host.model_copy(update={"region": main}), found, entries) if host and main else None
    if configuration:
        problems.extend(dict.fromkeys(checks.of_aws(configuration.bodies, entries, [problem.path for problem in problems])))
    problems.check()
    assert configuration is not None
    return configuration


# ------------------------------------------------------------------------------------------------------- single files
def _host(folder: str, account: str | None, problems: Problems, entries: dict[tuple[str, str], Entry]) -> Host | None:
    before = len(problems.found)
    found = files.read(folder, SETTINGS, problems, _FILES)
    if not found:
        if len(problems.found) == before:
            problems.add(
                f"{SETTINGS.file}: {SETTINGS.key}", "is needed", 'Write {"stack_settings": {"stack_name": "grid", "account": "…"}}'
            )
        return None
    entry = found[0]
    raw = {key: value for key, value in entry.raw.items() if fold(key) not in ("account", "type")}
    account = _account(entry, account, problems)
    kind = next((value for key, value in entry.raw.items() if fold(key) == "type"), None) or "aws"
    if str(kind).lower() != "aws":
        problems.add(entry.at("type"), f"{kind!r} is no host that the CDK makes", "Leave it out")
    for field in ("auto_init_main", "sandbox"):
        if fold(field) in entry.written:
            problems.add(
                entry.at(field), "means nothing here: files say which regions there are, and credentials which account", "Leave it out"
            )
    host = _model(Host, "host", {**raw, "type": "aws", "account": account}, entry, problems)
    if not isinstance(host, Host):
        return None
    entries["host", host.name] = entry
    wrong = naming.host_problem(entry.at("name", NAME_KEYS["host"]), host.name)
    problems.extend([wrong] if wrong else [])
    return host


def _account(entry: Entry, otherwise: str | None, problems: Problems) -> str | None:
    """The number of the account; one that is written as a number may have lost its zeros."""
    given = entry.raw.get(entry.written.get("account", ""), None)
    if given in (None, ""):
        given = otherwise
    text = f"{given:012d}" if isinstance(given, int) and not isinstance(given, bool) else str(given or "")
    if not text:
        problems.add(entry.at("account"), "the number of the AWS account is needed", "Ask for it: aws sts get-caller-identity")
    elif not _ACCOUNT.fullmatch(text):
        problems.add(entry.at("account"), f"{given!r} is no account: they have 12 digits", "Ask for it: aws sts get-caller-identity")
    return text or None


def _resources(kind: str, found: list[Entry], entries: dict[tuple[str, str], Entry], problems: Problems) -> dict[str, Document]:
    models: dict[str, Document] = {}
    for entry in found:
        model = _model(MODELS[kind], kind, entry.raw, entry, problems)
        name = str(getattr(model, "name", ""))
        if model is None:
            continue
        if (kind, name) in entries:
            other = entries[kind, name].place.rpartition(" ")[2]
            problems.add(entry.at("name", NAME_KEYS[kind]), f"there is a {kind} {name!r} already: {other}", "Give each its own name")
        elif kind == "region" and not _REGION.fullmatch(name):
            problems.add(entry.at("name", NAME_KEYS[kind]), f"{name!r} is no AWS region", "For example eu-west-1")
        models[name] = _one_network(model, entry) if isinstance(model, Region) else model
        entries.setdefault((kind, name), entry)
    return models


def _one_network(region: Region, entry: Entry) -> Region:
    """Where both networks are written, `import_vpc` says which one counts, as it always did."""
    if region.import_vpc and region.vpc_id:
        return region.model_copy(update={"cidr": None})
    return region.model_copy(update={"vpc_id": None}) if "importvpc" in entry.written and region.cidr else region


def _model(model: type[Document], kind: str, raw: Mapping[str, object], entry: Entry, problems: Problems) -> Document | None:
    """The model, None with problems recorded; what it cannot have on AWS and what is written twice are problems too."""

    def label(name: str) -> str:
        known = next((entry.written[spelling] for spelling, field in names.items() if field == name and spelling in entry.written), None)
        return f"{entry.place}.{known or (NAME_KEYS[kind] if name == 'name' else name)}"

    names = spellings(model)
    before = len(problems.found)
    problems.extend(_twice(entry, names))
    problems.extend(refusals(model, raw, "aws", label))
    try:
        found = read(model, raw, label)
    except InvalidRequest as exc:
        problems.extend(Problem(problem.path, problem.message, checks.in_files(problem.hint)) for problem in exc.problems)
        return None
    return found if len(problems.found) == before else None


def _twice(entry: Entry, names: Mapping[str, str]) -> Iterator[Problem]:
    """Fields that an entry gives in two spellings."""
    first: dict[str, str] = {}
    for key in entry.raw:
        name = names.get(fold(key), key)
        if name in first:
            yield Problem(f"{entry.place}.{key}", f"is the same as {first[name]}, and only one can count", "Leave one of them out")
        first.setdefault(name, key)


# ---------------------------------------------------------------------------------------------------- between them
def _main_region(found: Models, entries: Mapping[tuple[str, str], Entry], problems: Problems) -> str | None:
    """The one main region; which it is decides about everything else."""
    regions = [model for model in found["region"].values() if isinstance(model, Region)]
    mains = [region.name for region in regions if region.main_region]
    file = SECTIONS["region"].file
    if len(mains) > 1:
        for name in mains[1:]:
            problems.add(entries["region", name].at("main_region"), f"{mains[0]} is the main region already", 'Exactly one may say "True"')
    elif not mains and not any(problem.path.startswith(file) for problem in problems):
        hint = 'Write "main_region": "True" in one of them'
        problems.add(f"{file}: regions", "none of them is the main region, where jobs are kept" if regions else "there is none", hint)
    return mains[0] if mains else None
