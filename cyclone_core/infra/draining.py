"""What a changed cluster means for workers that run: they finish what they have begun. Pure.

* More or fewer vCPUs change a compute environment in place, and concern nobody.
* Other instances are another environment, by its logical id (`stacks.cluster`). What goes, environments and job queues, would end its jobs
  when CloudFormation deletes it. So the deployer changes the stack twice: first what goes stays beside what comes, disabled, in no queue,
  with all that it needs (`with_old`); and once its workers have left, without it. The scaler asks them to leave.
* Machines of a cluster of type EC2 are launched from a template that changes in place, and end by themselves.
* What somebody changed beside CloudFormation is changed back in place, for which AWS Batch gives jobs six hours at most.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

ENVIRONMENT, QUEUE, TEMPLATE = "AWS::Batch::ComputeEnvironment", "AWS::Batch::JobQueue", "AWS::EC2::LaunchTemplate"
Working = Callable[[str, str], Mapping[str, int]]
"""(cluster, region) -> compute environment's name -> workers there now; "" of those that do not say where they are. Raises CycloneError."""
Template = Mapping[str, Any]
_SAME_INSTANCES = ("MinvCpus", "MaxvCpus", "DesiredvCpus", "State")
"""How paths end of what is put back of an environment without new instances."""


class Planned(Protocol):
    """What happens to a resource (`stack_plans.ResourceChange`)."""

    @property
    def action(self) -> str:
        """create, change, replace, maybe-replace, delete or retain."""

    @property
    def logical_id(self) -> str:
        """In the template."""

    @property
    def type(self) -> str:
        """Such as AWS::Batch::JobQueue."""

    @property
    def physical_id(self) -> str:
        """An environment's ARN."""

    @property
    def reverted(self) -> tuple[tuple[str, str, str], ...]:
        """(path, value that somebody gave it, value that it gets) of what is put back."""


def going(deployed: Template, wanted: Template) -> tuple[str, ...]:
    """Logical ids of environments and job queues that a changed template has no more."""
    after = wanted.get("Resources", {})
    return tuple(name for name, entry in deployed.get("Resources", {}).items() if _is_batch(entry) and name not in after)


def with_old(deployed: Template, wanted: Template) -> dict[str, Any]:
    """The wanted template with what goes beside it: disabled, and what that refers to."""
    before, after = deployed.get("Resources", {}), dict(wanted.get("Resources", {}))
    left = list(going(deployed, wanted))
    while left:
        name = left.pop()
        if name in after or name not in before:
            continue
        entry = before[name]
        after[name] = {**entry, "Properties": {**entry.get("Properties", {}), "State": "DISABLED"}} if _is_batch(entry) else entry
        left += _references(entry)
    return {**wanted, "Resources": after}


def in_place(template: Template) -> frozenset[str]:
    """Environments that are changed back and not made anew, whatever CloudFormation deems possible: their templates say so."""
    entries = template.get("Resources", {}).items()
    return frozenset(name for name, entry in entries if entry.get("Properties", {}).get("ReplaceComputeEnvironment") is False)


def concerns_workers(deployed: Template, wanted: Template, changes: Iterable[Planned]) -> bool:
    """Whether an environment, or what its instances are started from, differs from what is wanted, or from what was deployed."""
    both = [
        {name: each for name, each in template.get("Resources", {}).items() if each.get("Type") in (ENVIRONMENT, QUEUE, TEMPLATE)}
        for template in (deployed, wanted)
    ]
    return both[0] != both[1] or any(map(_is_put_back, changes))


def on(workers: Mapping[str, int], environments: Collection[str]) -> int:
    """Workers in some environments; of one that does not say where it is, one assumes that it is there."""
    return sum(count for name, count in workers.items() if not name or name in environments) if environments else 0


def note(deployed: Template, wanted: Template, changes: Sequence[Planned], workers: Mapping[str, int]) -> str:
    """What becomes of the workers of a cluster in a region whose environments change. workers: as `Working` says."""
    count = sum(workers.values())
    told = f"{count} {'worker runs' if count == 1 else 'workers run'} there now"
    if not count:
        return "no workers run there now"
    gone = {change.physical_id.rpartition("/")[2] for change in changes if change.type == ENVIRONMENT and change.action == "delete"}
    if leave := on(workers, gone):
        return f"{told}, {leave} of them on instances that go: what is begun there is finished first, others come on new ones meanwhile"
    if any(map(_is_put_back, changes)):
        return f"{told}: those on instances that are changed back finish what they have begun, in six hours at most, as AWS Batch has it"
    if _launches_others(deployed, wanted):
        return f"{told}: they finish what they have begun, others come on new instances"
    return f"{told}: nothing happens to them"


def _is_put_back(change: Planned) -> bool:
    """Whether an environment gets the instances again that it had before somebody changed it."""
    paths = [path for path, _, _ in change.reverted if not path.endswith(_SAME_INSTANCES)]
    return change.type == ENVIRONMENT and change.action != "create" and bool(paths)


def _launches_others(deployed: Template, wanted: Template) -> bool:
    """Whether machines are launched from a template that stays and changes."""
    before = deployed.get("Resources", {})
    entries = wanted.get("Resources", {}).items()
    return any(entry["Type"] == TEMPLATE and name in before and entry != before[name] for name, entry in entries)


def _is_batch(entry: Template) -> bool:
    return entry.get("Type") in (ENVIRONMENT, QUEUE)


def _references(value: object) -> Iterator[str]:
    """Logical ids that something refers to."""
    if isinstance(value, Mapping):
        if isinstance(name := value.get("Ref"), str):
            yield name
        attribute = value.get("Fn::GetAtt")
        if isinstance(attribute, list) and attribute:
            yield str(attribute[0])
        depends = value.get("DependsOn")
        yield from [depends] if isinstance(depends, str) else depends if isinstance(depends, list) else []
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
