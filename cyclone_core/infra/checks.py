"""What stands against a plan: every problem of all of its changes, before the first is made.

Pure. The rules are `scheduler.references`, which the supervisor applies again when it stores: here they are applied to a whole plan,
each change seeing the ones before it, so that a queue may be moved and its old cluster deleted in one go.
"""

from collections.abc import Mapping

from cyclone_core.infra import plan as plans
from cyclone_core.infra.plan import Bodies, Plan
from cyclone_core.problems import Problem
from cyclone_core.scheduler import references


def problems(plan: Plan, current: Bodies, open_jobs: Mapping[tuple[str, str], int]) -> list[Problem]:
    """Why a plan cannot be applied; [] when it can. open_jobs: as `references.check_delete` takes them."""
    found: list[Problem] = []
    state: Bodies = current
    for change in plan.changes:
        if change.body is None:
            found += references.check_delete(change.kind, change.name, state, open_jobs)
        else:
            found += references.check_put(change.kind, change.body, state, "create" if change.action == "create" else "update")
        state = plans.applied(Plan((change,)), state)
    return list(dict.fromkeys(found))
