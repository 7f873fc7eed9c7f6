#!/bin/bash
#HYPER -n logistic
# One point of a parameter study. qsub puts the values of a line of points.jsonl in the place of RATE and START:
#   qsub -a examples/parameter-study/points.jsonl examples/parameter-study/logistic.sh
awk -v r="RATE" -v x="START" 'BEGIN {
  for (i = 0; i < 10000; i++) x = r * x * (1 - x)
  printf "rate %s start %s: %.6f after 10000 steps\n", r, "START", x
}'
