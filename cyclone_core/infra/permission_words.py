"""The prose of docs/aws-permissions.md, around the policies that `permissions` makes."""

HEAD = """# Rights on AWS

<!-- Written by `python -m cyclone_core.infra.permissions > docs/aws-permissions.md`: change that, not this. -->

Cyclone deploys with your own credentials: CloudFormation acts in your name, and no role of Cyclone's is needed. Who deploys, looks,
or works needs what is below, and no more. In what follows, HOST is the host's name and ACCOUNT the account's number; with both filled
in,

```
python -m cyclone_core.infra.permissions HOST ACCOUNT
```

prints the policies as JSON. `hyper … --plan` says which of these actions you lack, as far as IAM may be asked
(`iam:SimulatePrincipalPolicy`); a deployment that is refused one names it.

## Who deploys

Everything of a host is named `HOST--…` (or is below `/cyclone/HOST/`, `HOST/`), and policies are narrowed to that wherever IAM can: a
deployer of the host `grid` can touch nothing of another one. Roles and instance profiles are the exception: CloudFormation names them after
their stack with one hyphen, `HOST-…`, and so a deployer of `grid` may touch those of a host `grid-two`. A policy holds 6,144 characters, so
there are four, for one role or one set of permissions.

Whoever may deploy may give the host's roles any policy, and so has, by way of a job, whatever the account has. Where that is too
much, deploy in an account of its own, or set a permissions boundary for the deployer.
"""
POLICIES = {
    "deploy": "Stacks, the files that their templates need, records, quotas.",
    "control-plane": "What is in the main region, and the roles and logs of all regions.",
    "network": "Networks. Not needed for what is imported, but for the routes of a peering, the endpoints and the security group.",
    "compute": "AWS Batch and the repositories of images.",
}
REASONS = """## Where a policy says `*`
"""
LOOKING = """## Who only looks

Lists, states and plans of a host's resources, and the events of its stacks. Plans also need the looks of the policies
above; to say what a change does to what is there, also `cloudformation:CreateChangeSet`, `DescribeChangeSet` and `DeleteChangeSet`.
`--drift` takes the five actions of the policy `deploy` that have to do with drift, and the looks at every kind of resource.
"""
WORKING = """## Who works

Submits jobs, looks at them, reads their outputs, cancels them and runs them again; changes no resources. Whoever has this sees and cancels
the jobs of every user of the host.
"""
WORKERS = """## What workers get

Roles are made with the stacks; each has what its work takes:

| role | of | may |
|---|---|---|
| `HOST-cluster-…` | instances of a cluster | register with ECS, poll, report, no more; and the cluster's `iam_policies` |
| `HOST-cluster-…` (spot, `BEST_FIT` only) | spot fleets | AWS's `AmazonEC2SpotFleetTaggingRole` |
| `HOST-definition-…` execution | ECS, to start a container | pull the image from its repository, write to its log group |
| `HOST-definition-…` job | what runs in it | use the host's message queues, table and bucket; and the definition's `iam_policies` |
| `HOST-host-…` of most functions | functions that run jobs | write their log, use the table, its stream and the message queues |
| `HOST-host-Scaler…` | the function that asks for workers | use the table, jobs of Batch, and instances of the host |
| `HOST-host-Router…` | the function that weighs regions | write its log, use the table, read spot scores and prices |
| `HOST-cluster-…` (EC2) | instances with several slots | as a definition's job, and read the host's records |
| `HOST-cluster-…JoinRole…` | [machines that join](on-premise.md) | the same, with the message queues of their cluster alone |
| `HOST-host-Health…` | the function that looks | write its log, look at the host |
| `HOST-…` of lookups | functions | write their log, read one parameter of another region |
| `HOST-region-…` | flow logs | write rejected connections to their log group |
"""
TAIL = """## What is not in here

The sandbox evaluates the actions of these policies, not every condition and resource; AWS does. What the schemas of CloudFormation's
resource types ask for can change with AWS: a deployment that is refused an action says which one, and that is worth a report.

A region that was bootstrapped with a key of yours (`cdk bootstrap --bootstrap-customer-key`) takes `kms:GenerateDataKey` and `kms:Decrypt`
on that key, too.

A machine image that is encrypted with a key of yours takes `kms:DescribeKey`, `kms:Decrypt`, `kms:ReEncrypt*`, `kms:CreateGrant` and
`kms:GenerateDataKeyWithoutPlaintext` on that key to be copied. Where an account encrypts disks with a key of its own by default, that
key's policy has to let `HOST-host-Scaler…` and `AWSServiceRoleForEC2Spot` use it, or instances of clusters of type EC2 end as soon as they
start (`Client.InternalError`).

Nobody needs these to deploy: `hyper prices refresh` takes `pricing:GetProducts`, and making activations of Systems Manager for
machines that join `ssm:CreateActivation`, and `iam:PassRole` on the cluster's role for the service `ssm.amazonaws.com`.
"""
