"""What a host's things are called on AWS: everything begins with the host's name, so that hosts share an account.

Pure and lean. Names that templates, functions and workers have to agree on are fixed here; all other physical names are left to
CloudFormation, which begins them with the stack's name and so with the host's. Limits: stack names 128 characters (
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-using-console-create-stack-parameters.html), Batch names 128, buckets 63,
SSM parameters 1011 (https://docs.aws.amazon.com/general/latest/gr/ssm.html).
"""

from cyclone_core.problems import Problem

MOST_HOST = 20
"""Characters of an AWS host's name: what is made from it must fit names of 63 characters."""
TAG_HOST, TAG_KIND, TAG_NAME = "cyclone:host", "cyclone:kind", "cyclone:name"
"""Tags of every stack: whose it is, and which resource of the host it makes."""
TAG_SOURCE = "cyclone:source"
"""Tag of a copy of a machine image: the image that it is a copy of."""
_LANE = 24
"""Characters of a cluster's and a definition's name in that of a message queue."""
_KEPT_BY_S3 = ("xn--", "sthree-", "amzn-s3-demo-")
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""
_HOST = r"[a-z](?:[a-z0-9-]*[a-z0-9])?"


def host_problem(path: str, name: str) -> Problem | None:
    """Why an AWS host cannot be called so, None when it can."""
    if len(name) > MOST_HOST:
        return Problem(path, f"the name of an AWS host has at most {MOST_HOST} characters, and {name!r} has {len(name)}", "Shorten it")
    import re  # here and below: the job commands import this module, and 5 ms with it

    if not re.fullmatch(_HOST, name) or "--" in name:
        hint = f"For example {_cleaned(name.lower())[:MOST_HOST].strip('-') or 'grid'!r}"
        return Problem(path, f"{name!r} cannot name an AWS host: small letters, digits and single '-' only, a letter first", hint)
    if f"{name}--".startswith(_KEPT_BY_S3):
        return Problem(path, f"{name!r} cannot name an AWS host: S3 keeps buckets whose names begin so to itself", "Choose another name")
    return None


def slug(name: str, most: int = 64) -> str:
    """A resource's name as part of names on AWS: itself where it may stand there, else cleaned and with a hash that keeps it apart.

    Letters, digits and `-` only; at most `most` characters.
    """
    cleaned = _cleaned(name)
    if cleaned == name and len(name) <= most:
        return name
    from hashlib import sha256

    return f"{cleaned[: most - 9].strip('-')}-{sha256(name.encode()).hexdigest()[:8]}"


def in_logical_ids(name: str) -> str:
    """A name as part of logical ids, and so of the names that CloudFormation makes of them: `my-grid` -> `MyGrid`."""
    return "".join(part[:1].upper() + part[1:] for part in slug(name).split("-"))


def stack(host: str, kind: str, name: str = "") -> str:
    """Name of a stack: `grid--host`, `grid--region`, `grid--cluster-big`."""
    return _of(host, f"{kind}-{slug(name, 80)}" if name else kind)


def record(host: str, kind: str, name: str) -> str:
    """Name of the SSM parameter, in the main region, that holds a resource's body."""
    return f"{records(host)}/{kind}/{name}"


def records(host: str) -> str:
    """The path below which a host's records are."""
    return f"/cyclone/{host}"


def network_value(host: str, what: str) -> str:
    """Name of the SSM parameter, in its own region, with a value that other regions' stacks look up: vpc-id, peering-id."""
    return f"/cyclone-network/{host}/{what}"


def export(host: str, what: str) -> str:
    """Name under which a region's stack exports a value: vpc-id, subnets, security-group."""
    return _of(host, what)


def job_queue(host: str, cluster: str, rung: str = "") -> str:
    """The Batch job queue of a cluster, the same in each region. rung: step of its fallback chain, which has a queue of its own.

    A slug has no two hyphens in a row, so no other cluster's queue is called so.
    """
    return _of(_of(host, slug(cluster)), rung) if rung else _of(host, slug(cluster))


def launch_template(host: str, cluster: str) -> str:
    """What instances of a cluster of type EC2 are launched from, the same in each region."""
    return _of(host, slug(cluster))


def subnets_of(host: str, cluster: str) -> str:
    """Name of the SSM parameter, in its own region, with the subnets of a cluster of type EC2, joined by commas."""
    return network_value(host, f"subnets/{slug(cluster)}")


def job_definition(host: str, definition: str) -> str:
    """The Batch job definition, the same in each region."""
    return _of(host, slug(definition))


def jobs_table(host: str) -> str:
    """The table that holds work, in the main region."""
    return _of(host, "jobs")


def data_bucket(host: str, account: str, region: str) -> str:
    """The bucket of scripts, outputs and logs, in the main region."""
    return _of(host, f"data-{account}-{region}")


def message_queues(host: str) -> str:
    """What the names of the message queues that hold work match, in the main region."""
    return _of(host, "*")


def everything(host: str) -> str:
    """What the names of a host's things match, where they are named after it: job queues, job definitions, functions."""
    return _of(host, "*")


def lane_queue(host: str, cluster: str, definition: str, band: str) -> str:
    """The message queue of a lane's priority band, in the main region; made when it is needed first. At most 80 characters."""
    return _of(host, f"{slug(cluster, _LANE)}--{slug(definition, _LANE)}--{band}")


def lanes_of(host: str, cluster: str) -> str:
    """What the names of the message queues of a cluster's lanes match."""
    return _of(host, f"{slug(cluster, _LANE)}--*")


def is_lane_of(host: str, queue: str, kind: str, name: str) -> bool:
    """Whether a message queue is that of a lane of this cluster or definition (kind)."""
    parts = queue.removeprefix(_of(host, "")).split("--")
    return len(parts) == 3 and parts[0 if kind == "cluster" else 1] == slug(name, _LANE)


def dead_letters(host: str) -> str:
    """The message queue for what no function could handle, in the main region."""
    return _of(host, "dead-letters")


def function(host: str, what: str) -> str:
    """A function of the control plane."""
    return _of(host, what)


def machine_image(host: str, name: str, source: str) -> str:
    """A copy of a machine image of another region; AMI names have at most 128 characters."""
    return _of(host, f"{name[:80]}--{source}")


def repository(host: str) -> str:
    """The image repository of each region; images are its tags."""
    return f"{host}/images"


def log_group(host: str, definition: str) -> str:
    """Where the containers of a definition log, in their own region."""
    return f"/cyclone/{host}/definition/{slug(definition)}"


def _of(host: str, what: str) -> str:
    """Two hyphens, which no host's name has: what is `grid`'s is never taken for that of `grid-two`, and no policy for both."""
    return f"{host}--{what}"


def _cleaned(name: str) -> str:
    """Letters, digits and single hyphens."""
    kept = "".join([char if char.isascii() and char.isalnum() else "-" for char in name])
    return "-".join(part for part in kept.split("-") if part)
