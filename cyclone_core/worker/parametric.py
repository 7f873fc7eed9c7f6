"""Tasks with parameters: each gets the job's script with its own values put in, in a file of its slot.

Imported only for jobs that have parameters.
"""

import os

from cyclone_core.scheduler.parameters import ParameterFile, replace
from cyclone_core.worker.environment import encode
from cyclone_core.worker.recipes import NotStarted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.worker.recipes import Plan

_LONGEST_VARIABLE = 128 * 1024 - 64
"""Linux starts no program with a longer variable; the script has the values anyway."""

_files: dict[str, ParameterFile] = {}  # the last file, opened once for all leases of its job
_texts: dict[str, bytes] = {}  # the last script


def write_script(plan: "Plan", line_number: int, target: str) -> bytes:
    """Write a task's script to `target`; the task's index is the number of its line. Returns the variable that carries the parameters.

    Raises NotStarted with the reason.
    """
    try:
        line = _file(plan.parameters).line(line_number)
        body = replace(_text(plan.script), line)
    except (OSError, ValueError, IndexError) as exc:
        raise NotStarted(f"the parameters of the task cannot be read from {plan.parameters}: {exc}") from exc
    try:
        file = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write(file, body)
        finally:
            os.close(file)
    except OSError as exc:
        raise NotStarted(f"the script of the task cannot be written to {target}: {exc.strerror}") from exc
    variable = b"CYCLONE_PARAMETERS=" + encode(line.strip())
    return variable if len(variable) <= _LONGEST_VARIABLE else b"CYCLONE_PARAMETERS="


def _write(file: int, body: bytes) -> None:
    while body:
        body = body[os.write(file, body) :]


def _file(path: str) -> ParameterFile:
    if path not in _files:
        for old in _files.values():
            old.close()
        _files.clear()
        _files[path] = ParameterFile(path)
    return _files[path]


def _text(source: str) -> bytes:
    if source not in _texts:
        _texts.clear()
        with open(source, "rb") as file:
            _texts[source] = file.read()
    return _texts[source]
