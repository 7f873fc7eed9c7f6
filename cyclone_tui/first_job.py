"""The first job of a first-time user: a script that counts for some seconds, so that there is something to watch."""

from cyclone_core.jobs import JobRequest
from cyclone_core.operations.queries import HostView
from cyclone_core.operations.requests import build
from cyclone_core.problems import Problems

SCRIPT = b"""#!/bin/bash
#HYPER -n hello
echo "Hello from $(hostname), this is job $CYCLONE_JOB_ID in queue $CYCLONE_QUEUE"
for second in $(seq 5)
do
    echo "second $second of 5"
    sleep 1
done
echo "Done. Try: qsub your-script.sh"
"""


def start_and_submit(host: HostView) -> int:
    """Submit it to the host, which is started by that; returns the job's id. Raises InvalidRequest, HostUnavailable, StateUnusable."""
    problems = Problems()
    request: JobRequest = build("hello.sh", SCRIPT, {}, {}, problems, default_name="hello", far=host.type == "aws")
    problems.check()
    return host.door().submit(request)[0]
