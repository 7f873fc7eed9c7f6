"""Stack of kind peering, in the main region: its workers' way to the network of one hub. The connection itself is the hub's."""

from aws_cdk import Fn

from cyclone_core.infra.addresses import vpc_of
from cyclone_core.infra.stacks import network
from cyclone_core.infra.stacks.base import HostStack, imported
from cyclone_core.infra.stacks.lookup import network_value
from cyclone_core.infra.targets import Target


def build(stack: HostStack, target: Target) -> None:
    """Add the routes. properties: hub, its `addresses.VPC_FIELDS`, and main: the body of the main region."""
    hub, main = target.properties["hub"], target.properties["main"]
    if main.get("vpc_id"):
        tables = main["route_tables"]
    else:
        offered = imported(target, "route-tables")
        tables = [Fn.select(zone, Fn.split(",", offered)) for zone in range(network.zones_of(main))]
    # Another network on either side is another connection.
    networks = {hub: vpc_of(target.properties), target.region: vpc_of(main)}
    connection = network_value(stack, target, "peering-id", hub, networks)
    network.lead_to(stack, tables, target.properties["cidr"], connection)
