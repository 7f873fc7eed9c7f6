"""Deployments that run in a process of their own: seen from others, killed, cancelled, retried, rolled back."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cyclone_core.errors import CycloneError, InvalidRequest, NotFound, StateUnusable
from cyclone_core.infra import deployer
from cyclone_core.infra.deployment_record import Order
from cyclone_core.infra.events import Event
from cyclone_core.infra.plan import Change, Plan, with_body
from cyclone_core.operations import deployments, hosts, removals, resources
from cyclone_core.operations.deployments import Deployment
from cyclone_core.operations.queries import open_host
from cyclone_core.resources import Host
from tests.deploying import Docker, leftovers, start_image, state_of, until_over, wait_for


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Docker]:
    """A docker first on the PATH; what is left of the host is stopped."""
    made = Docker(tmp_path / "engine")
    monkeypatch.setenv("PATH", f"{made.directory}:{os.environ['PATH']}")
    yield made
    made.go()
    for deployment in deployments.running(hosts.get()):
        until_over(hosts.get(), deployment.number)
    hosts.stop(hosts.get())


def put(kind: str, mode: str = "create", **given: object) -> Deployment:
    """Store a resource by a deployment in this process."""
    host = hosts.get()
    list(deployments.run_here(host, resources.for_host(host).propose_put(kind, given, mode), f"hyper add {kind}"))
    return deployments.list_deployments(host, limit=1)[0]


def kill(deployment: Deployment) -> None:
    """Kill the process that works on a deployment."""
    os.kill(deployment.process, signal.SIGKILL)


def again(host: Host, begun: Deployment) -> Deployment:
    """The end of a deployment that a retry or roll back made."""
    return until_over(host, begun.number)


def test_it_goes_on_in_a_session_of_its_own(docker: Docker) -> None:
    """A hang-up of whoever started it does not reach it, and what it did is recorded."""
    host, begun = start_image(docker)
    assert (begun.state, os.getsid(begun.process)) == ("RUNNING", begun.process)
    docker.go()
    found = until_over(host, begun.number)
    assert (found.state, found.reason, found.what) == ("SUCCEEDED", "", "create image base")
    assert [event.phase for event in deployments.read_events(host, begun.number)[0]] == ["CREATING", "LOG", "LOG", "ACTIVE"]
    assert state_of(host, "image", "base") == "ACTIVE"


def test_killed_in_the_middle_it_is_interrupted_and_retry_completes_it(docker: Docker) -> None:
    """Nobody waits for ever for a process that is gone; the rest of the plan can be done."""
    host, begun = start_image(docker)
    kill(begun)
    found = until_over(host, begun.number)
    assert (found.state, found.ended) == ("INTERRUPTED", None)
    assert deployments.running(host) == []
    docker.go()
    done = again(host, deployments.retry(host, begun.number))
    assert (done.state, done.mode, done.of, done.what) == ("SUCCEEDED", "retry", begun.number, f"retry of deployment {begun.number}")
    assert state_of(host, "image", "base") == "ACTIVE"


def test_cancelled_build_is_ended_with_its_process(docker: Docker) -> None:
    """At once, not when the build says something again; the image says why it is not there."""
    host, begun = start_image(docker)
    assert deployments.cancel(host, begun.number).cancelled_by
    found = until_over(host, begun.number)
    assert found.state == "CANCELLED"
    assert found.reason.startswith("cancelled by ")
    assert leftovers(docker) == []
    assert state_of(host, "image", "base") == "FAILED"


def test_failed_deployment_keeps_its_reason_and_rolls_back(docker: Docker) -> None:
    """What it made goes away again, and it says that it was rolled back."""
    docker.break_()
    docker.go()
    host, begun = start_image(docker)
    found = until_over(host, begun.number)
    assert (found.state, found.reason) == ("FAILED", "docker build failed: step two")
    back = again(host, deployments.roll_back(host, begun.number))
    assert (back.state, back.mode) == ("SUCCEEDED", "roll-back")
    found = deployments.get(host, begun.number)
    assert (found.state, found.rolled_back_by) == ("ROLLED_BACK", back.number)
    assert state_of(host, "image", "base") == ""


def test_roll_back_leads_to_what_was_there_before(docker: Docker) -> None:
    """A change is undone to its earlier fields."""
    put("queue", name="fast", priority=5)
    changed = put("queue", "update", name="fast", priority=9, paused=True)
    host = hosts.get()
    assert again(host, deployments.roll_back(host, changed.number)).state == "SUCCEEDED"
    (queue,) = resources.for_host(host).find("queue", "fast")
    assert (queue.body["priority"], queue.body["paused"]) == (5, False)


def test_roll_back_of_a_failed_rebuild_builds_nothing(docker: Docker, tmp_path: Path) -> None:
    """The engine still has the image of before: it is only said again."""
    docker.go()
    host, first = start_image(docker)
    until_over(host, first.number)
    docker.break_()
    _, second = start_image(docker)
    assert until_over(host, second.number).state == "FAILED"
    (docker.directory / "docker").write_text((docker.directory / "docker").read_text().replace('inspect") exit 1', 'inspect") exit 0'))
    built = sum(call.startswith("build") for call in docker.calls)
    assert again(host, deployments.roll_back(host, second.number)).state == "SUCCEEDED"
    assert state_of(host, "image", "base") == "ACTIVE"
    assert sum(call.startswith("build") for call in docker.calls) == built


def test_roll_back_is_refused_while_something_uses_it(docker: Docker) -> None:
    """It is a plan like any other, with all checks."""
    made = put("cluster", name="big", max_vcpus=1)
    put("queue", name="fast", cluster="big")
    with pytest.raises(InvalidRequest, match="1 queue still uses it: fast"):
        deployments.roll_back(hosts.get(), made.number)


def test_one_resource_has_one_deployment_at_a_time(docker: Docker) -> None:
    """The second is told which one holds it; other resources are free."""
    host, begun = start_image(docker)
    with pytest.raises(InvalidRequest, match=f"deployment {begun.number} is changing it"):
        start_image(docker)
    assert put("queue", name="other").state == "SUCCEEDED"
    with pytest.raises(CycloneError, match="still runs"):
        deployments.retry(host, begun.number)
    with pytest.raises(InvalidRequest, match=f"deployment {begun.number} still runs"):
        hosts.delete(host, force=True)


def test_followed_from_another_process_until_it_is_over(docker: Docker) -> None:
    """Whoever attaches sees everything from the beginning, and hears of the end."""
    _, begun = start_image(docker)
    code = (
        "from cyclone_core.operations import deployments, hosts\n"
        "for event in deployments.follow(hosts.get(), 1): print(event.phase, flush=True)"
    )
    watcher = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": ":".join(sys.path)}
    )
    assert watcher.stdout is not None
    with watcher:
        assert watcher.stdout.readline() == "CREATING\n"
        docker.go()
        assert watcher.stdout.read().split() == ["LOG", "LOG", "ACTIVE"]
    assert begun.number == 1


def test_torn_line_is_as_if_it_were_not_there(docker: Docker) -> None:
    """A process killed within a write leaves half a line: what comes after it is read, by followers too."""
    made = put("queue", name="fast")
    host = hosts.get()
    path = next(Path(hosts.status().state_dir).glob("deployments/0001/events.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:20])
    assert deployments.get(host, made.number).state == "INTERRUPTED"
    assert [event.phase for event in deployments.follow(host, made.number)] == ["CREATING"]
    assert again(host, deployments.roll_back(host, made.number)).state == "SUCCEEDED"
    assert deployments.get(host, made.number).state == "ROLLED_BACK"


def test_event_that_fits_in_part_only_is_refused(tmp_path: Path) -> None:
    """Nobody hears of an event that is not on disk: a disk that fills up in the middle of a line is told."""
    order = Order(Plan((Change("create", "queue", "q"),)), "", "me@here", 0.0)
    holder = deployer.begin(str(tmp_path), order)
    event = Event(1.0, "queue", "q", "CREATING", "x" * 1000)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        with pytest.raises(StateUnusable, match="cannot be recorded"):
            holder.record.append(event)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    holder.record.append(event)
    assert holder.record.events()[0] == [event]
    holder.release()


def test_deployment_that_cannot_be_recorded_leaves_nothing(tmp_path: Path) -> None:
    """A full disk is told, and no half of a record stays."""
    order = Order(Plan((Change("create", "queue", "q", (), {"note": "x" * 1000}),)), "", "me@here", 0.0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        with pytest.raises(StateUnusable, match="cannot be recorded"):
            deployer.begin(str(tmp_path), order)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "running"]


def test_marks_of_dead_deployments_are_cleared(tmp_path: Path) -> None:
    """Who died could not do it, and looking for what runs must not grow with every death."""
    orders = [Order(Plan((Change("create", "queue", name),)), "", "me@here", 0.0) for name in "abc"]
    dead, alive = deployer.begin(str(tmp_path), orders[0]), deployer.begin(str(tmp_path), orders[1])
    dead.release()
    new = deployer.begin(str(tmp_path), orders[2])
    assert sorted(path.name for path in (tmp_path / "running").iterdir()) == ["0002", "0003"]
    for holder in (alive, new):
        holder.release()


def test_list_is_paged_and_leaves_out_what_cannot_be_read(docker: Docker) -> None:
    """Newest first; a broken record breaks nothing but itself."""
    for name in "abcd":
        put("queue", name=name)
    host = hosts.get()
    Path(hosts.status().state_dir, "deployments", "0003", "plan.json").write_text("{")
    assert [found.number for found in deployments.list_deployments(host, limit=2)] == [4, 2]
    assert [found.number for found in deployments.list_deployments(host, before=2)] == [1]
    with pytest.raises(NotFound, match="there is no deployment 9"):
        deployments.get(host, 9)


def test_nobody_else_can_read_a_record(docker: Docker) -> None:
    """Directories 0700, files 0600, whatever the mask of the caller."""
    put("queue", name="fast")
    _, begun = start_image(docker)
    root = Path(hosts.status().state_dir, "deployments")
    modes = {path.stat().st_mode & 0o777 for path in root.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert {path.stat().st_mode & 0o777 for path in [root, *root.rglob("*")] if path.is_dir()} == {0o700}
    docker.go()
    until_over(hosts.get(), begun.number)


def test_follower_that_leaves_does_nothing_to_it(docker: Docker) -> None:
    """Esc in the TUI, Ctrl-C at `hyper`."""
    host, begun = start_image(docker)

    class LeftError(Exception):
        pass

    def leave() -> None:
        raise LeftError

    with pytest.raises(LeftError):
        list(deployments.follow(host, begun.number, pause=leave))
    assert deployments.get(host, begun.number).state == "RUNNING"
    wait_for(lambda: leftovers(docker), "the build goes on")


def test_told_to_end_it_ends_its_build(docker: Docker) -> None:
    """TERM, as at the end of a session or of the machine: nothing is left behind, and the record says why."""
    host, begun = start_image(docker)
    os.kill(begun.process, signal.SIGTERM)
    found = until_over(host, begun.number)
    assert (found.state, found.reason) == ("CANCELLED", "its process was told to end")
    assert leftovers(docker) == []
    assert state_of(host, "image", "base") == "FAILED"


def test_failure_stays_one_when_whoever_applies_stops_listening_at_it(docker: Docker) -> None:
    """A caller that raises on the first FAILED event does not make it a cancellation."""
    docker.break_()
    docker.go()
    host = hosts.get()
    given: dict[str, object] = {"name": "base", "directory": str(docker.directory)}
    events = deployments.run_here(host, resources.for_host(host).propose_put("image", given, "any"))
    assert next(event for event in events if event.phase == "FAILED")
    events.close()  # type: ignore[attr-defined]
    assert deployments.get(host, 1).state == "FAILED"


def test_killed_again_and_again_retry_ends_with_what_was_wanted(docker: Docker) -> None:
    """At whatever change it dies, the rest can be done: nothing is done twice or left out."""
    host = hosts.get()
    known = resources.for_host(host)
    put("queue", name="first")
    desired = {**known.snapshot().bodies}
    desired["queue"] = {f"q{k}": {"name": f"q{k}", "cluster": "default", "priority": k, "paused": False} for k in range(40)}
    desired["queue"]["default"] = known.snapshot().bodies["queue"]["default"]
    begun = deployments.start(host, known.propose(desired))
    for _ in range(3):
        wait_for(lambda number=begun.number: deployments.read_events(host, number)[0] or deployments.get(host, number).is_over, "it begins")
        kill(begun)
        if until_over(host, begun.number).state == "SUCCEEDED":
            break
        begun = deployments.retry(host, begun.number)
    assert until_over(host, begun.number).state == "SUCCEEDED"
    assert set(known.snapshot().bodies["queue"]) == set(desired["queue"])


def test_several_get_the_same_value_at_once(docker: Docker) -> None:
    """As one deployment, which says how many it changed; what is so already is left alone."""
    for name in ("a", "b", "c"):
        put("queue", name=name, **({"paused": True} if name == "c" else {}))
    with open_host() as view:
        proposal = removals.propose_values(view, "queue", ["a", "b", "c"], {"paused": True})
        assert [change.name for change in proposal.plan.changes] == ["a", "b"]
        assert removals.apply_now(view, proposal, "hyper queues …") == 2
    bodies = resources.for_host(hosts.get()).snapshot().bodies["queue"]
    assert [bodies[name]["paused"] for name in "abc"] == [True] * 3
    (last,) = deployments.list_deployments(hosts.get(), limit=1)
    assert (last.state, last.command) == ("SUCCEEDED", "hyper queues …")


def test_retry_builds_only_what_is_not_built(docker: Docker) -> None:
    """An image that the failed deployment finished is left alone: builds take minutes."""
    docker.go()
    host, known = hosts.get(), resources.for_host(hosts.get())
    wanted = known.snapshot().bodies
    for name in ("a", "b"):
        (body,) = [change.body for change in known.propose_put("image", {"name": name, "directory": str(docker.directory)}).plan.changes]
        wanted = with_body(wanted, "image", body or {})
    for event in deployments.run_here(host, known.propose(wanted)):
        if (event.name, event.phase) == ("a", "ACTIVE"):
            docker.break_()
    docker.mend()
    (failed,) = deployments.list_deployments(host, limit=1)
    assert failed.state == "FAILED"
    assert [change.name for change in deployments.propose_retry(host, failed.number).plan.changes] == ["b"]
