"""The CDK app: every stack of the host that the configuration files describe. `cdk` runs it as `cdk.json` says, and it runs without too.

    CDK_OUTDIR=cdk.out python3 -m cyclone_core.infra.app

The stacks are those that Cyclone's own deployer makes of the same resources, from the same targets. Nothing of a template depends on the
command line's context, so that both ways have equal templates. AWS is asked only where a configuration imports a network or names a
machine image. Problems go to the standard error, all at once, and end it with status 1.
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

HOW = "Activate the virtual environment (source .env/bin/activate), and install what is needed in it: pip3 install -r requirements.txt"
if sys.version_info < (3, 11):  # noqa: UP036 - whichever python3 the shell of the cdk command finds
    sys.exit(f"Cyclone needs Python 3.11 or later, and {sys.executable} is {sys.version.split()[0]}. {HOW}")
try:
    from cyclone_core.errors import AwsError, CycloneError, InvalidRequest
    from cyclone_core.infra import configuration
    from cyclone_core.infra.configuration import Configuration
    from cyclone_core.infra.plan import Bodies
    from cyclone_core.infra.synth_process import node
    from cyclone_core.infra.targets import Target, targets
    from cyclone_core.resource_bodies import found_before
except ModuleNotFoundError as exc:
    if __name__ != "__main__":
        raise
    sys.exit(f"{exc.name} is not installed for {sys.executable}. {HOW}")

OUTDIR = "cdk.out"
"""Where templates go when nobody says: where the cdk command has them too."""
DEPLOYED = "DEPLOYED"
"""Set to True, the stack of the control plane is left out: it is there already, or somebody else deploys it."""


def main() -> int:
    """Write the templates; the exit status."""
    try:
        configured = configuration.load(configuration.directory(context(os.environ).get("config"), os.environ), _account(os.environ))
        wanted = chosen(configured, looked_up(configured), os.environ)
        _say(*(f"warning: {warning}" for warning in configured.warnings()))
        synthesise(wanted, os.environ.get("CDK_OUTDIR") or OUTDIR)
    except InvalidRequest as refused:
        count = len(refused.problems)
        _say(f"The configuration has {'a problem' if count == 1 else f'{count} problems'}:", *(f"  {each}" for each in refused.problems))
        return 1
    except CycloneError as exc:
        _say(str(exc))
        return 1
    return 0


def context(environ: Mapping[str, str]) -> dict[str, str]:
    """What `--context NAME=VALUE` said, texts only. The cdk command hands it over in a variable, or in a file that one names."""
    text = environ.get("CDK_CONTEXT_JSON", "")
    try:
        if overflow := environ.get("CONTEXT_OVERFLOW_LOCATION"):
            with open(overflow, encoding="utf-8") as file:
                text = file.read()
        found = json.loads(text or "{}")
    except (OSError, ValueError) as exc:
        raise CycloneError(f"the context of the cdk command cannot be read: {exc}. Run it again, or set {configuration.VARIABLE}") from exc
    return {name: value for name, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def chosen(configured: Configuration, bodies: Bodies, environ: Mapping[str, str]) -> list[Target]:
    """The stacks that are wanted: all, or all but the control plane's."""
    found = targets(configured.place, bodies)
    deployed = environ.get(DEPLOYED, "").strip().lower() in ("true", "1", "yes")
    return [target for target in found if target.kind != "host"] if deployed else found


def looked_up(configured: Configuration) -> Bodies:
    """The bodies, with what only the account knows of them; it is asked when there is such a thing.

    What the host's records say of it counts first, as everywhere: a new subnet in an imported network changes nothing.
    Raises InvalidRequest for what is not there, or CycloneError when the account cannot be asked.
    """
    bodies, place = configured.bodies, configured.place
    open_fields = configured.open_fields
    if not open_fields:
        return bodies
    try:
        from cyclone_core.aws import records
        from cyclone_core.aws.account import Account
        from cyclone_core.infra import stack_facts

        account = Account(configured.host.profile, place.main_region, expected=place.account)
        recorded = records.read(account, place.main_region, place.host).bodies
        for kind, name in open_fields:
            bodies[kind][name] = _as_recorded(kind, bodies[kind][name], recorded.get(kind, {}).get(name))
        found = stack_facts.resolve(account, place, bodies, bodies, open_fields, False)
    except AwsError as exc:
        (kind, name), field = next(iter(open_fields.items()))
        raise CycloneError(f"{configured.path(kind, name, field)}: has to be looked up in the account: {exc}") from exc
    if found.problems:
        raise InvalidRequest(configured.in_files(found.problems))
    return found.bodies


def _as_recorded(kind: str, body: Mapping[str, Any], before: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """A body with what was found out when it was deployed, as far as that still holds."""
    if before is None or body.get("vpc_id") != before.get("vpc_id"):
        return body
    completed = {**body, **{name: before.get(name) for name, value in body.items() if value is None}}
    return {**completed, **found_before(kind, completed, before)} if kind == "region" else {**body, **found_before(kind, {**body}, before)}


def synthesise(wanted: list[Target], outdir: str) -> None:
    """Write the templates, and in which order the stacks are deployed.

    Raises MissingExtra, or CycloneError for a stack that cannot be made.
    """
    os.environ["JSII_NODE"] = node()  # read when the CDK is loaded
    os.environ.setdefault("CDK_VALIDATION", "false")  # takes longer than all the rest; our templates are tested
    from cyclone_core.infra import stacks
    from cyclone_core.infra.stacks import base

    app = base.new_app(outdir)
    made = {}
    for target in wanted:
        try:
            made[target.key] = stacks.build(app, target)
        except (RuntimeError, TypeError, ValueError) as exc:  # what the CDK raises for what it does not take
            what = f"no template can be made for the stack {target.stack} in {target.region}: {' '.join(str(exc).split())}"
            raise CycloneError(f"{what}. Check the settings of {target.kind} {target.name}") from exc
    for target in wanted:
        for key in target.after:
            if key in made:
                made[target.key].add_stack_dependency(made[key])
    app.synth()


def _say(*lines: str) -> None:
    sys.stderr.write("".join(f"{line}\n" for line in lines))


def _account(environ: Mapping[str, str]) -> str | None:
    """That of the credentials, which the cdk command looks up."""
    return environ.get("CDK_DEFAULT_ACCOUNT") or None


if __name__ == "__main__":
    sys.exit(main())
