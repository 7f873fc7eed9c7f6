"""Where the launchers of `qsub`, `qstat`, `qlog` and `qdel` enter Python: the launcher's name chooses the command."""

import gc
import sys

gc.set_threshold(100_000)  # modules make thousands of objects and no garbage: looking for some costs a tenth of a whole `qstat`

COMMANDS = ("qsub", "qstat", "qlog", "qdel")


def run() -> None:
    """Run the command named by the last part of `sys.argv[0]`; it ends the process with its exit code (`diagnostics.run`)."""
    name = sys.argv[0].rpartition("/")[2]
    if name not in COMMANDS:
        sys.exit(f"{name}: this launcher was renamed: the commands it can start are {' '.join(COMMANDS)}")
    __import__(f"cyclone_tui.cli.{name}", fromlist=("main",)).main()
