"""Templates of representative hosts, as they were when somebody last looked at them.

After a change that is meant, write them anew with

    CYCLONE_UPDATE_GOLDEN=1 python -m pytest tests/stacks/test_golden.py

and look at the difference before it is committed.
"""

import itertools
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cyclone_core.infra import bootstrap
from cyclone_core.infra.synth import Synthesizer
from cyclone_core.infra.targets import Target
from tests.stacks.hosts import HOSTS, wanted

GOLDEN = Path(__file__).parent / "golden"


def shown(template: Mapping[str, Any]) -> str:
    """A template to be read; what is in a file that is uploaded does not count here."""
    return re.sub(r"\b[0-9a-f]{64}\b", "HASH", json.dumps(template, indent=1, sort_keys=True)) + "\n"


def check(directory: Path, templates: Mapping[str, str]) -> None:
    """Compare with the files of a directory, or write them."""
    if os.environ.get("CYCLONE_UPDATE_GOLDEN"):
        directory.mkdir(parents=True, exist_ok=True)
        for path in directory.glob("*.json"):
            path.unlink()
        for name, text in templates.items():
            (directory / f"{name}.json").write_text(text)
    kept = {path.stem: path.read_text() for path in directory.glob("*.json")}
    assert sorted(templates) == sorted(kept)
    for name, text in templates.items():
        assert text == kept[name], f"the template of {name} is another one: see the head of this file"


def not_before(host: str) -> list[Target]:
    """Stacks of a host that those before it do not have."""
    earlier = {target.digest() for name in itertools.takewhile(lambda name: name != host, HOSTS) for target in wanted(name)}
    return [target for target in wanted(host) if target.digest() not in earlier]


@pytest.mark.parametrize("host", HOSTS)
def test_templates(synthesizer: Synthesizer, host: str) -> None:
    """Nothing in them changes unnoticed."""
    made = synthesizer.templates(not_before(host))
    check(GOLDEN / host, {f"{region}.{stack}": shown(template.body) for (region, stack), template in made.items()})


def test_bootstrap() -> None:
    """It is shared with the CDK's own."""
    check(GOLDEN / "bootstrap", {bootstrap.STACK: shown(bootstrap.template())})
