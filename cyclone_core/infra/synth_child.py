"""The child of `synth_process`: reads targets, one request a line, and answers where their templates are, until its input ends.

Requests come on what was standard input and answers go to what was standard output; jsii and Node get others, so that nothing they
print can be taken for an answer. A request that fails says which stack was to blame, and the next one is served.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import IO, Any

from cyclone_core.errors import CycloneError
from cyclone_core.infra.targets import Place, Target


def main() -> None:
    """Serve until the end of the input, then leave nothing. After an error the directory stays: what was printed is in it."""
    requests, answers = _private_pipes()
    work = os.getcwd()
    try:
        for line in requests:
            request = json.loads(line)
            answer = _answer(request)
            answers.write(json.dumps({**answer, "id": request["id"]}) + "\n")
            answers.flush()
    except (BrokenPipeError, KeyboardInterrupt):
        pass  # whoever asked has gone
    os.chdir("/")
    shutil.rmtree(work, ignore_errors=True)


def _private_pipes() -> tuple[IO[str], IO[str]]:
    requests, answers = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    if why := _why_not():
        return {"error": why}
    if request.get("warm"):
        _warm_up()
        return {}
    targets = [Target(Place(*given.pop("place")), **given) for given in request["targets"]]
    outdir = tempfile.mkdtemp(dir=os.getcwd())
    try:
        stacks = synthesise(targets, outdir)
    except CycloneError as exc:
        shutil.rmtree(outdir, ignore_errors=True)
        return {"error": str(exc)}
    return {"outdir": outdir, "stacks": stacks}


def _why_not() -> str:
    """Why the CDK cannot be used, "" when it can."""
    try:
        import_module("cyclone_core.infra.stacks")
    except Exception as exc:  # noqa: BLE001 - a Node that does not start, a broken package: known only by how jsii stumbles
        what = f"templates cannot be made: the CDK does not start ({type(exc).__name__}: {exc})"
        return f"{what}. Look whether its Node does: {os.environ.get('JSII_NODE')} --version; if so, install the optional part aws anew"
    return ""


def _warm_up() -> None:
    """Load what stacks of all kinds need, here and in Node."""
    from cyclone_core.infra import stacks
    from cyclone_core.infra.stacks import base

    for kind in stacks.KINDS:
        import_module(f"{stacks.__name__}.{kind}")
    base.new_app(tempfile.mkdtemp(dir=os.getcwd()))


def synthesise(targets: Sequence[Target], outdir: str) -> list[dict[str, Any]]:
    """Templates of targets, all in one app; for each the paths of its template and assets.

    Raises CycloneError that names the stack which cannot be made.
    """
    from cyclone_core.infra import stacks
    from cyclone_core.infra.stacks import base

    os.makedirs(outdir, exist_ok=True)
    try:
        app = base.new_app(outdir)
        for target in targets:
            stacks.build(app, target)
        app.synth()
    except Exception as exc:  # the loop of a process: what a stack raises is told, and the next request is served
        for number, target in enumerate(targets if len(targets) > 1 else ()):  # which of them it was
            synthesise([target], os.path.join(outdir, str(number)))
        raise CycloneError(_why(targets, exc)) from exc
    return [
        {"template": os.path.join(outdir, f"{base.construct_id(target)}.template.json"), "assets": list(_assets(outdir, target))}
        for target in targets
    ]


def _assets(outdir: str, target: Target) -> Iterator[tuple[str, str]]:
    from cyclone_core.infra.stacks import base

    template = f"{base.construct_id(target)}.template.json"
    with open(os.path.join(outdir, f"{base.construct_id(target)}.assets.json"), encoding="utf-8") as file:
        files = json.load(file)["files"].values()
    for found in files:
        if (path := found["source"]["path"]) != template:  # which our deployer hands over itself
            yield from ((destination["objectKey"], os.path.join(outdir, path)) for destination in found["destinations"].values())


def _why(targets: Sequence[Target], exc: Exception) -> str:
    if isinstance(exc, CycloneError):
        return str(exc)
    what = " and ".join(f"{target.stack} ({target.region})" for target in targets[:3])
    reason = " ".join(str(exc).split()) or type(exc).__name__
    if not isinstance(exc, RuntimeError):
        reason = f"{type(exc).__name__}: {reason}"
    target = targets[0]
    return f"no template can be made for the stack {what}: {reason}. Check the settings of {target.kind} {target.name}"


if __name__ == "__main__":
    main()
