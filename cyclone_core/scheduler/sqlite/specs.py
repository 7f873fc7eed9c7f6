"""What jobs execute: rows that equal submissions share, snapshots of their scripts, and their parameter files."""

import json
import marshal
import os
from _blake2 import blake2b

from cyclone_core.errors import InvalidRequest
from cyclone_core.problems import Problem
from cyclone_core.scheduler.sqlite import retention

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    from cyclone_core.jobs import JobRequest

_REMEMBERED_NUMBERS, _REMEMBERED_BODIES, _REMEMBERED_REQUESTS = 10_000, 1_000, 200


class Specs:
    """The `spec` rows and the files that they name. Steps of the store's transactions."""

    def __init__(self, db: "sqlite3.Connection", state_dir: str) -> None:
        self._db, self._state_dir = db, state_dir
        self.reset()

    def reset(self) -> None:
        """Forget what was remembered: the transaction was undone."""
        self._numbers: dict[bytes, int] = {}
        self._seen: dict[bytes, int] = {}
        """the parts of recent requests that say what to execute, as one text: many submissions differ in nothing but their key"""
        self._bodies: dict[int, dict[str, Any]] = {}
        self._taken: list[str] = []
        """spooled files that belong to this transaction's jobs"""

    def keep(self, request: "JobRequest", job: int) -> int:
        """The number of what a request executes. Script and parameters are on disk when it returns. Raises InvalidRequest, OSError."""
        seen = marshal.dumps(
            (request.script, request.interpreter, request.directory, request.environment, request.parameters, request.retries,
             request.retry_exit, request.timeout_s, request.umask, request.warm), 4,
        )  # fmt: skip
        number = self._seen.get(seen)
        if number is None:
            number = self._keep(request, job)
            if request.parameters is None:  # a parameter file belongs to one job
                if len(self._seen) > _REMEMBERED_REQUESTS:
                    self._seen.clear()
                self._seen[seen] = number
        return number

    def _keep(self, request: "JobRequest", job: int) -> int:
        body = {
            "script": self._keep_script(request.script or b""), "interpreter": list(request.interpreter), "directory": request.directory,
            "environment": request.environment, "parameters": self._keep_parameters(request, job), "retries": request.retries,
            "retry_exit": [list(pair) for pair in request.retry_exit], "timeout_s": request.timeout_s, "umask": request.umask,
            "warm": request.warm,
        }  # fmt: skip
        text = json.dumps(body, sort_keys=True)
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        if digest not in self._numbers:
            self._db.execute("INSERT OR IGNORE INTO spec(hash, body) VALUES(?,?)", (digest, text))
            if len(self._numbers) > _REMEMBERED_NUMBERS:
                self._numbers.clear()
            self._numbers[digest] = self._db.execute("SELECT id FROM spec WHERE hash=?", (digest,)).fetchone()[0]
        return self._numbers[digest]

    def body(self, number: int) -> "dict[str, Any]":
        """What to execute, as the worker gets it."""
        body = self._bodies.get(number)
        if body is None:
            if len(self._bodies) > _REMEMBERED_BODIES:
                self._bodies.clear()
            body = self._bodies[number] = json.loads(self._db.execute("SELECT body FROM spec WHERE id=?", (number,)).fetchone()[0])
        return body

    def has_parameters(self, request: "JobRequest") -> bool:
        """Whether the parameter file of a request, if it has one, is where its client was to leave it."""
        return request.parameters is None or os.path.exists(self._spooled(request.parameters))

    def committed(self) -> None:
        """The jobs are durable: their parameter files leave the spool directory."""
        for path in self._taken:
            try:
                os.unlink(path)
            except OSError:  # its client removed it: the job has its own name for it
                pass
        self._taken.clear()

    def forget(self) -> None:
        """Remove what no job executes any more."""
        self._numbers.clear()
        self._seen.clear()
        retention.forget_specs(self._db)

    def _keep_script(self, body: bytes) -> str:
        """Snapshot of a script by its content."""
        name = script_name(body)
        path = f"{self._state_dir}/scripts/{name}"
        if not os.path.exists(path):
            write_durably(path, body)
        return name

    def _spooled(self, name: str) -> str:
        return os.path.join(self._state_dir, "spool", os.path.basename(name))

    def _keep_parameters(self, request: "JobRequest", job: int) -> str | None:
        """Take a parameter file over from the spool directory, where the client left it (already synced).

        It stays there until the commit: a client whose host dies before that sends the same request again.
        """
        if request.parameters is None:
            return None
        source, target = self._spooled(request.parameters), f"{self._state_dir}/parameters/{job}"
        try:
            if os.path.exists(target):  # of a submission with this id that was not committed
                os.unlink(target)
            try:
                os.link(source, target)
            except PermissionError:  # a filesystem without hard links: sending the request again will need the file again
                os.rename(source, target)
        except OSError as exc:
            raise InvalidRequest([Problem("-a", f"the packed parameters cannot be taken over: {exc.strerror}", "Submit again")]) from exc
        self._taken.append(source)
        return target


def script_name(body: bytes) -> str:
    """Name of a script's snapshot: its content's hash."""
    return blake2b(body, digest_size=16).hexdigest()


def write_durably(path: str, body: bytes) -> None:
    """Write a file that is whole or not there. Raises OSError."""
    temporary = f"{path}.{os.getpid()}.new"
    fd = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(body)
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    except OSError:
        os.unlink(temporary)
        raise
    finally:
        os.close(fd)
    os.rename(temporary, path)
