"""An AWS on loopback: for users to try Cyclone's AWS hosts without an account, and for the end-to-end tests.

    server     the process: settings, ministack with our plug-in, its door, its end
    door       who may send requests: programs of this machine, no web pages
    plugin     where ministack is joined with what follows; nothing else here knows its internals
    batch/     AWS Batch with real execution, which knows nothing of ministack
    stacks/    resource types that ministack's CloudFormation does not have
    faults     slow and failing resources on demand
    spot       placement scores and prices of spot capacity

`operations/sandbox.py` starts and stops it. Nothing else in Cyclone imports this package: an AWS host on the sandbox is an AWS host with
another endpoint. What is accepted here may still be refused by AWS: quotas, the spread of IAM changes, spot capacity and the pace of stacks
are not those of the real thing.
"""
