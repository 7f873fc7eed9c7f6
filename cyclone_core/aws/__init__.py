"""Everything that Cyclone asks of AWS, and nothing that it decides: the only room that knows AWS's libraries.

    account      whose credentials, which endpoint, which regions; clients
    client       one service in one region: requests and pages, throttling outlasted, errors translated
    credentials  where credentials come from, and what to do when they cannot be used
    errors       AWS's exceptions as Cyclone's; `words`: what was asked, why it failed, what to do next; `codes`: AWS's words for that
    stacks       CloudFormation: stacks, their resources and events (`stack_values`), what can be done to them
    change_sets  what CloudFormation would do to a stack
    records      the bodies that a host's stacks recorded
    network      VPCs, subnets and what kind they are, zones, instance types, machine images
    limits       quotas and how much of them is used
    permissions  which actions the caller lacks
    storage      assets, buckets, repositories, tables and log groups: putting there, and emptying
    lean         another way to AWS, without its library, for whoever starts in milliseconds: job commands, functions and workers

All raise `AwsError` and its subclasses; only what cannot even be sent is said otherwise (a template that is too long, a file that is gone).
AWS's library is loaded when one of these modules is (0.2 s; not by those of `lean`), so nobody imports them for a host on this machine,
or before it is known that the optional part `aws` is installed.
"""
