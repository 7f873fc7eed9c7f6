"""What a job executes, to look at: the snapshot of its script, and the parameters that each task of an array gets."""

from cyclone_core.errors import NotFound
from cyclone_core.scheduler.parameters import pairs_of, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.operations.queries import HostView
    from cyclone_core.views import Job


def of_job(host: "HostView", job: "Job") -> bytes:
    """The script as it was submitted. Raises NotFound when its snapshot is gone."""
    try:
        return host.script(job)
    except OSError as exc:
        raise NotFound(
            f"the script of job {job.id} cannot be read from {exc.filename}: {exc.strerror}. Its output and results are not touched"
        ) from exc


def of_task(host: "HostView", job: "Job", position: int) -> bytes:
    """The script as a task executes it: with its parameters put in. Raises NotFound."""
    text, line = of_job(host, job), _line(host, job, position)
    return text if line is None else replace(text, line)


def parameters(host: "HostView", job: "Job", position: int) -> "list[tuple[str, str]]":
    """(name, value) of what is replaced in the script of a task, by name; none where the job has no parameters. Raises NotFound."""
    line = _line(host, job, position)
    return [] if line is None else sorted((name.decode(), value.decode()) for name, value in pairs_of(line))


def _line(host: "HostView", job: "Job", position: int) -> str | None:
    """The task's line of the parameter file; a task's index is the number of its line."""
    try:
        return host.parameter_line(job, job.index(position))
    except (OSError, ValueError, IndexError) as exc:
        raise NotFound(f"the parameters of {job.task_id(position)} cannot be read: {exc}") from exc
