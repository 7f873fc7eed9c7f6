#!/bin/bash
echo "task ${CYCLONE_TASK_INDEX:-1} of job ${CYCLONE_JOB_ID:-none} on $(uname -n)"
