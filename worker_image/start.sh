#!/bin/bash
# Entry point of a worker image. A local host starts a container for each task, with the script and its working directory mounted
# where they are on the host, and gives the interpreter and the script as arguments: they take the place of this process, so that
# signals and the exit code are theirs. Prepare here what every task needs (`source /opt/…/environment`).
if [ $# -eq 0 ]; then
  echo "start.sh: nothing to run. Cyclone gives the command: submit with a definition that uses this image (qsub -d …)" >&2
  exit 64
fi
exec "$@"
