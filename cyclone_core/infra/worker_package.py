"""The package of the worker as instances of EC2 get it: a zip of the modules that machines, workers and agents run, packed as functions'.

They need Python's standard library and nothing else. Pure but for reading this project's own modules.
"""

from functools import cache

from cyclone_core.infra import function_package

PROGRAMS = ("cyclone_core.scheduler.remote.main", "cyclone_core.worker.agent")
"""What is started: the machine and its workers, and the agent below each."""
_ROOT = "cyclone_core/__init__.py"
"""It has the version, and loads nothing."""


@cache
def packed() -> bytes:
    """The zip, the same wherever it is made."""
    modules = {module for program in PROGRAMS for module in function_package.needed(program)}
    return function_package.packed(sorted(modules), (_ROOT,))
