"""The command line that does what a draft does: only what differs from the defaults, or from what is stored.

`hyper` reads it to the same resource; it ends with --yes where the command would ask for what was left to its default.
"""

import shlex
from collections.abc import Iterator

from cyclone_core.resource_fields import FieldSpec
from cyclone_tui.wizard.draft import Draft
from cyclone_tui.wizard.values import normal, specs_of, written

_COMMANDS = {
    "host": ("hosts", "create-host", "update-host"),
    "region": ("regions", "add-region", "update-region"),
    "cluster": ("clusters", "add-cluster", "update-cluster"),
    "queue": ("queues", "add-queue", "update-queue"),
    "image": ("images", "add-image", "add-image"),  # an image is always made again, whatever changed
    "definition": ("definitions", "add-definition", "update-definition"),
}
"""Kind -> group of `hyper`, command that creates, command that changes."""

_NOT_OF_MAIN = ("name", "peer_with_main_region")
"""Fields of a region that the command for the main one does not have."""


def words(draft: Draft, host: str = "") -> list[str]:
    """`hyper clusters add-cluster --name big …`. host: written with --host, "" = the selected one."""
    group, create, change = _COMMANDS[draft.kind]
    is_main = _is_main_region(draft)
    found = ["hyper", group, "init-main-region" if is_main else create if draft.mode == "create" else change]
    specs = specs_of(draft.model)
    for name, value in draft.given().items():
        if specs[name].option.cli and not (is_main and name in _NOT_OF_MAIN):
            found += _option(draft, specs[name], value)
    if host and draft.kind != "host":
        found += ["--host", host]
    asks = (draft.mode == "create" and (draft.kind != "region" or draft.host_type == "aws")) or draft.kind == "image"
    return [*found, *(["--yes"] if asks else [])]


def _is_main_region(draft: Draft) -> bool:
    """The main region of an AWS host has a command of its own, which knows its name."""
    return draft.kind == "region" and draft.mode == "create" and draft.host_type == "aws" and draft.name == draft.host.region


def line(draft: Draft, host: str = "") -> str:
    """The same, quoted for a shell."""
    return shlex.join(words(draft, host))


def _option(draft: Draft, spec: FieldSpec, value: object) -> Iterator[str]:
    if spec.shape == "flag":
        yield _switch(draft, spec, value)
    elif spec.option.pair:
        for key, item in _pairs(draft, spec, value):
            yield from (spec.flag, key, item)
    else:
        yield from (spec.flag, written(draft.model, spec.name, value))


def _switch(draft: Draft, spec: FieldSpec, value: object) -> str:
    try:
        on = normal(draft.model, spec.name, value)
    except ValueError:
        return f"{spec.flag}={value}"
    return spec.flag if on else f"--no-{spec.flag[2:]}"


def _pairs(draft: Draft, spec: FieldSpec, value: object) -> list[tuple[str, str]]:
    try:
        return [(str(key), str(item)) for key, item in normal(draft.model, spec.name, value).items()]
    except ValueError:
        return [(str(value), "")]
