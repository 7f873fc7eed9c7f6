"""docs/resources.md is what the models say."""

from pathlib import Path

from cyclone_core.resource_docs import markdown


def test_page_is_current() -> None:
    """After a change of a model: python -m cyclone_core.resource_docs > docs/resources.md."""
    assert Path(__file__).parents[2].joinpath("docs", "resources.md").read_text(encoding="utf-8") == markdown()
