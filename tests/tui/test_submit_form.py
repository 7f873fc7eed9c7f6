"""The submit form as values: text of others stays text, lines fit, signs have ASCII forms."""

from cyclone_core.operations.submission import Choices, Draft, Effective, Judged, Preview, Sample
from cyclone_core.problems import Problem
from cyclone_tui import submit_form

HOSTILE = "[red]\x1b[31mx[/red]"


def sample(index: int, text: str = "run ", value: str = "7") -> Sample:
    """A task with one line."""
    return Sample(index, "", (((text, False), (value, True)),))


def plain(preview: Preview, width: int = 76, ascii: bool = False) -> list[str]:
    """The rows of a preview."""
    return [row.plain for row in submit_form.preview_rows(preview, width, ascii)]


def test_text_of_others_is_neither_markup_nor_control() -> None:
    """What a parameter holds is shown as it is written."""
    rows = plain(Preview(1, 0, True, (sample(1, value=HOSTILE), Sample(2, f'{{"A": "{HOSTILE}"}}'))))
    assert rows == ["1  run [red]\\x1b[31mx[/red]", '2  {"A": "[red]\\x1b[31mx[/red]"}']


def test_what_is_put_in_is_marked() -> None:
    """And nothing else."""
    (row,) = submit_form.preview_rows(Preview(1, 0, True, (sample(1),)), 76)
    assert [row.plain[span.start : span.end] for span in row.spans if "accent" in str(span.style)] == ["7"]


def test_rows_fit_the_screen() -> None:
    """Long lines end with a sign; indices stand below each other."""
    rows = plain(Preview(900, 0, True, (sample(8, "x" * 100),), (sample(900),)), width=20)
    assert rows == ["  8  xxxxxxxxxxxxxx…", "  …", "900  run 7"]


def test_ascii_has_no_other_signs() -> None:
    """For consoles with few glyphs."""
    many = Sample(1, "", ((("a", True),), (("b", True),)))
    preview = Preview(900, 0, True, (many,), (sample(900),), notes=("look",))
    assert all(row.isascii() for row in plain(preview, ascii=True))
    assert submit_form.verdict(Judged(), ascii=True).plain.isascii()
    assert submit_form.verdict(Judged((("name", Problem("", "wrong")),)), ascii=True).plain == "x 1 problem"


def test_an_empty_field_says_what_holds() -> None:
    """With where it comes from; what was filled in is the field's text."""
    judged = Judged(effective={"queue": Effective("night", "#HYPER, line 2"), "retries": Effective("0")})
    views = {view.name: view for view in submit_form.field_views(Draft(name="mine"), judged, Choices((("night", "paused"),)))}
    assert (views["queue"].placeholder, views["retries"].placeholder) == ("night (#HYPER, line 2)", "0")
    assert (views["name"].text, views["queue"].choices, views["array"].text) == ("mine", (("night", "paused"),), "single")


def test_only_the_chosen_kind_of_array_is_asked_for() -> None:
    """Indices or a file, not both."""
    shown = [name for name in submit_form.LABELS if submit_form.is_shown(name, Draft(array="parameters"))]
    assert "parameters" in shown
    assert "indices" not in shown


def test_every_field_is_explained() -> None:
    """A line of help for each, and for the editor."""
    assert {*submit_form.LABELS, "script", "editor"} == set(submit_form.HELP)
