"""How a resource's fields are declared, described and read: the machinery below `resources`.

A field is declared once, `Annotated[type, Option("one line of help", ...)]`. Command-line flags, prompts, wizard fields,
configuration files and docs/resources.md are derived from that line (`fields_of`), so they cannot disagree.
Values are read generously, because files and scripts of the earlier system must work: "True" for true, JSON in strings, `max_vCPUs`
for max_vcpus. They are refused precisely: every problem at once (`read`), each with its path, cause and remedy.
"""

import ast
import json
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from difflib import get_close_matches
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator

from cyclone_core.errors import InvalidRequest
from cyclone_core.problems import Problem

HostType = Literal["local", "aws"]
"""Kinds of hosts."""
Shape = Literal["flag", "integer", "number", "text", "choice", "list", "map", "json"]
"""How a value is written on a command line."""
LAST_STEP = "Advanced"
"""The page of a wizard for fields that name none; it comes last."""
Label = Callable[[str], str]
"""Field name -> what the user calls it (a flag, or a path in a file)."""


@dataclass(frozen=True)
class Option:
    """What the type of a field does not say.

    help: one line, shown by every way in. only: the one type of host it applies to, None = both; reason: why the others refuse it;
    harmless: values that such a host accepts anyway, because they describe what it does. flags: further command-line spellings;
    aliases: further names in files. prompt: asked for in the guided mode. default_text: (local, aws) words for a default that is found
    out. pair: metavars of a repeatable option with two values. refers_to: kind of resource it names. replaces: on AWS a change
    makes a new one. cli: False = only in files. step: the page of the wizard that asks for it. depends_on: fields after whose change
    its value should be looked at again. path: it is a directory of this machine, which forms help to type.
    """

    help: str
    _: KW_ONLY
    only: HostType | None = None
    reason: str = ""
    harmless: tuple[object, ...] = ()
    flags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    prompt: bool = False
    default_text: tuple[str, str] = ("", "")
    pair: tuple[str, str] | None = None
    refers_to: str | None = None
    replaces: bool = False
    cli: bool = True
    metavar: str = ""
    step: str = ""
    depends_on: tuple[str, ...] = ()
    path: bool = False


def aws(help: str, reason: str, **more: Any) -> Option:
    """An option that only AWS hosts have; reason: why a local host refuses it."""
    return Option(help, only="aws", reason=reason, **more)


def local(help: str, reason: str, **more: Any) -> Option:
    """An option that only local hosts have; reason: why an AWS host refuses it."""
    return Option(help, only="local", reason=reason, **more)


@dataclass(frozen=True)
class FieldSpec:
    """Everything that a form, a command or a page needs to know about one field."""

    name: str
    option: Option
    shape: Shape
    choices: tuple[str, ...]
    required: bool
    default: Any = field(hash=False)
    minimum: float | None = None
    """Least that a number may be."""
    maximum: float | None = None
    """Most that a number may be."""
    parts: tuple["FieldSpec", ...] = ()
    """Fields of the documents in it, for those with shape json."""

    @property
    def step(self) -> str:
        """The page of a wizard that it stands on."""
        return self.option.step or LAST_STEP

    @property
    def flag(self) -> str:
        """Its first long command-line spelling: what problems call it."""
        return next(flag for flag in self.flags if flag.startswith("--"))

    @property
    def flags(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(dict.fromkeys((*self.option.flags, "--" + self.name.replace("_", "-"))))

    @property
    def help(self) -> str:
        """The line of documentation, without the default."""
        return self.option.help

    def applies_to(self, host_type: HostType) -> bool:
        """Whether a host of this type has it."""
        return self.option.only in (None, host_type)

    def default_text(self, host_type: HostType | None = None) -> str:
        """The default in words; "" for none. Without a host type: both, where they differ."""
        local, aws = self.option.default_text
        if local or aws:
            if host_type or self.option.only or local == aws:
                return local if "local" in (host_type, self.option.only) else aws
            return f"{local or 'none'}; on AWS {aws or 'none'}"
        return "" if self.required else show(self.default)


def show(value: object) -> str:
    """A value as people write it on a command line; "" for nothing."""
    if value is None or value == () or value == {}:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    if isinstance(value, Mapping) and all(isinstance(item, str | int) for item in value.values()):
        return ",".join(f"{key}={item}" for key, item in value.items())
    return value if isinstance(value, str) else json.dumps(plain(value))


def plain(value: object) -> Any:
    """A value as JSON has it: models and tuples become dicts and lists."""
    if isinstance(value, BaseModel):
        return {name: plain(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


class Document(BaseModel):
    """Base of resources and of the documents in them: frozen, closed, and generous about the spelling of names."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=False, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _spell(cls, raw: object) -> object:
        """Bring names to ours, unpack JSON text, leave out what is not set (null or "")."""
        raw = from_text(raw) if isinstance(raw, str) else raw
        if not isinstance(raw, Mapping):
            return raw
        names = spellings(cls)
        return {names.get(fold(str(key)), str(key)): value for key, value in raw.items() if value is not None and value != ""}


def fold(name: str) -> str:
    """`max_vCPUs`, `max-vcpus` and `maxVcpus` are one name."""
    return name.replace("-", "").replace("_", "").lower()


def spellings(model: type[BaseModel]) -> dict[str, str]:
    """Folded spelling -> field name."""
    known = {}
    for name, info in model.model_fields.items():
        option = next((item for item in info.metadata if isinstance(item, Option)), None)
        for spelling in (name, *(option.aliases if option else ())):
            known[fold(spelling)] = name
    return known


def fields_of(model: type[BaseModel]) -> tuple[FieldSpec, ...]:
    """The described fields of a resource in the order of their declaration."""
    return tuple(_described(name, info) for name, info in model.model_fields.items())


def _described(name: str, info: Any) -> FieldSpec:
    option = next(item for item in info.metadata if isinstance(item, Option))
    shape, choices = _shape(info.annotation)
    default = info.get_default(call_default_factory=True)
    minimum, maximum = (next((getattr(item, side) for item in info.metadata if hasattr(item, side)), None) for side in ("ge", "le"))
    inner = _inner_model(info.annotation) if shape == "json" else None
    return FieldSpec(name, option, shape, choices, info.is_required(), default, minimum, maximum, fields_of(inner) if inner else ())


def _shape(annotation: Any) -> tuple[Shape, tuple[str, ...]]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        annotation = next(part for part in typing.get_args(annotation) if part is not type(None))
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _shape(inner[0])
    if origin is Literal:
        return "choice", inner
    if origin in (tuple, list):
        return ("list" if inner[0] is str else "json"), ()
    if origin is dict:
        return "map", ()
    shapes: dict[Any, Shape] = {bool: "flag", int: "integer", float: "number", str: "text"}
    return shapes.get(annotation, "json"), ()


# ------------------------------------------------------------------------------------------------- values as text


def from_text(text: str) -> object:
    """JSON in a string, also with single quotes and True/False as the earlier system took it; other text comes back as it is."""
    stripped = text.strip()
    if not stripped.startswith(("{", "[")):
        return text
    try:
        return json.loads(stripped)
    except ValueError:
        try:
            return ast.literal_eval(stripped)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return text


def _words(value: object) -> object:
    """A list from JSON text, a comma list, or several of either."""
    if isinstance(value, str):
        value = from_text(value)
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, list | tuple):
        return [word for item in value for word in (_words(item) if isinstance(item, str) else [item])]  # type: ignore[attr-defined]
    return value


def _documents(value: object) -> object:
    """A list of documents from JSON text; one document alone is a list of it; several texts are joined."""
    if isinstance(value, str):
        value = from_text(value)
    if isinstance(value, Mapping):
        return [value]
    if isinstance(value, list | tuple):
        return [document for item in value for document in (_documents(item) if isinstance(item, str) else [item])]  # type: ignore[attr-defined]
    return value


def _mapping(value: object) -> object:
    """A map from JSON text, `KEY=VALUE[,KEY=VALUE]`, pairs, or several of those."""
    if isinstance(value, str):
        value = from_text(value)
    if isinstance(value, str):
        return dict(part.partition("=")[::2] for part in _pairs(value)) if "=" in value else value
    if isinstance(value, list | tuple):
        merged: dict[object, object] = {}
        for item in value:
            is_pair = isinstance(item, list | tuple) and len(item) == 2 and isinstance(item[0], str)
            found = _mapping(item) if isinstance(item, str) else {item[0]: item[1]} if is_pair else item
            if not isinstance(found, Mapping):
                return value
            merged.update(found)
        return merged
    return value


def _pairs(text: str) -> list[str]:
    """`A=1,B=2` is two pairs, `A=1,2` is one: a comma separates only where another NAME= follows."""
    pairs: list[str] = []
    for part in text.split(","):
        if pairs and ("=" not in part or not part.partition("=")[0].strip().isidentifier()):
            pairs[-1] += "," + part
        else:
            pairs.append(part.strip())
    return pairs


def _texts(value: object) -> object:
    """Values of a map as text: numbers and booleans are common in old files."""
    value = _mapping(value)
    if isinstance(value, Mapping):
        return {str(key): item if isinstance(item, str) else json.dumps(item) for key, item in value.items()}
    return value


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
"""A list of words: JSON or separated by commas."""
TextMap = Annotated[dict[str, str], BeforeValidator(_texts)]
"""Names and texts: JSON or NAME=VALUE."""
Documents = BeforeValidator(_documents)
"""For fields that are lists of documents."""
Mapped = BeforeValidator(_mapping)
"""For fields that are maps."""


# ------------------------------------------------------------------------------------------------- reading and refusing

D = TypeVar("D", bound=Document)


def read(model: type[D], raw: Mapping[str, object], label: Label = str) -> D:
    """The resource that `raw` describes, in any accepted spelling.

    label gives the path shown in a problem. Raises InvalidRequest with every problem.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as exc:
        errors = [error for error in exc.errors(include_url=False) if not _is_told_elsewhere(error)]
        raise InvalidRequest([_translated(model, error, label) for error in errors]) from exc


def field_problems(model: type[D], name: str, value: object, others: Mapping[str, object]) -> list[Problem]:
    """What is wrong with one value, for prompts and forms; the other fields are not judged."""
    try:
        read(model, {**others, name: value})
    except InvalidRequest as exc:
        return [problem for problem in exc.problems if problem.path.partition(".")[0].partition("[")[0] == name]
    return []


def refusals(model: type[Document], given: Mapping[str, object], host_type: HostType, label: Label = str) -> list[Problem]:
    """Every given field that a host of this type does not have, each with the reason."""
    names, specs = spellings(model), {spec.name: spec for spec in fields_of(model)}
    found = []
    for key, value in given.items():
        spec = specs.get(names.get(fold(key), key))
        if spec is None or value is None or value == "" or spec.applies_to(host_type) or _is_harmless(model, spec, value):
            continue
        other = "an AWS host" if host_type == "local" else "a local host"
        found.append(Problem(label(spec.name), spec.option.reason or f"only {other} has it", f"Leave it out: it belongs to {other}"))
    return found


def _is_harmless(model: type[Document], spec: FieldSpec, value: object) -> bool:
    if not spec.option.harmless:
        return False
    try:
        parsed = getattr(model.model_validate({"name": "x", spec.name: value}), spec.name)
    except ValidationError:
        return False
    return parsed in spec.option.harmless


def _is_told_elsewhere(error: Any) -> bool:
    """Of a value that may be a number or a word each alternative has an error; the one of the word tells both."""
    location = error["loc"]
    return len(location) > 2 and location[-1] == "int" and error["type"].startswith("int_")


def _is_alternative(location: Sequence[str | int]) -> bool:
    return len(location) > 2 and str(location[-1]).startswith("literal[")


def _translated(model: type[BaseModel], error: Any, label: Label) -> Problem:
    location: tuple[str | int, ...] = error["loc"]
    given_at = location
    if len(location) > 2 and (location[-1] == "[key]" or _is_alternative(location)):  # how pydantic tells keys and alternatives
        location = location[: -2 if location[-1] == "[key]" else -1]
    path = label(str(location[0])) if location else ""
    for part in location[1:]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    message, hint = _words_of(model, error, given_at)
    return Problem(path, message, hint)


def _words_of(model: type[BaseModel], error: Any, location: Sequence[str | int]) -> tuple[str, str]:
    given, context = error.get("input"), error.get("ctx", {})
    match error["type"]:
        case "missing":
            return "is needed", f"Give it with {_flag(model, location)}" if len(location) == 1 else ""
        case "extra_forbidden":
            return "is not a known field", _nearest_hint(str(location[-1]), _names_at(model, location[:-1]))
        case "literal_error":
            choices = [word.strip("'") for word in context["expected"].replace(" or ", ", ").split(", ")]
            if _is_alternative(location):
                return f"{given!r} is neither a whole number nor {' or '.join(choices)}", ""
            return f"{given!r} is not one of {', '.join(choices)}", _nearest_hint(str(given), choices, listing=False)
        case "int_parsing" | "int_type" | "int_from_float":
            return f"{given!r} is not a whole number", ""
        case "float_parsing" | "float_type" | "finite_number":
            return f"{given!r} is not a number", ""
        case "bool_parsing" | "bool_type":
            return f"{given!r} is neither true nor false", ""
        case "greater_than_equal":
            return f"must be at least {context['ge']}, it is {given}", ""
        case "less_than_equal":
            return f"must be at most {context['le']}, it is {given}", ""
        case "dict_type":
            return f"{given!r} is no map", """Write JSON such as '{"NAME": "VALUE"}', or NAME=VALUE"""
        case "tuple_type" | "list_type" | "model_type" | "model_attributes_type":
            return f"{given!r} cannot be read", "Write it as JSON, in single quotes for the shell"
        case "value_error":
            cause, _, remedy = str(context["error"]).partition(". ")
            return cause, remedy
    return str(error["msg"]), ""


def _flag(model: type[BaseModel], location: Sequence[str | int]) -> str:
    specs = {spec.name: spec for spec in fields_of(model)}
    spec = specs.get(str(location[0]))
    return spec.flag if spec else str(location[0])


def _names_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Field names of the document at a place inside a resource."""
    annotation: Any = model
    for part in location:
        if isinstance(part, int):
            continue
        annotation = _inner_model(annotation.model_fields[part].annotation) if part in annotation.model_fields else model
    return list(annotation.model_fields)


def _inner_model(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in typing.get_args(annotation) if (found := _inner_model(part))), None)


def _nearest_hint(given: str, known: Iterable[str], listing: bool = True) -> str:
    names = list(known)
    close = get_close_matches(given.lower(), [name.lower() for name in names], 1, 0.6)
    if close:
        return f"Did you mean {next(name for name in names if name.lower() == close[0])}?"
    return f"Known: {', '.join(names)}" if listing else ""
