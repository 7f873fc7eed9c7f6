"""The hosts that this user knows, and which one is selected.

One file per host, `config_dir()/hosts/NAME.json` (0600 in a 0700 directory: an AWS host's file names its account), replaced in
one step so that no reader ever sees half of it. The selected name lies in `config_dir()/selected-host`, where the job commands read it
without this module. The host `local` exists without a file. A file that cannot be read is a problem of that host alone: the
others are still listed.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from cyclone_core import paths
from cyclone_core.errors import CycloneError, InvalidRequest, NotFound, StateUnusable
from cyclone_core.problems import Problem
from cyclone_core.resource_fields import plain, read
from cyclone_core.resources import Host
from cyclone_core.scheduler.references import name_problem, nearest

_SUFFIX = ".json"


class HostRegistry:
    """Reads and changes the files below one configuration directory."""

    def __init__(self, directory: str | None = None) -> None:
        """directory: where it lies; by default the user's configuration directory."""
        self.directory = directory or paths.config_dir()

    def list(self) -> tuple[list[Host], list[Problem]]:
        """Every host by name, and a problem for each file that cannot be used."""
        found, problems = {paths.DEFAULT_HOST: Host(name=paths.DEFAULT_HOST)}, []
        for name in self._names():
            try:
                found[name] = self._load(name)
            except CycloneError as exc:
                problems.append(Problem(self._path(name), str(exc)))
        return [found[name] for name in sorted(found)], problems

    def get(self, name: str) -> Host:
        """One host. Raises NotFound (naming the nearest) or StateUnusable for a broken file."""
        if name_problem("", name) is None and os.path.lexists(self._path(name)):
            return self._load(name)
        if name == paths.DEFAULT_HOST:
            return Host(name=name)
        near = nearest(name, [*self._names(), paths.DEFAULT_HOST])
        hint = f"Did you mean {near!r}?" if near else "See hyper hosts list-hosts, or make it with hyper hosts create-host"
        raise NotFound(f"there is no host {name!r}. {hint}")

    def selected(self) -> Host:
        """The host that commands use. Raises NotFound when the selected one is gone."""
        return self.get(paths.selected_host())

    def select(self, name: str) -> Host:
        """Make a host the selected one."""
        host = self.get(name)
        self._replace(os.path.join(self.directory, "selected-host"), name + "\n")
        return host

    def add(self, host: Host) -> None:
        """Record a new host. Raises InvalidRequest when the name is taken."""
        if os.path.lexists(self._path(host.name)):
            hint = f"Choose another one, or change it with: hyper hosts update-host --name {host.name}"
            raise InvalidRequest([Problem("--name", f"there is a host {host.name!r} already", hint)])
        self._store(host)

    def update(self, host: Host) -> None:
        """Record a changed host. Raises NotFound when there is none of that name."""
        self.get(host.name)
        self._store(host)

    def remove(self, name: str) -> None:
        """Forget a host; when it was the selected one, `local` is. Raises NotFound when there is none."""
        if name != paths.DEFAULT_HOST and not os.path.lexists(self._path(name)):
            self.get(name)
        with _translated(self._path(name)):
            for path in (self._path(name), *([self._selection()] if self._selected_name() == name else [])):
                if os.path.lexists(path):
                    os.unlink(path)

    def _names(self) -> Iterator[str]:
        try:
            entries = sorted(os.listdir(os.path.join(self.directory, "hosts")))
        except OSError:
            return
        yield from (entry.removesuffix(_SUFFIX) for entry in entries if entry.endswith(_SUFFIX) and not entry.startswith("."))

    def _load(self, name: str) -> Host:
        path = self._path(name)
        remedy = f"Correct the file, or remove it: rm '{path}'"
        try:
            with open(path, encoding="utf-8") as file:
                raw = json.load(file)
        except OSError as exc:
            raise StateUnusable(f"the host {name} cannot be read: {path}: {exc.strerror}. Correct its rights (chmod 600)") from exc
        except ValueError as exc:
            raise StateUnusable(f"the host {name} cannot be read: {path} is no JSON: {exc}. {remedy}") from exc
        try:
            return read(Host, {**(raw if isinstance(raw, dict) else {"file": raw}), "name": name})
        except InvalidRequest as exc:
            raise StateUnusable(f"the host {name} cannot be read: {path}: {'; '.join(map(str, exc.problems))}. {remedy}") from exc

    def _store(self, host: Host) -> None:
        self._replace(self._path(host.name), json.dumps(plain(host), indent=2, ensure_ascii=False) + "\n")

    def _replace(self, path: str, text: str) -> None:
        folder = os.path.dirname(path)
        with _translated(path):
            os.makedirs(folder, 0o700, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=folder)  # 0600 by its contract
            try:
                with open(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(descriptor)
                os.replace(temporary, path)
            except BaseException:
                os.unlink(temporary)
                raise

    def _path(self, name: str) -> str:
        return os.path.join(self.directory, "hosts", name + _SUFFIX)

    def _selection(self) -> str:
        return os.path.join(self.directory, "selected-host")

    def _selected_name(self) -> str:
        try:
            with open(self._selection(), encoding="utf-8") as file:
                return file.read().strip()
        except OSError:
            return ""


@contextmanager
def _translated(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise StateUnusable(
            f"{path} cannot be written: {exc.strerror}. Make the directory writable, or choose another one with CYCLONE_HOME"
        ) from exc
