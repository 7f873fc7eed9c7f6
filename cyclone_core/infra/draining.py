"""What a changed cluster means for workers that run: they finish what they have begun, wherever AWS lets them. Pure.

* A compute environment that is changed in place leaves its jobs alone: more vCPUs concern nobody; where new instances are needed, AWS
  Batch gives the jobs on the old ones six hours (`stacks.cluster.DRAIN_MINUTES`), and the scaler asks their workers to leave.
* One that goes, with its job queue or alone, would end its jobs when CloudFormation deletes it. So the deployer changes the stack twice:
  first what goes stays beside what comes, disabled, in no queue (`with_old`); and once its workers have left, without it.
* One of the strategy BEST_FIT is made anew under its logical id, which only CloudFormation does: its workers lose their instances.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

ENVIRONMENT, QUEUE, TEMPLATE = "AWS::Batch::ComputeEnvironment", "AWS::Batch::JobQueue", "AWS::EC2::LaunchTemplate"
Working = Callable[[str, str], Mapping[str, int]]
"""(cluster, region) -> compute environment's name -> workers there now; "" of those that do not say where they are. Raises CycloneError."""
Template = Mapping[str, Any]
_IN_PLACE = ("MinvCpus", "MaxvCpus", "DesiredvCpus", "UpdateToLatestImageVersion")
"""Of an environment's resources: what changes without new instances."""
HOURS = 6


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


def in_place(deployed: Template, wanted: Template) -> frozenset[str]:
    """Environments that are changed and not made anew, whatever CloudFormation deems possible: the templates say so, before and after."""

    def says(template: Template) -> set[str]:
        entries = template.get("Resources", {}).items()
        return {name for name, entry in entries if entry.get("Properties", {}).get("ReplaceComputeEnvironment") is False}

    return frozenset(says(deployed) & says(wanted))


def concerns_workers(deployed: Template, wanted: Template) -> bool:
    """Whether an environment, or what its instances are started from, differs."""
    both = [
        {name: each for name, each in template.get("Resources", {}).items() if each.get("Type") in (ENVIRONMENT, QUEUE, TEMPLATE)}
        for template in (deployed, wanted)
    ]
    return both[0] != both[1]


def note(deployed: Template, wanted: Template, changes: Iterable[Planned], workers: Mapping[str, int]) -> str:
    """What becomes of the workers of a cluster in a region whose environments change. workers: as `Working` says."""
    made_anew = any(change.type == ENVIRONMENT and change.action == "replace" for change in changes)
    gone = any(deployed["Resources"][name]["Type"] == ENVIRONMENT for name in going(deployed, wanted))
    renewed = _needs_instances(deployed, wanted)
    count = sum(workers.values())
    told = f"{count} {'worker runs' if count == 1 else 'workers run'} there now"
    if not count:
        return "no workers run there now"
    if made_anew:
        return f"{told}: instances of BEST_FIT are not kept, what their tasks have begun is begun again elsewhere"
    if gone:
        return f"{told}: those on instances that go finish what they have begun first, others come on new ones meanwhile"
    if renewed:
        is_batch = any(entry["Type"] == ENVIRONMENT for entry in wanted["Resources"].values())
        limit = f" (in {HOURS} hours at most, as AWS Batch has it)" if is_batch else ""
        return f"{told}: they finish what they have begun{limit}, others come on new instances"
    return f"{told}: nothing happens to them"


def _needs_instances(deployed: Template, wanted: Template) -> bool:
    """Whether an environment that stays gets other instances."""
    for name, entry in wanted.get("Resources", {}).items():
        before = deployed.get("Resources", {}).get(name)
        if before is None or entry["Type"] not in (ENVIRONMENT, TEMPLATE):
            continue
        if entry["Type"] == TEMPLATE and entry.get("Properties") != before.get("Properties"):
            return True
        if entry["Type"] == ENVIRONMENT and _made_from(before) != _made_from(entry):
            return True
    return False


def _made_from(environment: Template) -> dict[str, Any]:
    resources = environment.get("Properties", {}).get("ComputeResources", {})
    return {name: value for name, value in resources.items() if name not in _IN_PLACE}


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
