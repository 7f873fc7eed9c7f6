"""What CloudFormation takes of a template, so that one it would refuse is refused in a plan, before anything is begun."""

from cyclone_core.aws.stacks import MOST_BYTES, MOST_RESOURCES
from cyclone_core.infra.synth import Template
from cyclone_core.problems import Problem


def over_limits(template: Template) -> Problem | None:
    """Why CloudFormation would not take a template, None when it would."""
    resources, size = len(template.body.get("Resources", {})), len(template.text.encode())
    if resources > MOST_RESOURCES:
        what = f"its template has {resources:,} resources, and CloudFormation takes {MOST_RESOURCES}"
    elif size > MOST_BYTES:
        what = f"its template has {size:,} bytes, and CloudFormation takes {MOST_BYTES:,}"
    else:
        return None
    kind, name = template.target.kind, template.target.name
    return Problem(f"{kind}s[{name}]", what, f"Make {kind} {name} smaller, or divide it into several")
