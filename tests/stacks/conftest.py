"""What tests of templates share: one child with the CDK for all of them, started when the first template is asked for."""

import importlib.util
from collections.abc import Iterator

import pytest

from cyclone_core.infra.synth import Synthesizer


@pytest.fixture(scope="session")
def synthesizer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synthesizer]:
    """Makes templates; what was made once in a session is kept until its end."""
    if importlib.util.find_spec("aws_cdk") is None:
        pytest.skip("templates are made by the CDK, which the extra test installs")
    with Synthesizer(str(tmp_path_factory.mktemp("templates"))) as made:
        yield made
