"""How drift looks: a row for each property that somebody changed beside Cyclone, and the sentence above them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cyclone_core.operations.drift import Drift
from cyclone_tui import formatters
from cyclone_tui.widgets.table_columns import Column

FILTERED = ("resource", "region", "what", "property", "expected", "actual")
"""What a filter may name."""


@dataclass(frozen=True)
class Row:
    """One property, or a resource that is gone or could not be looked at."""

    kind: str
    name: str
    region: str
    what: str
    """type and logical id"""
    path: str
    expected: str
    actual: str

    @property
    def resource(self) -> str:
        """Of the host."""
        return f"{self.kind} {self.name}"

    @property
    def key(self) -> str:
        """Of the row."""
        return "\0".join((self.kind, self.name, self.region, self.what, self.path))


def rows(found: Iterable[Drift]) -> list[Row]:
    """All of them."""
    made = []
    for drift in found:
        where = drift.kind, drift.name, drift.region
        for each in drift.resources:
            what = f"{each.type.removeprefix('AWS::')} {each.logical_id}"
            if each.status == "DELETED":
                made.append(Row(*where, what, "", each.physical_id, "deleted"))
            made += [Row(*where, what, one.path, one.expected or "nothing", one.actual or "nothing") for one in each.differences]
        if drift.unknown:
            made.append(Row(*where, drift.stack, "", "", f"not looked at: {drift.unknown}"))
    return made


def columns() -> tuple[Column[Row], ...]:
    """What differs, where, and how."""
    return (
        Column("resource", "Resource", lambda row: row.resource, 18, style=lambda row: "title"),
        Column("region", "Region", lambda row: row.region, 12, priority=2),
        Column("what", "What", lambda row: row.what, priority=1),
        Column("property", "Property", lambda row: row.path),
        Column("expected", "Expected", lambda row: row.expected, least=10, style=lambda row: "muted"),
        Column("actual", "Actual", lambda row: row.actual, least=10, style=lambda row: "waiting"),
    )


def heading(found: Sequence[Drift]) -> str:
    """What came of it, in a sentence."""
    drifted, unknown = sum(bool(each.resources) for each in found), sum(bool(each.unknown) for each in found)
    stacks = formatters.plural(len(found), "stack")
    if not drifted and not unknown:
        return f"{stacks} compared: everything is as Cyclone made it"
    more = f", {unknown} could not be looked at entirely" if unknown else ""
    return f"{stacks} compared: somebody changed {drifted} of them beside Cyclone{more}. m puts it back"
