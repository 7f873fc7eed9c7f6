"""Regions, clusters, queues, images and definitions of a host: one list, five kinds."""

from collections.abc import Sequence
from shlex import quote
from typing import ClassVar

from cyclone_core.errors import InvalidRequest
from cyclone_core.operations import descriptions
from cyclone_core.operations.descriptions import Description, Listed
from cyclone_core.operations.queries import HostView
from cyclone_core.operations.resources import Stored
from cyclone_core.scheduler.references import PLURALS
from cyclone_tui import resource_columns
from cyclone_tui.actions import Action, bound
from cyclone_tui.screens.list_view import ListView
from cyclone_tui.screens.resource_flows import ResourceFlows, actions_of
from cyclone_tui.widgets.table_columns import Column


class ResourcesView(ListView[Listed], ResourceFlows):
    """The list of one kind. See the module."""

    KIND: ClassVar[str] = ""
    FROM_AWS = ("resources",)
    EMPTY: ClassVar[str] = ""
    """what to do where there is none"""

    @property
    def kind(self) -> str:
        """Of what it is a list."""
        return self.KIND

    def twin(self) -> str:
        """What prints the same list."""
        many = PLURALS[self.KIND]
        return f"hyper {many} list-{many}{self.at_host}"

    def load_rows(self, host: HostView) -> tuple[Listed, ...]:
        """Its resources, of the session's region."""
        return descriptions.listing(host, self.KIND, self.session.region)

    def load_about(self, host: HostView, name: str) -> Description | None:
        """One of them."""
        try:
            return descriptions.describe(host, self.KIND, name)
        except InvalidRequest:  # deleted since the cursor came there
            return None

    def columns(self, rows: Sequence[Listed]) -> Sequence[Column[Listed]]:
        """Every field, and the numbers of now."""
        return resource_columns.columns(self.KIND, rows, self.session.settings.ascii)

    def usual(self) -> Sequence[str]:
        """What `hyper` lists, and the numbers of now."""
        return resource_columns.names(self.KIND, self.session.is_aws)

    def cells(self, row: Listed) -> dict[str, str]:
        """Every field."""
        return resource_columns.cells(row)

    def counted(self) -> str:
        """How many, and how many of them are not as they should be."""
        return resource_columns.summary(self.KIND, self.rows, len(self.shown), len(self.table.marked))

    def nothing(self) -> str:
        """What to do where there is none."""
        if self.session.region:
            return f"No {self.KIND} in {self.session.region}. R shows all regions"
        return self.EMPTY.partition(". ")[0] if self.session.read_only else self.EMPTY

    def chosen(self) -> list[Stored]:
        """The marked ones, else the one under the cursor."""
        by_name = {row.name: row.stored for row in self.rows}
        return [by_name[name] for name in self.targets() if name in by_name]

    def deleted(self) -> None:
        """Marks of what is gone go too."""
        self.table.clear_marks()

    def open_row(self, row: Listed) -> None:
        """Everything about it."""
        self.cyclone.open(f"describe {self.KIND} {quote(row.name)}")


class RegionsView(ResourcesView):
    """Regions."""

    NAME, KIND = "regions", "region"
    EMPTY = "No region yet. Press a to add one"
    ACTIONS: ClassVar[tuple[Action, ...]] = actions_of("region")
    BINDINGS = bound(ACTIONS)


class ClustersView(ResourcesView):
    """Clusters."""

    NAME, KIND = "clusters", "cluster"
    EMPTY = "No cluster yet, so no job can run. Press a to add one"
    ACTIONS: ClassVar[tuple[Action, ...]] = actions_of("cluster")
    BINDINGS = bound(ACTIONS)


class QueuesView(ResourcesView):
    """Queues."""

    NAME, KIND = "queues", "queue"
    EMPTY = "No queue yet. Press a to add one"
    ACTIONS: ClassVar[tuple[Action, ...]] = actions_of("queue")
    BINDINGS = bound(ACTIONS)


class ImagesView(ResourcesView):
    """Images."""

    NAME, KIND = "images", "image"
    EMPTY = "No image yet: tasks run on the machine itself. Press a to build one"
    ACTIONS: ClassVar[tuple[Action, ...]] = actions_of("image")
    BINDINGS = bound(ACTIONS)


class DefinitionsView(ResourcesView):
    """Job definitions."""

    NAME, KIND = "definitions", "definition"
    EMPTY = "No definition yet. Press a to add one"
    ACTIONS: ClassVar[tuple[Action, ...]] = actions_of("definition")
    BINDINGS = bound(ACTIONS)
