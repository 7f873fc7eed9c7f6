"""`hyper clusters`: compute that queues send their jobs to."""

from cyclone_tui.cli.groups import joining
from cyclone_tui.cli.groups.changes import delete_command, list_command, put_command
from cyclone_tui.cli.groups.options import make_group

group = make_group(
    "clusters",
    "Clusters: compute that queues send their jobs to. On a local host a pool of worker processes.",
    [
        put_command("cluster", "add-cluster", "create", "Add a cluster. On a terminal it asks for what is missing."),
        put_command("cluster", "update-cluster", "update", "Change a cluster. Tasks that run keep what they have."),
        delete_command("cluster", "delete-cluster", "Delete a cluster that no queue uses."),
        list_command("cluster", "list-clusters", "List clusters and their state."),
        joining.command(),
    ],
)
