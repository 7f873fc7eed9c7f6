#!/bin/bash
#HYPER -n primes -t 1-300
# Each task counts the primes among 200 numbers; together they count those up to 60,000.
first=$(((CYCLONE_TASK_INDEX - 1) * 200 + 1))
last=$((CYCLONE_TASK_INDEX * 200))
found=0
for ((n = first; n <= last; n++)); do
  for ((d = 2; d * d <= n; d++)); do
    ((n % d)) || continue 2
  done
  ((n < 2)) || ((++found))
done
echo "$found primes from $first to $last"
