"""JSON is what everybody else's JSON is."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyclone_core.aws.lean import jsons

PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12)


@settings(deadline=None)
@given(VALUES)
def test_any_value(value: Any) -> None:
    """Written compactly, in order where that is wanted, and read back."""
    assert jsons.dumps(value).decode() == jsons.text(value) == json.dumps(value, separators=(",", ":"))
    assert jsons.text(value, is_sorted=True) == json.dumps(value, separators=(",", ":"), sort_keys=True)
    assert jsons.loads(f" \n{json.dumps(value, indent=1)}\t") == jsons.loads(jsons.dumps(value)) == value


@pytest.mark.parametrize("text", [b"", b"{", b"[1] 2", b"nul", b"\xff", b'{"a" 1}', b"{'a':1}", b"[1,]"])
def test_no_json(text: bytes) -> None:
    """Is a ValueError, however it is wrong."""
    with pytest.raises(ValueError):  # noqa: PT011  any of them
        jsons.loads(text)


@pytest.mark.parametrize("value", [b"x", {1, 2}, object(), {"a": b""}, float("nan")])
def test_what_json_does_not_have(value: object) -> None:
    """Is refused, not written somehow."""
    with pytest.raises((TypeError, ValueError)):
        jsons.dumps(value)
