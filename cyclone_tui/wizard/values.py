"""Values of fields: as they are compared, and as they are written.

A draft holds what somebody typed or a file said ("4", 4, "A=1,B=2"), because only that can be shown again and corrected. Here two such
values are told equal, by reading both as the model reads them, and written so that a command line reads the same again.
"""

import json
from functools import lru_cache
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from cyclone_core.resource_fields import Document, FieldSpec, fields_of, plain, show

_UNREADABLE = object()


@lru_cache(maxsize=64)
def specs_of(model: type[Document]) -> dict[str, FieldSpec]:
    """The fields of a model by name, in their order."""
    return {spec.name: spec for spec in fields_of(model)}


def is_empty(value: object) -> bool:
    """Whether a value stands for "not given"."""
    return value is None or (isinstance(value, str) and not value.strip())


def normal(model: type[Document], name: str, value: object) -> Any:
    """The value as JSON has it, read by the model; the default for an empty one. Raises ValueError for one that cannot be read."""
    if is_empty(value):
        return plain(specs_of(model)[name].default) if not specs_of(model)[name].required else None
    try:
        return plain(_adapter(model, name).validate_python(value))
    except ValidationError as exc:
        raise ValueError(str(exc)) from exc


def same(model: type[Document], name: str, one: object, other: object) -> bool:
    """Whether two values of a field mean the same."""
    left, right = _readable(model, name, one), _readable(model, name, other)
    if left is _UNREADABLE or right is _UNREADABLE:
        return one == other
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def written(model: type[Document], name: str, value: object) -> str:
    """A value as one word of a command line, which reads as the same value; "" for the default that has no words."""
    spec = specs_of(model)[name]
    try:
        read = normal(model, name, value)
    except ValueError:
        return value if isinstance(value, str) else json.dumps(value)
    text = show(read)
    if not text:
        return "[]" if isinstance(read, list) else "{}" if spec.shape == "map" else ""
    return text if isinstance(read, str | int | float) or same(model, name, text, read) else json.dumps(read)


def as_text(value: object) -> str:
    """A value as a one-line input shows it."""
    if isinstance(value, list | tuple | dict) and value:
        text = show(value)
        return text if text.isprintable() else json.dumps(plain(value))
    return show(value)


def _readable(model: type[Document], name: str, value: object) -> Any:
    try:
        return normal(model, name, value)
    except ValueError:
        return _UNREADABLE


@lru_cache(maxsize=256)
def _adapter(model: type[Document], name: str) -> TypeAdapter[Any]:
    info = model.model_fields[name]
    return TypeAdapter(Annotated.__class_getitem__((info.annotation, *info.metadata)))  # type: ignore[attr-defined]
