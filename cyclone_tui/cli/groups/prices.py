"""`hyper prices`: what AWS asks for instances, by which list of which date."""

from dataclasses import asdict

import click

from cyclone_core.errors import CycloneError
from cyclone_core.operations import prices as operations
from cyclone_core.operations.prices import Priced, Refreshed
from cyclone_core.prices import table
from cyclone_tui.cli.groups import options, tables

_COLUMNS = ("type", "region", "vcpus", "memory_mib", "gpus", "usd_hour", "usd_vcpu_hour", "priced")


def _words(text: str | None) -> list[str]:
    return [word for word in (text or "").replace(",", " ").split() if word]


def _show(types: str | None, region: str | None, as_json: bool) -> None:
    words, names = _words(types), _words(region)
    known = table.known()
    if known.problem:
        click.echo(f"hyper: {known.problem}", err=True)
    if words:
        found = operations.of_types(words, names)
        if as_json:
            tables.print_json([asdict(one) for one in found])
        else:
            tables.print_table(_COLUMNS, [_row(one) for one in found])
            click.echo("List prices on demand, Linux, USD an hour, without taxes and discounts", err=True)
        return
    listed = [one for one in operations.regions() if not names or one.region in names]
    if as_json:
        tables.print_json({"types": len(known.types), "types_of": known.facts_date, "regions": [asdict(one) for one in listed]})
        return
    tables.print_table(("region", "priced", "types", "source"), [[one.region, one.date, str(one.types), one.source] for one in listed])
    click.echo(
        f"{len(known.types):,} instance types are known, as they were {known.facts_date}. Today's prices: hyper prices refresh", err=True
    )


def _row(one: Priced) -> list[str]:
    usd, each = ("not known" if value is None else f"{value:.5g}" for value in (one.usd, one.usd_vcpu))
    return [one.type, one.region, str(one.vcpus), f"{one.memory_mib:,}", str(one.gpus), usd, each, one.date]


def _refresh(region: str | None, profile: str | None, as_json: bool) -> None:
    found = operations.refresh(operations.client(profile), _words(region), lambda one: click.echo(_told(one), err=True))
    if as_json:
        tables.print_json([asdict(one) for one in found])
    failed = [one for one in found if one.problem]
    if failed:
        raise CycloneError(
            f"{len(failed)} of {len(found)} regions keep the prices that they had: see above. Try these again: "
            f"hyper prices refresh --region {','.join(one.region for one in failed)}"
        )


def _told(one: Refreshed) -> str:
    if one.problem:
        return f"{one.region}: the prices of {one.date} stay: {one.problem}"
    return f"{one.region}: {one.types:,} types, prices of {one.date}, {one.changed:,} are new or changed"


_REGION = options.value("--region", "region", help="Only these regions", metavar="LIST")
_JSON = options.switch("--json", "as_json", help="Print JSON")
group = options.make_group(
    "prices",
    "Prices: what AWS asks for instances, and of which date that is known.",
    [
        options.ResourceCommand(
            "show",
            callback=_show,
            params=[
                options.value("--type", "types", help="Instance types or families: what each has and costs", metavar="LIST"),
                _REGION,
                _JSON,
            ],
            help="Show of which date prices are known, or those of instance types.",
            context_settings=options.SETTINGS,
        ),
        options.ResourceCommand(
            "refresh",
            callback=_refresh,
            params=[
                _REGION,
                options.value("--profile", "profile", help="AWS profile to ask with  [default: what the environment says]"),
                _JSON,
            ],
            help="Fetch AWS's price list of today, for this user. It takes credentials that may call pricing:GetProducts.",
            context_settings=options.SETTINGS,
        ),
    ],
)
