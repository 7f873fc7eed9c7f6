"""Whatever a plan takes, makes templates that CloudFormation takes, as far as linters can say."""

from hypothesis import HealthCheck, Phase, given, settings

from cyclone_core.infra.synth import Synthesizer
from cyclone_core.infra.targets import targets
from tests.stacks.bodies import PLACE
from tests.stacks.hosts import Bodies
from tests.stacks.linting import findings, past_limits, policy_findings
from tests.stacks.models import forgotten, hosts, refused


# Not shrunk: an example takes a second, and which template is wrong, and why, is told anyway.
@settings(max_examples=15, deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck))
@given(host=hosts())
def test_every_host_makes_good_templates(synthesizer: Synthesizer, host: Bodies) -> None:
    """Nothing that cfn-lint or our linter of policies finds, within the limits."""
    assert refused(host) == []
    made = synthesizer.templates(targets(PLACE, host))
    found = {
        key: each
        for key, template in made.items()
        if (each := findings(template.body, key[0]) + policy_findings(template.body) + past_limits(template.body))
    }
    assert found == {}


def test_every_field_takes_part() -> None:
    """Else what is above says nothing about it."""
    assert forgotten() == set()
