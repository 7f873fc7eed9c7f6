"""Stacks that are but a change set: on AWS two change sets that would create the same stack share it. ministack makes it anew for each.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html (`CREATE`): the stack is there with an id and
without resources, in REVIEW_IN_PROGRESS.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import handlers

_OPERATION = "CreateChangeSet"
Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[Mapping[str, Any]], Answer]


def keep() -> None:
    """Keep them from now on."""
    cloudformation._ACTION_HANDLERS[_OPERATION] = _keeping(cloudformation._ACTION_HANDLERS[_OPERATION])


def _keeping(original: Handler) -> Handler:
    def handle(parameters: Mapping[str, Any]) -> Answer:
        before = handlers._resolve_stack(str(cloudformation._p(parameters, "StackName")))
        if before is None or before.get("StackStatus") != "REVIEW_IN_PROGRESS":
            return original(parameters)
        status, headers, body = original(parameters)
        after = cloudformation._stacks.get(before["StackName"])
        cloudformation._stacks[before["StackName"]] = before
        if after is None or after is before:
            return status, headers, body
        _join(str(after["StackId"]), str(before["StackId"]))
        return status, headers, _bytes(body).replace(str(after["StackId"]).encode(), str(before["StackId"]).encode())

    return handle


def _join(new: str, old: str) -> None:
    """What belongs to the new stack belongs to the old one."""
    cloudformation._stack_events.pop(new, None)
    for change_set in cloudformation._change_sets.values():
        if change_set["StackId"] == new:
            change_set["StackId"] = old


def _bytes(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else body
