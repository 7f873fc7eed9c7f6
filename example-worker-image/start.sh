#!/bin/bash
# Entry point of a worker image. A local host starts a container per task and gives the command to run as arguments.
# Tasks of a container that is kept share its working directory, so a job should clean up what it leaves there.
if [ $# -eq 0 ]; then
  echo "start.sh: no command was given. On a local host Cyclone gives it: define an image and submit with a definition that uses it" >&2
  exit 64
fi
exec "$@"
