"""What CloudFormation calls to make, change and delete a resource: the actions that a deployer's role needs, as the resource types' schemas
list them under `handlers`, without what is only needed to look.

Only types that Cyclone's stacks use are here; for others nothing is asked.
"""

from collections.abc import Mapping
from typing import Literal

Verb = Literal["create", "update", "delete"]

_ACTIONS = """
AWS::ApiGateway::ApiKey                apigateway:POST             apigateway:PATCH                 apigateway:DELETE
AWS::ApiGateway::Deployment            apigateway:POST             apigateway:PATCH                 apigateway:DELETE
AWS::ApiGateway::Method                apigateway:PUT              apigateway:PUT                   apigateway:DELETE
AWS::ApiGateway::Resource              apigateway:POST             apigateway:PATCH                 apigateway:DELETE
AWS::ApiGateway::RestApi               apigateway:POST             apigateway:PATCH                 apigateway:DELETE
AWS::ApiGateway::Stage                 apigateway:POST             apigateway:PATCH                 apigateway:DELETE
AWS::ApiGateway::UsagePlan             apigateway:POST             apigateway:PATCH                 apigateway:DELETE
AWS::ApiGateway::UsagePlanKey          apigateway:POST             apigateway:POST                  apigateway:DELETE
AWS::ApiGatewayV2::Api                 apigateway:POST             apigateway:PATCH                 apigateway:DELETE
AWS::ApiGatewayV2::Integration         apigateway:POST             apigateway:PATCH                 apigateway:DELETE
AWS::ApiGatewayV2::Route               apigateway:POST             apigateway:PATCH                 apigateway:DELETE
AWS::ApiGatewayV2::Stage               apigateway:POST             apigateway:PATCH                 apigateway:DELETE
AWS::Batch::ComputeEnvironment         batch:CreateComputeEnvironment batch:UpdateComputeEnvironment batch:DeleteComputeEnvironment
AWS::Batch::JobDefinition              batch:RegisterJobDefinition batch:RegisterJobDefinition      batch:DeregisterJobDefinition
AWS::Batch::JobQueue                   batch:CreateJobQueue        batch:UpdateJobQueue             batch:DeleteJobQueue
AWS::CloudWatch::Alarm                 cloudwatch:PutMetricAlarm   cloudwatch:PutMetricAlarm        cloudwatch:DeleteAlarms
AWS::CloudWatch::Dashboard             cloudwatch:PutDashboard     cloudwatch:PutDashboard          cloudwatch:DeleteDashboards
AWS::DynamoDB::Table                   dynamodb:CreateTable        dynamodb:UpdateTable             dynamodb:DeleteTable
AWS::EC2::EIP                          ec2:AllocateAddress         ec2:CreateTags                   ec2:ReleaseAddress
AWS::EC2::FlowLog                      ec2:CreateFlowLogs          ec2:CreateTags                   ec2:DeleteFlowLogs
AWS::EC2::InternetGateway              ec2:CreateInternetGateway   ec2:CreateTags                   ec2:DeleteInternetGateway
AWS::EC2::LaunchTemplate               ec2:CreateLaunchTemplate    ec2:CreateLaunchTemplateVersion  ec2:DeleteLaunchTemplate
AWS::EC2::NatGateway                   ec2:CreateNatGateway        ec2:CreateTags                   ec2:DeleteNatGateway
AWS::EC2::Route                        ec2:CreateRoute             ec2:ReplaceRoute                 ec2:DeleteRoute
AWS::EC2::RouteTable                   ec2:CreateRouteTable        ec2:CreateTags                   ec2:DeleteRouteTable
AWS::EC2::SecurityGroup                ec2:CreateSecurityGroup     ec2:AuthorizeSecurityGroupIngress ec2:DeleteSecurityGroup
AWS::EC2::SecurityGroupEgress          ec2:AuthorizeSecurityGroupEgress ec2:AuthorizeSecurityGroupEgress ec2:RevokeSecurityGroupEgress
AWS::EC2::SecurityGroupIngress         ec2:AuthorizeSecurityGroupIngress ec2:AuthorizeSecurityGroupIngress ec2:RevokeSecurityGroupIngress
AWS::EC2::Subnet                       ec2:CreateSubnet            ec2:ModifySubnetAttribute        ec2:DeleteSubnet
AWS::EC2::SubnetRouteTableAssociation  ec2:AssociateRouteTable     ec2:AssociateRouteTable          ec2:DisassociateRouteTable
AWS::EC2::VPC                          ec2:CreateVpc               ec2:ModifyVpcAttribute           ec2:DeleteVpc
AWS::EC2::VPCEndpoint                  ec2:CreateVpcEndpoint       ec2:ModifyVpcEndpoint            ec2:DeleteVpcEndpoints
AWS::EC2::VPCGatewayAttachment         ec2:AttachInternetGateway   ec2:AttachInternetGateway        ec2:DetachInternetGateway
AWS::EC2::VPCPeeringConnection         ec2:CreateVpcPeeringConnection ec2:CreateTags                ec2:DeleteVpcPeeringConnection
AWS::ECR::Repository                   ecr:CreateRepository        ecr:PutLifecyclePolicy           ecr:DeleteRepository
AWS::Events::Rule                      events:PutRule              events:PutRule                   events:DeleteRule
AWS::IAM::InstanceProfile              iam:CreateInstanceProfile   iam:AddRoleToInstanceProfile     iam:DeleteInstanceProfile
AWS::IAM::ManagedPolicy                iam:CreatePolicy            iam:CreatePolicyVersion          iam:DeletePolicy
AWS::IAM::Policy                       iam:PutRolePolicy           iam:PutRolePolicy                iam:DeleteRolePolicy
AWS::IAM::Role                         iam:CreateRole              iam:UpdateAssumeRolePolicy       iam:DeleteRole
AWS::KMS::Alias                        kms:CreateAlias             kms:UpdateAlias                  kms:DeleteAlias
AWS::KMS::Key                          kms:CreateKey               kms:PutKeyPolicy                 kms:ScheduleKeyDeletion
AWS::Lambda::Alias                     lambda:CreateAlias          lambda:UpdateAlias               lambda:DeleteAlias
AWS::Lambda::EventInvokeConfig         lambda:PutFunctionEventInvokeConfig lambda:UpdateFunctionEventInvokeConfig lambda:DeleteFunctionEventInvokeConfig
AWS::Lambda::EventSourceMapping        lambda:CreateEventSourceMapping lambda:UpdateEventSourceMapping lambda:DeleteEventSourceMapping
AWS::Lambda::Function                  lambda:CreateFunction       lambda:UpdateFunctionCode        lambda:DeleteFunction
AWS::Lambda::Permission                lambda:AddPermission        lambda:AddPermission             lambda:RemovePermission
AWS::Lambda::Version                   lambda:PublishVersion       lambda:PublishVersion            lambda:DeleteFunction
AWS::Logs::LogGroup                    logs:CreateLogGroup         logs:PutRetentionPolicy          logs:DeleteLogGroup
AWS::Logs::MetricFilter                logs:PutMetricFilter        logs:PutMetricFilter             logs:DeleteMetricFilter
AWS::S3::Bucket                        s3:CreateBucket             s3:PutLifecycleConfiguration     s3:DeleteBucket
AWS::S3::BucketPolicy                  s3:PutBucketPolicy          s3:PutBucketPolicy               s3:DeleteBucketPolicy
AWS::SNS::Topic                        sns:CreateTopic             sns:SetTopicAttributes           sns:DeleteTopic
AWS::SQS::Queue                        sqs:CreateQueue             sqs:SetQueueAttributes           sqs:DeleteQueue
AWS::SQS::QueuePolicy                  sqs:SetQueueAttributes      sqs:SetQueueAttributes           sqs:SetQueueAttributes
AWS::SSM::Parameter                    ssm:PutParameter            ssm:PutParameter                 ssm:DeleteParameter
AWS::Scheduler::Schedule               scheduler:CreateSchedule    scheduler:UpdateSchedule         scheduler:DeleteSchedule
AWS::SecretsManager::Secret            secretsmanager:CreateSecret secretsmanager:UpdateSecret      secretsmanager:DeleteSecret
"""  # noqa: E501  a table
_ROLES = {
    "AWS::Batch::JobDefinition": ("JobRoleArn", "ExecutionRoleArn"),
    "AWS::Batch::ComputeEnvironment": ("ServiceRole", "InstanceRole", "SpotIamFleetRole"),
    "AWS::EC2::FlowLog": ("DeliverLogsPermissionArn",),
    "AWS::Events::Rule": ("RoleArn",),
    "AWS::IAM::InstanceProfile": ("Roles",),
    "AWS::Lambda::Function": ("Role",),
    "AWS::Scheduler::Schedule": ("RoleArn",),
}
"""Type -> properties, at any depth, with roles that are passed on."""
TABLE: Mapping[str, Mapping[Verb, str]] = {
    kind: {"create": create, "update": update, "delete": delete}
    for kind, create, update, delete in map(str.split, _ACTIONS.split("\n")[1:-1])
}


def actions_for(resource_type: str, verb: Verb, properties: object) -> tuple[str, ...]:
    """What has to be allowed for one change of a resource."""
    main = TABLE.get(resource_type, {}).get(verb)
    passes = verb != "delete" and _holds(properties, _ROLES.get(resource_type, ()))
    return (*([main] if main else []), *(["iam:PassRole"] if passes else []))


def _holds(value: object, names: tuple[str, ...]) -> bool:
    """Whether one of these properties is given, at any depth."""
    if isinstance(value, Mapping):
        return any((key in names and inner) or _holds(inner, names) for key, inner in value.items())
    return isinstance(value, list) and any(_holds(inner, names) for inner in value)
