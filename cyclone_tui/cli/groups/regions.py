"""`hyper regions`: where a host computes. A local host has one region, `local`: this machine."""

from typing import Any

import click

from cyclone_core.errors import InvalidRequest
from cyclone_core.operations import resources as operations
from cyclone_core.operations.resources import Resources
from cyclone_core.resource_fields import refusals
from cyclone_core.resources import LOCAL_REGION, Region
from cyclone_tui.cli.groups import options, tables
from cyclone_tui.cli.groups.applying import Asked, options_of
from cyclone_tui.cli.groups.changes import asked_of, delete_command, list_command, put, put_command
from cyclone_tui.cli.groups.options import make_group

_NETWORK = ("vpc", "import_vpc", "cidr", "vpc_id")
_SUBNETS = ("deploy_vpc_endpoints", "subnet_config", "nat_gateways", "availability_zones")
_MAIN = (*_NETWORK, *_SUBNETS)
_HUB = ("name", *_NETWORK, "peer_with_main_region", *_SUBNETS)
_UPDATE = ("name", "peer_with_main_region", "deploy_vpc_endpoints", "subnet_config", "nat_gateways")


def _init_main_region(host_name: str | None, **values: Any) -> None:
    """On a local host the main region comes with the host: there is nothing left to do, however often this is called."""
    resources, asked = operations.for_selected(host_name), asked_of(values)
    given = options.given_fields(Region, values)
    if resources.host.type == "aws":
        _init_on_aws(resources, given, asked)
        return
    problems = refusals(Region, given, resources.host.type, options.label(Region))
    if problems:
        raise InvalidRequest(problems)
    _tell(resources, LOCAL_REGION, asked, "it is this machine")


def _init_on_aws(resources: Resources, given: dict[str, object], asked: Asked) -> None:
    """Harmless when that was done: with settings it changes them, without it tells how the region is, or completes what failed."""
    main = str(resources.host.region)
    there = resources.snapshot().bodies["region"].get(main)
    put(resources, "region", {**given, "name": main}, "create" if there is None else "update", asked, _MAIN)


def _tell(resources: Resources, name: str, asked: Asked, why: str) -> None:
    found = resources.find("region", name)
    if asked.as_json:
        tables.print_json(tables.resource_record(found[0]))
    else:
        click.echo(f"region {name} is {found[0].state}: {why}")


def _add_region(host_name: str | None, **values: Any) -> None:
    """Local hosts refuse, with the reason and what else is wrong."""
    resources, asked = operations.for_selected(host_name), asked_of(values)
    given = options.given_fields(Region, values)
    if resources.host.type == "aws":
        put(resources, "region", given, "create", asked, _HUB)
        return
    problems = refusals(Region, given, resources.host.type, options.label(Region))
    raise InvalidRequest([operations.one_region("add-region"), *problems])


def _command(name: str, callback: Any, fields: tuple[str, ...], help: str) -> click.Command:
    params = [*options.field_options(Region, fields), options.host_option(), *options_of()]
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
