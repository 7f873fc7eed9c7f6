"""The door of an AWS host: jobs are written into its table, their parameters and large scripts into its bucket.

Implements `jobs.Door`. Lean: `qsub` and `qdel` load nothing but the standard library and this package for it.
"""

from cyclone_core.errors import CycloneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from cyclone_core.jobs import JobRequest
    from cyclone_core.operations.jobs import Again, Ended, Endings, Progress


class AwsDoor:
    """The door of one AWS host. Nothing is asked before it has to be."""

    type = "aws"

    def __init__(self, name: str) -> None:
        self.name = name

    def submit(self, requests: "JobRequest | list[JobRequest]", progress: "Progress | None" = None) -> "list[int]":
        """See `Door`."""
        raise self._not_yet()

    def again(self, wanted: "Sequence[Again]") -> "list[int]":
        """See `Door`."""
        raise self._not_yet()

    def cancel(self, selector: "Mapping[str, Any]") -> "dict[str, Any]":
        """See `Door`."""
        raise self._not_yet()

    def wait(self, ids: "Iterable[int]", timeout_s: "float | None" = None) -> "Iterator[Ended]":
        """See `Door`."""
        raise self._not_yet()

    def spool(self) -> str:
        """See `Door`."""
        raise self._not_yet()

    def endings(self) -> "Endings":
        """See `Door`."""
        raise self._not_yet()

    def _not_yet(self) -> CycloneError:
        return CycloneError(f"jobs on AWS hosts are being made, and {self.name} is one. Choose a local host with --host NAME")
