"""Use cases around hosts: list, create, select, start, stop, delete. What `hyper hosts`, the TUI and the library call.

A local host is a state directory and the supervisor that serves it; it is made by starting it. What creating, changing and deleting an AWS
host takes is in `aws_hosts`; here it is a name in the registry, and a state.
"""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cyclone_core import naming, paths, wire
from cyclone_core.errors import CycloneError, HostUnavailable, InvalidRequest, StateUnusable
from cyclone_core.host_registry import HostRegistry
from cyclone_core.infra import addresses, deployment_record
from cyclone_core.locks import is_held
from cyclone_core.operations.local_hosts import ask_status, connect
from cyclone_core.problems import Problem
from cyclone_core.resource_fields import Label, read, refusals, spellings
from cyclone_core.resources import Host
from cyclone_core.scheduler.local import client
from cyclone_core.scheduler.sqlite.resource_reader import ResourceReader

STOP_TIMEOUT_S = 30.0
"""So long a supervisor may take to end what runs and to leave."""
_LOOK_EVERY_S = 0.02
_AT_ONCE = 8
"""So many hosts are looked at at the same time."""


@dataclass(frozen=True)
class HostStatus:
    """A host as it is now."""

    host: Host
    selected: bool
    state: str
    """running, stopped, new (never started), not answering; of AWS hosts: ready, changing, failed, not deployed, not answering"""
    state_dir: str
    """Where a local host keeps everything; "" for others."""
    details: Mapping[str, Any]
    """What its supervisor says about itself, {} unless it runs; of an AWS host its account and region, and why it is as it is."""


@dataclass(frozen=True)
class HostProposal:
    """A host that may be created or changed, and what stands against it."""

    host: Host | None
    before: Host | None
    problems: tuple[Problem, ...]

    def check(self) -> Host:
        """The host. Raises InvalidRequest with every problem."""
        if self.problems or self.host is None:
            raise InvalidRequest(self.problems)
        return self.host


def list_hosts(registry: HostRegistry | None = None) -> tuple[list[HostStatus], list[Problem]]:
    """Every host with its state, and a problem for each file that cannot be read."""
    registry = registry or HostRegistry()
    hosts, problems = registry.list()
    selected = paths.selected_host()
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # AWS hosts take their time
        return list(pool.map(lambda host: _status(host, selected), hosts)), problems


def status(name: str | None = None, registry: HostRegistry | None = None) -> HostStatus:
    """One host (None: the selected one) with what its supervisor says. Raises NotFound."""
    return _status(get(name, registry), paths.selected_host())


def get(name: str | None = None, registry: HostRegistry | None = None) -> Host:
    """One host; None: the selected one. Raises NotFound or StateUnusable."""
    registry = registry or HostRegistry()
    return registry.get(name) if name else registry.selected()


def propose(given: Mapping[str, object], label: Label = str, update: bool = False, registry: HostRegistry | None = None) -> HostProposal:
    """A new host, or a changed one, from what a user gave; nothing is done."""
    registry = registry or HostRegistry()
    names = spellings(Host)
    given = {names.get(key.replace("-", "").replace("_", "").lower(), key): value for key, value in given.items()}
    before = registry.get(str(given["name"])) if update and given.get("name") else None
    settings = {**(before.model_dump() if before else {}), **given}
    try:
        host = read(Host, settings, label)
    except InvalidRequest as exc:
        host_type = "aws" if str(settings.get("type", "")).lower() == "aws" else "local"
        return HostProposal(None, before, (*exc.problems, *_refusals(given, host_type, label)))
    problems = [*_refusals(given, host.type, label), *_aws_problems(host, label)]
    if not update and os.path.lexists(os.path.join(registry.directory, "hosts", f"{host.name}.json")):
        hint = f"Choose another name, or change it with: hyper hosts update-host --name {host.name}"
        problems.append(Problem(label("name"), f"there is a host {host.name!r} already", hint))
    if before and host.type != before.type:
        problems.append(Problem(label("type"), f"{host.name} is a {before.type} host and stays one", "Create another host"))
    elif before and before.type == "aws":
        problems += _moved(before, host, label)
    return HostProposal(host, before, tuple(problems))


def _aws_problems(host: Host, label: Label) -> list[Problem]:
    """What an AWS host cannot be, without asking anybody."""
    if host.type != "aws":
        return []
    name = naming.host_problem(label("name"), host.name)
    found = [name] if name else []
    if host.account and not re.fullmatch(r"\d{12}", host.account):
        found.append(Problem(label("account"), f"{host.account!r} is not an account", "It has 12 digits: aws sts get-caller-identity"))
    if host.region and not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d+", host.region):
        found.append(Problem(label("region"), f"{host.region!r} is not the name of an AWS region", "Write it as eu-west-1"))
    if host.vpc and not re.fullmatch(r"vpc-[0-9a-f]{8,17}", host.vpc) and (wrong := addresses.problem(host.vpc, 1, label("vpc"))):
        found.append(wrong)
    if host.profile and host.sandbox:
        found.append(Problem(label("profile"), "a host on the sandbox uses the sandbox's own credentials", "Leave it out"))
    return found


def _moved(before: Host, host: Host, label: Label) -> list[Problem]:
    """A host's state lives in one account and region; what it is reached by may change."""
    found = [
        Problem(label(name), f"{host.name} is in {getattr(before, name)} and stays there", "Create another host")
        for name in ("account", "region")
        if getattr(before, name) and getattr(before, name) != getattr(host, name)
    ]
    if before.sandbox != host.sandbox:
        there = "on the sandbox" if before.sandbox else "in an account"
        found.append(Problem(label("sandbox"), f"{host.name} is {there} and stays there", "Create another host"))
    return found


def _refusals(given: Mapping[str, object], host_type: Any, label: Label) -> list[Problem]:
    found = refusals(Host, given, host_type, label)
    aws = "Leave it out, or create an AWS host with --type aws"
    return [Problem(problem.path, problem.message, aws if host_type == "local" else problem.hint) for problem in found]


def create(proposal: HostProposal, registry: HostRegistry | None = None) -> HostStatus:
    """Make a local host, start it and select it; AWS hosts: `aws_hosts.create`. Raises InvalidRequest, HostUnavailable or StateUnusable."""
    registry = registry or HostRegistry()
    host = proposal.check()
    start(host)
    registry.add(host)
    registry.select(host.name)
    return _status(host, host.name)


def update(proposal: HostProposal, registry: HostRegistry | None = None) -> Host:
    """Record the change on this machine; what it changes of an AWS host's stacks: `aws_hosts.propose_update`."""
    host = proposal.check()
    if host != proposal.before:
        (registry or HostRegistry()).update(host)
    return host


def start(host: Host) -> dict[str, Any]:
    """Start a local host's supervisor unless it runs; returns what it says about itself. Raises HostUnavailable or StateUnusable."""
    _check_local(host, "started")
    channel = client.ensure(paths.host_state_dir(host.name))
    try:
        return dict(channel.ask(("status",))[1])
    except (wire.Closed, OSError) as exc:
        raise HostUnavailable(f"the supervisor of host {host.name} left while it was asked. Try again") from exc
    finally:
        channel.close()


def stop(
    host: Host, timeout_s: float = STOP_TIMEOUT_S, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> bool:
    """Stop a local host and wait until it is gone; running tasks go back to Waiting. False when it did not run.

    Raises HostUnavailable when it does not leave within `timeout_s` seconds.
    """
    _check_local(host, "stopped")
    state_dir = paths.host_state_dir(host.name)
    channel = connect(state_dir)
    if channel is None:
        return False
    channel.sock.settimeout(timeout_s)
    try:
        channel.ask(("stop",))
    except (wire.Closed, OSError):
        pass  # it left before it could answer, which is what was asked for
    finally:
        channel.close()
    deadline = clock() + timeout_s
    while is_held(os.path.join(state_dir, "supervisor.lock")):
        if clock() > deadline:
            log = os.path.join(state_dir, "supervisor.log")
            raise HostUnavailable(f"the supervisor of host {host.name} has not left after {timeout_s:.0f} s. Its log may say why: {log}")
        sleep(_LOOK_EVERY_S)
    return True


def forget(host: Host, before_s: float) -> Iterator[int]:
    """Forget the finished jobs that were submitted and ended before a time (seconds since 1970), with their results and outputs.

    Yields how many each batch had, until none is left: others are served in between. The newest job stays, so that ids only grow.
    The supervisor is started when it does not run. Raises HostUnavailable, StateUnusable, or CycloneError for an AWS host.
    """
    if host.type == "aws":
        what = f"jobs of {host.name}, an AWS host, are forgotten by themselves some days after their end"
        raise CycloneError(f"{what}. How many: hyper hosts update-host --name {host.name} --keep-days DAYS")
    channel = client.ensure(paths.host_state_dir(host.name))
    try:
        while True:
            answer = channel.ask(("forget", before_s))
            if answer[0] == "refused":
                raise InvalidRequest([Problem(*problem[-3:]) for problem in answer[1]])
            if not answer[1]:
                return
            yield answer[1]
    except (wire.Closed, OSError) as exc:
        raise HostUnavailable(f"the supervisor of host {host.name} left while it forgot jobs. What is gone is gone; try again") from exc
    finally:
        channel.close()


def open_jobs(host: Host) -> int:
    """How many of a host's jobs are not finished; 0 where nobody can say."""
    if host.type == "aws":
        from cyclone_core.operations import aws_open_jobs
        from cyclone_core.operations.aws_host import AwsHost

        with suppress(CycloneError):
            return sum(count for (kind, _), count in aws_open_jobs.count(AwsHost(host.name)).items() if kind == "queue")
        return 0
    with suppress(StateUnusable):
        reader = ResourceReader.open(paths.host_state_dir(host.name))
        if reader is not None:
            with reader:
                return sum(count for (kind, _), count in reader.open_jobs().items() if kind == "queue")
    return 0


def check_delete(host: Host, force: bool = False) -> list[Problem]:
    """What stands against deleting a host: jobs that are not finished, unless `force`, and deployments that run."""
    found = [_running(host, record.number) for record in deployment_record.running(paths.deployments_dir(paths.host_state_dir(host.name)))]
    count = 0 if force else open_jobs(host)
    if not count:
        return found
    jobs = "1 job is" if count == 1 else f"{count:,} jobs are"
    return [
        *found,
        Problem(f"hosts[{host.name}]", f"{jobs} not finished", "Wait for them, cancel them (qdel --all), or add --force to lose them"),
    ]


def _running(host: Host, number: int) -> Problem:
    remedy = f"Wait for its end (hyper deployments show {number} --follow --host {host.name}) or cancel it first"
    return Problem(f"hosts[{host.name}]", f"deployment {number} still runs", remedy)


def delete(host: Host, force: bool = False, registry: HostRegistry | None = None) -> str:
    """Stop a local host and remove it with everything in it: jobs, outputs, resources. Returns the directory that was removed, "" for none.

    Of an AWS host only what this machine knows of it goes; its stacks: `aws_hosts.propose_delete`.
    Raises InvalidRequest while jobs are not finished unless `force`, and StateUnusable when a file cannot be removed.
    """
    problems = check_delete(host, force)
    if problems:
        raise InvalidRequest(problems)
    state_dir = ""
    if host.type == "local":
        stop(host)
        state_dir = paths.host_state_dir(host.name)
        try:
            if os.path.isdir(state_dir):
                shutil.rmtree(state_dir)
            else:
                state_dir = ""
        except OSError as exc:
            raise StateUnusable(
                f"{exc.filename or state_dir} cannot be removed: {exc.strerror}. Remove it yourself, then try again"
            ) from exc
    with suppress(FileNotFoundError):
        (registry or HostRegistry()).remove(host.name)
    return state_dir


def _check_local(host: Host, done: str) -> None:
    """Raises CycloneError for an AWS host: nothing of it is a process of this machine."""
    if host.type == "aws":
        what = f"the host {host.name} is on AWS, where nothing has to be {done}"
        raise CycloneError(f"{what}: it works as long as it is there. To remove it: hyper hosts delete-host --name {host.name}")


def _status(host: Host, selected: str) -> HostStatus:
    if host.type == "aws":
        from cyclone_core.operations import aws_hosts  # local hosts need none of its libraries

        return aws_hosts.status_of(host, host.name == selected)
    state_dir = paths.host_state_dir(host.name)
    details = ask_status(state_dir)
    if details is None:
        return HostStatus(host, host.name == selected, "not answering", state_dir, {})
    state = "running" if details else "stopped" if os.path.exists(state_dir) else "new"
    return HostStatus(host, host.name == selected, state, state_dir, details)
