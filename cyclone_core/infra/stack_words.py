"""What is said while stacks change: what happened, why, and what to do next. Pure.

A failure begins with its root: the first resource that failed and why, before what became of the rest.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cyclone_core import naming
from cyclone_core.infra import bootstrap
from cyclone_core.infra.stack_states import cause, denied_action, is_taken

if TYPE_CHECKING:
    from cyclone_core.aws.stacks import StackEvent, StackNow

RETRY = "do the rest: hyper deployments retry NUMBER"
"""How a deployment that failed goes on; the commands name its number."""
BUSY = f"somebody else goes on changing this stack, so nothing was done to it. Agree with them, then {RETRY}"
NOT_BEGUN = "its change was not begun: it is as before"
CANNOT_BE_KEPT = (
    "this change makes resources anew, which CloudFormation does only if it may take that back: should it fail, it is taken back"
)
_KEPT = "what was made stays, to be looked at; the next deployment of it makes it anew"
_PERMISSIONS = "docs/aws-permissions.md lists what Cyclone needs"


def not_ours(now: "StackNow | None", tags: Mapping[str, str]) -> str:
    """Why a stack is left alone, "" when it is ours or not there. tags: those that it would have; none where tags do not matter."""
    if now is None or now.status in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE") or all(now.tags.get(key) == tags[key] for key in tags):
        return ""
    host = now.tags.get(naming.TAG_HOST)
    whose = f"it belongs to host {host}" if host and host != tags.get(naming.TAG_HOST) else "it has not the tags of this host's stacks"
    what = f"there is a stack {now.name} already, and {whose}: it was not touched"
    delete = f"aws cloudformation delete-stack --stack-name {now.name}"
    return f"{what}. Rename what you are making, or delete that stack if nobody needs it: {delete}"


def made_anew(status: str) -> str:
    """Before a stack is deleted that CloudFormation does not update any more."""
    return f"the stack was left in {status}, which can only be deleted: it is deleted and made anew"


def taken_back_first(status: str) -> str:
    """Before the end of a roll back that did not end."""
    return f"the stack was left in {status}: its last update is taken back first"


def under_way(status: str, begun: "Sequence[StackEvent]", ours: bool) -> str:
    """Before an operation is followed that was begun before us. begun: its events, oldest first."""
    since = f" since {time.strftime('%H:%M:%S', time.gmtime(begun[0].at))} UTC" if begun else ""
    if ours:
        return f"this was begun before ({status}{since}) and is followed to its end"
    return f"somebody else is changing this stack ({status}{since}): its end is waited for, then what is left is done"


def others_take_long(seconds: float) -> str:
    """When the end of somebody else's operation is waited for no longer."""
    return f"somebody else has been changing this stack for more than {seconds / 60:.0f} minutes. Wait for its end, then {RETRY}"


def refused(reason: str) -> str:
    """For a change set that CloudFormation could not make."""
    return f"CloudFormation refused the template: {reason.strip().rstrip('.')}. {_advice(reason)}"


def failed(events: "Sequence[StackEvent]", status: str) -> str:
    """Why a creation or update failed and what is there now. status: in which the stack ended."""
    root = cause(events)
    why = f"{root.logical_id} ({root.type}): {_clean(root.reason)}" if root else _of_stack(events)
    return f"{why}. {_left(status)}. {_advice(root.reason if root else why)}"


def not_deleted(events: "Sequence[StackEvent]") -> str:
    """Why a stack could not be deleted."""
    root = cause(events)
    why = f"{root.logical_id} ({root.type}): {_clean(root.reason)}" if root else _of_stack(events)
    return f"it could not be deleted: {why}. What is left of it is still there. {_advice(root.reason if root else why)}"


def still_stuck(events: "Sequence[StackEvent]") -> str:
    """Why an update could not be taken back."""
    root = cause(events)
    why = f"{root.logical_id} ({root.type}): {_clean(root.reason)}" if root else _of_stack(events)
    return f"its last update cannot be taken back: {why}. Mend that, then {RETRY}"


def cancelled(status: str) -> str:
    """How a stack is after its operation was ended."""
    return "its creation was ended, nothing of it is left" if status == "DELETE_COMPLETE" else "its update was taken back: it is as before"


def skipped(stack: str, region: str) -> str:
    """For a stack whose turn does not come."""
    return f"not begun: it needs stack {stack} in {region}, which did not succeed"


def other_bootstrap(account: str, region: str) -> str:
    """For a region whose bootstrap has not the bucket that is looked for."""
    what = f"there is a stack {bootstrap.STACK}, but not its bucket {bootstrap.bucket(account, region)}: somebody deleted that, or made"
    return f"{what} the stack with another qualifier, so it was not touched. Have the bucket made: cdk bootstrap aws://{account}/{region}"


def shared_kept(regions: Iterable[str]) -> str:
    """After the deletion of a host: what its regions still have and is not the host's alone."""
    return f"kept: stack {bootstrap.STACK} in {', '.join(regions)}, which other applications of the CDK may use; it costs cents a month"


def broken(error: BaseException | None) -> str:
    """When a stack's thread ended by an error of ours."""
    what = f" ({type(error).__name__}{f': {_clean(str(error))}' if str(error) else ''})" if error is not None else ""
    return (
        f"an error of Cyclone itself{what}: the deployment's log has its traceback, please report it. What was begun goes on; then {RETRY}"
    )


def interrupted(problem: str) -> str:
    """When AWS can no longer be asked in the middle of an operation."""
    return f"{problem.rstrip('.')}. What was begun goes on on AWS by itself; afterwards {RETRY}"


def _left(status: str) -> str:
    return {
        "DELETE_COMPLETE": "What was made of it is deleted again, nothing is left",
        "DELETE_FAILED": "What was made of it could not be deleted entirely; the next deployment tries again",
        "UPDATE_ROLLBACK_COMPLETE": "The update was taken back: it is as before",
        "UPDATE_ROLLBACK_FAILED": "The update could not be taken back entirely; the next deployment goes on with that",
        "CREATE_FAILED": f"As asked for, {_KEPT}",
        "UPDATE_FAILED": "As asked for, the update is not taken back, to be looked at; the next deployment takes it back first",
    }.get(status, f"The stack ended in {status}")


def _advice(reason: str) -> str:
    action = denied_action(reason)
    if action:
        return f"Have {action} allowed ({_PERMISSIONS}), then {RETRY}"
    if is_taken(reason):
        return f"Something of that name is left from before or somebody else's: remove it or choose another name, then {RETRY}"
    return f"Mend that, then {RETRY}"


def _of_stack(events: "Sequence[StackEvent]") -> str:
    """The stack's own words, where no resource has any."""
    reasons = [event.reason for event in events if event.reason and ("FAILED" in event.status or "ROLLBACK" in event.status)]
    reasons += [event.reason for event in reversed(events) if event.is_of_stack and event.reason not in ("", "User Initiated")]
    return _clean(reasons[0]) if reasons else "CloudFormation does not say why"  # a deletion that is called off has no state of its own


def _clean(reason: str) -> str:
    return " ".join(reason.split()).rstrip(".") or "CloudFormation does not say why"
