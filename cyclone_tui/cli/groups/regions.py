"""`hyper regions`: where a host computes. A local host has one region, `local`: this machine."""

from typing import Any

import click

from cyclone_core.errors import InvalidRequest
from cyclone_core.operations import resources as operations
from cyclone_core.resource_fields import refusals
from cyclone_core.resources import LOCAL_REGION, Region
from cyclone_tui.cli.groups import options, tables
from cyclone_tui.cli.groups.changes import delete_command, list_command, make_group, put_command

_MAIN = ("vpc", "import_vpc", "cidr", "vpc_id", "deploy_vpc_endpoints", "subnet_config", "nat_gateways")
_HUB = ("name", "vpc", "peer_with_main_region", "deploy_vpc_endpoints", "subnet_config", "nat_gateways")
_UPDATE = ("name", "peer_with_main_region", "deploy_vpc_endpoints", "subnet_config", "nat_gateways")


def _init_main_region(host_name: str | None, as_json: bool, **values: Any) -> None:
    """On a local host the main region comes with the host: there is nothing left to do, however often this is called."""
    resources = operations.for_selected(host_name)
    problems = refusals(Region, options.given_fields(Region, values), resources.host.type, options.label(Region))
    if problems:
        raise InvalidRequest(problems)
    found = resources.find("region", LOCAL_REGION)
    if as_json:
        tables.print_json(tables.resource_record(found[0]))
    else:
        click.echo(f"region {LOCAL_REGION} is {found[0].state}: it is this machine")


def _add_region(host_name: str | None, as_json: bool, **values: Any) -> None:
    """Local hosts refuse, with the reason and what else is wrong."""
    resources = operations.for_selected(host_name)
    problems = refusals(Region, options.given_fields(Region, values), resources.host.type, options.label(Region))
    raise InvalidRequest([operations.one_region("add-region"), *problems])


def _command(name: str, callback: Any, fields: tuple[str, ...], help: str) -> click.Command:
    params = [*options.field_options(Region, fields), options.host_option(), options.switch("--json", "as_json", help="Print JSON")]
    return options.ResourceCommand(name, callback=callback, params=params, help=help, context_settings=options.SETTINGS)


group = make_group(
    "regions",
    "Regions: where a host computes. A local host has one, this machine.",
    [
        _command("init-main-region", _init_main_region, _MAIN, "Initialise the main region; harmless when that was done."),
        _command("add-region", _add_region, _HUB, "Add a hub region (AWS hosts)."),
        list_command("region", "list-regions", "List regions and their state."),
        put_command("region", "update-region", "update", "Change a region.", fields=_UPDATE),
        delete_command("region", "delete-region", "Delete a hub region (AWS hosts)."),
    ],
)
