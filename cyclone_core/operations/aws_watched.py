"""AWS hosts as this process watches them: one set of connections for everything that looks at a host, and little patience.

A screen has no use for an answer after a minute of trying: it says what is wrong, and asks again later. What writes is as patient as
any command.
"""

import os
import threading
from collections.abc import Callable

from cyclone_core import paths
from cyclone_core.aws.lean.hosts import LeanHost, open_host
from cyclone_core.aws.patience import Patience
from cyclone_core.operations.aws_host import AwsHost
from cyclone_core.operations.aws_view import AwsView
from cyclone_core.operations.queries import HostView

PATIENCE = Patience(connect_s=4.0, read_s=10.0, attempts=2, throttled_s=8.0, longest_wait_s=2.0)
_hosts: dict[tuple[object, ...], "WatchedHost"] = {}
_lock = threading.Lock()


class WatchedHost(AwsHost):
    """An AWS host that is looked at. Threads share it."""

    @property
    def lean(self) -> LeanHost:
        """As of any, with less patience."""
        if "lean" not in self._made or self._process != os.getpid():
            self._made, self._process = {"lean": open_host(self.name, patience=PATIENCE)}, os.getpid()
        found: LeanHost = self._made["lean"]
        return found


def host(name: str) -> WatchedHost:
    """The host that all who look at it share; another one once it was registered anew."""
    key = _key(name)
    with _lock:
        found = _hosts.get(key)
        if found is None:
            found = _hosts[key] = WatchedHost(name)
        return found


def forget(name: str) -> None:
    """Whoever opens it next begins anew: it could not be reached, perhaps it is elsewhere now."""
    with _lock:
        _hosts.pop(_key(name), None)


def view(name: str) -> HostView:
    """The host, to look at."""
    return _view(name)


def view_with(make: Callable[[str], HostView]) -> Callable[[str], HostView]:
    """Make views in another way from now on, for programs that have one of their own; returns the way of before."""
    global _view
    before, _view = _view, make
    return before


def _of_aws(name: str) -> HostView:
    return AwsView(host(name))


_view: Callable[[str], HostView] = _of_aws


def _key(name: str) -> tuple[object, ...]:
    path = os.path.join(paths.config_dir(), "hosts", f"{name}.json")
    try:
        info = os.stat(path)
    except OSError:
        return (path,)
    return path, info.st_ino, info.st_mtime_ns
