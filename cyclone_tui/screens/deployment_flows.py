"""What can be done with a deployment, for the views that show one or many: cancel, retry, roll back. Each asks first and shows the plan."""

from collections.abc import Callable
from typing import Any

from cyclone_core.errors import InvalidRequest
from cyclone_core.operations import deployments
from cyclone_core.operations.deployments import Deployment, Plan
from cyclone_tui.deployment_progress import plan_lines
from cyclone_tui.screens.base import View


class DeploymentFlows(View):
    """Call these inside workers."""

    async def cancel_deployment(self, number: int) -> None:
        """Ask it to end."""
        detail = "The change that is being made is finished first; an image build is ended at once. What is done stays."
        if self.session.is_aws:
            detail = "Stacks that are under way go back where AWS can, or come to their end. No other is begun; what is done stays."
        twin = f"hyper deployments cancel {number}"
        if await self.confirm(f"Cancel deployment {number}?", detail, twin):
            await self.attempt(lambda host: deployments.cancel(host, number), done=f"deployment {number} is being cancelled")

    async def retry_deployment(self, number: int) -> None:
        """Do what it left undone."""
        await self._propose_and_begin(number, "Retry", deployments.propose_retry, deployments.retry, deployments.retry_line(number))

    async def roll_back_deployment(self, number: int) -> None:
        """Go back to what was there before."""
        await self._propose_and_begin(
            number, "Roll back", deployments.propose_roll_back, deployments.roll_back, deployments.roll_back_line(number)
        )

    async def _propose_and_begin(
        self, number: int, verb: str, propose: Callable[[Any, int], Any], begin: Callable[[Any, int, Any], Deployment], twin: str
    ) -> None:
        proposal = await self.attempt(lambda host: propose(host, number))
        if proposal is None:
            return
        if proposal.problems:
            self.cyclone.tell_error(InvalidRequest(proposal.problems))
        elif await self.confirm(f"{verb} deployment {number}?", plan_lines(proposal.plan), twin, typed_for(proposal.plan)):
            begun = await self.attempt(lambda host: begin(host, number, proposal))
            if begun is not None:
                self.open_deployment(begun.number)

    def open_deployment(self, number: int) -> None:
        """Show one, live."""
        from cyclone_tui.screens.deployment import DeploymentView

        self.cyclone.open_view(DeploymentView(number))


def typed_for(plan: Plan) -> str:
    """The name that must be typed to say yes, where a plan deletes what much hangs on; "" where a key is enough."""
    return next((change.name for change in plan.changes if change.action == "delete" and change.kind in ("host", "cluster", "region")), "")
