"""docs/cdk.md tells the truth: the fields of each file are those that can be written, and problems look as shown."""

import re
import shutil
from pathlib import Path

import pytest

from cyclone_core.errors import InvalidRequest
from cyclone_core.infra.configuration import NAME_KEYS, SECTIONS, SETTINGS, load
from cyclone_core.resource_fields import fields_of, fold, spellings
from cyclone_core.resources import MODELS, Host

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs" / "cdk.md").read_text()
NOT_IN_FILES = {"type", "auto_init_main", "sandbox"}
"""Of a host: what the CDK path leaves no choice of."""


@pytest.mark.parametrize("kind", ["host", *SECTIONS])
def test_table_has_every_field_of_a_file(kind: str) -> None:
    """And none that is not known; the name is called what files call it."""
    section, model = SECTIONS.get(kind, SETTINGS), MODELS.get(kind, Host)
    row = next(line for line in DOCS.splitlines() if line.startswith(f"| `{section.file}` | `{section.key}` |"))
    keys = re.findall(r"`([^`]+)`", row.split("|")[3])
    names = [spellings(model)[fold(key)] for key in keys]
    known = {spec.name for spec in fields_of(model) if spec.applies_to("aws")}
    assert keys[0] == NAME_KEYS[kind]
    assert sorted(names) == sorted(known - NOT_IN_FILES if kind == "host" else known)


def test_problems_look_as_shown(tmp_path: Path) -> None:
    """Two mistakes in the examples."""
    shown = re.search(r"^The configuration has 2 problems:\n((?:  .*\n)+)", DOCS, re.MULTILINE)
    assert shown is not None
    shutil.copytree(ROOT / "examples" / "configuration", tmp_path / "conf")
    for name, right, wrong in (
        ("regions", '"cidr": "10.1', '"cider": "10.1'),
        ("queues", '"computeEnvironment": "spot"', '"computeEnvironment": "sopt"'),
    ):
        path = tmp_path / "conf" / f"{name}.json"
        path.write_text(path.read_text().replace(right, wrong))
    with pytest.raises(InvalidRequest) as refused:
        load(str(tmp_path / "conf"))
    assert [str(problem) for problem in refused.value.problems] == [line.strip() for line in shown[1].splitlines()]
