"""`hyper definitions`: what jobs run in and what they may use."""

from cyclone_tui.cli.groups.changes import delete_command, list_command, put_command
from cyclone_tui.cli.groups.options import make_group

group = make_group(
    "definitions",
    "Job definitions: what jobs run in and what they may use.",
    [
        put_command("definition", "add-definition", "create", "Add a job definition. On a terminal it asks for what is missing."),
        put_command("definition", "update-definition", "update", "Change a job definition; tasks that start from then on follow it."),
        delete_command("definition", "delete-definition", "Delete a job definition without unfinished jobs."),
        list_command("definition", "list-definitions", "List job definitions and their state."),
    ],
)
