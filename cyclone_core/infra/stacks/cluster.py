"""The stack of a cluster in a region: compute environments of AWS Batch, and the job queues that fill them.

How the vCPUs are shared and how environments differ is decided in `infra.compute_environments`. Each later step of the cluster's fallback
chain has a queue of its own with one environment; they stay empty, and cost nothing, as long as instances come at the steps before.
Instances are in the region's network, ask for their metadata with IMDSv2, have encrypted disks and the rights of an ECS agent, no more.
Batch acts with its service-linked role, which it makes itself.

Queues have fixed names and survive every change. The logical id of an environment ends in a digest of all that its instances are made from,
and so does that of the launch template: other instances are another environment beside the one that is there, which can stay as it is,
with its own template, until its workers have left (`infra.stack_draining`). What was there before comes back under its old id.
"""

import base64
import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from aws_cdk import Fn, aws_batch, aws_ec2, aws_iam

from cyclone_core import naming
from cyclone_core.infra import machine_images
from cyclone_core.infra.compute_environments import Environment, environments, later
from cyclone_core.infra.stacks import base, ec2_cluster, joining
from cyclone_core.infra.stacks.base import HostStack
from cyclone_core.infra.stacks.functions import statement, trusting
from cyclone_core.infra.stacks.roles import RoleSpec, arn, role
from cyclone_core.infra.targets import Target

DRIFT_MINUTES = 360
"""So long workers may go on when somebody's change of an environment is taken back in place: the longest that AWS Batch allows."""
_DIGITS = 8
"""Of a digest at the end of a logical id, as the CDK's own have."""
BLOCKED_S = 600
"""A worker that no instance can ever hold keeps all behind it waiting, in every lane: it is cancelled after so long, the least there is."""
_HOPELESS = ("MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE", "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT")
"""Why it is so (https://docs.aws.amazon.com/batch/latest/userguide/job_stuck_in_runnable.html). A lack of capacity passes."""
_LOG_DRIVERS = '["json-file","syslog","journald","gelf","fluentd","awslogs","splunk","none"]'
"""What the ECS agent may be asked for; without being told, it offers less than Batch takes in a definition."""
_AGENT_SETTINGS = f"""MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="==CYCLONE=="

--==CYCLONE==
Content-Type: text/x-shellscript; charset="us-ascii"

#!/bin/bash
echo 'ECS_AVAILABLE_LOGGING_DRIVERS={_LOG_DRIVERS}' >> /etc/ecs/ecs.config

--==CYCLONE==--
"""
"""Batch adds its own part, which is why it has to be MIME (https://docs.aws.amazon.com/batch/latest/userguide/launch-templates.html)."""
_NO_RESOURCE = "The action has no resource: it asks where the service is"
_NAMED_BY_BATCH = "Batch makes the ECS clusters of its environments and chooses their names; no other account or region is meant"


def build(stack: HostStack, target: Target) -> None:
    """Add everything to the stack. Raises no error: plans refuse what cannot be made."""
    body = target.properties["body"]
    joining.add(stack, target)
    if body.get("launch_type") == "ONPREM":
        return
    if body.get("launch_type") == "EC2":
        ec2_cluster.build(stack, target)
        return
    found, after = environments(body, target.region), later(body, target.region)
    maker = _Maker(stack, target, (*found, *after))
    _queue(stack, target, "", [maker.environment(each) for each in found])
    for each in after:
        _queue(stack, target, each.rung, [maker.environment(each)])


class _Maker:
    """What the environments of a cluster share, and the environments."""

    def __init__(self, stack: HostStack, target: Target, all_of_them: Sequence[Environment]) -> None:
        self._stack, self._target, self._body = stack, target, target.properties["body"]
        self._called = naming.job_queue(target.place.host, target.name)
        self._profile = self._instance_profile()
        self._template = self._launch_template(all_of_them[0])
        self._fleet_role = self._spot_fleet_role() if any(each.is_spot and each.is_best_fit for each in all_of_them) else None

    def environment(self, asked: Environment) -> aws_batch.CfnComputeEnvironment:
        """Add one. Its logical id begins with host and cluster, as its name will: at most 114 characters, of a name's 128."""
        resources = self._resources(asked)
        cluster = f"{naming.in_logical_ids(self._target.place.host)}{naming.in_logical_ids(self._target.name)}"
        bought = "Spot" if asked.is_spot else "OnDemand"
        return aws_batch.CfnComputeEnvironment(
            self._stack,
            f"{cluster}{_step(asked.rung)}{bought}{asked.number}{_digest(self._stack, resources)}",
            type="MANAGED",
            state="ENABLED",
            # Only what somebody changed beside CloudFormation is changed back in place: made anew, it would end its jobs.
            replace_compute_environment=asked.is_best_fit,
            update_policy=None
            if asked.is_best_fit
            else aws_batch.CfnComputeEnvironment.UpdatePolicyProperty(
                job_execution_timeout_minutes=DRIFT_MINUTES, terminate_jobs_on_update=False
            ),
            compute_resources=aws_batch.CfnComputeEnvironment.ComputeResourcesProperty(**resources, minv_cpus=0, maxv_cpus=asked.max_vcpus),
        )

    def _resources(self, asked: Environment) -> dict[str, Any]:
        """All that instances are made from."""
        return {
            "type": "SPOT" if asked.is_spot else "EC2",
            "allocation_strategy": asked.strategy,
            "bid_percentage": asked.bid_percentage,
            "spot_iam_fleet_role": self._fleet_role.attr_arn if self._fleet_role and asked.is_spot else None,
            "instance_types": list(asked.instance_types),
            "instance_role": self._profile.attr_arn,
            "image_id": machine_images.reference(self._target.place.host, asked.image) if asked.image else None,
            "launch_template": aws_batch.CfnComputeEnvironment.LaunchTemplateSpecificationProperty(
                launch_template_id=self._template.ref, version=self._template.attr_latest_version_number
            ),
            "subnets": self._subnets(asked.zones),
            "security_group_ids": [base.imported(self._target, "security-group")],
            "tags": self._tags(),
        }

    def _subnets(self, zones: int | None) -> list[str]:
        """Those of all zones, or of the first ones: of a network that was imported the first subnet of each."""
        every = Fn.split(",", base.imported(self._target, "subnets"))
        network = self._target.properties.get("network")
        if zones is None or network is None or zones >= network["zones"]:
            return every
        return network["per_zone"][:zones] if network["per_zone"] else [Fn.select(number, every) for number in range(zones)]

    def _tags(self) -> dict[str, str]:
        """Of instances: which stack an instance is of cannot be overridden."""
        return {"Name": self._called, **self._body["compute_resources_tags"], **self._target.tags}

    def _instance_profile(self) -> aws_iam.CfnInstanceProfile:
        """Called otherwise than that of a cluster of type EC2: one that becomes so has both while instances of Batch go on."""
        clusters, instances = (arn(self._target, "ecs", f"{what}/*") for what in ("cluster", "container-instance"))
        spec = RoleSpec(
            f"Instances of cluster {self._target.name} of Cyclone host {self._target.place.host}",
            trusting("ec2.amazonaws.com"),
            _agent_statements(clusters, instances),
            {"*": _NO_RESOURCE, clusters: _NAMED_BY_BATCH, instances: _NAMED_BY_BATCH},
            self._body["iam_policies"],
        )
        made = role(self._stack, self._target, "AgentRole", spec)
        return aws_iam.CfnInstanceProfile(self._stack, "AgentProfile", roles=[made.ref])

    def _spot_fleet_role(self) -> aws_iam.CfnRole:
        spec = RoleSpec(
            f"Spot fleets of cluster {self._target.name} of Cyclone host {self._target.place.host}",
            trusting("spotfleet.amazonaws.com"),
            policies=["service-role/AmazonEC2SpotFleetTaggingRole"],
            why_policies="What EC2's spot fleets do with it is AWS's to say: Batch's documentation asks for this policy",
        )
        return role(self._stack, self._target, "SpotFleetRole", spec)

    def _launch_template(self, first: Environment) -> aws_ec2.CfnLaunchTemplate:
        properties = aws_ec2.CfnLaunchTemplate
        disk = properties.BlockDeviceMappingProperty(
            device_name="/dev/xvda", ebs=properties.EbsProperty(encrypted=True, volume_type="gp3", delete_on_termination=True)
        )
        data = properties.LaunchTemplateDataProperty(
            metadata_options=properties.MetadataOptionsProperty(
                http_endpoint="enabled",
                http_tokens="required",
                # A worker hears there that its spot instance is taken away, also from a container with a network of its own.
                http_put_response_hop_limit=2,
            ),
            # Of another image nothing is known, not even what its disk is called: it brings its own mapping.
            block_device_mappings=None if first.image else [disk],
            user_data=base64.b64encode(_AGENT_SETTINGS.encode()).decode(),
        )
        return properties(self._stack, f"Instances{_digest(self._stack, data)}", launch_template_data=data)


def _queue(stack: HostStack, target: Target, rung: str, made: Sequence[aws_batch.CfnComputeEnvironment]) -> None:
    order = [
        aws_batch.CfnJobQueue.ComputeEnvironmentOrderProperty(order=number, compute_environment=each.ref)
        for number, each in enumerate(made, 1)
    ]
    aws_batch.CfnJobQueue(
        stack,
        f"{_step(rung)}JobQueue",
        job_queue_name=naming.job_queue(target.place.host, target.name, rung),
        state="ENABLED",
        priority=1,
        compute_environment_order=order,
        job_state_time_limit_actions=[
            aws_batch.CfnJobQueue.JobStateTimeLimitActionProperty(
                action="CANCEL", max_time_seconds=BLOCKED_S, reason=reason, state="RUNNABLE"
            )
            for reason in _HOPELESS
        ],
    )


def _digest(stack: HostStack, made_from: object) -> str:
    """Equal for what is equal in templates; a launch template is there by its logical id, and so by its own digest."""
    told = json.dumps(stack.resolve(made_from), sort_keys=True)
    return sha256(told.encode()).hexdigest()[:_DIGITS].upper()


def _step(rung: str) -> str:
    """A step of the fallback chain as part of logical ids."""
    return naming.in_logical_ids(rung) if rung else ""


def _agent_statements(clusters: str, instances: str) -> list[dict[str, Any]]:
    """What the ECS agent asks for (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html), and no more.

    Containers pull and log with their definition's execution role.
    """
    register = ("ecs:DeregisterContainerInstance", "ecs:RegisterContainerInstance")
    report = ("ecs:SubmitAttachmentStateChanges", "ecs:SubmitContainerStateChange", "ecs:SubmitTaskStateChange")
    on_itself = ("ecs:Poll", "ecs:StartTelemetrySession", "ecs:UpdateContainerInstancesState")
    return [
        statement("ecs:DiscoverPollEndpoint", on="*"),
        statement(*register, *report, on=clusters),
        statement(*on_itself, on=instances),
        statement("ecs:TagResource", on=instances, StringEquals={"ecs:CreateAction": "RegisterContainerInstance"}),
    ]
