"""What goes with a stack that is deleted, and CloudFormation leaves: contents of buckets, tables that are retained, message queues of
lanes, which the host's functions made, and instances, which they launched.

Tables, contents and instances go before the stack, so that a host of which anything is left that costs is still known as one; empty buckets
and message queues go after it, when nothing writes to them any more. What is kept is named, with how long it stays. Deleting again what is
gone does nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from cyclone_core import naming
from cyclone_core.aws import instances, messages, storage
from cyclone_core.aws.account import Account
from cyclone_core.aws.stacks import StackEvent, StackNow, StackResource, Stacks
from cyclone_core.errors import AwsError
from cyclone_core.infra.stack_plans import DATA

_WHOSE = (naming.TAG_HOST, naming.TAG_KIND, naming.TAG_NAME)
_RETAINED = ("Retain", "RetainExceptOnCreate")
_EVERY = 10_000
"""So many objects between two lines of progress."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Left:
    """What is to be deleted once the stack is gone."""

    buckets: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    """Lines about what stays."""
    launched: tuple[Mapping[str, str], ...] = ()
    """Tags of instances that its launch templates say."""


@dataclass(frozen=True)
class _Held:
    """A resource with what its template says of its deletion."""

    resource: StackResource
    retained: bool
    properties: Mapping[str, Any] = field(default_factory=dict)


class Cleanup:
    """Before and after the deletion of one stack. Every method raises AwsError."""

    def __init__(self, account: Account, region: str, say: Say, *, keep_data: bool) -> None:
        """say: takes lines about what is done; keep_data: leave what is retained as it is."""
        self._account, self._region, self._say, self._keep_data = account, region, say, keep_data

    def before(self, stacks: Stacks, now: StackNow | None) -> Left:
        """Empty what the stack has, delete the tables that would stay, and find what has to be deleted after it."""
        if now is None or now.is_empty or now.is_deleted:
            return Left()
        held = list(_held(stacks.template(now.name), stacks.resources(now.name)))
        kept = [line for each in held if (line := self._kept(each))]
        buckets = [each for each in held if each.resource.type == "AWS::S3::Bucket" and not (each.retained and self._keep_data)]
        for each in buckets:
            self._empty(each.resource.physical_id)
        launched = tuple(tags for each in held if each.resource.type == "AWS::EC2::LaunchTemplate" and (tags := _tags(each)))
        for tags in launched:
            self._terminate(tags)
        for each in held:
            if each.resource.type == "AWS::ECR::Repository" and not each.retained and not each.properties.get("EmptyOnDelete"):
                self._empty_repository(each.resource.physical_id)
            if each.resource.type == "AWS::DynamoDB::Table" and each.retained and not self._keep_data:
                kept += self._delete_table(each)
        return Left(tuple(each.resource.physical_id for each in buckets if each.retained), tuple(kept), launched)

    def after(self, left: Left) -> None:
        """Delete what the stack left, and name what stays."""
        for tags in left.launched:
            self._terminate(tags)  # the scaler may have launched until the template was gone
        for bucket in left.buckets:
            self._empty(bucket)  # somebody may have written until now
            if storage.delete_bucket(self._account, self._region, bucket):
                self._say(f"bucket {bucket} is deleted")
        for line in left.kept:
            self._say(line)

    def lanes(self, host: str, kind: str, name: str) -> None:
        """Delete message queues of lanes, which are in the main region: with the host all, else those of a cluster or definition."""
        if kind not in ("host", "cluster", "definition"):
            return
        found = messages.queues(self._account, self._region, naming.everything(host)[:-1])
        gone = [queue for queue in found if kind == "host" or naming.is_lane_of(host, queue, kind, name)]
        for queue in gone:
            messages.delete(self._account, self._region, queue)
        if gone:
            self._say(f"message queues of lanes are deleted: {len(gone)}")

    def _empty(self, bucket: str) -> None:
        told = 0

        def progress(count: int) -> None:
            nonlocal told
            if count - told >= _EVERY:
                told = count
                self._say(f"bucket {bucket}: {count:,} objects and versions deleted so far")

        count = storage.empty_bucket(self._account, self._region, bucket, progress)
        if count:
            self._say(f"bucket {bucket} is empty: {count:,} objects and versions were deleted")

    def _terminate(self, tags: Mapping[str, str]) -> None:
        if count := instances.terminate(self._account, self._region, tags):
            self._say(f"instances are terminated: {count}")

    def _empty_repository(self, repository: str) -> None:
        count = storage.empty_repository(self._account, self._region, repository)
        if count:
            self._say(f"repository {repository} is empty: {count:,} images were deleted")

    def _delete_table(self, held: _Held) -> list[str]:
        """Delete a table; lines about what stays of it."""
        table = held.resource.physical_id
        if not storage.delete_table(self._account, self._region, table):
            return []
        self._say(f"table {table} is deleted")
        if held.properties.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
            return [f"DynamoDB keeps a system backup of table {table} for 35 days, free of charge, then deletes it"]
        return []

    def _kept(self, held: _Held) -> str:
        """A line about what stays after the stack, "" for what does not."""
        resource = held.resource
        if not held.retained or not resource.physical_id or (resource.type in DATA and not self._keep_data):
            return ""
        cost = "; what it holds is charged until you delete it" if resource.type in DATA else ""
        return f"kept: {resource.physical_id} ({resource.type}) in {self._region}{cost}"


def delete_skipped(account: Account, region: str, events: Iterable[StackEvent]) -> None:
    """Delete the tables and buckets that a creation made, and that stayed when it was ended by a deletion: their names are needed again.

    events: of that creation and its end; a bucket that has something in it already stays. Raises AwsError.
    """
    for event in events:
        if event.status == "DELETE_SKIPPED" and event.type == "AWS::DynamoDB::Table":
            storage.delete_table(account, region, event.physical_id)
        if event.status == "DELETE_SKIPPED" and event.type == "AWS::S3::Bucket":
            with suppress(AwsError):
                storage.delete_bucket(account, region, event.physical_id)


def _tags(held: _Held) -> dict[str, str]:
    """Whose instances are launched from a template, a cluster of type EC2's; {} of a template that does not say so."""
    specs = held.properties.get("TagSpecifications", ())
    ours = {tag["Key"]: tag["Value"] for spec in specs for tag in spec["Tags"] if tag["Key"] in _WHOSE}
    return ours if set(ours) == set(_WHOSE) else {}


def _held(template: Mapping[str, Any], resources: Iterable[StackResource]) -> Iterable[_Held]:
    definitions = template.get("Resources", {})
    for resource in resources:
        if resource.physical_id and resource.status not in ("DELETE_COMPLETE", "DELETE_SKIPPED"):
            definition = definitions.get(resource.logical_id, {})
            yield _Held(resource, definition.get("DeletionPolicy") in _RETAINED, definition.get("Properties", {}))
