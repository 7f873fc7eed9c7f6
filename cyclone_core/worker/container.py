"""Tasks in containers, by the Docker or Podman that is on the PATH. Imported only for definitions with an image.

The script and the working directory are mounted where they are on the host, so paths mean the same inside. The environment travels in
a file of mode 0600, never on the command line, where every user of the machine could read it. Limits of memory and CPU are the
engine's; ending such a task means ending the container, because the client's death alone would leave it running.
"""

import os
import sys

from cyclone_core.worker.environment import encode
from cyclone_core.worker.recipes import NotStarted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cyclone_core.worker.recipes import Place
    from cyclone_core.worker.runner import Spawner
    from cyclone_core.worker.tasks import Task

ENGINES = ("docker", "podman")
"""Looked for in this order."""

_found: dict[str, str] = {}  # PATH -> engine: looking costs a few system calls per task otherwise


def engine() -> str:
    """Path of the container engine's client. Raises NotStarted when there is none."""
    path = os.environ.get("PATH", os.defpath)
    if path not in _found:
        candidates = (os.path.join(folder, name) for name in ENGINES for folder in path.split(":"))
        program = next((name for name in candidates if os.access(name, os.X_OK) and os.path.isfile(name)), "")
        if not program:
            raise NotStarted(
                "its definition names an image, and neither docker nor podman is on the PATH of this host. Install one of them"
            )
        _found[path] = program
    return _found[path]


def command(
    task: "Task", interpreter: "list[bytes]", script: str, cwd: bytes, env: "list[bytes]", place: "Place"
) -> "tuple[list[bytes], tuple[bytes, ...], list[bytes], str]":
    """How to run a task in its container: (argv, executable, environment of the client, file to remove at the end)."""
    program = engine()
    lane, name = task.lease.lane, name_of(task)
    env_file = f"{place.scratch}/{name}.env"
    inside, extra = _environment(_inside(env, lane), env_file)
    directory = os.fsdecode(cwd)
    words = [program, "run", "--rm", "--name", name, "--label", os.fsdecode(place.mark), "--env-file", env_file, "--workdir", directory]
    for pair in extra:
        words += ("--env", pair)
    words += ("--volume", f"{script}:{script}:ro", "--volume", f"{directory}:{directory}")
    words += _limits(lane) + _options(lane.get("container_options") or {}, program)
    argv = [*map(encode, words), encode(str(task.recipe.plan.image)), *interpreter, encode(script)]
    return argv, (encode(program),), [*map(encode, (f"{key}={value}" for key, value in os.environ.items())), *inside], env_file


def name_of(task: "Task") -> str:
    """Name of a task's container, by which it is ended."""
    return f"cyclone-{task.lease.id}-{task.job}-{task.position}-{task.attempt}"


def kill(task: "Task", spawner: "Spawner") -> int:
    """Start a client that ends a task's container; its pid, 0 when that was not possible."""
    try:
        program = encode(engine())
        variables = [encode(f"{key}={value}") for key, value in os.environ.items()]
        pid, why = spawner.spawn([program, b"kill", encode(name_of(task))], (program,), b"/", variables, -1)
    except (NotStarted, OSError) as exc:
        why, pid = str(exc), 0
    if why:
        sys.stderr.write(f"the container {name_of(task)} cannot be ended: {why}\n")
    return pid


def complaint(last_line: bytes) -> str:
    """The reason when the engine itself failed, "" when the line is the script's own."""
    text = last_line.decode("utf-8", "replace").strip()
    return text if text.startswith(("docker: ", "Error: ", "Error response", "See 'docker run")) else ""


def _inside(env: "list[bytes]", lane: "dict[str, Any]") -> "list[bytes]":
    """Without the host's PATH and HOME, which mean nothing in an image, unless the definition sets them."""
    ours = [f"{name}=".encode() for name in ("PATH", "HOME") if name not in (lane.get("environment") or {})]
    return [pair for pair in env if not pair.startswith(tuple(ours))]


def _environment(env: "list[bytes]", path: str) -> "tuple[list[bytes], list[str]]":
    """Write the variables to a file. Values of several lines do not fit in there: they go through the client's own
    environment, (variables of the client, their names)."""
    several = [pair for pair in env if b"\n" in pair]
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, b"".join(pair + b"\n" for pair in env if b"\n" not in pair))
        finally:
            os.close(file)
    except OSError as exc:
        raise NotStarted(f"the environment of the container cannot be written to {path}: {exc.strerror}") from exc
    return several, [os.fsdecode(pair.partition(b"=")[0]) for pair in several]


def _limits(lane: "dict[str, Any]") -> "list[str]":
    words = ["--cpus", f"{lane.get('vcpus', 1):g}"]
    return [*words, "--memory", f"{lane['memory_mib']}m"] if lane.get("memory_mib") else words


def _options(options: "dict[str, Any]", program: str) -> "list[str]":
    """What the definition asks of the container: user, privileged, init, shm_size_mib, ulimits, mounts."""
    words = [] if options.get("init") is False else ["--init"]
    if options.get("user"):
        words += ("--user", str(options["user"]))
    elif os.geteuid() and os.path.basename(program) == "podman":
        words.append("--userns=keep-id")  # without it a user's files would belong to somebody else in a rootless container
    else:
        words += ("--user", f"{os.geteuid()}:{os.getegid()}")
    if options.get("privileged"):
        words.append("--privileged")
    if options.get("shm_size_mib"):
        words += ("--shm-size", f"{options['shm_size_mib']}m")
    for limit in options.get("ulimits") or ():
        words += ("--ulimit", f"{limit['name']}={limit['soft']}:{limit['hard']}")
    for mount in options.get("mounts") or ():
        words += ("--volume", f"{mount['source']}:{mount['target']}{':ro' if mount.get('read_only') else ''}")
    return words
