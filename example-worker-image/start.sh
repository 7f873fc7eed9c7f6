#!/bin/bash
# Entry point of a worker image. Prepare here what every task needs (`source /opt/…/environment`).
#
# On AWS the container is a worker: it is given no command, runs cyclone-worker, and that takes task after task.
# A local host starts a container for each task, with the script and its working directory mounted where they are on the host, and gives
# the interpreter and the script as arguments. Either takes the place of this process, so that signals and the exit code are its own.
if [ $# -gt 0 ]; then
  exec "$@"
fi
if ! command -v cyclone-worker >/dev/null; then
  echo "start.sh: no command was given, and this image has no cyclone-worker to run. Build it FROM cyclone-worker (worker_image)" >&2
  exit 64
fi
exec cyclone-worker
