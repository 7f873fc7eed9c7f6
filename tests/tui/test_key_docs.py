"""The page of keys cannot drift from the code."""

from pathlib import Path

from cyclone_tui import key_docs

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "keys.md"


def test_the_page_is_what_the_code_says() -> None:
    """After a change of keys: python -m cyclone_tui.key_docs > docs/keys.md."""
    assert PAGE.read_text(encoding="utf-8") == key_docs.text()
