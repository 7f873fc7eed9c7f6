#!/usr/bin/env bash
# Submits many jobs at once: bash submit_script.sh [COUNT] [SCRIPT] [QUEUE]
#
# With the earlier system this took many submitting processes, held back while the load of the machine was high. Here one
# command submits them all as an array: one commit however many tasks there are, instead of a process and a commit for each.
# Nothing needs to be held back: 1,000,000 tasks are submitted in the time of one job. Each task finds its number in
# CYCLONE_TASK_INDEX. Tasks that differ by more than a number get a file with one JSON object per line:
#   qsub -a examples/parameter-study/points.jsonl examples/parameter-study/logistic.sh
set -euo pipefail

count=${1:-1000}
script=${2:-examples/hello.sh}
queue=${3:-}

if ! [[ $count =~ ^[1-9][0-9]*$ ]]; then
  echo "submit_script.sh: $count is not a number of jobs. Usage: bash submit_script.sh [COUNT] [SCRIPT] [QUEUE]" >&2
  exit 2
fi
exec qsub -t "1-$count" ${queue:+-q "$queue"} "$script"
