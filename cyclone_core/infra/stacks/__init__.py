"""The stacks of an AWS host, one module per kind of target; what a template has depends on its target alone.

Each module is named after the kind (`targets.Target.kind`) and has one function:

    def build(stack: HostStack, target: Target) -> None

It adds its resources to a stack that is there already, with name, region, account, tags and description; where the target says so the
record (`base.record`) is added afterwards. Modules use the level-1 constructs (`CfnQueue(stack, "DeadLetters", …)`) directly below
the stack: their logical ids are then what is written, and events and reviews can be read. What they share is in `base` (names and values
between stacks, acknowledged findings) and `functions` (Lambda functions).

The only room, beside `infra.synth_child` and `infra.app`, that imports `aws_cdk`. Nothing here reads a file, a clock or an account.
"""

from importlib import import_module
from importlib.util import find_spec

import aws_cdk

from cyclone_core.infra.stacks import base
from cyclone_core.infra.targets import Target

KINDS = ("host", "region", "hub", "peering", "cluster", "definition", "queue")
"""Kinds of stacks, each a module here; loaded when a target needs it, as each loads a part of the CDK."""


def build(app: aws_cdk.App, target: Target) -> base.HostStack:
    """Add the stack of a target to an app. Raises CycloneError when its record is too large."""
    module = f"{__name__}.{target.kind}"
    if target.kind not in KINDS or find_spec(module) is None:
        raise NotImplementedError(f"there is no stack of kind {target.kind!r}")
    stack = base.HostStack(app, target)
    import_module(module).build(stack, target)
    if target.properties.get("record"):
        base.record(stack, target)
    return stack
