"""JSON through the C functions of the standard library alone: importing `json` costs a job command as much as signing ten requests.

Python without them (they are an accelerator) gets `json` itself.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class _Plain:
    """What the scanner asks of a decoder: nothing special."""

    strict = True
    object_hook = object_pairs_hook = array_hook = None  # the last one since Python 3.15
    parse_float, parse_int, parse_constant = float, int, float


def _refuse(value: object) -> None:
    raise TypeError(f"{type(value).__name__} cannot be written as JSON: {value!r}")


def _codec() -> "tuple[Callable[[Any, bool], str], Callable[[str], Any]]":
    try:
        from _json import encode_basestring_ascii, make_encoder, make_scanner

        encode, in_order = (
            make_encoder(None, _refuse, encode_basestring_ascii, None, ":", ",", is_sorted, False, False) for is_sorted in (False, True)
        )
        scan = make_scanner(_Plain)  # type: ignore[arg-type]  # it only reads the attributes
    except (AttributeError, ImportError, TypeError):
        import json

        return lambda value, is_sorted: json.dumps(value, separators=(",", ":"), sort_keys=is_sorted), json.loads

    def read(text: str) -> "Any":
        text = text.strip(" \t\r\n")
        try:
            value, end = scan(text, 0)
        except StopIteration as exc:
            raise ValueError(f"no JSON at character {exc.value}") from None
        if end != len(text):
            raise ValueError(f"more than one JSON value, from character {end} on")
        return value

    return lambda value, is_sorted: "".join((in_order if is_sorted else encode)(value, 0)), read


_write, _read = _codec()


def dumps(value: object) -> bytes:
    """A value as compact JSON of ASCII characters. Raises TypeError for what JSON does not have, ValueError for what is no number."""
    return _write(value, False).encode("ascii")


def text(value: object, is_sorted: bool = False) -> str:
    """The same as text; is_sorted: members of objects in the order of their names."""
    return _write(value, is_sorted)


def loads(data: "bytes | str") -> "Any":
    """The value of a JSON text. Raises ValueError."""
    return _read(data if isinstance(data, str) else data.decode("utf-8"))
