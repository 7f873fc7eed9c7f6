"""Looking at what a job executes, and saving what it wrote."""

import os
import stat
from pathlib import Path

import pytest

from cyclone_core.errors import InvalidRequest, NotFound
from cyclone_core.operations import logs, scripts
from cyclone_core.operations.queries import LocalView
from cyclone_core.scheduler.packing import pack_objects
from tests.filled import FilledHost


@pytest.fixture
def host(tmp_path: Path) -> FilledHost:
    """An empty host with a script."""
    filled = FilledHost(tmp_path)
    (tmp_path / "scripts").mkdir(exist_ok=True)
    (tmp_path / "scripts" / ("0" * 32)).write_bytes(b"echo ALPHA\n")
    return filled


def test_script_and_parameters_of_a_task(host: FilledHost, tmp_path: Path) -> None:
    """Of the job as submitted, of a task with its values put in."""
    packed = tmp_path / "parameters"
    pack_objects([{"ALPHA": 1}, {"ALPHA": "two"}], str(packed))
    host.db.execute("UPDATE spec SET body=json_set(body, '$.parameters', ?)", (str(packed),))
    host.job(counts=(2, 0, 0, 0, 0, 0), array=1)
    with LocalView("h", host.directory) as view:
        job = view.reader.job(1)
        assert job is not None
        assert scripts.of_job(view, job) == b"echo ALPHA\n"
        assert scripts.of_task(view, job, 2) == b"echo two\n"
        assert scripts.parameters(view, job, 1) == [("ALPHA", "1")]


def test_a_script_that_is_gone(host: FilledHost, tmp_path: Path) -> None:
    """The reason is told, with the path."""
    (tmp_path / "scripts" / ("0" * 32)).unlink()
    host.job()
    with LocalView("h", host.directory) as view, pytest.raises(NotFound, match="No such file"):
        job = view.reader.job(1)
        assert job is not None
        scripts.of_job(view, job)


def test_saving_an_output(host: FilledHost, tmp_path: Path) -> None:
    """The whole of it, for its owner only, never over another file."""
    host.ended(b"one\ntwo\n")
    target = tmp_path / "out.txt"
    with LocalView("h", host.directory) as view:
        job = view.reader.job(1)
        assert job is not None
        assert logs.save(view, job, 1, None, str(target)) == (str(target), 8)
        assert (target.read_bytes(), stat.S_IMODE(os.stat(target).st_mode)) == (b"one\ntwo\n", 0o600)
        with pytest.raises(InvalidRequest, match="exists already"):
            logs.save(view, job, 1, None, str(target))
