"""Where the launchers of `qsub`, `qstat`, `qlog` and `qdel` enter Python.

It is the one place that ends these processes: at once, after a flush. Python's own clean-up costs a millisecond, a seventh of
a whole command, and there is nothing to clean: what must last was committed by the supervisor.
"""

import os
import sys

COMMANDS = ("qsub", "qstat", "qlog", "qdel")


def run() -> None:
    """Run the command named by the last part of `sys.argv[0]` and end the process with its exit code."""
    name = sys.argv[0].rpartition("/")[2]
    if name not in COMMANDS:
        sys.exit(f"{name}: this launcher was renamed: the commands it can start are {' '.join(COMMANDS)}")
    try:
        code = __import__(f"cyclone_tui.cli.{name}", fromlist=("main",)).main()
    except SystemExit as exc:
        code = exc.code
    if code is not None and not isinstance(code, int):
        sys.exit(code)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, AttributeError):  # its reader left, or the process was started with it closed (then it is None)
            code = code or 1
    os._exit(code or 0)
