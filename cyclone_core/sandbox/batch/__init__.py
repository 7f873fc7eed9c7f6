"""AWS Batch: compute environments, queues and definitions, and jobs that really run, as processes or containers of this machine.

catalogue    compute environments, job queues, job definitions: what may be stored, changed and deleted
submission   SubmitJob: from a request to jobs
jobs         the records of jobs and their states
engine       which job runs when, and everything that happens to it
execution    one attempt: a process, or a container
views        DescribeJobs, ListJobs, GetJobQueueSnapshot
api          operation names -> functions, errors as AWS words them
"""
