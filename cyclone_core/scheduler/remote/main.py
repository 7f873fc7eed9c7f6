"""`cyclone-worker`: makes what the supervisor of a worker needs, in a directory of its own that goes with it."""

import fcntl
import os
import shutil
import sys

from cyclone_core.errors import CycloneError
from cyclone_core.locks import is_held
from cyclone_core.wire import DAEMON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from cyclone_core.aws.lean.client import Aws
    from cyclone_core.scheduler.remote.files import Fetch
    from cyclone_core.scheduler.remote.machine import Machine
    from cyclone_core.scheduler.remote.supervisor import Supervisor

_LONGEST_DIRECTORY = 60
"""Bytes of a directory with a socket in it, whose path has 107 at most."""


def main() -> None:
    """Entry point. Without arguments a worker, of which everything is in the environment (`machine`); else what `command` has."""
    from cyclone_core.scheduler.remote.log import log

    try:
        if len(sys.argv) > 1:
            from cyclone_core.scheduler.remote import command

            code = command.run(sys.argv[1:])
        else:
            code = run(os.environ)
    except CycloneError as exc:
        log(str(exc)) if len(sys.argv) == 1 else sys.stderr.write(f"{exc}\n")
        code = exc.exit_code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # threads may still wait for answers that nobody needs


def run(environ: "Mapping[str, str]") -> int:
    """Be a worker until there is nothing to do; the exit code. Raises CycloneError."""
    from cyclone_core.scheduler.process import become_parent_of_orphans
    from cyclone_core.scheduler.remote import log
    from cyclone_core.scheduler.remote.machine import Machine

    machine = Machine(environ, os.getpid())
    if environ.get("CYCLONE_MACHINE"):
        log.said_by = f"{machine.definition}#{os.getpid()}: "
    machine.limit_memory()
    os.environ[DAEMON] = "1"  # the agent is no part of a task, wherever this runs
    os.umask(0o077)
    become_parent_of_orphans("cyclone-worker")
    directory = _directory(machine.root)
    beside = directory if len(os.fsencode(directory)) <= _LONGEST_DIRECTORY else _directory("/tmp")
    try:
        return supervisor(machine, f"{directory}/state", f"{beside}/{os.path.basename(beside)}").run()
    finally:
        for path in (directory, beside):
            shutil.rmtree(path, ignore_errors=True)


def supervisor(machine: "Machine", state_dir: str, socket_path: str) -> "Supervisor":
    """Everything, wired together. socket_path: in a private directory, with a name that no other worker of this machine has."""
    from cyclone_core.aws.lean.chain import Chain
    from cyclone_core.aws.lean.client import Aws
    from cyclone_core.aws.patience import Patience
    from cyclone_core.scheduler.dynamo.bucket import Bucket
    from cyclone_core.scheduler.dynamo.ids import MemoryIds
    from cyclone_core.scheduler.dynamo.queues import Lanes
    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.scheduler.dynamo.unit_store import UnitStore
    from cyclone_core.scheduler.remote.files import Files
    from cyclone_core.scheduler.remote.supervisor import Supervisor

    aws = Aws(machine.main_region, Chain(), machine.endpoint, patience=Patience(5.0, 10.0, 3, 20.0, 2.0))
    table, bucket = Table(aws, machine.table), Bucket(aws, machine.bucket)
    store = UnitStore(table, bucket, MemoryIds(table), kept_ms=machine.kept_ms, lease_ms=int(machine.times.lease_s * 1000))
    files = Files(state_dir, _fetch(aws, machine.bucket))
    return Supervisor(machine, store, Lanes(aws, machine.host), files, state_dir, socket_path)


def _fetch(aws: "Aws", bucket: str) -> "Fetch":
    """Parts of objects."""
    from cyclone_core.aws.lean import requests

    def fetch(key: str, first: int, last: int) -> bytes:
        request = requests.of_object("GetObject", "GET", bucket, key)
        request.headers["range"] = f"bytes={first}" if first < 0 else f"bytes={first}-{last}"
        return aws.send(request).body

    return fetch


def _directory(root: str) -> str:
    """A new directory below a root, held by a lock for as long as this process lives; what dead workers left there is removed."""
    prefix = f"cyclone-worker-{os.geteuid()}-"
    try:
        for left in os.listdir(root):
            if left.startswith(prefix) and not is_held(f"{root}/{left}/lock"):
                shutil.rmtree(f"{root}/{left}", ignore_errors=True)
        name = f"{prefix}{os.getpid()}-{os.urandom(4).hex()}"
        os.makedirs(f"{root}/.{name}/state", 0o700)
        lock = os.open(f"{root}/.{name}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.rename(f"{root}/.{name}", f"{root}/{name}")  # with its lock: others never see it without
    except OSError as exc:
        what = f"this worker cannot make a directory in {root}: {exc.strerror}"
        raise CycloneError(f"{what}. Name one where it may with CYCLONE_WORKER_DIR in the definition's environment") from exc
    return f"{root}/{name}"


if __name__ == "__main__":
    main()
