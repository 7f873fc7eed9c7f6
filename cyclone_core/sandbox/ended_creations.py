"""Stacks that are deleted while they are created: on AWS that ends the creation. ministack would go on creating beside the deletion.

What is being made is finished, what comes next fails as cancelled, the stack is taken back and then deleted. Its state is that of the
creation and the way back meanwhile, where AWS says DELETE_IN_PROGRESS at once.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudformation
from ministack.services.cloudformation import handlers, stacks

_OPERATION = "DeleteStack"
_LOOK_EVERY_S = 0.02
Answer = Any
Handler = Callable[[Mapping[str, Any]], Answer]


class EndedCreations:
    """The creations that somebody ended."""

    def __init__(self) -> None:
        self._ended: set[tuple[str, str, str]] = set()

    def watch(self) -> None:
        """Note deletions from now on."""
        cloudformation._ACTION_HANDLERS[_OPERATION] = self._noting(cloudformation._ACTION_HANDLERS[_OPERATION])

    def check(self, stack_name: str) -> None:
        """Raises ValueError, worded as AWS does, for a resource of a stack whose creation was ended."""
        if _key(stack_name) in self._ended:
            raise ValueError("Resource creation cancelled")

    def _noting(self, original: Handler) -> Handler:
        def handle(parameters: Mapping[str, Any]) -> Answer:
            stack = handlers._resolve_stack(str(cloudformation._p(parameters, "StackName")))
            if stack is None or stack.get("StackStatus") not in ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"):
                return original(parameters)
            key = _key(stack["StackName"])
            self._ended.add(key)
            stacks._create_stack_task_in_region(self._delete_later(stack, key, original, parameters), stack, stack["StackId"])
            return handlers._xml(200, f"{_OPERATION}Response", "")

        return handle

    async def _delete_later(self, stack: Mapping[str, Any], key: tuple[str, str, str], original: Handler, parameters: Any) -> None:
        while stack["StackStatus"].endswith("_IN_PROGRESS"):
            await asyncio.sleep(_LOOK_EVERY_S)
        self._ended.discard(key)
        original(parameters)


def _key(stack_name: str) -> tuple[str, str, str]:
    return get_account_id(), get_region(), stack_name
