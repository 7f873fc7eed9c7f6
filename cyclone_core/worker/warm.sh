# A warm shell: forks one subshell per task of one job and sources the job's script in it.
# Sourced with the arguments SCRIPT JOB COMMANDS RESULTS. Commands arrive on descriptor COMMANDS, a line for several tasks: INDEX STEP ATTEMPT DIRECTORY PIPE...
# Each task writes to its own pipe, DIRECTORY/PIPE of the worker; one that cannot be opened was taken back by the worker: "- 0 0".
# Results leave on descriptor RESULTS: STATUS BEGAN ENDED. What tasks see of this machinery is described in docs/warm-shells.md.
set -m # each background job gets its own process group
exec < /dev/null > /dev/null 2>&1 # bash's own "Killed" notices go nowhere
__script=$1 __job=$2 __commands=$3 __results=$4
shift $#
while read -r -u $__commands __index __step __attempt __directory __pipes; do
  for __pipe in $__pipes; do
    __began=$EPOCHREALTIME
    __last=$!
    { # not a condition of `if`: in there `set -e` would mean nothing to the script
      (
        exec {__commands}<&- {__results}>&-
        set +m
        export CYCLONE_TASK_ID=$__job--$__index CYCLONE_TASK_INDEX=$__index CYCLONE_ATTEMPT=$__attempt PBS_JOBID=$__job[$__index] \
          PBS_ARRAYID=$__index PBS_ARRAY_INDEX=$__index SGE_TASK_ID=$__index LSB_JOBINDEX=$__index SLURM_ARRAY_TASK_ID=$__index
        BASH_ARGV0=$__script SECONDS=0
        unset __script __job __commands __results __index __step __attempt __directory __pipes __pipe __began __last __status
        . "$0"
      ) &
    } > "$__directory/$__pipe" 2>&1
    if [[ $! == "$__last" ]]; then
      echo "- 0 0" >&$__results
    else
      wait $!
      __status=$?
      kill -KILL -- -$! # what the task left in the background ends with it
      echo "$__status $__began $EPOCHREALTIME" >&$__results
    fi
    __index=$((__index + __step))
  done
done
