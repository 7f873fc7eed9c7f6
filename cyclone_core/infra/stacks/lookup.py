"""A value that the network of another region offers: a small function of the stack reads its SSM parameter when the stack is deployed.

References of CloudFormation do not reach other regions. The function may read that one parameter and nothing else.
"""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import CfnResource, Fn

from cyclone_core import naming
from cyclone_core.infra.stacks.base import HostStack
from cyclone_core.infra.stacks.functions import FunctionSpec, function, statement
from cyclone_core.infra.targets import Target

TYPE = "Custom::NetworkValue"
_SOURCE = Path(__file__).parents[2] / "scheduler" / "lambdas" / "network_value.py"
_WAIT_S = 60
_FUNCTION_S = 100
_ANSWER_S = 130
"""CloudFormation would else wait an hour for a function that cannot answer."""


def network_value(stack: HostStack, target: Target, what: str, region: str, networks: Mapping[str, Mapping[str, str | None]]) -> str:
    """The value of `naming.network_value(host, what)` in another region.

    networks: region -> `addresses.vpc_of` it; when one of them becomes another, the value is read again.
    """
    parameter = naming.network_value(target.place.host, what)
    arn = Fn.sub(f"arn:${{AWS::Partition}}:ssm:{region}:{target.place.account}:parameter{parameter}")
    reader = function(
        stack,
        target,
        "Lookup",
        FunctionSpec(
            what=f"lookup-{region}",
            description=f"Reads {what} of {region} for CloudFormation",
            handler="index.handler",
            inline=_SOURCE.read_text(),
            timeout_s=_FUNCTION_S,
            memory_mib=128,
            statements=[statement("ssm:GetParameter", on=arn)],
        ),
    )
    value = CfnResource(
        stack,
        "NetworkValue",
        type=TYPE,
        properties={
            "ServiceToken": reader.function.attr_arn,
            "ServiceTimeout": _ANSWER_S,
            "Region": region,
            "Parameter": parameter,
            "WaitSeconds": _WAIT_S,
            "Networks": {name: " ".join(filter(None, network.values())) for name, network in networks.items()},
        },
    )
    return value.get_att("Value").to_string()
