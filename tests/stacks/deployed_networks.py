"""The network stacks of a host on the sandbox, and what is left of them."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from cyclone_core.infra.synth import Synthesizer
from cyclone_core.infra.targets import Key, Place
from tests.aws import Sandbox, wait_until
from tests.stacks.networks import network_targets

HOST, MAIN, HUB = "wired", "eu-central-2", "eu-south-2"


class Networks:
    """The network stacks of a host on the sandbox."""

    def __init__(self, aws: Sandbox, synthesizer: Synthesizer) -> None:
        account = aws.client("sts", MAIN).get_caller_identity()["Account"]
        self.place, self._aws, self._synthesizer = Place(HOST, account, MAIN), aws, synthesizer
        self._there: list[Key] = []

    def client(self, service: str, region: str = MAIN) -> Any:
        """A client of the account's root."""
        return self._aws.client(service, region)

    def put(self, settings: Mapping[str, Mapping[str, Any]]) -> None:
        """Have the stacks of these regions and no others, as a deployer does it."""
        wanted = network_targets(self.place, settings)
        for key in [key for key in reversed(self._there) if key not in [target.key for target in wanted]]:
            self.delete(key)
        for target in wanted:
            assert self.apply(target.key, self._synthesizer.templates([target])[target.key].body).endswith(
                ("CREATE_COMPLETE", "UPDATE_COMPLETE")
            )

    def apply(self, key: Key, template: Mapping[str, Any]) -> str:
        """Make or change one stack; the state in which it ends, or why it failed."""
        self.begin(key, template)
        return str(wait_until(lambda: None if (state := self.state(key)).endswith("_IN_PROGRESS") else state))

    def begin(self, key: Key, template: Mapping[str, Any]) -> None:
        """Begin to make or change one stack."""
        cloudformation, there = self.client("cloudformation", key[0]), key in self._there
        names = {"StackName": key[1], "ChangeSetName": f"changes-{uuid.uuid4()}"}
        given = {"TemplateBody": json.dumps(template), "Capabilities": ["CAPABILITY_NAMED_IAM"]}
        cloudformation.create_change_set(**names, **given, ChangeSetType="UPDATE" if there else "CREATE")
        found = wait_until(
            lambda: state if (state := cloudformation.describe_change_set(**names))["Status"] in ("CREATE_COMPLETE", "FAILED") else None
        )
        if found["Status"] == "FAILED":
            cloudformation.delete_change_set(**names)
            return
        self._there += [] if there else [key]
        cloudformation.execute_change_set(**names)

    def state(self, key: Key) -> str:
        """Of a stack."""
        return str(self.client("cloudformation", key[0]).describe_stacks(StackName=key[1])["Stacks"][0]["StackStatus"])

    def reasons(self, key: Key) -> list[str]:
        """Why something failed."""
        return [event["ResourceStatusReason"] for event in self.events(key) if event.get("ResourceStatusReason")]

    def events(self, key: Key) -> list[dict[str, Any]]:
        """What happened to a stack, newest first."""
        found: list[dict[str, Any]] = self.client("cloudformation", key[0]).describe_stack_events(StackName=key[1])["StackEvents"]
        return found

    def delete(self, key: Key) -> None:
        """Delete one stack."""
        cloudformation = self.client("cloudformation", key[0])
        identifier = cloudformation.describe_stacks(StackName=key[1])["Stacks"][0]["StackId"]
        cloudformation.delete_stack(StackName=key[1])
        state = wait_until(
            lambda: (
                found
                if not (found := cloudformation.describe_stacks(StackName=identifier)["Stacks"][0]["StackStatus"]).endswith("_IN_PROGRESS")
                else None
            )
        )
        assert state == "DELETE_COMPLETE", self.reasons(key)
        self._there.remove(key)

    def delete_all(self) -> None:
        """In reverse order."""
        for key in reversed(list(self._there)):
            self.delete(key)

    def resources(self, key: Key) -> dict[str, str]:
        """Logical id -> physical id."""
        found = self.client("cloudformation", key[0]).describe_stack_resources(StackName=key[1])["StackResources"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}

    def workers(self) -> dict[str, str]:
        """The parts of the main network that are the workers', but for the routes to where they lead; none before it is made."""
        parts = self.resources((MAIN, f"{HOST}--region")) if self._there else {}
        return {name: found for name, found in parts.items() if name.startswith("Workers") and "DefaultRoute" not in name}

    def ways_out(self) -> set[str]:
        """Where the tables of the main network's workers lead everything else."""
        tables = [found for name, found in self.workers().items() if name.startswith("WorkersRoutes")]
        there = self.client("ec2").describe_route_tables(RouteTableIds=tables)["RouteTables"]
        routes = [route for table in there for route in table["Routes"] if route.get("DestinationCidrBlock") == "0.0.0.0/0"]
        assert len(routes) in (0, len(tables))
        return {route.get("NatGatewayId") or route["GatewayId"] for route in routes}

    def routes(self, region: str, cidr: str) -> list[dict[str, Any]]:
        """Where route tables lead a range, of those that lead it anywhere."""
        tables = self.client("ec2", region).describe_route_tables()["RouteTables"]
        return [route for table in tables for route in table["Routes"] if route.get("DestinationCidrBlock") == cidr]

    def left(self, region: str) -> dict[str, list[Any]]:
        """What of a region is not as in a new account."""
        ec2 = self.client("ec2", region)
        vpcs = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
        here = [{"Name": "vpc-id", "Values": vpcs}]
        return {
            "networks": vpcs,
            "subnets": [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"] if not subnet["DefaultForAz"]],
            "groups": ec2.describe_security_groups(Filters=here)["SecurityGroups"] if vpcs else [],
            "addresses": ec2.describe_addresses()["Addresses"],
            "gateways": [nat for nat in ec2.describe_nat_gateways()["NatGateways"] if nat["State"] != "deleted"],
            "endpoints": ec2.describe_vpc_endpoints()["VpcEndpoints"],
            "flow logs": ec2.describe_flow_logs()["FlowLogs"],
            "connections": [
                each for each in ec2.describe_vpc_peering_connections()["VpcPeeringConnections"] if each["Status"]["Code"] != "deleted"
            ],
            "repositories": self.client("ecr", region).describe_repositories()["repositories"],
            "parameters": self.client("ssm", region).describe_parameters()["Parameters"],
            "functions": self.client("lambda", region).list_functions()["Functions"],
            "logs": self.client("logs", region).describe_log_groups()["logGroups"],
            "roles": [role for role in self.client("iam", region).list_roles()["Roles"] if role["RoleName"].startswith(HOST)],
        }
