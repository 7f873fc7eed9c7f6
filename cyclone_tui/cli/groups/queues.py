"""`hyper queues`: where jobs are submitted."""

from cyclone_tui.cli.groups import weights
from cyclone_tui.cli.groups.changes import delete_command, list_command, put_command
from cyclone_tui.cli.groups.options import make_group

group = make_group(
    "queues",
    "Queues: where jobs are submitted. Each sends its jobs to one cluster.",
    [
        put_command("queue", "add-queue", "create", "Add a queue. On a terminal it asks for what is missing."),
        put_command("queue", "update-queue", "update", "Change a queue; --paused accepts jobs but starts none, --no-paused goes on."),
        delete_command("queue", "delete-queue", "Delete a queue without unfinished jobs."),
        list_command("queue", "list-queues", "List queues and their state."),
        weights.command(),
    ],
)
