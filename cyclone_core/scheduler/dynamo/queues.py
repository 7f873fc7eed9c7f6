"""The message queues of lanes: one for each priority band that was ever used, in the main region.

A message is a hint that a unit is to be claimed; what is true stands in the table, so a doubled one harms nobody, and a lost one is sent
again. Each names its user as its group, by which SQS is fair (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/
sqs-fair-queues.html). What was delivered MOST_RECEIVES times without being deleted goes to the host's dead letters.

A queue is made by whoever sends to it first, and so is named everywhere the same way (`naming.lane_queue`). Of a queue that is not there
nothing is received, and its depth is 0.
"""

import json
import time

from cyclone_core import naming
from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo.keys import BANDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, Protocol

    class Sqs(Protocol):
        """The part of the lean client that is used here."""

        def sqs(self, operation: str, **parameters: Any) -> "dict[str, Any]":
            """The answer of a request. Raises AwsError."""

    Lane = tuple[str, str]
    """(cluster, definition)"""
    Unit = tuple[int, int, int, str]
    """(job, low: 0 of a single job, whether the slice exists as an item: 0 or 1, user)"""

BATCH = 10
"""Messages of one request."""
AT_ONCE = 16
"""Requests that are under way together when many messages are sent."""
MOST_RECEIVES = 20
VISIBILITY_S = 60
"""So long a received message is hidden; workers extend it."""
KEPT_S = 14 * 86_400
"""The most that a queue keeps a message."""
NEW_S = 1.0
"""So long a new queue may be unknown (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html)."""
ATTEMPTS = 6
"""Of the messages of a request that SQS refused one by one."""
MISSING = frozenset(("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"))
_FULL = frozenset(("OverLimit", "AWS.SimpleQueueService.OverLimit"))
"""120,000 messages of a queue are being worked on: there is nothing to receive until some of them are done."""
_GROUP = frozenset("!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~")
_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


class Message:
    """A unit to be claimed. low: first position of the slice, 0 of a single job; exists: the slice has an item already."""

    __slots__ = ("exists", "handle", "job", "low", "queue", "receives")

    def __init__(self, job: int, low: int = 0, exists: bool = False, queue: str = "", handle: str = "", receives: int = 1) -> None:
        """queue: its URL; handle: of this receipt; receives: how often it was delivered so far."""
        self.job, self.low, self.exists, self.queue, self.handle, self.receives = job, low, exists, queue, handle, receives


class Depth:
    """Messages of a queue or of several, about as many as SQS says."""

    __slots__ = ("delayed", "in_flight", "visible")

    def __init__(self, visible: int = 0, in_flight: int = 0, delayed: int = 0) -> None:
        """visible: may be received; in_flight: are being worked on; delayed: not yet visible."""
        self.visible, self.in_flight, self.delayed = visible, in_flight, delayed

    @property
    def total(self) -> int:
        """All of them."""
        return self.visible + self.in_flight + self.delayed


def body(job: int, low: int, exists: int = 0) -> str:
    """The text of a message."""
    return f'{{"j":{job},"l":{low},"s":1}}' if exists else f'{{"j":{job},"l":{low}}}'


def read(text: str) -> "tuple[int, int, bool] | None":
    """(job, low, exists) of a message's text, None for one that nobody here wrote."""
    try:
        found = json.loads(text)
        return int(found["j"]), int(found["l"]), bool(found.get("s"))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def group(user: str) -> str:
    """A user as a message group: at most 128 printable characters of ASCII."""
    cleaned = "".join(character if character in _GROUP else "_" for character in user) or "_"
    return cleaned[:128]


class Lanes:
    """Everybody's way to the message queues of one host. Threads may share it. Every method raises AwsError."""

    def __init__(self, aws: "Sqs", host: str, sleep: "Callable[[float], None]" = time.sleep) -> None:
        """aws: the client of the main region."""
        self._aws, self.host, self._sleep = aws, host, sleep
        self._urls: dict[str, str] = {}

    # -- sending ------------------------------------------------------------------------------------------------------
    def send(self, cluster: str, definition: str, band: int, units: "Iterable[Unit]") -> int:
        """One message for each unit, to the lane's queue of a band (its index in BANDS), which is made if need be; how many were sent.

        Raises AwsError when some could not be sent: which ones is not told, all may be sent again.
        """
        entries = [{"MessageBody": body(job, low, exists), "MessageGroupId": group(user)} for job, low, exists, user in units]
        if entries:
            name = naming.lane_queue(self.host, cluster, definition, BANDS[band])
            try:
                self._send_all(self._url(name) or self._make(name), entries)
            except AwsError as exc:
                if exc.code not in MISSING:
                    raise
                self._urls.pop(name, None)  # somebody deleted it after we had found it, or it was made a moment ago
                url = self._make(name)
                self._sleep(NEW_S)
                self._send_all(url, entries)
        return len(entries)

    def send_back(self, message: Message, units: "Iterable[Unit]") -> int:
        """One message for each unit, to the queue that a message came from: parts of a slice that was split."""
        entries = [{"MessageBody": body(job, low, exists), "MessageGroupId": group(user)} for job, low, exists, user in units]
        self._send_all(message.queue, entries)
        return len(entries)

    def _send_all(self, url: str, entries: "Sequence[dict[str, str]]") -> None:
        batches = list(_parts(entries))
        if len(batches) == 1:
            return self._send_batch(url, batches[0])
        from concurrent.futures import ThreadPoolExecutor  # seldom needed, and slow to import

        with ThreadPoolExecutor(min(AT_ONCE, len(batches) or 1)) as pool:
            for _ in pool.map(lambda batch: self._send_batch(url, batch), batches):
                pass
        return None

    def _send_batch(self, url: str, entries: "Sequence[dict[str, str]]") -> None:
        left = {str(number): entry for number, entry in enumerate(entries)}
        for attempt in range(ATTEMPTS):
            answer = self._aws.sqs("SendMessageBatch", QueueUrl=url, Entries=[{"Id": id, **entry} for id, entry in left.items()])
            refused = list(answer.get("Failed") or ())
            if not refused:
                return
            left = {failed["Id"]: left[failed["Id"]] for failed in refused}
            if any(failed.get("SenderFault") for failed in refused):
                break  # it would be refused again
            self._sleep(0.05 * 2**attempt)
        first = refused[0]
        what = f"{len(left)} messages could not be sent to {url.rpartition('/')[2]}: {first.get('Message') or first.get('Code')}"
        raise AwsError(f"{what}. They are sent again by themselves", str(first.get("Code", "")), "sqs:SendMessage")

    # -- receiving ----------------------------------------------------------------------------------------------------
    def has(self, cluster: str, definition: str, band: int) -> bool:
        """Whether a lane's band has a queue: whether it was ever used."""
        return bool(self._url(naming.lane_queue(self.host, cluster, definition, BANDS[band])))

    def receive(
        self, cluster: str, definition: str, band: int, most: int = BATCH, wait_s: int = 0, visibility_s: int = VISIBILITY_S
    ) -> "list[Message]":
        """Up to `most` (10 at most) messages of a lane's band, hidden from others for `visibility_s`; `wait_s` (20 at most): for the first.

        Of a queue that is not there none, at once. What cannot be read is left to become a dead letter.
        """
        url = self._url(naming.lane_queue(self.host, cluster, definition, BANDS[band]))
        if not url:
            return []
        asked = {"MaxNumberOfMessages": min(most, BATCH), "WaitTimeSeconds": wait_s, "VisibilityTimeout": visibility_s}
        try:
            answer = self._aws.sqs("ReceiveMessage", QueueUrl=url, AttributeNames=["ApproximateReceiveCount"], **asked)
        except AwsError as exc:
            if exc.code in MISSING:
                self._forget(url)
            elif exc.code not in _FULL:
                raise
            return []
        return [message for each in answer.get("Messages") or () if (message := _message(url, each))]

    def extend(self, messages: "Iterable[Message]", seconds: int) -> None:
        """Hide messages for so long from now on (0: hand them back). What is no longer ours is left alone."""
        for url, part in _by_queue(messages):
            entries = [
                {"Id": str(number), "ReceiptHandle": message.handle, "VisibilityTimeout": seconds} for number, message in enumerate(part)
            ]
            self._unless_gone("ChangeMessageVisibilityBatch", QueueUrl=url, Entries=entries)

    def delete(self, messages: "Iterable[Message]") -> None:
        """Delete messages: their units are over, or are worked on. One that cannot be deleted comes again, which harms nobody."""
        for url, part in _by_queue(messages):
            entries = [{"Id": str(number), "ReceiptHandle": message.handle} for number, message in enumerate(part)]
            self._unless_gone("DeleteMessageBatch", QueueUrl=url, Entries=entries)

    # -- looking ------------------------------------------------------------------------------------------------------
    def depth(self, cluster: str, definition: str) -> Depth:
        """Messages of all bands of a lane."""
        found = Depth()
        for band in BANDS:
            each = self.depth_of(naming.lane_queue(self.host, cluster, definition, band))
            found = Depth(found.visible + each.visible, found.in_flight + each.in_flight, found.delayed + each.delayed)
        return found

    def depth_of(self, name: str) -> Depth:
        """Messages of the queue of this name."""
        url = self._url(name)
        if not url:
            return Depth()
        answer = self._unless_gone("GetQueueAttributes", QueueUrl=url, AttributeNames=list(_COUNTS))
        counts = answer.get("Attributes") or {}
        return Depth(*(int(counts.get(name, 0)) for name in _COUNTS))

    def names(self) -> "list[str]":
        """The names of all queues of lanes that there are."""
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            answer = self._aws.sqs("ListQueues", QueueNamePrefix=naming.message_queues(self.host)[:-1], MaxResults=1000, **token)
            found += [url.rpartition("/")[2] for url in answer.get("QueueUrls") or ()]
            token = {"NextToken": answer["NextToken"]} if answer.get("NextToken") else {}
            if not token:
                return [name for name in found if name.endswith(tuple(f"--{band}" for band in BANDS))]

    def remove(self, name: str) -> None:
        """Delete a queue with what is in it."""
        if url := self._url(name):
            self._unless_gone("DeleteQueue", QueueUrl=url)
            self._forget(url)

    # -- queues -------------------------------------------------------------------------------------------------------
    def _url(self, name: str) -> str:
        """The URL of a queue, "" when there is none."""
        if name not in self._urls:
            answer = self._unless_gone("GetQueueUrl", QueueName=name)
            if not answer:
                return ""
            self._urls[name] = answer["QueueUrl"]
        return self._urls[name]

    def _make(self, name: str) -> str:
        """Make a queue; two who do it at once make the same."""
        dead = self._aws.sqs("GetQueueUrl", QueueName=naming.dead_letters(self.host))["QueueUrl"]
        arn = self._aws.sqs("GetQueueAttributes", QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        tags = {naming.TAG_HOST: self.host, naming.TAG_KIND: "lane"}
        made = self._aws.sqs("CreateQueue", QueueName=name, Attributes=_attributes(arn, arn.rpartition(":")[0] + ":" + name), tags=tags)
        self._urls[name] = made["QueueUrl"]
        return self._urls[name]

    def _forget(self, url: str) -> None:
        self._urls = {name: each for name, each in self._urls.items() if each != url}

    def _unless_gone(self, operation: str, **parameters: "Any") -> "dict[str, Any]":
        """An answer, {} when the queue is not there."""
        try:
            return self._aws.sqs(operation, **parameters)
        except AwsError as exc:
            if exc.code not in MISSING:
                raise
            self._forget(parameters.get("QueueUrl", ""))
            return {}


def _attributes(dead_letters: str, arn: str) -> "dict[str, str]":
    refuse = {
        "Sid": "EncryptedConnectionsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {
        "VisibilityTimeout": str(VISIBILITY_S),
        "MessageRetentionPeriod": str(KEPT_S),
        "SqsManagedSseEnabled": "true",
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_letters, "maxReceiveCount": MOST_RECEIVES}),
        "Policy": json.dumps({"Version": "2012-10-17", "Statement": [refuse]}),
    }


def _message(url: str, raw: "dict[str, Any]") -> Message | None:
    found = read(raw.get("Body", ""))
    receives = int((raw.get("Attributes") or {}).get("ApproximateReceiveCount", 1))
    return Message(*found, url, raw["ReceiptHandle"], receives) if found else None


def _parts(entries: "Sequence[Any]") -> "Iterator[Sequence[Any]]":
    return (entries[first : first + BATCH] for first in range(0, len(entries), BATCH))


def _by_queue(messages: "Iterable[Message]") -> "Iterator[tuple[str, Sequence[Message]]]":
    found: dict[str, list[Message]] = {}
    for message in messages:
        found.setdefault(message.queue, []).append(message)
    for url, each in found.items():
        for part in _parts(each):
            yield url, part
