"""Which IAM actions deploying takes, and what each can be narrowed to: facts about AWS, as tables.

`BY_TYPE` has what CloudFormation asks, in the caller's name, to make, change, look at and delete a resource: the `handlers` of the resource
types' schemas (https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html), without what belongs to
features that Cyclone's templates do not use. Looking at a resource takes the rights to look at all of its features. `OWN` has what Cyclone
asks itself, and what `Fn::GetAZs` takes
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference-getavailabilityzones.html).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cyclone_core import naming

_TYPES = """
Batch::ComputeEnvironment    batch:CreateComputeEnvironment UpdateComputeEnvironment DeleteComputeEnvironment DescribeComputeEnvironments
                             batch:TagResource UntagResource SetCapacityTags iam:PassRole CreateServiceLinkedRole
                             ec2:DescribeLaunchTemplateVersions
Batch::JobDefinition         batch:RegisterJobDefinition DeregisterJobDefinition DescribeJobDefinitions TagResource UntagResource
                             iam:PassRole
Batch::JobQueue              batch:CreateJobQueue UpdateJobQueue DeleteJobQueue DescribeJobQueues TagResource UntagResource
CloudWatch::Alarm            cloudwatch:PutMetricAlarm DeleteAlarms DescribeAlarms TagResource UntagResource ListTagsForResource
CloudWatch::Dashboard        cloudwatch:PutDashboard DeleteDashboards GetDashboard TagResource UntagResource ListTagsForResource
DynamoDB::Table              dynamodb:CreateTable UpdateTable DeleteTable DescribeTable DescribeTimeToLive UpdateTimeToLive TagResource
                             dynamodb:DescribeContinuousBackups UpdateContinuousBackups DescribeContributorInsights UntagResource
                             dynamodb:DescribeKinesisStreamingDestination GetResourcePolicy ListTagsOfResource
EC2::EIP                     ec2:AllocateAddress ReleaseAddress DescribeAddresses AssociateAddress DisassociateAddress CreateTags DeleteTags
                             ec2:DescribeTags
EC2::FlowLog                 ec2:CreateFlowLogs DeleteFlowLogs DescribeFlowLogs CreateTags DeleteTags DescribeTags iam:PassRole
                             logs:CreateLogDelivery DeleteLogDelivery
EC2::InternetGateway         ec2:CreateInternetGateway DeleteInternetGateway DescribeInternetGateways CreateTags DeleteTags
EC2::LaunchTemplate          ec2:CreateLaunchTemplate CreateLaunchTemplateVersion DeleteLaunchTemplate DescribeLaunchTemplates CreateTags
                             ec2:DeleteTags
EC2::NatGateway              ec2:CreateNatGateway DeleteNatGateway DescribeNatGateways CreateTags DeleteTags
EC2::Route                   ec2:CreateRoute ReplaceRoute DeleteRoute DescribeRouteTables DescribeNetworkInterfaces
EC2::RouteTable              ec2:CreateRouteTable DeleteRouteTable DescribeRouteTables CreateTags DeleteTags
EC2::SecurityGroup           ec2:CreateSecurityGroup DeleteSecurityGroup DescribeSecurityGroups AuthorizeSecurityGroupEgress
                             ec2:AuthorizeSecurityGroupIngress RevokeSecurityGroupEgress RevokeSecurityGroupIngress CreateTags DeleteTags
                             ec2:UpdateSecurityGroupRuleDescriptionsEgress UpdateSecurityGroupRuleDescriptionsIngress DescribeInstances
EC2::Subnet                  ec2:CreateSubnet DeleteSubnet DescribeSubnets ModifySubnetAttribute DescribeNetworkAcls CreateTags DeleteTags
EC2::SubnetRouteTableAssociation ec2:AssociateRouteTable ReplaceRouteTableAssociation DisassociateRouteTable DescribeSubnets
                             ec2:DescribeRouteTables
EC2::VPC                     ec2:CreateVpc DeleteVpc DescribeVpcs DescribeVpcAttribute ModifyVpcAttribute DescribeNetworkAcls
                             ec2:DescribeSecurityGroups DescribeVpcEncryptionControls CreateTags DeleteTags
EC2::VPCEndpoint             ec2:CreateVpcEndpoint ModifyVpcEndpoint DeleteVpcEndpoints DescribeVpcEndpoints DescribeSubnets
                             ec2:DescribeSecurityGroups DescribeVpcs CreateTags DeleteTags route53:AssociateVPCWithHostedZone
EC2::VPCGatewayAttachment    ec2:AttachInternetGateway DetachInternetGateway DescribeInternetGateways DescribeVpnGateways
EC2::VPCPeeringConnection    ec2:CreateVpcPeeringConnection AcceptVpcPeeringConnection DeleteVpcPeeringConnection CreateTags DeleteTags
                             ec2:DescribeVpcPeeringConnections
ECR::Repository              ecr:CreateRepository DeleteRepository DescribeRepositories PutLifecyclePolicy GetLifecyclePolicy TagResource
                             ecr:DeleteLifecyclePolicy SetRepositoryPolicy GetRepositoryPolicy DeleteRepositoryPolicy UntagResource
                             ecr:PutImageScanningConfiguration PutImageTagMutability ListTagsForResource ListImages BatchDeleteImage
Events::Rule                 events:PutRule DeleteRule DescribeRule PutTargets RemoveTargets ListTargetsByRule TagResource UntagResource
                             events:ListTagsForResource
IAM::InstanceProfile         iam:CreateInstanceProfile DeleteInstanceProfile GetInstanceProfile AddRoleToInstanceProfile PassRole
                             iam:RemoveRoleFromInstanceProfile
IAM::Role                    iam:CreateRole DeleteRole GetRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy TagRole UntagRole
                             iam:PutRolePolicy GetRolePolicy DeleteRolePolicy ListRolePolicies AttachRolePolicy DetachRolePolicy
                             iam:ListAttachedRolePolicies ListRoleTags
Lambda::EventSourceMapping   lambda:CreateEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping GetEventSourceMapping
                             lambda:TagResource UntagResource ListTags
Lambda::Function             lambda:CreateFunction DeleteFunction GetFunction UpdateFunctionCode UpdateFunctionConfiguration TagResource
                             lambda:UntagResource GetFunctionCodeSigningConfig GetFunctionRecursionConfig GetFunctionScalingConfig
                             lambda:GetRuntimeManagementConfig ListTags s3:GetObject iam:PassRole
Lambda::Permission           lambda:AddPermission RemovePermission GetPolicy
Logs::LogGroup               logs:CreateLogGroup DeleteLogGroup DescribeLogGroups PutRetentionPolicy DeleteRetentionPolicy TagResource
                             logs:UntagResource ListTagsForResource GetDataProtectionPolicy DescribeIndexPolicies DescribeResourcePolicies
RolesAnywhere::Profile       rolesanywhere:CreateProfile UpdateProfile DeleteProfile GetProfile EnableProfile DisableProfile TagResource
                             rolesanywhere:UntagResource ListTagsForResource PutAttributeMapping DeleteAttributeMapping
                             iam:PassRole GetRole
RolesAnywhere::TrustAnchor   rolesanywhere:CreateTrustAnchor UpdateTrustAnchor DeleteTrustAnchor GetTrustAnchor EnableTrustAnchor
                             rolesanywhere:DisableTrustAnchor TagResource UntagResource ListTagsForResource PutNotificationSettings
                             rolesanywhere:ResetNotificationSettings iam:CreateServiceLinkedRole
S3::Bucket                   s3:CreateBucket DeleteBucket ListBucket PutEncryptionConfiguration GetEncryptionConfiguration GetBucketTagging
                             s3:PutBucketPublicAccessBlock GetBucketPublicAccessBlock PutBucketOwnershipControls GetBucketOwnershipControls
                             s3:PutLifecycleConfiguration GetLifecycleConfiguration PutBucketVersioning GetBucketVersioning TagResource
                             s3:PutBucketTagging UntagResource ListTagsForResource GetAccelerateConfiguration GetAnalyticsConfiguration
                             s3:GetBucketAbac GetBucketCORS GetBucketLogging GetBucketMetadataTableConfiguration GetBucketNotification
                             s3:GetBucketObjectLockConfiguration GetBucketWebsite GetIntelligentTieringConfiguration
                             s3:GetInventoryConfiguration GetMetricsConfiguration GetReplicationConfiguration
S3::BucketPolicy             s3:PutBucketPolicy GetBucketPolicy DeleteBucketPolicy
SQS::Queue                   sqs:CreateQueue DeleteQueue GetQueueUrl GetQueueAttributes SetQueueAttributes TagQueue UntagQueue ListQueueTags
SQS::QueuePolicy             sqs:SetQueueAttributes
SSM::Parameter               ssm:PutParameter DeleteParameter GetParameters AddTagsToResource RemoveTagsFromResource ListTagsForResource
"""
_NETWORK_VALUE = "Custom::NetworkValue"
_OWN = """
cloudformation:CreateChangeSet DescribeChangeSet ExecuteChangeSet DeleteChangeSet DescribeStacks DescribeStackEvents DescribeEvents
cloudformation:ListStackResources GetTemplate DeleteStack CancelUpdateStack ContinueUpdateRollback RollbackStack TagResource UntagResource
cloudformation:ListImports UpdateTerminationProtection
cloudformation:DetectStackDrift DetectStackResourceDrift DescribeStackDriftDetectionStatus DescribeStackResourceDrifts
cloudformation:BatchDescribeTypeConfigurations
dynamodb:DescribeTable UpdateTable DeleteTable Query
ec2:DescribeAccountAttributes DescribeAddresses DescribeAvailabilityZones DescribeImages DescribeInstanceTypeOfferings
ec2:DescribeNatGateways DescribeRegions DescribeSpotPriceHistory DescribeVpcEndpoints
ec2:DescribeRouteTables DescribeSubnets DescribeVpcPeeringConnections DescribeVpcs
ec2:CopyImage CreateTags DeleteSnapshot DeregisterImage DescribeSnapshots DescribeInstances TerminateInstances
ecr:ListImages BatchDeleteImage DeleteRepository
batch:DescribeComputeEnvironments DescribeJobQueues
iam:SimulatePrincipalPolicy GetRole
s3:GetObject PutObject ListBucket ListBucketVersions DeleteObject DeleteObjectVersion DeleteBucket
servicequotas:GetServiceQuota ListServiceQuotas GetAWSDefaultServiceQuota ListAWSDefaultServiceQuotas
sqs:ListQueues GetQueueUrl DeleteQueue
ssm:GetParametersByPath GetParameters PutParameter DeleteParameter
"""
LOOK = """
batch:DescribeComputeEnvironments DescribeJobQueues
cloudformation:DescribeStacks DescribeStackEvents ListStackResources GetTemplate
ec2:DescribeRegions
ssm:GetParametersByPath
"""
"""What looking at a host takes."""
WORK = (
    (
        "dynamodb:BatchGetItem ConditionCheckItem DeleteItem DescribeTable GetItem PutItem Query UpdateItem",
        ("arn:{p}:dynamodb:*:{a}:table/{h}--jobs", "arn:{p}:dynamodb:*:{a}:table/{h}--jobs/index/*"),
    ),
    ("s3:GetObject PutObject", ("arn:{p}:s3:::{h}--data-{a}-*/*",)),
    ("s3:ListBucket", ("arn:{p}:s3:::{h}--data-{a}-*",)),  # else S3 does not tell what is missing from what is forbidden
    ("ssm:GetParametersByPath", ("arn:{p}:ssm:*:{a}:parameter/cyclone/{h}", "arn:{p}:ssm:*:{a}:parameter/cyclone/{h}/*")),
)
"""What submitting, looking at and cancelling jobs takes: actions, and the ARNs that they are for."""
_CDK = "cdk-hnb659fds"


def listed(text: str) -> frozenset[str]:
    """The actions of a text: `s3:A B s3:C`, where an action without a service has that of the one before."""
    found, service = set(), ""
    for word in text.split():
        service = word.partition(":")[0] if ":" in word else service
        found.add(word if ":" in word else f"{service}:{word}")
    return frozenset(found)


def _by_type() -> dict[str, frozenset[str]]:
    texts: dict[str, str] = {}
    name = ""
    for line in _TYPES.splitlines():
        first, _, rest = line.partition(" ")
        name = f"AWS::{first}" if first else name
        texts[name] = f"{texts.get(name, '')} {rest}"
    return {name: listed(text) for name, text in texts.items() if name}


BY_TYPE: Mapping[str, frozenset[str]] = {**_by_type(), _NETWORK_VALUE: frozenset({"lambda:InvokeFunction"})}
OWN = listed(_OWN)


@dataclass(frozen=True)
class Scope:
    """What some actions can be allowed on."""

    actions: str
    """As `listed`; `service:*` for all others of a service."""
    on: tuple[str, ...]
    """ARNs: {p} partition, {a} account, {h} host, {H} host in CamelCase."""
    why: str = ""
    """Why it is everything, where it is."""
    condition: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None


_SERVICES = ("batch", "ec2", "ecs-tasks", "lambda", "rolesanywhere", "spotfleet", "vpc-flow-logs")
_LINKED = (
    "autoscaling.amazonaws.com", "batch.amazonaws.com", "delivery.logs.amazonaws.com", "ecs.amazonaws.com", "ec2fleet.amazonaws.com",
    "rolesanywhere.amazonaws.com", "spot.amazonaws.com", "spotfleet.amazonaws.com",
)  # fmt: skip
_ROLES = ("arn:{p}:iam::{a}:role/{h}-*", "arn:{p}:iam::{a}:instance-profile/{h}-*")
"""CloudFormation names them after their stack, and makes one hyphen of two."""
_FUNCTIONS = "arn:{p}:lambda:*:{a}:function:{h}--*"
SCOPES = (
    Scope("cloudformation:DescribeStacks ListImports", ("*",), "a host's stacks are found by their tags, among all of a region"),
    Scope(
        "cloudformation:DescribeStackDriftDetectionStatus BatchDescribeTypeConfigurations", ("*",),
        "a look for drift is asked after by its own id, and reads how resource types are set up",
    ),
    Scope("cloudformation:*", ("arn:{p}:cloudformation:*:{a}:stack/{h}--*/*", "arn:{p}:cloudformation:*:{a}:stack/CDKToolkit/*")),
    Scope("batch:DescribeComputeEnvironments DescribeJobDefinitions DescribeJobQueues", ("*",), "Batch describes without resources"),
    Scope(
        "batch:*",
        (
            "arn:{p}:batch:*:{a}:compute-environment/{H}*", "arn:{p}:batch:*:{a}:job-definition/{h}--*",
            "arn:{p}:batch:*:{a}:job-queue/{h}--*",
        ),
    ),
    Scope("cloudwatch:DescribeAlarms", ("*",), "alarms are listed, not looked at one by one"),
    Scope("cloudwatch:*", ("arn:{p}:cloudwatch:*:{a}:alarm:{h}--*", "arn:{p}:cloudwatch::{a}:dashboard/{h}")),
    Scope("dynamodb:*", ("arn:{p}:dynamodb:*:{a}:table/{h}--*",)),
    Scope("ecr:*", ("arn:{p}:ecr:*:{a}:repository/{h}/*", f"arn:{{p}}:ecr:*:{{a}}:repository/{_CDK}-container-assets-*")),
    Scope("events:*", ("arn:{p}:events:*:{a}:rule/{h}--*",)),
    Scope(
        # AWS Batch is given an instance profile, and AWS's own policy for it (AWSBatchFullAccess) has its ARN here, too.
        "iam:PassRole", _ROLES,
        condition={"StringEquals": {"iam:PassedToService": (*(f"{name}.amazonaws.com" for name in _SERVICES), "ec2.amazonaws.com.cn")}},
    ),
    Scope(
        "iam:CreateServiceLinkedRole", ("arn:{p}:iam::{a}:role/aws-service-role/*",),
        "AWS chooses these roles' names; the services are listed",
        {"StringEquals": {"iam:AWSServiceName": _LINKED}},
    ),
    Scope("iam:SimulatePrincipalPolicy", ("arn:{p}:iam::{a}:role/*", "arn:{p}:iam::{a}:user/*"), "whoever deploys asks about themselves"),
    Scope("iam:GetRole", ("arn:{p}:iam::{a}:role/*",), "whoever deploys asks for their own role's path"),
    Scope("iam:*", _ROLES),
    Scope(
        "lambda:CreateEventSourceMapping", ("*",), "the action has no resource: it is for functions of the host alone",
        {"ArnLike": {"lambda:FunctionArn": (_FUNCTIONS,)}},
    ),
    Scope(
        # Lambda chooses the ids of event sources.
        "lambda:UpdateEventSourceMapping DeleteEventSourceMapping GetEventSourceMapping", ("arn:{p}:lambda:*:{a}:event-source-mapping:*",),
        condition={"ArnLike": {"lambda:FunctionArn": (_FUNCTIONS,)}},
    ),
    Scope("lambda:TagResource UntagResource ListTags", (_FUNCTIONS, "arn:{p}:lambda:*:{a}:event-source-mapping:*")),
    Scope("lambda:*", (_FUNCTIONS,)),
    Scope(
        "logs:CreateLogDelivery DeleteLogDelivery DescribeLogGroups DescribeIndexPolicies DescribeResourcePolicies", ("*",),
        "these actions have no resources",
    ),
    Scope(
        "logs:*",
        (
            "arn:{p}:logs:*:{a}:log-group:/cyclone/{h}/*",
        ),
    ),
    Scope(
        "rolesanywhere:CreateProfile CreateTrustAnchor ListTagsForResource", ("*",),
        "IAM Roles Anywhere makes, and reads tags, without resources",
    ),
    Scope(
        "rolesanywhere:*", ("arn:{p}:rolesanywhere:*:{a}:profile/*", "arn:{p}:rolesanywhere:*:{a}:trust-anchor/*"),
        "IAM Roles Anywhere chooses the ids of what it makes",
    ),
    Scope(
        # CreateVpcEndpoint with private names: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
        "route53:*", ("arn:{p}:route53:::hostedzone/*", "arn:{p}:ec2:*:{a}:vpc/*"),
        "the zones of endpoints' names are AWS's own: nothing tells their ids before",
    ),
    Scope(
        "s3:*",
        (
            "arn:{p}:s3:::{h}--data-{a}-*", "arn:{p}:s3:::{h}--data-{a}-*/*", f"arn:{{p}}:s3:::{_CDK}-assets-{{a}}-*",
            f"arn:{{p}}:s3:::{_CDK}-assets-{{a}}-*/*",
        ),
    ),
    Scope("servicequotas:*", ("*",), "quotas of the account are looked at, and none is changed"),
    Scope("sqs:ListQueues", ("*",), "message queues of lanes are found by their names, and looked for in a list"),
    Scope("sqs:*", ("arn:{p}:sqs:*:{a}:{h}--*",)),
    Scope(
        "ssm:GetParametersByPath", ("arn:{p}:ssm:*:{a}:parameter/cyclone", "arn:{p}:ssm:*:{a}:parameter/cyclone/*"),
        "hosts of the account are found by their records",
    ),
    Scope(
        "ssm:*",
        (
            "arn:{p}:ssm:*:{a}:parameter/cyclone/{h}/*", "arn:{p}:ssm:*:{a}:parameter/cyclone-network/{h}/*",
            "arn:{p}:ssm:*:{a}:parameter/cdk-bootstrap/hnb659fds/version",
        ),
    ),
)  # fmt: skip
"""Of several that fit, the first one counts."""
EC2_LOOKS = Scope("ec2:Describe*", ("*",), "EC2 describes without resources")
_IMAGES = ("arn:{p}:ec2:*::image/*", "arn:{p}:ec2:*::snapshot/*")
"""Machine images and what they are made of: their ARNs have no account."""
EC2_ENDS = Scope(
    "ec2:TerminateInstances DeregisterImage DeleteSnapshot",
    ("arn:{p}:ec2:*:{a}:instance/*", *_IMAGES),
    condition={"StringEquals": {f"aws:ResourceTag/{naming.TAG_HOST}": ("{h}",)}},
)
EC2_MAKES = Scope(
    "ec2:*", ("arn:{p}:ec2:*:{a}:*/*", *_IMAGES), "EC2 chooses the ids of what it makes: nothing in their ARNs says whose they are"
)
