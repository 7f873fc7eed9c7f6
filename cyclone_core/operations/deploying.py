"""The process of a deployment: `start` makes one, which goes on when whoever started it leaves, closes the terminal or is killed.

It inherits the lock of the record, so there is no moment at which nobody holds the deployment. What it has to say beside its events
goes to the record's `log`.
"""

import os
import signal
import subprocess
import sys
import threading

from cyclone_core.errors import CycloneError, HostUnavailable
from cyclone_core.infra import deployer
from cyclone_core.infra.deployment_record import Holder, Record
from cyclone_core.operations import hosts, resources
from cyclone_core.paths import deployments_dir, host_state_dir
from cyclone_core.resources import Host
from cyclone_core.scheduler.local import client

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_CODE = f"import sys; sys.path.insert(0, {_ROOT!r}); from cyclone_core.operations.deploying import main; main()"


def start(host: Host, holder: Holder) -> None:
    """Hand a deployment over to a process of its own. Raises HostUnavailable when none can be started."""
    record = holder.record
    argv = [sys.executable, "-c", _CODE, host.name, str(record.number), str(holder.descriptor)]
    try:
        with open(record.path("log"), "ab", opener=_private) as log:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=client.environment(),
                pass_fds=(holder.descriptor,),
                start_new_session=True,
            )
        holder.sign(process.pid)
    except OSError as exc:
        raise HostUnavailable(f"deployment {record.number} could not be started: {exc.strerror}. Try again: {retry_line(record)}") from exc
    finally:
        holder.release()
    threading.Thread(target=process.wait, daemon=True).start()  # so that it is no zombie of ours when it has ended


def retry_line(record: Record) -> str:
    """The command that does what a deployment left undone."""
    return f"hyper deployments retry {record.number}"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def main() -> None:
    """Entry point: HOST NUMBER DESCRIPTOR-OF-THE-LOCK."""
    name, number, descriptor = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    os.umask(0o077)
    os.set_inheritable(descriptor, False)  # a build that outlives us must not look like us
    holder = Holder(Record(deployments_dir(host_state_dir(name)), number), descriptor)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # builds are ended, and the record says so
    try:
        host = hosts.get(name)
        for _ in deployer.run(holder, resources.for_host(host).applier()):
            pass
    except CycloneError as exc:
        sys.exit(f"deployment {number}: {exc}")
    except KeyboardInterrupt:
        sys.exit(f"deployment {number}: this process was told to end")
