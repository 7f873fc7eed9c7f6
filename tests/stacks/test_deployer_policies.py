"""The policies of a role that deploys, by the linter of policies: they are for one host, and for actions that exist."""

from typing import Any

from cyclone_core.infra import permissions
from tests.stacks.bodies import ACCOUNT
from tests.stacks.linting import policy_findings


def test_nothing_is_allowed_that_is_not_needed() -> None:
    """On everything only where the table of rights says why."""
    documents: dict[str, Any] = {**permissions.policies("grid", ACCOUNT), "look": permissions.look_policy("grid", ACCOUNT)}
    found = policy_findings({"Resources": {name: {"Properties": {"Policy": document}} for name, document in documents.items()}})
    on_everything = [each.split(": ")[1].partition(" on everything")[0] for each in found if " on everything" in each]
    assert all(permissions.scope_of(action).why for action in on_everything)
    assert [each for each in found if " on everything" not in each] == []
