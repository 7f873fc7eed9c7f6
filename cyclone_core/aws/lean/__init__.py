"""AWS without its library: signed requests over the standard library's HTTP, for job commands, functions and workers.

    client       a region: operations of DynamoDB, SQS, SSM, Batch, EC2, Lambda and S3
    requests     what is sent for them; `ec2`: its forms and XML; `signing`: SigV4; `endpoints`: where to
    sender       a request's way: signed, sent, repeated (`retries`), refused (`refusals`, `told`)
    links        a connection, plain or encrypted (`tls`); `exchange`: HTTP over it; `pool`: connections that are kept
    chain        whose credentials: `profiles`, `process`, `machine` (container, instance), `kept` (what only AWS's library finds)
    hosts        a host of the registry, on AWS or on the `sandbox`
    meter        counts requests, bytes and units

Lean: nothing here imports botocore, except `kept`, for credentials that only it can find (single sign-on, roles), once an hour.
"""
