"""The engine of AWS hosts: jobs in one DynamoDB table, hints in SQS, scripts and outputs in S3. `keys` tells what the table holds."""
