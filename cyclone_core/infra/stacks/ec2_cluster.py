"""The stack of a cluster of type EC2 in a region: what instances are launched from, and what they may do.

There is nothing that launches by itself: the scaler asks EC2 for instances (`scheduler.dynamo.ec2_region`), which end themselves. The
launch template has a fixed name and a new version with each change, and new instances are launched from the newest: those that run finish
what they have. A parameter names the region's subnets, for the scaler, which knows nothing of exports.

Instances are in the region's network, ask for their metadata with IMDSv2, have encrypted disks, and terminate when they shut down.
"""

from aws_cdk import CfnTag, Fn, aws_ec2, aws_iam, aws_ssm

from cyclone_core import naming
from cyclone_core.infra import machine_images, user_data
from cyclone_core.infra.stacks import base, worker_rights
from cyclone_core.infra.stacks.base import HostStack
from cyclone_core.infra.stacks.functions import asset, statement, trusting
from cyclone_core.infra.stacks.roles import RoleSpec, partition, role
from cyclone_core.infra.targets import Target
from cyclone_core.infra.user_data import Package
from cyclone_core.infra.worker_package import packed
from cyclone_core.prices import table as prices

IMAGES = "/aws/service/ami-amazon-linux-latest"
"""Public parameters with AWS's images (https://docs.aws.amazon.com/linux/al2023/ug/ec2.html); EC2 reads them when it launches."""
DISK_GIB = 30
"""Of the image's disk: tasks write there."""
_ROOT_DISK = "/dev/xvda"


def build(stack: HostStack, target: Target) -> None:
    """Add everything to the stack. Raises no error: plans refuse what cannot be made."""
    bucket, key = asset(stack, "Worker", "worker", packed())
    profile = _instance_profile(stack, target, Package(bucket, key))
    _launch_template(stack, target, profile, Package(bucket, key))
    aws_ssm.CfnParameter(
        stack,
        "Subnets",
        type="String",
        name=naming.subnets_of(target.place.host, target.name),
        description=f"Cyclone host {target.place.host}: where instances of cluster {target.name} are launched",
        value=base.imported(target, "subnets"),
    )


def image(target: Target) -> str:
    """The machine image: the cluster's own, else Amazon's newest for its architecture, as EC2 reads it."""
    body = target.properties["body"]
    own = (body.get("machine_images") or {}).get(target.region)
    return (
        machine_images.reference(target.place.host, str(own))
        if own
        else f"resolve:ssm:{IMAGES}/al2023-ami-kernel-default-{architecture(body['instance_list'])}"
    )


def architecture(words: list[str]) -> str:
    """Of instance types as users name them: x86_64 or arm64."""
    facts = [prices.facts(name) for name in prices.types_of(words)[:1]]
    return facts[0].architecture if facts and facts[0] is not None else "x86_64"


def _instance_profile(stack: HostStack, target: Target, package: Package) -> aws_iam.CfnInstanceProfile:
    statements, wildcards = worker_rights.of_machine(target)
    statements.append(statement("s3:GetObject", on=f"arn:{partition(target)}:s3:::{package.bucket}/{package.key}"))
    spec = RoleSpec(
        f"Instances of cluster {target.name} of Cyclone host {target.place.host}, and the tasks on them",
        trusting("ec2.amazonaws.com"),
        statements,
        wildcards,
        target.properties["body"]["iam_policies"],
    )
    made = role(stack, target, "InstanceRole", spec)
    return aws_iam.CfnInstanceProfile(stack, "InstanceProfile", roles=[made.ref])


def _launch_template(stack: HostStack, target: Target, profile: aws_iam.CfnInstanceProfile, package: Package) -> None:
    properties, own = aws_ec2.CfnLaunchTemplate, (target.properties["body"].get("machine_images") or {}).get(target.region)
    disk = properties.BlockDeviceMappingProperty(
        device_name=_ROOT_DISK,
        ebs=properties.EbsProperty(encrypted=True, volume_type="gp3", volume_size=DISK_GIB, delete_on_termination=True),
    )
    told = user_data.variables(target.name, target.place, target.region)
    ours = [CfnTag(key=key, value=value) for key, value in target.tags.items()]
    properties(
        stack,
        "Instances",
        launch_template_name=naming.launch_template(target.place.host, target.name),
        tag_specifications=[properties.LaunchTemplateTagSpecificationProperty(resource_type="launch-template", tags=ours)],
        launch_template_data=properties.LaunchTemplateDataProperty(
            image_id=image(target),
            iam_instance_profile=properties.IamInstanceProfileProperty(arn=profile.attr_arn),
            security_group_ids=[base.imported(target, "security-group")],
            instance_initiated_shutdown_behavior="terminate",
            metadata_options=properties.MetadataOptionsProperty(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            # Of another image nothing is known, not even what its disk is called: it brings its own mapping.
            block_device_mappings=None if own else [disk],
            user_data=Fn.base64(user_data.script(package, target.region, told)),
            tag_specifications=[_tags(target, what) for what in ("instance", "volume")],
        ),
    )


def _tags(target: Target, what: str) -> aws_ec2.CfnLaunchTemplate.TagSpecificationProperty:
    """The user's, and a name; whose an instance is says the scaler when it asks for it."""
    body = target.properties["body"]
    found = {"Name": naming.launch_template(target.place.host, target.name), **body["compute_resources_tags"]}
    mine = [CfnTag(key=key, value=value) for key, value in found.items() if key not in target.tags]
    return aws_ec2.CfnLaunchTemplate.TagSpecificationProperty(resource_type=what, tags=mine)
