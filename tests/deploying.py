"""A docker that builds when it is told to, and what tests need to look at deployments while they run."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from cyclone_core import paths
from cyclone_core.infra import deployment_record
from cyclone_core.infra.deployment_record import End, Holder, Order, State
from cyclone_core.infra.events import Event
from cyclone_core.infra.plan import Change, Plan
from cyclone_core.operations import deployments, hosts, resources
from cyclone_core.operations.deployments import Deployment
from cyclone_core.resources import Host

DEADLINE_S = 60.0
"""A bound for what is broken, no measure of what works."""
_DOCKER = """#!/bin/sh
cd {directory}
echo "$@" >> calls
case "$1 $2" in
"version "*) exit 0;;
"image inspect") exit {has};;
"build "*) echo building step one; while [ ! -e go ]; do sleep 0.02; done; echo step two; [ ! -e broken ];;
esac
"""


class Docker:
    """A docker command in a directory of its own: a build waits until `go`, and fails while `break_` was called last."""

    def __init__(self, directory: Path, has: bool = False) -> None:
        """has: whether it knows every image that it is asked for."""
        self.directory = directory
        directory.mkdir()
        (directory / "Dockerfile").write_text("FROM scratch\n")
        command = directory / "docker"
        command.write_text(_DOCKER.format(directory=directory, has=0 if has else 1))
        command.chmod(0o755)

    def go(self) -> None:
        """Let builds, running and to come, go on to their end."""
        (self.directory / "go").touch()

    def break_(self) -> None:
        """Let them fail."""
        (self.directory / "broken").touch()

    def mend(self) -> None:
        """Let them succeed again."""
        (self.directory / "broken").unlink()

    @property
    def calls(self) -> list[str]:
        """How it was called, without the questions for its version."""
        return [line for line in (self.directory / "calls").read_text().splitlines() if not line.startswith("version")]


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def start_image(docker: Docker, name: str = "base") -> tuple[Host, Deployment]:
    """Start to build an image on the selected host, in a process of its own; returns once the build has said something."""
    host = hosts.get()
    given: dict[str, object] = {"name": name, "directory": str(docker.directory)}
    proposal = resources.for_host(host).propose_put("image", given, "any")
    deployment = deployments.start(host, proposal, f"hyper images add-image --name {name}")
    wait_for(lambda: any(event.phase == "LOG" for event in deployments.read_events(host, deployment.number)[0]), "the build begins")
    return host, deployments.get(host, deployment.number)


def until_over(host: Host, number: int) -> Deployment:
    """The deployment once it is over."""
    wait_for(lambda: deployments.get(host, number).is_over, f"deployment {number} ends")
    return deployments.get(host, number)


def state_of(host: Host, kind: str, name: str) -> str:
    """State of a resource, "" when it is not there."""
    found = [stored for stored in resources.for_host(host).snapshot().resources if (stored.kind, stored.name) == (kind, name)]
    return found[0].state if found else ""


def leftovers(docker: Docker) -> list[str]:
    """Processes of the docker that are still there."""
    mark, found = os.fsencode(docker.directory / "docker"), []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path("/proc", name, "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if mark in words:
            found.append(name)
    return found


def record(changes: tuple[Change, ...], events: tuple[Event, ...] = (), state: State | None = None, reason: str = "") -> Holder:
    """A deployment written by hand on the host `local`, begun at second 1000; one without a state is held, and so RUNNING or PLANNED."""
    root = paths.deployments_dir(paths.host_state_dir("local"))
    with deployment_record.beginning(root):
        holder = deployment_record.create(root, Order(Plan(changes), "hyper things add-thing", "ada@machine", 1000.0))
    for event in events:
        holder.record.append(event)
    if state == "INTERRUPTED":
        holder.release()
    elif state is not None:
        holder.record.finish(End(state, 1010.0, reason))
        holder.release()
    return holder
