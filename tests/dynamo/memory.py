"""DynamoDB and SQS in memory, as far as the engine of AWS hosts asks them: conditions, transactions with tokens, stream records in the
order of the writes, reads that are a moment old; messages that get lost, come twice, late and in any order.

`test_memory` holds the table against DynamoDB Local.
"""

import itertools
import random
import re
from collections.abc import Callable
from typing import Any

from cyclone_core.errors import AwsError

Packed = dict[str, Any]
Key = tuple[str, str]
_INDEX = {"listing": ("listing", "listed_at"), "due": ("due", "due_at")}
_CLAUSE = re.compile(r"\b(SET|ADD|DELETE|REMOVE) ")
_LATE_MS = 1000


class Refused(AwsError):
    """An error as the lean client raises it, with the parsed answer."""

    def __init__(self, code: str, answer: Packed | None = None) -> None:
        super().__init__(code, code)
        self.answer = answer or {}


class MemoryDynamo:
    """One table. `stream`: what its stream tells, in order. chance: None for a table whose reads are never old."""

    def __init__(self, now: Callable[[], int] = lambda: 0, chance: random.Random | None = None) -> None:
        self._now, self._chance = now, chance
        self.items: dict[str, dict[str, Packed]] = {}
        self.stream: list[Packed] = []
        self._before: dict[Key, tuple[int, Packed | None]] = {}
        self._tokens: dict[str, str] = {}

    def dynamodb(self, operation: str, **asked: Any) -> Packed:
        """The answer. Raises AwsError with `code` and `answer`."""
        answer: Packed = getattr(self, f"_{operation}")(asked)
        return answer

    # -- reads ----------------------------------------------------------------------------------------------------------------------
    def _GetItem(self, asked: Packed) -> Packed:
        item = self._read(_key(asked["Key"]), asked.get("ConsistentRead", False))
        return {"Item": _projected(item, asked)} if item is not None else {}

    def _BatchGetItem(self, asked: Packed) -> Packed:
        ((name, wanted),) = asked["RequestItems"].items()
        found = [self._read(_key(key), wanted.get("ConsistentRead", False)) for key in wanted["Keys"]]
        return {"Responses": {name: [_projected(item, wanted) for item in found if item is not None]}}

    def _read(self, key: Key, consistent: bool) -> Packed | None:
        at, before = self._before.get(key, (-_LATE_MS, None))
        if not consistent and self._chance and self._now() - at < _LATE_MS and self._chance.random() < 0.4:
            return before
        return self._get(key)

    def _get(self, key: Key) -> Packed | None:
        return self.items.get(key[0], {}).get(key[1])

    def _Query(self, asked: Packed) -> Packed:
        names = _INDEX.get(asked.get("IndexName", ""), ("pk", "sk"))
        values, text = asked["ExpressionAttributeValues"], asked["KeyConditionExpression"]
        wanted = values[":pk"]["S"]
        if names[0] == "pk":
            found = list(self.items.get(wanted, {}).values())
        else:
            found = [one for part in self.items.values() for one in part.values() if one.get(names[0]) == {"S": wanted} and names[1] in one]
        if "BETWEEN" in text:
            low, high = _plain(values[":from"]), _plain(values[":to"])
            found = [one for one in found if low <= _plain(one[names[1]]) <= high]
        elif "begins_with" in text:
            found = [one for one in found if _plain(one[names[1]]).startswith(values[":begin"]["S"])]
        found.sort(key=lambda one: (_plain(one[names[1]]), one["pk"]["S"], one["sk"]["S"]), reverse=not asked.get("ScanIndexForward", True))
        if "Limit" in asked:
            found = found[: asked["Limit"]]
        if names[0] == "due":
            found = [{name: one[name] for name in ("pk", "sk", "due", "due_at", "q", "d") if name in one} for one in found]
        return {"Items": [_projected(one, asked) for one in found]}

    def _Scan(self, asked: Packed) -> Packed:
        return {"Items": [one for part in self.items.values() for one in part.values()]}

    # -- writes ---------------------------------------------------------------------------------------------------------------------
    def _PutItem(self, asked: Packed) -> Packed:
        return self._alone(_key(asked["Item"]), asked, lambda old: dict(asked["Item"]))

    def _UpdateItem(self, asked: Packed) -> Packed:
        key = _key(asked["Key"])
        self._alone(key, asked, lambda old: _updated(old, asked))
        return {"Attributes": dict(self.items[key[0]][key[1]])}

    def _DeleteItem(self, asked: Packed) -> Packed:
        return self._alone(_key(asked["Key"]), asked, lambda old: None)

    def _alone(self, key: Key, asked: Packed, change: Callable[[Packed | None], Packed | None]) -> Packed:
        old = self._get(key)
        if not _holds(old or {}, asked):
            raise Refused("ConditionalCheckFailedException", {"Item": old} if old else {})
        self._store(key, old, change(old))
        return {}

    def _TransactWriteItems(self, asked: Packed) -> Packed:
        actions = [next(iter(action.items())) for action in asked["TransactItems"]]
        token, contents = asked["ClientRequestToken"], repr(actions)
        if token in self._tokens:
            if self._tokens[token] != contents:
                raise Refused("IdempotentParameterMismatchException")
            return {}
        keys = [_key(one.get("Key") or one["Item"]) for _, one in actions]
        assert len(set(keys)) == len(keys) <= 100, "one item twice in a transaction"
        olds = [self._get(key) for key in keys]
        reasons = [
            {"Code": "None"} if _holds(old or {}, one) else {"Code": "ConditionalCheckFailed", "Item": old or {}}
            for old, (_, one) in zip(olds, actions, strict=True)
        ]
        if any(reason["Code"] != "None" for reason in reasons):
            raise Refused("TransactionCanceledException", {"CancellationReasons": reasons})
        self._tokens[token] = contents
        for key, old, (kind, one) in zip(keys, olds, actions, strict=True):
            if kind != "ConditionCheck":
                self._store(key, old, dict(one["Item"]) if kind == "Put" else None if kind == "Delete" else _updated(old, one))
        return {}

    def _store(self, key: Key, old: Packed | None, new: Packed | None) -> None:
        part = self.items.setdefault(key[0], {})
        self._before[key] = self._now(), old
        if new is None:
            part.pop(key[1], None)
        else:
            part[key[1]] = new
        if old == new:
            return
        kind = "REMOVE" if new is None else "INSERT" if old is None else "MODIFY"
        images = {name: image for name, image in (("OldImage", old), ("NewImage", new)) if image is not None}
        told = {"Keys": {"pk": {"S": key[0]}, "sk": {"S": key[1]}}, "SequenceNumber": str(len(self.stream)), **images}
        self.stream.append({"eventName": kind, "dynamodb": told})


def _key(packed: Packed) -> Key:
    return packed["pk"]["S"], packed["sk"]["S"]


def _plain(value: Packed) -> Any:
    ((kind, content),) = value.items()
    return int(content) if kind == "N" else content


def _projected(item: Packed, asked: Packed) -> Packed:
    text = asked.get("ProjectionExpression")
    if not text:
        return dict(item)
    names = {asked["ExpressionAttributeNames"][alias.strip()] for alias in text.split(",")}
    return {name: item[name] for name in names if name in item}


# ruff: noqa: N802  methods are named after operations


def _holds(item: Packed, asked: Packed) -> bool:
    text = asked.get("ConditionExpression")
    return not text or all(_one_holds(item, part, asked) for part in text.split(" AND "))


def _one_holds(item: Packed, part: str, asked: Packed) -> bool:
    names, values = asked.get("ExpressionAttributeNames", {}), asked.get("ExpressionAttributeValues", {})
    if found := re.fullmatch(r"attribute_(not_)?exists\((\S+)\)", part):
        return bool((names[found[2]] in item) != bool(found[1]))
    found = re.fullmatch(r"(size\()?(#\w+)\)? (<=|>=|<>|=|<|>) (:\w+)", part)
    assert found, part
    name, value = names[found[2]], values[found[4]]
    if name not in item:
        return found[3] == "<>"
    if found[1]:
        ((_, content),) = item[name].items()
        return bool(len(content) == _plain(value))
    if next(iter(item[name])) != next(iter(value)):
        return found[3] == "<>"
    one, other = _plain(item[name]), _plain(value)
    answers: dict[str, bool] = {
        "=": one == other,
        "<>": one != other,
        "<": one < other,
        "<=": one <= other,
        ">": one > other,
        ">=": one >= other,
    }
    return answers[found[3]]


def _updated(old: Packed | None, asked: Packed) -> Packed:
    new = dict(old) if old is not None else dict(asked["Key"])
    names, values = asked.get("ExpressionAttributeNames", {}), asked.get("ExpressionAttributeValues", {})
    words = _CLAUSE.split(asked["UpdateExpression"])[1:]
    for word, text in itertools.batched(words, 2) if hasattr(itertools, "batched") else zip(words[::2], words[1::2], strict=True):
        for part in text.strip().split(", "):
            name = names[part.split()[0]]
            if word == "REMOVE":
                new.pop(name, None)
                continue
            value = values[part.split()[-1]]
            if word == "SET":
                new[name] = value
            elif "NS" in value:
                before = set(new.get(name, {"NS": ()})["NS"])
                after = before | set(value["NS"]) if word == "ADD" else before - set(value["NS"])
                new[name] = {"NS": sorted(after, key=int)}
                if not after:
                    del new[name]
            else:
                new[name] = {"N": str(int(new.get(name, {"N": "0"})["N"]) + int(value["N"]))}
    return new


class MemorySqs:
    """Message queues. Faults happen while `chance` is set: messages that are lost, come twice or late; the order is never kept then."""

    def __init__(self, now: Callable[[], int], chance: random.Random | None = None) -> None:
        self._now, self.chance = now, chance
        self.queues: dict[str, list[Packed]] = {}
        self.redrive: dict[str, int] = {}
        self.dead = ""
        self._numbers = itertools.count(1)

    def sqs(self, operation: str, **asked: Any) -> Packed:
        """The answer. Raises AwsError."""
        answer: Packed = getattr(self, f"_{operation}")(asked)
        return answer

    def _queue(self, asked: Packed) -> list[Packed]:
        name = asked["QueueUrl"].rpartition("/")[2]
        if name not in self.queues:
            raise Refused("QueueDoesNotExist")
        return self.queues[name]

    def _GetQueueUrl(self, asked: Packed) -> Packed:
        if asked["QueueName"] not in self.queues:
            raise Refused("QueueDoesNotExist")
        return {"QueueUrl": f"http://sqs/1/{asked['QueueName']}"}

    def _CreateQueue(self, asked: Packed) -> Packed:
        self.queues.setdefault(asked["QueueName"], [])
        return {"QueueUrl": f"http://sqs/1/{asked['QueueName']}"}

    def _DeleteQueue(self, asked: Packed) -> Packed:
        self._queue(asked)
        del self.queues[asked["QueueUrl"].rpartition("/")[2]]
        return {}

    def _ListQueues(self, asked: Packed) -> Packed:
        return {"QueueUrls": [f"http://sqs/1/{name}" for name in self.queues if name.startswith(asked["QueueNamePrefix"])]}

    def _GetQueueAttributes(self, asked: Packed) -> Packed:
        queue, now = self._queue(asked), self._now()
        visible = sum(message["at"] <= now for message in queue)
        counts = (visible, sum(message["at"] > now and message["count"] > 0 for message in queue))
        told = [*map(str, counts), str(len(queue) - sum(counts))]
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")
        return {
            "Attributes": {**dict(zip(names, told, strict=True)), "QueueArn": f"arn:aws:sqs:r:1:{asked['QueueUrl'].rpartition('/')[2]}"}
        }

    def _SendMessageBatch(self, asked: Packed) -> Packed:
        queue = self._queue(asked)
        for entry in asked["Entries"]:
            for _ in range(self.chance.choice((0, 1, 1, 1, 1, 1, 1, 2)) if self.chance else 1):
                late = self.chance.choice((0, 0, 0, 0, 2000, 90_000)) if self.chance else 0
                queue.append({"body": entry["MessageBody"], "at": self._now() + late, "count": 0, "sent": self._now(), "handle": ""})
        return {"Failed": []}

    def _ReceiveMessage(self, asked: Packed) -> Packed:
        queue, now, found = self._queue(asked), self._now(), list[Packed]()
        if self.chance:
            self.chance.shuffle(queue)
        for message in list(queue):
            if message["at"] > now or len(found) == asked["MaxNumberOfMessages"]:
                continue
            if message["count"] >= 20 and queue is not self.queues.get(self.dead):
                queue.remove(message)
                self.queues[self.dead].append({**message, "count": 0})
                continue
            message |= {"count": message["count"] + 1, "at": now + asked["VisibilityTimeout"] * 1000, "handle": str(next(self._numbers))}
            told = {"ApproximateReceiveCount": str(message["count"]), "SentTimestamp": str(message["sent"])}
            found.append({"Body": message["body"], "ReceiptHandle": message["handle"], "Attributes": told})
        return {"Messages": found}

    def _ChangeMessageVisibilityBatch(self, asked: Packed) -> Packed:
        for entry in asked["Entries"]:
            for message in self._queue(asked):
                if message["handle"] == entry["ReceiptHandle"] and message["at"] > self._now():
                    message["at"] = self._now() + entry["VisibilityTimeout"] * 1000
        return {}

    def _DeleteMessageBatch(self, asked: Packed) -> Packed:
        gone = {entry["ReceiptHandle"] for entry in asked["Entries"]}
        queue = self._queue(asked)
        queue[:] = [message for message in queue if message["handle"] not in gone]
        return {}
