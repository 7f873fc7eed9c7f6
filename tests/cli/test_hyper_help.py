"""The help of every command, as golden files: written anew with CYCLONE_WRITE_GOLDEN=1 and then looked at."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cyclone_core.resource_fields import fields_of
from cyclone_core.resources import MODELS
from cyclone_tui.cli import hyper

GOLDEN = Path(__file__).parent / "golden" / "hyper"
# What the specification names, and what came beside it.
SPECIFIED = {
    "hosts": "create-host list-hosts select-host update-host import-deployment delete-host purge start stop status",
    "regions": "init-main-region add-region list-regions update-region delete-region",
    "clusters": "add-cluster update-cluster delete-cluster list-clusters join-command",
    "queues": "add-queue list-queues update-queue delete-queue weights",
    "images": "add-image list-images delete-image replace-with-local-image",
    "definitions": "add-definition list-definitions update-definition delete-definition",
    "deployments": "list show attach cancel retry roll-back",
    "workers": "list-workers list-machines drain",
    "events": "list-events",
    "prices": "show refresh",
    "sandbox": "start stop status",
}


def group(name: str) -> click.Group:
    """A group of `hyper`."""
    found = hyper.command.get_command(click.Context(hyper.command), name)
    assert isinstance(found, click.Group)
    return found


PAGES = [(), ("usage",), *((name,) for name in SPECIFIED), *((name, command) for name in SPECIFIED for command in SPECIFIED[name].split())]


@pytest.mark.parametrize("words", PAGES, ids=lambda words: "-".join(words) or "hyper")
def test_help_is_as_agreed(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page of help."""
    monkeypatch.setenv("COLUMNS", "100")
    result = CliRunner().invoke(hyper.command, [*words, "--help"], prog_name="hyper")
    path = GOLDEN / f"{'-'.join(words) or 'hyper'}.txt"
    if os.environ.get("CYCLONE_WRITE_GOLDEN"):
        path.write_text(result.output, encoding="utf-8")
    assert result.exit_code == 0
    assert result.output == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SPECIFIED)
def test_groups_have_the_specified_commands(name: str) -> None:
    """No more and no less than the list above."""
    assert sorted(group(name).commands) == sorted(SPECIFIED[name].split())


@pytest.mark.parametrize("words", [(), *((name,) for name in SPECIFIED)])
def test_alone_it_shows_its_help(words: tuple[str, ...]) -> None:
    """`hyper` and `hyper GROUP` are questions, not mistakes."""
    runner = CliRunner()
    alone, asked = runner.invoke(hyper.command, list(words)), runner.invoke(hyper.command, [*words, "--help"])
    assert (alone.exit_code, alone.output) == (0, asked.output)


@pytest.mark.parametrize("kind", MODELS)
def test_every_field_of_a_model_is_an_option(kind: str) -> None:
    """Each field that is not for files only can be given on a command line, with its line of help."""
    text = "".join(path.read_text(encoding="utf-8") for path in GOLDEN.glob("*.txt"))
    for spec in fields_of(MODELS[kind]):
        if spec.option.cli:
            assert re.search(rf"{re.escape(spec.flag)}\b", text), spec.name
            assert spec.help.split()[0] in text


def test_help_imports_neither_models_nor_engine() -> None:
    """Only the group that is used is imported, and with it pydantic."""
    code = "import sys; from cyclone_tui.cli import hyper; hyper.run([]); print(sorted({'pydantic', 'rich', 'sqlite3'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert result.stdout.splitlines()[-1] == "[]"
