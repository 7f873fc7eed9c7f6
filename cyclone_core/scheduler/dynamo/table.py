"""The jobs table, and the few ways in which it is asked: items in, items out, conditions that every change carries. Lean.

    table = Table(aws, naming.jobs_table(host))
    table.put(keys.job(7), item, [("pk", "absent", None)])
    table.update(keys.job(7), set={"s": 1}, when=[("l", "=", 3)])      what the item is now

An item is a dict of plain values (`values`) with `pk` and `sk` in it. A condition is a list of (attribute, operator, value), all of which
must hold: `=`, `<>`, `<`, `<=`, `>`, `>=`, `absent`, `present` (value None), `size` (of a set; 0: it is not there).
A condition that does not hold raises ConditionFailed with the item as it is: the caller sees whether that is its own write, whose answer
was lost on the way and which was sent again.
Throttling, 500s and silence were tried again by the client; here only what two transactions do to each other is.
"""

from time import sleep as _sleep

from cyclone_core.errors import AwsError
from cyclone_core.scheduler.dynamo.values import pack, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any, Protocol

    from cyclone_core.scheduler.dynamo.values import Item

    Key = tuple[str, str]
    """(pk, sk)"""
    When = Sequence[tuple[str, str, object]]
    """(attribute, operator, value), all of which must hold"""
    Action = dict[str, Any]
    """one change of a transaction, as `Table.put_action` and its siblings make it"""

    class Aws(Protocol):
        """What is needed of `aws.lean.client.Aws`."""

        def dynamodb(self, operation: str, **parameters: Any) -> dict[str, Any]:
            """The answer. Raises AwsError with `code` and the parsed answer as `answer`."""
            ...


_CONFLICTS = frozenset(("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded", "TransactionConflictException"))
_TRIES = 8
"""How often what conflicts with another transaction is sent: the last pause is a second and a quarter."""
MOST_AT_ONCE = 100
"""Items of a BatchGetItem, actions of a transaction."""


class ConditionFailed(Exception):
    """The condition of a write does not hold; nothing was written. `item`: what is there, {} for nothing."""

    def __init__(self, item: "Item") -> None:
        super().__init__(f"the condition does not hold: {item}")
        self.item = item


class Table:
    """One DynamoDB table with the keys `pk` and `sk`. Any thread may use it, if its client allows that."""

    def __init__(self, aws: "Aws", name: str, measure: bool = False, sleep: "Callable[[float], None]" = _sleep) -> None:
        """measure: every answer tells what it cost (ConsumedCapacity), for the client's meter."""
        self.aws, self.name = aws, name
        self._sleep = sleep
        self._more: dict[str, Any] = {"ReturnConsumedCapacity": "INDEXES"} if measure else {}

    # -- reading ------------------------------------------------------------------------------------------------------------------
    def get(self, key: "Key", consistent: bool = False, fields: "Sequence[str]" = ()) -> "Item | None":
        """An item (of it only some attributes, if any are named), None where there is none. Raises AwsError."""
        found = self._ask("GetItem", Key=_key(key), ConsistentRead=consistent, **_projection(fields)).get("Item")
        return unpack(found) if found else None

    def batch_get(self, wanted: "Sequence[Key]", consistent: bool = False, fields: "Sequence[str]" = ()) -> "dict[Key, Item]":
        """Those of the items that exist (fields: as in `get`, with pk and sk always). Raises AwsError."""
        found: dict[Key, Item] = {}
        names = tuple(dict.fromkeys(("pk", "sk", *fields))) if fields else ()
        wanted = list(dict.fromkeys(wanted))  # DynamoDB refuses keys that are named twice, and attributes too
        for at in range(0, len(wanted), MOST_AT_ONCE):
            left = [_key(key) for key in wanted[at : at + MOST_AT_ONCE]]
            for number in range(_TRIES):
                answer = self._ask(
                    "BatchGetItem", RequestItems={self.name: {"Keys": left, "ConsistentRead": consistent, **_projection(names)}}
                )
                for packed in answer.get("Responses", {}).get(self.name, ()):
                    item = unpack(packed)
                    found[item["pk"], item["sk"]] = item
                left = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
                if not left:
                    break
                self._pause(number)
            else:
                raise AwsError(
                    f"table {self.name} does not keep up with reading: ask again in a minute", "Throttling", "dynamodb:BatchGetItem"
                )
        return found

    def query(
        self, partition: str, *, index: str = "", between: "tuple[str, str] | tuple[int, int] | None" = None, prefix: str = "",
        backwards: bool = False,
        limit: int = 0, after: "Item | None" = None, consistent: bool = False, fields: "Sequence[str]" = (),
    ) -> "Iterator[Item]":  # fmt: skip
        """The items of a partition in the order of their sort keys, page after page as they are taken.

        index: `listing` or `due`, whose partition and sort key then count; between: from and to, both included; prefix: sort keys that
        begin so; limit: at most so many (0: all); after: an item to go on behind (of an index with its attributes). Raises AwsError.
        """
        names = {"": ("pk", "sk"), "listing": ("listing", "listed_at"), "due": ("due", "due_at")}[index]
        asked: dict[str, Any] = {"ScanIndexForward": not backwards, "ConsistentRead": consistent, **_projection(fields)}
        aliases, text = {"#partition": names[0]}, "#partition = :pk"
        values: dict[str, Any] = {":pk": partition}
        if between or prefix:
            aliases["#sort"] = names[1]
        if between:
            text += " AND #sort BETWEEN :from AND :to"
            values |= {":from": between[0], ":to": between[1]}
        elif prefix:
            text += " AND begins_with(#sort, :begin)"
            values[":begin"] = prefix
        asked["ExpressionAttributeNames"] = asked.get("ExpressionAttributeNames", {}) | aliases
        if index:
            asked["IndexName"] = index
        if after:
            asked["ExclusiveStartKey"] = pack({name: after[name] for name in {"pk", "sk", *names}})
        return self._pages("Query", limit, KeyConditionExpression=text, ExpressionAttributeValues=pack(values), **asked)

    def scan(self) -> "Iterator[Item]":
        """Everything, in no order: for checkers, never for work. Raises AwsError."""
        return self._pages("Scan", 0, ConsistentRead=True)

    def _pages(self, operation: str, limit: int, **asked: "Any") -> "Iterator[Item]":
        count = 0
        while True:
            if limit:
                asked["Limit"] = limit - count
            answer = self._ask(operation, **asked)
            for item in answer.get("Items", ()):
                yield unpack(item)
                count += 1
            if "LastEvaluatedKey" not in answer or (limit and count >= limit):
                return
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    # -- writing ------------------------------------------------------------------------------------------------------------------
    def put(self, key: "Key", item: "Item", when: "When" = ()) -> None:
        """Write an item whole. Raises ConditionFailed, AwsError."""
        self._write("PutItem", **self._put(key, item, when))

    def update(
        self, key: "Key", *, set: "Mapping[str, Any] | None" = None, add: "Mapping[str, Any] | None" = None,
        remove: "Sequence[str]" = (), delete: "Mapping[str, Any] | None" = None, when: "When" = (), returns: str = "ALL_NEW",
    ) -> "Item":  # fmt: skip
        """Change attributes of an item, which is made where there is none; what it is then (returns: ALL_NEW, ALL_OLD, NONE).

        add: numbers to add, sets to unite with; delete: sets to take away. A None in `set` removes. Raises ConditionFailed, AwsError.
        """
        asked = self._update(key, set or {}, add or {}, remove, delete or {}, when)
        return unpack(self._write("UpdateItem", ReturnValues=returns, **asked).get("Attributes", {}))

    def delete(self, key: "Key", when: "When" = ()) -> None:
        """Remove an item; nothing happens where there is none. Raises ConditionFailed, AwsError."""
        self._write("DeleteItem", TableName=self.name, Key=_key(key), **_condition(when, {}, {}))

    def put_action(self, key: "Key", item: "Item", when: "When" = ()) -> "Action":
        """`put` as a part of a transaction."""
        return {"Put": _with_item(self._put(key, item, when))}

    def update_action(
        self, key: "Key", *, set: "Mapping[str, Any] | None" = None, add: "Mapping[str, Any] | None" = None,
        remove: "Sequence[str]" = (), when: "When" = (),
    ) -> "Action":  # fmt: skip
        """`update` as a part of a transaction."""
        return {"Update": _with_item(self._update(key, set or {}, add or {}, remove, {}, when))}

    def check_action(self, key: "Key", when: "When") -> "Action":
        """A condition on an item that a transaction does not change."""
        return {"ConditionCheck": _with_item({"TableName": self.name, "Key": _key(key), **_condition(when, {}, {})})}

    def transact(self, actions: "Sequence[Action]", token: str) -> None:
        """All of the actions or none; at most 100. token: sent again within ten minutes it changes nothing (at most 36 characters).

        Raises ConditionFailed with the item of the first action whose condition does not hold; AwsError.
        """
        for number in range(_TRIES):
            try:
                self._ask("TransactWriteItems", TransactItems=list(actions), ClientRequestToken=token)
                return
            except AwsError as exc:
                reasons = (getattr(exc, "answer", None) or {}).get("CancellationReasons") or ()
                for reason in reasons:
                    if reason.get("Code") == "ConditionalCheckFailed":
                        raise ConditionFailed(unpack(reason.get("Item") or {})) from exc
                again = exc.code == "TransactionInProgressException" or any(reason.get("Code") in _CONFLICTS for reason in reasons)
                if not again or number == _TRIES - 1:
                    raise
                self._pause(number)

    # -- requests -----------------------------------------------------------------------------------------------------------------
    def _put(self, key: "Key", item: "Item", when: "When") -> "dict[str, Any]":
        return {"TableName": self.name, "Item": pack({"pk": key[0], "sk": key[1], **item}), **_condition(when, {}, {})}

    def _update(
        self, key: "Key", set: "Mapping[str, Any]", add: "Mapping[str, Any]", remove: "Sequence[str]", delete: "Mapping[str, Any]",
        when: "When",
    ) -> "dict[str, Any]":  # fmt: skip
        names: dict[str, str] = {}
        values: dict[str, Any] = {}
        clauses = []
        for word, between, changes in (("SET", " = ", set), ("ADD", " ", add), ("DELETE", " ", delete)):
            parts = [
                f"{_name(names, attribute)}{between}{_value(values, value)}" for attribute, value in changes.items() if value is not None
            ]
            if parts:
                clauses.append(f"{word} {', '.join(parts)}")
        gone = [*remove, *(attribute for attribute, value in set.items() if value is None)]
        if gone:
            clauses.append(f"REMOVE {', '.join(_name(names, attribute) for attribute in gone)}")
        return {"TableName": self.name, "Key": _key(key), "UpdateExpression": " ".join(clauses), **_condition(when, names, values)}

    def _write(self, operation: str, **asked: "Any") -> "dict[str, Any]":
        for number in range(_TRIES):
            try:
                return self._ask(operation, ReturnValuesOnConditionCheckFailure="ALL_OLD", **asked)
            except AwsError as exc:
                if exc.code == "ConditionalCheckFailedException":
                    raise ConditionFailed(unpack((getattr(exc, "answer", None) or {}).get("Item") or {})) from exc
                if exc.code not in _CONFLICTS or number == _TRIES - 1:
                    raise
                self._pause(number)
        raise AssertionError("unreachable")

    def _ask(self, operation: str, **asked: "Any") -> "dict[str, Any]":
        if operation not in ("BatchGetItem", "TransactWriteItems"):
            asked["TableName"] = self.name
        return self.aws.dynamodb(operation, **asked, **self._more)

    def _pause(self, number: int) -> None:
        self._sleep(0.01 * 2**number)


def _key(key: "Key") -> "Item":
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _with_item(action: "Action") -> "Action":
    return {**action, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def _name(names: "dict[str, str]", attribute: str) -> str:
    """An alias: many short names are reserved words."""
    alias = f"#{attribute}"
    names[alias] = attribute
    return alias


def _value(values: "dict[str, Any]", value: object) -> str:
    alias = f":v{len(values)}"
    values[alias] = value
    return alias


def _projection(fields: "Sequence[str]") -> "dict[str, Any]":
    if not fields:
        return {}
    names: dict[str, str] = {}
    return {"ProjectionExpression": ", ".join(_name(names, field) for field in fields), "ExpressionAttributeNames": names}


def _condition(when: "When", names: "dict[str, str]", values: "dict[str, Any]") -> "dict[str, Any]":
    parts = []
    for attribute, operator, value in when:
        alias = _name(names, attribute)
        if operator == "absent" or (operator == "size" and not value):
            parts.append(f"attribute_not_exists({alias})")
        elif operator == "present":
            parts.append(f"attribute_exists({alias})")
        elif operator == "size":
            parts.append(f"size({alias}) = {_value(values, value)}")
        else:
            parts.append(f"{alias} {operator} {_value(values, value)}")
    asked: dict[str, Any] = {}
    if parts:
        asked["ConditionExpression"] = " AND ".join(parts)
    if names:
        asked["ExpressionAttributeNames"] = names
    if values:
        asked["ExpressionAttributeValues"] = pack(values)
    return asked
