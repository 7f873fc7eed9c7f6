"""The variables a task finds: Cyclone's own and those of the schedulers that people's scripts were written for.

What is the same for all tasks of a job is built once; only `task_variables` runs for each task. Lists of `NAME=value` bytes are
what `execve` takes, so nothing is converted again on the way.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

REGION = "local"
"""Where tasks of a local host run."""
_INDEX = b"\1"  # stands for the index in a template


def encode(value: str) -> bytes:
    """Text as the operating system gets it; bytes that were no UTF-8 when they were read come out unchanged."""
    return value.encode("utf-8", "surrogateescape")


def pairs(variables: "Mapping[str, object]") -> "list[bytes]":
    """`NAME=value` of each variable."""
    return [encode(f"{name}={value}") for name, value in variables.items()]


def common_variables(name: str, queue: str, directory: str, is_array: bool, region: str = REGION) -> "list[bytes]":
    """What jobs of one name, queue and directory share, in the names of all families."""
    name_, queue_, directory_ = encode(name), encode(queue), encode(directory)
    shared = [
        b"CYCLONE_JOB_NAME=" + name_, b"CYCLONE_QUEUE=" + queue_, b"CYCLONE_REGION=" + region.encode(),
        b"PBS_JOBNAME=" + name_, b"PBS_QUEUE=" + queue_, b"PBS_O_WORKDIR=" + directory_,
        b"JOB_NAME=" + name_, b"QUEUE=" + queue_, b"SGE_O_WORKDIR=" + directory_,
        b"LSB_JOBNAME=" + name_, b"LSB_QUEUE=" + queue_,
        b"SLURM_JOB_NAME=" + name_, b"SLURM_JOB_PARTITION=" + queue_, b"SLURM_SUBMIT_DIR=" + directory_,
    ]  # fmt: skip
    return shared if is_array else [*shared, b"SGE_TASK_ID=undefined", b"LSB_JOBINDEX=0"]


def job_variables(job: int, is_array: bool) -> "list[bytes]":
    """What all tasks of a job share and no other job has."""
    number = b"%d" % job
    own = [b"CYCLONE_JOB_ID=" + number, b"JOB_ID=" + number, b"LSB_JOBID=" + number, b"SLURM_JOB_ID=" + number]
    own += (b"SLURM_ARRAY_JOB_ID=" + number,) if is_array else (b"CYCLONE_TASK_ID=" + number, b"PBS_JOBID=" + number)
    return own


def task_template(job: int) -> bytes:
    """What only the tasks of an array have, for `task_variables`."""
    number, index = b"%d" % job, _INDEX
    return b"\0".join((
        b"CYCLONE_TASK_ID=" + number + b"--" + index, b"CYCLONE_TASK_INDEX=" + index,
        b"PBS_JOBID=" + number + b"[" + index + b"]", b"PBS_ARRAYID=" + index, b"PBS_ARRAY_INDEX=" + index,
        b"SGE_TASK_ID=" + index, b"LSB_JOBINDEX=" + index, b"SLURM_ARRAY_TASK_ID=" + index,
    ))  # fmt: skip


def task_variables(template: bytes, index: int) -> "list[bytes]":
    """What only this task of an array has. One text with gaps is filled in half the time that eight take."""
    return template.replace(_INDEX, b"%d" % index).split(b"\0")


def task_id(job: int, index: "int | None") -> bytes:
    """The value of CYCLONE_TASK_ID, by which processes of a task that left its session are found."""
    return b"%d" % job if index is None else b"%d--%d" % (job, index)
