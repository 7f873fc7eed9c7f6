"""The provisioner of local hosts: makes a plan true, change by change, and tells what happens.

Most changes are one message to the supervisor, which checks and stores it in one transaction. Images are the exception: they are built,
pulled or tagged by the container engine of this machine, in this process, and their state is stored before and after, so a build
that was interrupted is seen as CREATING and is done again by the next one.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from cyclone_core.errors import BuildFailed, EngineMissing, InvalidRequest
from cyclone_core.infra.containers import ContainerEngine, Stop, Stopped, find_engine, never
from cyclone_core.infra.events import Event, Phase
from cyclone_core.infra.plan import Bodies, Change, Plan
from cyclone_core.problems import Problem
from cyclone_core.resource_bodies import dump

Ask = Callable[[tuple[Any, ...]], tuple[Any, ...]]
"""Send a message to the supervisor and get its answer (`wire.Channel.ask`)."""
CANCELLED = "the build was cancelled"
"""Why an image is FAILED whose build somebody ended."""
_LOG_LINES = 40
"""So much of a build's log is stored with the image."""
_BEGUN: dict[str, Phase] = {"create": "CREATING", "change": "UPDATING", "replace": "UPDATING", "delete": "DELETING"}


class LocalProvisioner:
    """Applies plans to one local host."""

    def __init__(self, ask: Ask, engine: Callable[[], ContainerEngine] = find_engine, clock: Callable[[], float] = time.time) -> None:
        """ask: the way to the supervisor; engine: finds the container engine when one is needed; clock: seconds since 1970."""
        self._ask, self._engine, self._clock = ask, engine, clock

    def apply(self, plan: Plan, stop: Stop = never) -> Iterator[Event]:
        """Make the changes in order; ends after one that ends as FAILED or CANCELLED, and before the next once `stop` says so.

        Raises InvalidRequest when the supervisor refuses one: what came before it stays.
        """
        for change in plan.changes:
            if stop():
                return
            broken = False
            for event in self._apply(change, stop):
                broken = broken or event.phase in ("FAILED", "CANCELLED")
                yield event
            if broken:
                return

    def _apply(self, change: Change, stop: Stop) -> Iterator[Event]:
        yield self._event(change, _BEGUN[change.action])
        if change.body is None:
            self._store(("delete", change.kind, change.name))
            if change.kind == "image":
                yield from self._remove_image(change)
            yield self._event(change, "DELETED")
        elif change.kind == "image":
            yield from self._build(change, dict(change.body), stop)
        else:
            yield from self._fetch(change, stop)
            self._put(change, change.body)
            yield self._event(change, "ACTIVE")

    def _build(self, change: Change, body: dict[str, Any], stop: Stop) -> Iterator[Event]:
        if self._is_put_back(change, body):
            yield self._event(change, "LOG", f"{body['reference']} is still the image of before: nothing was built")
            yield self._event(change, "ACTIVE", body["reference"])
            return
        self._put(change, {**body, "state": "CREATING" if change.action == "create" else "UPDATING"})
        log: list[str] = []
        try:
            for line in self._made(self._engine(), body, stop):
                log = [*log[1 - _LOG_LINES :], line]
                yield self._event(change, "LOG", line)
        except (BuildFailed, EngineMissing) as exc:
            self._put(change, {**body, "state": "FAILED", "reason": str(exc), "log": log}, "any")
            yield self._event(change, "FAILED", str(exc), "error")
            return
        except Stopped:
            self._leave(change, body, log)
            yield self._event(change, "CANCELLED", CANCELLED, "warning")
            return
        except (KeyboardInterrupt, GeneratorExit):  # whoever listened has left
            self._leave(change, body, log)
            raise
        self._put(change, {**body, "state": "ACTIVE", "reason": "", "log": log}, "any")
        yield self._event(change, "ACTIVE", body["reference"])

    def _is_put_back(self, change: Change, body: Mapping[str, Any]) -> bool:
        """Store an image that says of itself that it is there (only a roll back's does), if the engine has it."""
        if body.get("state") != "ACTIVE":
            return False
        try:
            if not self._engine().has(body["reference"]):
                return False
        except EngineMissing:
            return False
        self._put(change, body, "any")
        return True

    def _leave(self, change: Change, body: Mapping[str, Any], log: list[str]) -> None:
        """After a build that was ended: the engine still has the image of before, so that is what is stored."""
        before = change.before or {}
        kept = before if before.get("state") == "ACTIVE" else {**body, "state": "FAILED", "reason": CANCELLED, "log": log}
        self._put(change, kept, "any")

    def _made(self, engine: ContainerEngine, body: Mapping[str, Any], stop: Stop) -> Iterator[str]:
        if body.get("source"):
            if not engine.has(body["source"]):
                yield from engine.pull(body["source"], stop)
            engine.tag(body["source"], body["reference"])
            yield f"{body['source']} is now {body['reference']}"
        else:
            yield from engine.build(body["directory"], body["reference"], body.get("build_arguments") or {}, stop)

    def _fetch(self, change: Change, stop: Stop) -> Iterator[Event]:
        """Get the image of a definition before tasks need it; the engine was found when the plan was checked."""
        uri = (change.body or {}).get("image_uri")
        if change.kind != "definition" or not uri or (change.body or {}).get("image") != uri:
            return
        try:
            engine = self._engine()
            if not engine.has(uri):
                for line in engine.pull(uri, stop):
                    yield self._event(change, "LOG", line)
        except (BuildFailed, EngineMissing, Stopped) as exc:
            why = "it was cancelled" if isinstance(exc, Stopped) else str(exc)
            text = f"{uri} was not fetched: {why}. The definition is stored; its tasks try again to get the image when they start"
            yield self._event(change, "LOG", text, "warning")

    def _remove_image(self, change: Change) -> Iterator[Event]:
        reference = next((field.before for field in change.fields if field.field == "reference"), None)
        try:
            if reference:
                self._engine().remove(reference)
        except EngineMissing:
            yield self._event(change, "LOG", f"no container engine answers: {reference} was not removed from it", "warning")

    def _put(self, change: Change, body: Mapping[str, Any], mode: str = "") -> None:
        self._store(("put", change.kind, change.name, dump(body), mode or ("create" if change.action == "create" else "update")))

    def _store(self, message: tuple[Any, ...]) -> None:
        answer = self._ask(message)
        if answer[0] == "refused":
            raise InvalidRequest([Problem(path, text, hint) for _, path, text, hint in answer[1]])

    def _event(self, change: Change, phase: Phase, text: str = "", level: Any = "info") -> Event:
        return Event(self._clock(), change.kind, change.name, phase, text, level, change.region)


def problems(plan: Plan, current: Bodies, engine: Callable[[], ContainerEngine] = find_engine) -> list[Problem]:
    """What this machine lacks for a plan: a container engine, a directory to build from, an image that was built."""
    found = []
    for change in plan.changes:
        body = change.body or {}
        path = f"{change.kind}s[{change.name}]"
        if change.kind == "image" and body:
            found += _source_problems(path, body)
        if change.kind == "definition" and body.get("cyclone_image_name"):
            image = current.get("image", {}).get(body["cyclone_image_name"], {})
            if image.get("state") == "FAILED":
                hint = f"Correct it and build it again: hyper images add-image --name {body['cyclone_image_name']}"
                found.append(Problem(f"{path}.cyclone_image_name", f"the image was not built: {image.get('reason', '')}", hint))
    if any((change.kind == "image" or (change.body or {}).get("image")) and change.body for change in plan.changes):
        try:
            engine()
        except EngineMissing as exc:
            what, _, hint = str(exc).rpartition(". ")
            found.append(Problem("image", what, hint))
    return found


def _source_problems(path: str, body: Mapping[str, Any]) -> list[Problem]:
    directory = body.get("directory")
    if body.get("source") or not directory:
        return []
    if not os.path.isdir(directory):
        return [
            Problem(
                f"{path}.directory", f"there is no directory {directory}", "Give the one with your Dockerfile: --local-build-directory DIR"
            )
        ]
    if not any(os.path.exists(os.path.join(directory, name)) for name in ("Dockerfile", "Containerfile")):
        return [
            Problem(
                f"{path}.directory", f"there is no Dockerfile in {directory}", "Write one there; example-worker-image/Dockerfile is a base"
            )
        ]
    return []
