"""The settings file: what it may hold, what a mistake in it costs, what is written into it."""

from pathlib import Path

import pytest

from cyclone_core import paths
from cyclone_core.errors import InvalidRequest
from cyclone_tui import settings
from cyclone_tui.settings import Settings


def write(text: str) -> None:
    """Make it the user's file."""
    Path(paths.config_dir()).mkdir(parents=True, exist_ok=True)
    Path(settings.path()).write_text(text)


def test_defaults_without_a_file() -> None:
    """Nothing needs to be there."""
    assert settings.load() == settings.Loaded(Settings())


def test_keeps_what_differs() -> None:
    """What is saved is read back, and only that is in the file, which nobody else may read."""
    changed = Settings(theme="cyclone-light", keys={"jobs.cancel": "ctrl+k"}, bell=True)
    file = Path(settings.save(changed))
    assert settings.load().settings == changed
    assert "refresh_s" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_mistake_costs_that_setting_only() -> None:
    """Every wrong line is told; the others hold."""
    write("theme: cyclone-light\nrefresh_s: 0.1\nthem: x\nglyphs: morse\nbell: yes\n")
    loaded = settings.load()
    assert (loaded.settings.theme, loaded.settings.bell, loaded.settings.refresh_s) == ("cyclone-light", True, 2.0)
    assert [problem.path.rpartition(" ")[2] for problem in loaded.problems] == ["refresh_s", "them", "glyphs"]
    assert "did you mean theme?" in str(loaded.problems[1])


@pytest.mark.parametrize(
    "text", ["theme: 7", "glyphs: [a]", "bell: maybe", "refresh_s: .nan", "refresh_s: 1" + "0" * 400, "keys: [a]", "columns: {jobs: 3}"]
)
def test_a_value_that_is_none_is_told(text: str) -> None:
    """With the name of its setting; the default holds."""
    write(text)
    loaded = settings.load()
    assert loaded.settings == Settings()
    assert [problem.path.rpartition(" ")[2] for problem in loaded.problems] == [text.partition(":")[0]]


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [\n", "\x00", "just words"])
def test_nonsense_is_told(text: str) -> None:
    """A file that is no settings at all gives the defaults and one problem."""
    write(text)
    loaded = settings.load()
    assert loaded.settings == Settings()
    assert len(loaded.problems) == 1


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("keys", "jobs.cancel: f8; jobs.log: f9", {"jobs.cancel": "f8", "jobs.log": "f9"}),
        ("columns", "none", {}),
        ("refresh_s", "5", 5.0),
        ("bell", "no", False),
    ],
)
def test_reads_what_the_screen_shows(name: str, text: str, value: object) -> None:
    """Each setting can be typed as the screen shows it."""
    assert getattr(settings.read({name: text}), name) == value


def test_every_problem_at_once() -> None:
    """Nothing is read of wrong values; all of them are told."""
    with pytest.raises(InvalidRequest) as caught:
        settings.read({"refresh_s": "soon", "bell": "maybe", "keys": 3})
    assert [problem.path for problem in caught.value.problems] == ["refresh_s", "bell", "keys"]


@pytest.mark.parametrize(
    ("environ", "unicode"),
    [
        ({"TERM": "linux", "LANG": "C.UTF-8"}, False),
        ({"LANG": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "C", "LC_CTYPE": "en_US.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8"}, True),
        ({"LC_ALL": "C", "LANG": "C.UTF-8"}, False),
        ({}, True),
    ],
)
def test_signs_fit_the_terminal(environ: dict[str, str], unicode: bool) -> None:
    """ASCII signs on the kernel's console and where the locale promises nothing else."""
    assert settings.shows_unicode(environ) is unicode
