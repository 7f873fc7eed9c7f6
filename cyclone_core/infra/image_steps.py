"""Making and deleting copies of machine images, as steps of a deployment that take minutes and may die at any moment.

A copy that is being made is found by its tags and followed to its end; one that failed is made anew. Its id is told to the region's
templates only when instances can be started from it. Who cancels ends the copy.
"""

import time
from collections.abc import Callable, Mapping

from cyclone_core import naming
from cyclone_core.aws import machine_images as images
from cyclone_core.aws.account import Account
from cyclone_core.aws.machine_images import BROKEN, Copy
from cyclone_core.errors import AwsError
from cyclone_core.infra import machine_images, stack_words
from cyclone_core.infra.plan import Change
from cyclone_core.infra.stack_operations import Ended
from cyclone_core.infra.stack_schedule import Left, Signal

FIRST_LOOK_S, LOOK_EVERY_S = 1.0, 10.0
"""Between two looks at a copy: it takes minutes, and DescribeImages is throttled."""
_TOLD_EVERY_S = 60.0
"""So often it is said that it still goes on where AWS tells no progress."""
_TOLD_AGAIN_S = 3.0
"""And not more often than that."""
_APPEARS_S = 60.0
"""So long a copy that was asked for may take to be shown."""


class ImageStep:
    """One copy's turn. Its methods raise AwsError, and `Left` once the thread is to leave."""

    def __init__(
        self, account: Account, host: str, change: Change, signal: Signal, say: Callable[[str], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._account, self._host, self._change, self._signal, self._say, self._now = account, host, change, signal, say, now
        self._body: Mapping[str, str] = machine_images.body_of(change)
        self._source, self._region = self._body["source"], change.region
        self._parameter = machine_images.parameter(host, self._source)

    def make(self) -> Ended:
        """Copy it, or follow the copy that is being made; ACTIVE at once when it is there."""
        found = self._found()
        if found is not None and (found.state in BROKEN or not found.id):
            self._say(f"an earlier copy is {found.state}: it is deleted")
            images.delete(self._account, self._region, found)
            found = None
        if found is None:
            refusal = self._begin()
            if refusal:
                return Ended("FAILED", refusal)
        elif not found.is_ready:
            self._say(f"its copy {found.id} was begun before and is followed to its end")
        return self._follow()

    def remove(self) -> Ended:
        """Delete every copy of the image, with its snapshots; DELETED at once when there is none."""
        images.forget(self._account, self._region, self._parameter)
        for found in self._all():
            images.delete(self._account, self._region, found)
            self._say(f"deleted: {', '.join((*([found.id] if found.id else []), *found.snapshots))}")
        return Ended("DELETED")

    def _begin(self) -> str:
        """Ask for the copy; why that cannot be, "" when it has begun."""
        region, name = self._body["source_region"], self._body["name"]
        source = images.source(self._account, region, self._source)
        if source is None:
            again = f"hyper clusters update-cluster --name CLUSTER --main-region-image-name {name}"
            return f"machine image {self._source} is not in {region} any more. Have the image of that name looked up again: {again}"
        tags = {
            naming.TAG_HOST: self._host, naming.TAG_KIND: machine_images.KIND, naming.TAG_NAME: name, naming.TAG_SOURCE: self._source,
        }  # fmt: skip
        images.copy(self._account, self._region, naming.machine_image(self._host, name, self._source), region, source, tags)
        kept = ", encrypted with the region's own key of EC2" if source.is_encrypted else ""
        self._say(f"{self._source} is copied from {region}{f', {source.gib} GiB' if source.gib else ''}{kept}")
        return ""

    def _follow(self) -> Ended:
        began, told_at, told, pause = self._now(), self._now(), "", FIRST_LOOK_S
        while True:
            found = self._found()
            if self._signal.cancelled.is_set():
                return self._cancelled(found)
            if found is not None and found.is_ready:
                images.tell(self._account, self._region, self._parameter, found.id)
                return Ended("ACTIVE", found.id)
            if found is not None and found.state in BROKEN:
                images.delete(self._account, self._region, found)
                why = found.reason or "AWS does not say why"
                return Ended("FAILED", f"it could not be copied: {why.rstrip('.')}. Mend that, then {stack_words.RETRY}")
            if found is None and self._now() - began > _APPEARS_S:
                return Ended("FAILED", f"the copy that was asked for is not there: somebody deregistered it. If not, {stack_words.RETRY}")
            progress = found.progress if found else ""
            silent = self._now() - told_at
            if not told or (progress != told and silent > _TOLD_AGAIN_S) or silent > _TOLD_EVERY_S:
                minutes = f"{(self._now() - began) / 60:.0f} minutes so far"
                self._say(f"{found.id if found else 'it'} is being copied: {progress or minutes}")
                told, told_at = progress or minutes, self._now()
            if not self._signal.wait(pause):
                raise Left
            pause = min(pause * 1.5, LOOK_EVERY_S)

    def _cancelled(self, found: Copy | None) -> Ended:
        """End the copy that is being made."""
        if found is None or found.is_ready:
            return Ended("CANCELLED", "it is copied, and stays until nobody uses it" if found else stack_words.NOT_BEGUN)
        try:
            images.delete(self._account, self._region, found)
        except AwsError as exc:
            return Ended("CANCELLED", f"its copy {found.id} could not be ended: {exc}")
        return Ended("CANCELLED", f"its copy {found.id} was ended, nothing of it is left")

    def _found(self) -> Copy | None:
        """The best copy that there is."""
        return min(self._all(), key=lambda copy: (not copy.is_ready, copy.state in BROKEN or not copy.id), default=None)

    def _all(self) -> list[Copy]:
        return [copy for copy in images.copies(self._account, self._region, self._host) if copy.source == self._source]
