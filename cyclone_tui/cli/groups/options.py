"""From the fields of a resource to the options of a command, and from what was typed back to fields.

Nothing about a field is written here: flags, help, defaults and choices come from the models. Values stay text and are judged by the model,
so that a command shows every mistake at once, instead of click's first one. Both spellings of a switch work,
`--paused` / `--no-paused` and the earlier system's `--paused True`.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

from cyclone_core.errors import InvalidRequest, UsageError
from cyclone_core.resource_fields import Document, FieldSpec, field_problems, fields_of

SETTINGS = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 100,
    # --max-vCPUs and --timeout_minutes are spellings of the earlier system
    "token_normalize_func": lambda token: token.lower().replace("_", "-"),
}
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?")
_METAVARS = {"integer": "N", "number": "N", "text": "TEXT", "list": "LIST", "map": "NAME=VALUE", "json": "JSON"}
BOTH, LOCAL_ONLY, AWS_ONLY, COMMAND = "Options", "Options on local hosts only", "Options on AWS hosts only", "This command"
"""Headings of the help, in this order."""


class FieldOption(click.Option):
    """An option with the heading that it stands under."""

    def __init__(self, *args: Any, heading: str = COMMAND, **attributes: Any) -> None:
        """heading: one of the headings above; the rest is click's."""
        super().__init__(*args, **attributes)
        self.heading = heading


class ResourceCommand(click.Command):
    """A command whose help is in sections and whose switches also take True and False."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Click's, after `--switch True` has become `--switch`."""
        return super().parse_args(ctx, self._without_booleans(args))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options under their headings."""
        records: dict[str, list[tuple[str, str]]] = {BOTH: [], LOCAL_ONLY: [], AWS_ONLY: [], COMMAND: []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                records[getattr(param, "heading", COMMAND)].append(record)
        for heading, rows in records.items():
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def _without_booleans(self, args: Sequence[str]) -> list[str]:
        switches = {
            spelling: param for param in self.params if isinstance(param, click.Option) and param.is_flag for spelling in param.opts
        }
        result: list[str] = []
        words = iter(range(len(args)))
        for at in words:
            name, equals, value = args[at].partition("=")
            switch = switches.get(name.lower().replace("_", "-"))
            if switch is None:
                result.append(args[at])
                continue
            word = value if equals else args[at + 1] if at + 1 < len(args) else ""
            off = word.lower() in _FALSE
            if off and switch.secondary_opts:
                result.append(switch.secondary_opts[0])
            elif off or word.lower() in _TRUE or not equals:
                result += [] if off else [name]
            else:
                raise click.BadParameter(f"{word!r} is neither true nor false", ctx=None, param_hint=name)
            if not equals and (off or word.lower() in _TRUE):
                next(words)
        return result


def field_options(
    model: type[Document], names: Sequence[str] = (), update: bool = False, without: Sequence[str] = ()
) -> list[click.Parameter]:
    """The options for the fields of a model; with `names` only those, in an update without defaults."""
    chosen = [spec for spec in fields_of(model) if spec.option.cli and (not names or spec.name in names) and spec.name not in without]
    return [_option(spec, update) for spec in chosen]


def _option(spec: FieldSpec, update: bool) -> click.Option:
    heading = {None: BOTH, "local": LOCAL_ONLY, "aws": AWS_ONLY}[spec.option.only]
    default = "" if update else spec.default_text()
    more: dict[str, Any] = {"help": spec.help + (f"  [default: {default}]" if default else ""), "default": None, "heading": heading}
    if spec.shape == "flag":
        return FieldOption([f"{spec.flag}/--no-{spec.flag[2:]}", spec.name], **more)
    if spec.option.pair:
        return FieldOption([*spec.flags, spec.name], nargs=2, multiple=True, metavar=" ".join(spec.option.pair), **more)
    metavar = spec.option.metavar if spec.option.metavar not in ("", "MAP") else _METAVARS.get(spec.shape, "")
    if spec.choices:
        metavar = "[" + "|".join(spec.choices) + "]"
    return FieldOption([*spec.flags, spec.name], multiple=spec.shape in ("list", "map", "json"), metavar=metavar, **more)


def switch(*names: str, help: str) -> click.Option:
    """A switch of the command itself."""
    return FieldOption(list(names), is_flag=True, default=False, help=help)


def value(*names: str, help: str, metavar: str = "NAME") -> click.Option:
    """A value of the command itself."""
    return FieldOption(list(names), default=None, help=help, metavar=metavar)


def host_option() -> click.Option:
    """`--host`, which every command about a host's resources has."""
    return value("--host", "host_name", help="Host to use  [default: the selected one]")


def given_fields(model: type[Document], values: Mapping[str, Any]) -> dict[str, object]:
    """The fields that were typed, out of everything that a command got."""
    shapes = {spec.name: spec for spec in fields_of(model)}
    found: dict[str, object] = {}
    for name, typed in values.items():
        if name in shapes and typed is not None and typed != ():
            found[name] = _joined(shapes[name], typed)
    return found


def _joined(spec: FieldSpec, typed: Any) -> object:
    """One value given once is passed as it is: JSON that is no list must be told as what it was."""
    if spec.shape == "json" and isinstance(typed, tuple) and len(typed) == 1:
        return typed[0]
    return list(typed) if isinstance(typed, tuple) else typed


@contextmanager
def judged(model: type[Document], given: Mapping[str, object]) -> Iterator[None]:
    """What is refused inside is told as it is; as a wrong command line (exit code 2) where a word that was typed is none of its option's
    choices, or no number where one is meant."""
    try:
        yield
    except InvalidRequest as exc:
        if any(_is_mistyped(model, spec, given[spec.name]) for spec in fields_of(model) if spec.name in given):
            raise UsageError(str(exc)) from exc
        raise


def _is_mistyped(model: type[Document], spec: FieldSpec, value: object) -> bool:
    if spec.choices or (spec.shape in ("integer", "number") and not _NUMBER.fullmatch(str(value).strip())):
        return bool(field_problems(model, spec.name, value, {}))
    return False


def label(model: type[Document]) -> Callable[[str], str]:
    """What problems call a field on a command line: its flag."""
    flags = {spec.name: spec.flag for spec in fields_of(model) if spec.option.cli}
    return lambda name: flags.get(name, name)


def make_group(name: str, help: str, commands: Sequence[click.Command]) -> click.Group:
    """A group that shows its help when it is called alone."""
    callback: Callable[[click.Context], None] = _show_help
    group = click.Group(name, callback=click.pass_context(callback), help=help, invoke_without_command=True, context_settings=SETTINGS)
    for command in commands:
        group.add_command(command)
    return group


def _show_help(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
