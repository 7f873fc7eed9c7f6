"""Drift of types that ministack cannot read, and change sets that put things back (`DeploymentMode: REVERT_DRIFT`), which it does not know.

Such a change set has a change for each resource that is not as its stack made it, with the actual value of each property; when it is
executed, ministack updates these from what they actually are, and makes those again that somebody deleted.
"""

import copy
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from ministack.core.responses import now_iso
from ministack.services import cloudformation
from ministack.services.cloudformation import changesets
from ministack.services.cloudformation import drift as ministack_drift

from cyclone_core.sandbox.batch.refusal import Refused
from cyclone_core.sandbox.stacks.batch_types import ComputeEnvironment, JobDefinition, JobQueue, as_request

Call = Callable[[str, dict[str, Any]], dict[str, Any]]
Found = dict[str, dict[str, Any]]
"""logical id -> drift, as ministack tells it"""
_CHANGE = re.compile(r"<ResourceChange>.*?</ResourceChange>", re.DOTALL)


def install(call: Call) -> None:
    """Join both; before the first request. call: an operation of Batch, in the account and region of the stack."""
    readers = ministack_drift._DRIFT_READERS
    readers[ComputeEnvironment.name] = _batch_reader(call, "ComputeEnvironment"), frozenset(("State", "ComputeResources"))
    readers[JobQueue.name] = _batch_reader(call, "JobQueue"), frozenset(("State", "Priority", "ComputeEnvironmentOrder"))
    readers[JobDefinition.name] = lambda physical_id, _: {} if _is_active(call, physical_id) else None, frozenset()
    handlers = cloudformation._ACTION_HANDLERS
    handlers["CreateChangeSet"] = _creating(handlers["CreateChangeSet"])
    handlers["DescribeChangeSet"] = _describing(handlers["DescribeChangeSet"])
    handlers["ExecuteChangeSet"] = _executing(handlers["ExecuteChangeSet"])


# -- what Batch has ----------------------------------------------------------------------------------------------------
def _batch_reader(call: Call, what: str) -> Callable[[str, Mapping[str, Any]], dict[str, Any] | None]:
    member = f"{what[0].lower()}{what[1:]}s"

    def read(physical_id: str, expected: Mapping[str, Any]) -> dict[str, Any] | None:
        found = call(f"Describe{what}s", {member: [physical_id]})[member]
        return _as_template(expected, found[0]) if found else None

    return read


def _as_template(expected: Mapping[str, Any], described: Mapping[str, Any]) -> dict[str, Any]:
    """What Batch describes, in the words of a template: what it gives there; what Batch does not tell is as it should be."""
    found: dict[str, Any] = {}
    for name, value in expected.items():
        key = name[0].lower() + name[1:]
        if isinstance(value, Mapping) and isinstance(described.get(key), Mapping) and name != "Tags":
            found[name] = _as_template(value, described[key])
        elif isinstance(value, list) and key in described:
            same = [as_request(each) for each in value] == described[key]
            found[name] = value if same else [_in_words(each) for each in described[key]]
        else:
            found[name] = described.get(key, value)
    return found


def _in_words(value: Any) -> Any:
    return {key[0].upper() + key[1:]: inner for key, inner in value.items()} if isinstance(value, Mapping) else value


def _is_active(call: Call, physical_id: str) -> bool:
    try:
        return bool(call("DescribeJobDefinitions", {"jobDefinitions": [physical_id], "status": "ACTIVE"})["jobDefinitions"])
    except Refused:
        return False


# -- change sets -------------------------------------------------------------------------------------------------------
def _creating(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def create(params: Any) -> Any:
        stack = cloudformation._stacks.get(_given(params, "StackName"))
        if _given(params, "DeploymentMode") != "REVERT_DRIFT" or stack is None:
            return original(params)
        drift = _drift_of(stack)
        before = stack.get("_template", {})
        stack["_template"] = _as_it_is(before, drift)
        try:
            answer = original(params)
        finally:
            stack["_template"] = before
        made = changesets._find_change_set(_given(params, "ChangeSetName"), stack["StackName"])[1]
        if made is not None:
            made["cyclone_drift"] = drift
        return answer

    return create


def _describing(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def describe(params: Any) -> Any:
        status, headers, body = original(params)
        drift = _kept(params)
        if not drift:
            return status, headers, body
        text = body.decode() if isinstance(body, bytes) else body
        text = _CHANGE.sub(lambda found: _with_values(found[0], drift), text)
        return status, headers, text.encode() if isinstance(body, bytes) else text

    return describe


def _executing(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def execute(params: Any) -> Any:
        drift = _kept(params)
        made = changesets._find_change_set(_given(params, "ChangeSetName"), _given(params, "StackName"))[1]
        if drift and made is not None and made["ExecutionStatus"] == "AVAILABLE":
            stack = cloudformation._stacks[made["StackName"]]
            for name, each in drift.items():
                if each["StackResourceDriftStatus"] == "DELETED":
                    stack["_resources"].pop(name, None)
                else:
                    record = stack["_resources"][name]
                    record["Properties"] = {**record["Properties"], **json.loads(each["ActualProperties"])}
        return original(params)

    return execute


def _drift_of(stack: Mapping[str, Any]) -> Found:
    found = {}
    for name, record in stack.get("_resources", {}).items():
        if ministack_drift.supports_drift(record.get("ResourceType", "")):
            each = ministack_drift.detect_resource_drift(stack, name, record, now_iso())
            if each["StackResourceDriftStatus"] in ("MODIFIED", "DELETED"):
                found[name] = each
    return found


def _as_it_is(template: Mapping[str, Any], drift: Found) -> dict[str, Any]:
    """A stack's template as what is there would have it, so that the difference to the wanted one is seen."""
    changed: dict[str, Any] = copy.deepcopy(dict(template))
    for name, each in drift.items():
        if each["StackResourceDriftStatus"] == "DELETED":
            changed["Resources"].pop(name, None)
            continue
        actual = json.loads(each["ActualProperties"])
        properties = changed["Resources"][name].setdefault("Properties", {})
        for difference in each["PropertyDifferences"]:
            first = difference["PropertyPath"].strip("/").partition("/")[0]
            properties[first] = actual.get(first)
    return changed


def _with_values(change: str, drift: Found) -> str:
    """A change with what is actually there."""
    name = re.search(r"<LogicalResourceId>(.*?)</LogicalResourceId>", change)
    each = drift.get(name[1] if name else "")
    if each is None:
        return change
    told = "".join(
        f"<member><Target><Attribute>Properties</Attribute><Name>{_first(one)}</Name><Path>{escape(one['PropertyPath'])}</Path>"
        f"<AfterValue>{escape(one['ExpectedValue'])}</AfterValue><Drift><PreviousValue>{escape(one['ExpectedValue'])}</PreviousValue>"
        f"<ActualValue>{escape(one['ActualValue'])}</ActualValue></Drift></Target><Evaluation>Static</Evaluation></member>"
        for one in each.get("PropertyDifferences", ())
    )
    told += f"</Details><ResourceDriftStatus>{each['StackResourceDriftStatus']}</ResourceDriftStatus>"
    return change.replace("</Details>", told, 1) if "</Details>" in change else change.replace("<Details/>", f"<Details>{told}", 1)


def _first(difference: Mapping[str, str]) -> str:
    return escape(difference["PropertyPath"].strip("/").partition("/")[0])


def _kept(params: Any) -> Found:
    made = changesets._find_change_set(_given(params, "ChangeSetName"), _given(params, "StackName"))[1]
    found: Found = (made or {}).get("cyclone_drift", {})
    return found


def _given(params: Any, name: str) -> str:
    return str(changesets._p(params, name) or "")
