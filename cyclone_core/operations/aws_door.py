"""The door of an AWS host: jobs are written into its table, their parameters into its bucket. Lean.

A request is checked against the host's records before anything is written, and it becomes a job with the last write: nothing stays half
done. Sending it twice is one job, because each carries a random token, or the key that its submitter chose.
"""

import os
from time import monotonic, sleep, time

from cyclone_core import paths
from cyclone_core.errors import AwsError, CycloneError, InvalidRequest, StateUnusable
from cyclone_core.jobs import AUTOMATIC_KEY
from cyclone_core.operations.aws_host import AwsHost
from cyclone_core.problems import Problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any, TypeVar

    from cyclone_core.jobs import JobRequest
    from cyclone_core.operations.aws_bodies import Bodies
    from cyclone_core.operations.jobs import Again, Ended, Endings, Progress
    from cyclone_core.ports import Wanted

    T = TypeVar("T")

IDS_PER_REQUEST = 10_000
_SHOWN = 20
_LEFT_OVER_S = 86_400.0
"""A parameter file that lies in the spool for so long belongs to no command any more."""


class AwsDoor:
    """The door of one AWS host, see `jobs.Door`. Nothing is asked before it has to be; threads may share it."""

    type = "aws"

    def __init__(self, host: "AwsHost | str") -> None:
        self.host = AwsHost(host) if isinstance(host, str) else host

    def submit(self, requests: "JobRequest | list[JobRequest]", progress: "Progress | None" = None) -> "list[int]":
        """See `Door`. Of many, those that were written are cancelled when one cannot be."""
        wanted = requests if isinstance(requests, list) else [requests]
        bucket = self.host.bucket if wanted else None
        try:
            if bucket is not None:
                bucket.progress = progress
            return self._submit(wanted) if wanted else []
        finally:
            if bucket is not None:
                bucket.progress = None
            for request in wanted:
                if request.parameters:
                    _unlink(request.parameters)

    def _submit(self, wanted: "list[JobRequest]") -> "list[int]":
        store, now = self.host.store, int(time() * 1000)
        if len(wanted) == 1:
            return [self._checked(lambda resources: store.submit(wanted[0], resources, now))]
        made = self._checked(lambda resources: store.submit_many(wanted, resources, now))
        ids = [one for one in made if isinstance(one, int)]
        for one in made:
            if isinstance(one, CycloneError):
                self._take_back(ids)
                raise one
        return ids

    def _take_back(self, ids: "list[int]") -> None:
        """Cancel jobs of a submission that failed; what cannot be cancelled is told with its ids."""
        try:
            self.cancel({"tasks": [(job, None) for job in ids]})
        except AwsError as exc:
            shown = ", ".join(map(str, ids[:_SHOWN])) + (f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else "")
            raise AwsError(
                f"not all jobs could be submitted, and those that were could not be cancelled ({shown}): {exc}", exc.code
            ) from exc

    def _checked(self, do: "Callable[[Bodies], T]") -> "T":
        """Do something that is checked against the host's resources; before it is refused for one of them, they are read anew."""
        bodies = self.host.bodies
        try:
            return do(self._complete(bodies.all()))
        except InvalidRequest:
            if bodies.is_new:
                raise
        return do(self._complete(bodies.all(oldest_s=0)))

    def _complete(self, bodies: "Bodies") -> "Bodies":
        """The resources, when a job can go anywhere at all. Raises InvalidRequest with what has to be made first, HostUnavailable."""
        if not any(bodies.values()):
            raise self.host.not_deployed()
        missing = [kind for kind in ("cluster", "queue", "definition") if not bodies.get(kind)]
        if not missing:
            return bodies
        words = f"{', '.join(missing[:-1])} and {missing[-1]}" if missing[1:] else missing[0]
        commands = "; ".join(f"hyper {kind}s add-{kind} --host {self.host.name}" for kind in missing)
        hint = f"Make {'them' if missing[1:] else 'one'}, it takes some minutes: {commands}"
        raise InvalidRequest([Problem(f"host {self.host.name}", f"it has no {words} yet, so no job can go there", hint)])

    def again(self, wanted: "Sequence[Again]") -> "list[int]":
        """See `Door`."""
        store, now = self.host.store, int(time() * 1000)
        parts = [[_wanted(*one) for one in wanted[at : at + IDS_PER_REQUEST]] for at in range(0, len(wanted), IDS_PER_REQUEST)]
        ids: list[int] = []
        for part in parts:
            key = AUTOMATIC_KEY + _new_key()
            ids += self._checked(lambda resources, part=part, key=key: store.again(part, resources, key, now))  # type: ignore[misc]
        return ids

    def cancel(self, selector: "Mapping[str, Any]") -> "dict[str, Any]":
        """See `Door`."""
        from cyclone_core.operations.aws_cancelling import cancel

        return cancel(self.host, selector, int(time() * 1000))

    def wait(self, ids: "Iterable[int]", timeout_s: "float | None" = None) -> "Iterator[Ended]":
        """See `Door`."""
        from cyclone_core.operations.aws_endings import Watch

        left = dict.fromkeys(ids)
        watch, deadline = Watch(self.host), None if timeout_s is None else monotonic() + timeout_s
        while left:
            for ended in watch.ended(left):
                del left[ended[0]]
                yield ended
            if not left:
                return
            pause = watch.pause(len(left))
            if deadline is not None:
                pause = min(pause, deadline - monotonic())
                if pause <= 0:
                    raise TimeoutError(f"{len(left):,} of the jobs are not over")
            sleep(pause)

    def spool(self) -> str:
        """See `Door`."""
        folder = os.path.join(paths.host_state_dir(self.host.name), "uploads")
        try:
            os.makedirs(folder, 0o700, exist_ok=True)
            left_over = [entry.path for entry in os.scandir(folder) if time() - entry.stat(follow_symlinks=False).st_mtime > _LEFT_OVER_S]
        except OSError as exc:
            what = f"parameters cannot be packed in {folder}: {exc.strerror}"
            raise StateUnusable(f"{what}. Set CYCLONE_STATE_DIR to a directory of yours") from exc
        for path in left_over:
            _unlink(path)
        return os.path.join(folder, _new_key())

    def endings(self) -> "Endings":
        """See `Door`."""
        from cyclone_core.operations.aws_endings import AwsEndings

        return AwsEndings(self.host)


def _wanted(job: int, states: "tuple[int, ...] | None", indices: "tuple[int, ...] | None" = None) -> "Wanted":
    return job, states, indices


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return


def _new_key() -> str:
    """A random text that nobody else makes."""
    return f"{int(time() * 1000):x}{os.urandom(8).hex()}"
