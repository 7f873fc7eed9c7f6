#!/bin/bash
#HYPER -n hello
echo "Hello from job $CYCLONE_JOB_ID on $(uname -n): it is $(date)"
