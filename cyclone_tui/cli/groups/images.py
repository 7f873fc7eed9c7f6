"""`hyper images`: container images that tasks run in."""

from cyclone_tui.cli.groups.changes import delete_command, list_command, put_command
from cyclone_tui.cli.groups.options import make_group

group = make_group(
    "images",
    "Images: containers that tasks run in, built by docker or podman.",
    [
        put_command(
            "image",
            "add-image",
            "any",
            "Build an image from a directory with a Dockerfile, or take a local one; the same name again makes it again.",
        ),
        put_command(
            "image",
            "replace-with-local-image",
            "update",
            "Let an image be one that docker or podman has already.",
            fields=("name", "reference", "account"),
        ),
        delete_command("image", "delete-image", "Delete an image that no definition uses."),
        list_command("image", "list-images", "List images and their state; --name shows the log of the build."),
    ],
)
