"""docs/resources.md, made from the models: `python -m cyclone_core.resource_docs > docs/resources.md`. A test checks that it is current."""

import sys

from cyclone_core.resource_fields import FieldSpec, fields_of
from cyclone_core.resources import MODELS
from cyclone_core.scheduler.references import PLURALS

_INTRODUCTION = """# Resources

What a host has, and every field that can be set. This page is made from the models (`python -m cyclone_core.resource_docs`); the commands'
`--help`, their questions and configuration files come from the same lines.

Names have 1 to 128 letters, digits, dots, underscores and hyphens. Options are the field names with hyphens: `max_vcpus` is `--max-vcpus`.
Switches are `--paused` and `--no-paused`; `--paused True` works too. Lists are JSON or separated by commas, maps are JSON or
`NAME=VALUE`. In files, `null` is the same as leaving a field out.
"""
_TITLES = {
    "host": "Hosts",
    "region": "Regions",
    "cluster": "Clusters",
    "queue": "Queues",
    "image": "Images",
    "definition": "Job definitions",
}
_SHAPES = {"flag": "yes or no", "integer": "whole number", "number": "number", "text": "text", "list": "list", "map": "map", "json": "JSON"}


def markdown() -> str:
    """The whole page."""
    return "\n".join([_INTRODUCTION, *(_section(kind) for kind in MODELS)])


def _section(kind: str) -> str:
    group = PLURALS.get(kind, "hosts")
    lines = [f"## {_TITLES[kind]}", "", f"{MODELS[kind].__doc__} Commands: `hyper {group}`.", ""]
    lines += ["| field | what it is | values | default | hosts |", "|---|---|---|---|---|", *map(_row, fields_of(MODELS[kind]))]
    refused = [spec for spec in fields_of(MODELS[kind]) if spec.option.only == "aws"]
    if refused:
        lines += ["", "A local host refuses these, and says why:", ""]
        lines += [f"- {', '.join(f'`{name}`' for name in names)}: {reason}" for reason, names in _by_reason(refused).items()]
    return "\n".join([*lines, ""])


def _row(spec: FieldSpec) -> str:
    spellings = [f"`{spec.name}`", *(f"`{alias}`" for alias in spec.option.aliases)]
    flags = [f"`{flag}`" for flag in spec.flags if flag != "--" + spec.name.replace("_", "-")]
    values = ", ".join(spec.choices) or (" ".join(spec.option.pair) + ", repeated" if spec.option.pair else _SHAPES.get(spec.shape, ""))
    default = "needed" if spec.required else spec.default_text() or "none"
    return f"| {', '.join([*spellings, *flags])} | {spec.help} | {values} | {default} | {spec.option.only or 'all'} |"


def _by_reason(specs: list[FieldSpec]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for spec in specs:
        found.setdefault(spec.option.reason, []).append(spec.name)
    return found


if __name__ == "__main__":
    sys.stdout.write(markdown())
