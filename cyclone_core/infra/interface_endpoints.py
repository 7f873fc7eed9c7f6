"""Which interface endpoints a network gets: what its stack makes, and what that costs. Pure; `stacks.endpoints` says what each is for."""

from collections.abc import Mapping

_DATA = {"EcrApiEndpoint": "ecr.api", "EcrImagesEndpoint": "ecr.dkr", "LogsEndpoint": "logs"}
INTERFACES: Mapping[str, Mapping[str, str]] = {
    "OFF": {},
    "DATA_OPTIMISED": _DATA,
    "FOR_PRIVATE_VPC": {
        **_DATA,
        "EcsEndpoint": "ecs",
        "EcsAgentEndpoint": "ecs-agent",
        "EcsTelemetryEndpoint": "ecs-telemetry",
        "BatchEndpoint": "batch",
        "StsEndpoint": "sts",
        "SqsEndpoint": "sqs",
        "SsmEndpoint": "ssm",
        "MonitoringEndpoint": "monitoring",
    },
}
"""`deploy_vpc_endpoints` -> logical id -> service."""
