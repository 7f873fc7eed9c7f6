"""The variables a task finds."""

from cyclone_core import jobs
from cyclone_core.scheduler.packing import pack
from tests.worker.conftest import Supervisor


def variables(output: bytes) -> dict[str, str]:
    """The environment that `env -0` printed."""
    return dict(pair.split("=", 1) for pair in output.decode().split("\0") if pair)


def test_single_job(supervisor: Supervisor) -> None:
    """A job of one task has the variables of all families and no array index."""
    found = variables(supervisor.run("env -0", attempt=2))
    expected = {
        "CYCLONE_JOB_ID": "7", "CYCLONE_TASK_ID": "7", "CYCLONE_ATTEMPT": "2", "CYCLONE_QUEUE": "default", "CYCLONE_REGION": "local",
        "CYCLONE_JOB_NAME": "name7", "CYCLONE_WORKER": "s.3.8", "PBS_JOBID": "7", "PBS_JOBNAME": "name7", "PBS_QUEUE": "default",
        "PBS_O_WORKDIR": supervisor.state, "JOB_ID": "7", "JOB_NAME": "name7", "QUEUE": "default", "SGE_TASK_ID": "undefined",
        "SGE_O_WORKDIR": supervisor.state, "LSB_JOBID": "7", "LSB_JOBNAME": "name7", "LSB_QUEUE": "default", "LSB_JOBINDEX": "0",
        "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "name7", "SLURM_JOB_PARTITION": "default", "SLURM_SUBMIT_DIR": supervisor.state,
    }  # fmt: skip
    assert {name: found.get(name) for name in expected} == expected
    assert not {"CYCLONE_TASK_INDEX", "PBS_ARRAYID", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_JOB_ID"} & found.keys()


def test_array_task(supervisor: Supervisor) -> None:
    """A task of an array has its index in every family."""
    supervisor.lease("env -0", 5, 5, array=True)
    found = variables(supervisor.output(5))
    expected = {
        "CYCLONE_JOB_ID": "7", "CYCLONE_TASK_ID": "7--5", "CYCLONE_TASK_INDEX": "5", "PBS_JOBID": "7[5]", "PBS_ARRAYID": "5",
        "PBS_ARRAY_INDEX": "5", "JOB_ID": "7", "SGE_TASK_ID": "5", "LSB_JOBID": "7", "LSB_JOBINDEX": "5", "SLURM_JOB_ID": "7",
        "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "5",
    }  # fmt: skip
    assert {name: found.get(name) for name in expected} == expected


def test_index_of_a_position(supervisor: Supervisor) -> None:
    """Users see low + (position - 1) * step."""
    supervisor.leases += 1
    spec = {
        "script": supervisor.script("echo $CYCLONE_TASK_INDEX"), "interpreter": ["/bin/bash"], "directory": "/", "environment": {},
        "parameters": None, "timeout_s": 0, "warm": False,
    }  # fmt: skip
    lane = {"name": "d", "vcpus": 1, "memory_mib": 0, "environment": {}, "timeout_s": 0, "image": None, "output_limit_mib": 64}
    supervisor.send("lease", 1, 1, 1, lane, [(7, 3, 3, 1, 0, 0)], {7: ("n", "q", 1, 1, 10, 5, 9, "c")}, {1: spec})
    assert supervisor.output(3) == b"20\n"


def test_definition_wins_over_submission_and_ours_over_both(supervisor: Supervisor) -> None:
    """The order of the layers."""
    lane = {"environment": {"A": "definition", "JOB_ID": "no"}}
    assert supervisor.run("echo $A $B $JOB_ID", lane=lane, environment={"A": "job", "B": "job", "PATH": "/bin"}) == b"definition job 7\n"


def test_nothing_of_the_worker_leaks(supervisor: Supervisor) -> None:
    """Variables of the worker's own environment are not the task's."""
    found = variables(supervisor.run("env -0"))
    assert set(found) - {"PWD", "SHLVL", "_", "OLDPWD", "PATH", "HOME"} == {name for name in found if name.split("_")[0] in FAMILIES}


def test_values_of_several_lines_and_odd_bytes(supervisor: Supervisor) -> None:
    """Values reach the task to the byte."""
    value = "two\nlines \udcff é"
    assert supervisor.run('printf %s "$ODD"', environment={"ODD": value}) == value.encode("utf-8", "surrogateescape")


def test_parameters_are_put_into_the_script(supervisor: Supervisor) -> None:
    """Each task of a parameter array runs the text with its own values, and has them in a variable."""
    supervisor.path("lines").write_text('{"NAME": "one", "NUM": 0.10}\n{"NAME": "NUM", "NUM": [1, 2]}\n')
    pack(str(supervisor.path("lines")), str(supervisor.path("packed")))
    supervisor.lease('echo NAME "NUM"; printf %s "$CYCLONE_PARAMETERS"', 1, 2, parameters="packed")
    assert supervisor.output(1) == b'one 0.10\n{"NAME": "one", "NUM": 0.10}'
    assert supervisor.output(2) == b'NUM [1, 2]\n{"NAME": "NUM", "NUM": [1, 2]}'


def test_unreadable_parameters(supervisor: Supervisor) -> None:
    """A parameter file that is gone: not started, with the path in the reason."""
    supervisor.lease("echo x", 1, 2, parameters="/nowhere/parameters")
    assert jobs.cause_of(supervisor.code()) == jobs.CAUSE_NOT_STARTED
    assert "/nowhere/parameters" in supervisor.reasons[7, 1]


FAMILIES = {"CYCLONE", "PBS", "JOB", "QUEUE", "SGE", "LSB", "SLURM"}
