"""Host, Region, Cluster, Queue, Image, JobDefinition: the one definition of every field that a user can set.

Command-line options, prompts, wizards, configuration files and docs/resources.md are derived from these models (see
`resource_fields`); what the local engine stores is derived in `resource_bodies`. A model knows nothing about other resources: references
are `scheduler.references`, and what a type of host does not have is `resource_fields.refusals`.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from cyclone_core.resource_fields import Document, Documents, Mapped, Option, TextMap, Words, aws, local
from cyclone_core.scheduler import references

LOCAL_REGION = references.LOCAL_REGION
"""Name of the one region of a local host."""


def _valid_name(name: str) -> str:
    problem = references.name_problem("", name)
    if problem:
        raise ValueError(str(problem))
    return name


def _environment(variables: dict[str, str]) -> dict[str, str]:
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name or any(character.isspace() for character in name):
            raise ValueError(f"{name!r} cannot be the name of a variable. Names have no spaces and no '='")
        if "\0" in value:
            raise ValueError(f"the value of {name} contains a NUL byte, which no environment can hold. Leave it out")
    return variables


def _weights(weights: dict[str, int | Literal["auto"]]) -> dict[str, int | Literal["auto"]]:
    for region, weight in weights.items():
        if isinstance(weight, int) and weight < 0:
            raise ValueError(f"the weight of {region} is {weight}. Weights are whole numbers from 0 (off), or auto")
    return weights


def _certificate_authority(given: str | None) -> str | None:
    if not given:
        return None
    from cyclone_core import certificates  # OpenSSL, which nothing else here needs

    return certificates.authority(given)


Name = Annotated[str, AfterValidator(_valid_name)]
"""Name of a resource."""
Upper = BeforeValidator(lambda value: value.upper().replace("-", "_") if isinstance(value, str) else value)
Lower = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)

_HARDWARE = "instance types are chosen by AWS; a local cluster is a pool of processes on this machine"
_ACCOUNT = "a local host is this machine and needs no AWS account"
_NETWORK = "a local host has no cloud network; its one region is this machine"
_REGIONS = "a local host has one region, this machine, so there is nothing to weigh"
_ROLES = "IAM roles exist on AWS only; local tasks run as you"
_LOGS = "outputs of local tasks are kept beside the host's database and read with qlog"
_KEPT = "a local host keeps finished jobs until you remove them"
_MEMORY = "on AWS the memory of a cluster follows from its instance types"

Endpoints = Annotated[Literal["OFF", "DATA_OPTIMISED", "FOR_PRIVATE_VPC"], Upper]
Subnets = Annotated[Literal["PUBLIC", "PRIVATE_ISOLATED", "PRIVATE_WITH_NAT"], Upper]
LogDriver = Annotated[Literal["AWSLOGS", "FLUENTD", "GELF", "JOURNALD", "JSON_FILE", "LOGENTRIES", "SPLUNK", "SYSLOG"], Upper]


UlimitName = Annotated[
    Literal[
        "CORE", "CPU", "DATA", "FSIZE", "LOCKS", "MEMLOCK", "MSGQUEUE", "NICE",
        "NOFILE", "NPROC", "RSS", "RTPRIO", "RTTIME", "SIGPENDING", "STACK",
    ],
    Upper,
]  # fmt: skip


FallbackStep = Annotated[Literal["instance-types", "zones", "regions", "on-demand"], Lower]


class Host(Document):
    """One Cyclone control plane: this machine, or an AWS account with regions."""

    name: Annotated[Name, Option("Name of the host, as you will select it", aliases=("stack_name", "host_name"), prompt=True, step="Name")]
    type: Annotated[
        Literal["local", "aws"], Lower, Option("Where it runs: on this machine, or in an AWS account", prompt=True, step="Name")
    ] = "local"
    account: Annotated[
        str | None, aws("AWS account number", _ACCOUNT, default_text=("", "from credentials"), prompt=True, step="Account")
    ] = None
    region: Annotated[
        str | None,
        aws(
            "Main region, where its state lives",
            _NETWORK,
            default_text=("", "from credentials"),
            prompt=True,
            step="Account",
            depends_on=("profile", "account"),
        ),
    ] = None
    vpc: Annotated[
        str | None,
        aws("Network: a CIDR to create or a vpc-id to import", _NETWORK, prompt=True, metavar="CIDR|VPC-ID", step="Network"),
    ] = None
    enable_dashboard: Annotated[
        bool,
        aws("Make a CloudWatch dashboard", "dashboards belong to CloudWatch; the local view is the command cyclone", step="Advanced"),
    ] = False
    private_api: Annotated[
        bool,
        aws(
            "Reach the job API from inside the VPC only", "a local host has no API; it is reached through a private socket", step="Network"
        ),
    ] = False
    keep_days: Annotated[int, Field(ge=1, le=3650), aws("Days that finished jobs are kept, with their outputs", _KEPT, step="Advanced")] = (
        30
    )
    auto_init_main: Annotated[bool, Option("Initialise the main region right away", step="Advanced")] = True
    profile: Annotated[str | None, aws("AWS profile to deploy with", _ACCOUNT, step="Account")] = None
    sandbox: Annotated[
        bool,
        aws("On the sandbox of this machine instead of an account (hyper sandbox start)", _ACCOUNT, harmless=(False,), step="Account"),
    ] = False

    @field_validator("name")
    @classmethod
    def _visible(cls, name: str) -> str:
        if name.startswith((".", "-")):
            raise ValueError(f"the name of a host is a file name: {name!r} would be hidden or read as an option. Begin it with a letter")
        return name


class Region(Document):
    """A place where a host computes; one of them is the main region."""

    name: Annotated[
        Name, Option("Name of the region, such as eu-west-1; on a local host local", aliases=("region",), prompt=True, step="Name")
    ]
    main_region: Annotated[bool, aws("Whether the scheduling state lives here", _NETWORK, cli=False, step="Name")] = False
    vpc: Annotated[
        str | None,
        aws("Network: a CIDR to create or a vpc-id to import", _NETWORK, prompt=True, metavar="CIDR|VPC-ID", step="Network"),
    ] = None
    import_vpc: Annotated[bool, aws("Use an existing network", _NETWORK, replaces=True, step="Network")] = False
    cidr: Annotated[
        str | None, aws("Address range of a new network", _NETWORK, replaces=True, step="Network", depends_on=("import_vpc",))
    ] = None
    vpc_id: Annotated[str | None, aws("Existing network to use", _NETWORK, replaces=True, step="Network", depends_on=("import_vpc",))] = (
        None
    )
    peer_with_main_region: Annotated[bool, aws("Connect its network with the main region's", _NETWORK, prompt=True, step="Network")] = False
    deploy_vpc_endpoints: Annotated[
        Endpoints, aws("Private ways to AWS services: none, those that move data, or all", _NETWORK, prompt=True, step="Network")
    ] = "OFF"
    availability_zones: Annotated[
        int | None,
        Field(ge=1, le=6),
        aws(
            "Availability zones of a new network",
            _NETWORK,
            default_text=("", "3, or as many as the region has"),
            replaces=True,
            step="Subnets",
        ),
    ] = None
    subnet_config: Annotated[
        Subnets | None,
        aws(
            "Subnets of workers",
            _NETWORK,
            default_text=("", "PRIVATE_WITH_NAT; of an imported network those that it has"),
            step="Subnets",
        ),
    ] = None
    nat_gateways: Annotated[
        int | None,
        Field(ge=0),
        aws(
            "NAT gateways to create",
            _NETWORK,
            default_text=("", "1 with PRIVATE_WITH_NAT, else 0"),
            step="Subnets",
            depends_on=("subnet_config",),
        ),
    ] = None


class Cluster(Document):
    """Compute that queues send their jobs to; on a local host a pool of worker processes."""

    name: Annotated[Name, Option("Name of the cluster", aliases=("cluster_name",), prompt=True, step="Name")]
    max_vcpus: Annotated[
        int | None,
        Field(ge=1),
        Option("Most vCPUs that it uses at once (on AWS in each region)", default_text=("all cores", "1000"), prompt=True, step="Capacity"),
    ] = None
    max_memory_mib: Annotated[
        int | None,
        Field(ge=16),
        local(
            "Most memory that its tasks use together, MiB",
            _MEMORY,
            default_text=("this machine's memory", ""),
            prompt=True,
            step="Capacity",
        ),
    ] = None
    launch_type: Annotated[
        Literal["BATCH", "EC2", "ONPREM"],
        Upper,
        aws(
            "Containers on AWS Batch, bare EC2 instances, or machines that join",
            "local workers are processes on this machine",
            replaces=True,
            step="Name",
        ),
    ] = "BATCH"
    instance_list: Annotated[
        Words,
        aws("Instance types or families, or optimal", _HARDWARE, prompt=True, metavar="LIST", step="Capacity", depends_on=("launch_type",)),
    ] = ("optimal",)
    compute_envs: Annotated[
        int,
        Field(ge=1, le=3),
        aws("Compute environments in each region, at most 3, of 16 vCPUs at least", _HARDWARE, prompt=True, step="Capacity"),
    ] = 3
    type: Annotated[Literal["SPOT", "ONDEMAND"], Upper, aws("How instances are bought", _HARDWARE, prompt=True, step="Purchase")] = "SPOT"
    bid_percentage: Annotated[
        int,
        Field(ge=1, le=100),
        aws("Most to pay for spot instances, per cent of the on-demand price", _HARDWARE, step="Purchase", depends_on=("type",)),
    ] = 100
    allocation_strategy: Annotated[
        Literal["SPOT_CAPACITY_OPTIMIZED", "BEST_FIT_PROGRESSIVE", "BEST_FIT"],
        Upper,
        aws("How AWS picks instance types", _HARDWARE, step="Purchase", depends_on=("launch_type", "type")),
    ] = "SPOT_CAPACITY_OPTIMIZED"
    iam_policies: Annotated[
        Words,
        aws(
            "Policies of the instances' role: AWS's by name, policy/NAME of the account, or any by ARN",
            _ROLES,
            metavar="LIST",
            step="Access",
        ),
    ] = ()
    compute_resources_tags: Annotated[
        TextMap, aws("Tags on its instances", "tags are put on AWS instances", pair=("KEY", "VALUE"), step="Advanced")
    ] = {}  # noqa: RUF012 - pydantic copies defaults
    main_region_image_name: Annotated[str | None, aws("Machine image of the instances", _HARDWARE, step="Advanced")] = None
    fallback_instance_list: Annotated[
        Words, aws("Other instance types or families, for when none of those comes", _HARDWARE, metavar="LIST", step="Fallback")
    ] = ()
    first_zones: Annotated[
        int | None,
        Field(ge=1, le=6),
        aws("Availability zones that are used at first", _HARDWARE, default_text=("", "all of the network"), step="Fallback"),
    ] = None
    fallback: Annotated[
        dict[FallbackStep, Annotated[int, Field(ge=0, le=86_400)]],
        Mapped,
        aws(
            "Seconds without new instances before a step is taken: instance-types, zones, regions, on-demand (0 = never)",
            _HARDWARE,
            pair=("STEP", "SECONDS"),
            default_text=("", "180, 120, 240 and never; with EC2 60, 60, 120 and never"),
            step="Fallback",
            depends_on=("type",),
        ),
    ] = {}  # noqa: RUF012
    join_with: Annotated[
        Literal["PROFILE", "ROLES_ANYWHERE", "SSM"],
        Upper,
        aws(
            "How machines that join show who they are: any AWS profile, certificates, or an activation of Systems Manager",
            "local workers are processes on this machine",
            step="Access",
            depends_on=("launch_type",),
        ),
    ] = "PROFILE"
    certificate_authority: Annotated[
        str | None,
        AfterValidator(_certificate_authority),
        aws(
            "Certificate of the authority (PEM) that signs the machines' certificates, for ROLES_ANYWHERE",
            "local workers are processes on this machine",
            metavar="FILE|PEM",
            step="Access",
            depends_on=("join_with",),
        ),
    ] = None


class Queue(Document):
    """Where jobs are submitted; it sends them to one cluster."""

    name: Annotated[Name, Option("Name of the queue, as qsub -q takes it", aliases=("queue_name",), prompt=True, step="Name")]
    cluster: Annotated[
        Name,
        Option(
            "Cluster that runs its jobs",
            flags=("--compute-environment", "--cluster"),
            aliases=("compute_environment",),
            refers_to="cluster",
            prompt=True,
            step="Name",
        ),
    ] = "default"
    priority: Annotated[
        int, Field(ge=-1000, le=1000), Option("Jobs of a queue with a higher number start first", prompt=True, step="Order")
    ] = 0
    paused: Annotated[bool, Option("Accept jobs but start none", step="Order")] = False
    automate_region_weights: Annotated[
        bool,
        aws(
            "Choose region weights by spot price and capacity",
            _REGIONS,
            aliases=("optimise_lowest_spot_cost_region", "optimise_spot_cost"),
            prompt=True,
            step="Regions",
        ),
    ] = True
    region_distribution_weights: Annotated[
        dict[str, int | Literal["auto"]],
        Mapped,
        AfterValidator(_weights),
        aws(
            "Share of the jobs of each region: whole numbers (0 = off) or auto",
            _REGIONS,
            flags=("-rw", "--region-distribution-weights"),
            pair=("REGION", "WEIGHT"),
            step="Regions",
            depends_on=("automate_region_weights",),
        ),
    ] = {}  # noqa: RUF012


class Image(Document):
    """A container image that tasks run in."""

    name: Annotated[Name, Option("Name of the image, as definitions give it", aliases=("image_name",), prompt=True, step="Name")]
    directory: Annotated[
        str | None,
        Option(
            "Directory with the Dockerfile to build from",
            flags=("--local-build-directory", "--directory"),
            aliases=("local_build_directory",),
            prompt=True,
            default_text=("example-worker-image", "example-worker-image"),
            path=True,
            step="Source",
        ),
    ] = None
    reference: Annotated[
        str | None,
        Option(
            "Existing local image to use instead of building, repository:tag",
            flags=("--local-docker-image", "--reference"),
            aliases=("local_docker_image",),
            metavar="REPOSITORY:TAG",
            step="Source",
        ),
    ] = None
    build_arguments: Annotated[
        TextMap, Option("Arguments of the build, NAME=VALUE", metavar="MAP", step="Source", depends_on=("directory",))
    ] = {}  # noqa: RUF012
    account: Annotated[str | None, aws("AWS account number", _ACCOUNT, step="Access")] = None

    @model_validator(mode="after")
    def _one_source(self) -> "Image":
        if self.directory and self.reference:
            raise ValueError("an image is built from a directory or taken from a local image, not both. Leave one of them out")
        if self.reference is not None and (self.reference.startswith("-") or any(character.isspace() for character in self.reference)):
            raise ValueError(f"{self.reference!r} is no image. Write repository:tag, as docker images shows it")
        return self


class LinuxParameters(Document):
    """What the kernel gives a container."""

    init_process_enabled: Annotated[bool, Option("Run an init process that forwards signals and reaps children")] = False
    shared_memory_size: Annotated[int | None, Field(ge=1), Option("Size of /dev/shm, MiB")] = None


class Ulimit(Document):
    """One limit of a container's processes."""

    name: Annotated[
        UlimitName,
        Option("Which limit", aliases=("ulimit_name",)),
    ]
    soft_limit: Annotated[int, Field(ge=-1), Option("Limit that applies; -1 = none")]
    hard_limit: Annotated[int, Field(ge=-1), Option("How far a process may raise it; -1 = none")]


class HostVolume(Document):
    """A directory of the machine that containers may mount."""

    name: Annotated[Name, Option("Name that mount points use")]
    source_path: Annotated[str, Option("Directory on the machine, absolute")]

    @model_validator(mode="after")
    def _absolute(self) -> "HostVolume":
        if not self.source_path.startswith("/"):
            raise ValueError(f"the path {self.source_path!r} of volume {self.name} is not absolute. Write it from / on")
        return self


class MountPoint(Document):
    """Where a container sees a volume."""

    container_path: Annotated[str, Option("Directory in the container, absolute")]
    source_volume: Annotated[str, Option("Name of the host volume")]
    read_only: Annotated[bool, Option("Whether tasks may only read it")] = False


class JobDefinition(Document):
    """What a job runs in and what it may use."""

    name: Annotated[Name, Option("Name of the definition, as qsub -d takes it", aliases=("job_definition_name",), prompt=True, step="Name")]
    use_cyclone_image: Annotated[
        bool,
        Option(
            "Run in an image of this host (cyclone-image-name) rather than in image-uri",
            default_text=("yes, unless image-uri is given",) * 2,
            step="Image",
            depends_on=("cyclone_image_name", "image_uri"),
        ),
    ] = True
    cyclone_image_name: Annotated[
        Name | None,
        Option(
            "Image of this host to run tasks in",
            refers_to="image",
            default_text=("none, run directly on this machine", ""),
            prompt=True,
            step="Image",
        ),
    ] = None
    image_uri: Annotated[
        str | None, Option("Image of a registry to run tasks in; on AWS _REGION_ in it becomes the region", step="Image")
    ] = None
    vcpus: Annotated[int, Field(ge=1), Option("vCPUs that a task takes from its cluster", prompt=True, step="Capacity")] = 1
    memory_limit_mib: Annotated[
        int, Field(ge=4), Option("Most memory of a task, MiB; one that uses more is ended", prompt=True, step="Capacity")
    ] = 1024
    timeout_minutes: Annotated[
        float,
        Field(ge=0, allow_inf_nan=False),
        Option("No task runs longer, minutes. On AWS Batch: how long a worker may live. 0 = no limit", prompt=True, step="Limits"),
    ] = 0
    jobs_to_workers_ratio: Annotated[
        int,
        Field(ge=1),
        Option("Waiting tasks for each worker that is started: 10 means 1,000 workers for 10,000 tasks", prompt=True, step="Limits"),
    ] = 1
    working_directory: Annotated[
        Literal["submit", "worker"] | None,
        Lower,
        Option(
            "Where tasks run: where they were submitted, or in a worker's directory, reused from task to task",
            default_text=("submit", "worker"),
            step="Environment",
        ),
    ] = None
    environment: Annotated[
        TextMap, AfterValidator(_environment), Option("Variables of the tasks, NAME=VALUE", metavar="MAP", step="Environment")
    ] = {}  # noqa: RUF012
    output_limit_mib: Annotated[int, Field(ge=1), Option("Most output kept of a task, MiB; what is cut is told", step="Limits")] = 64
    user: Annotated[str | None, Option("User inside the container", step="Container")] = None
    privileged: Annotated[bool, Option("Give the container all rights on its machine", step="Container")] = False
    linux_parameters: Annotated[
        LinuxParameters | None, Option("Init process and shared memory of the container", metavar="JSON", step="Container")
    ] = None
    ulimits: Annotated[tuple[Ulimit, ...], Documents, Option("Limits of the container's processes", metavar="JSON", step="Container")] = ()
    host_volumes: Annotated[
        tuple[HostVolume, ...], Documents, Option("Directories of the machine that the container may mount", metavar="JSON", step="Volumes")
    ] = ()
    mount_points: Annotated[
        tuple[MountPoint, ...],
        Documents,
        Option("Where the container sees them", metavar="JSON", step="Volumes", depends_on=("host_volumes",)),
    ] = ()
    gpu_count: Annotated[
        int,
        Field(ge=0),
        aws("GPUs of a task", "a local host does not hand out GPUs; its tasks see those of this machine", harmless=(0,), step="Capacity"),
    ] = 0
    iam_policies: Annotated[
        Words,
        aws("Policies of the tasks' role: AWS's by name, policy/NAME of the account, or any by ARN", _ROLES, metavar="LIST", step="Access"),
    ] = ()
    log_driver: Annotated[LogDriver | None, aws("Log driver of the container", _LOGS, step="Logs")] = None
    log_options: Annotated[TextMap, aws("Options of the log driver", _LOGS, metavar="MAP", step="Logs", depends_on=("log_driver",))] = {}  # noqa: RUF012
    enable_qlog: Annotated[bool, aws("Keep outputs for qlog", _LOGS + ", always", harmless=(True,), step="Logs")] = True

    @model_validator(mode="after")
    def _complete_mounts(self) -> "JobDefinition":
        volumes = {volume.name for volume in self.host_volumes}
        missing = sorted({mount.source_volume for mount in self.mount_points} - volumes)
        if missing:
            raise ValueError(
                f"mount points use volumes that host_volumes does not name: {', '.join(missing)}. Add them with --host-volumes"
            )
        return self

    @property
    def image_source(self) -> Literal["cyclone", "uri", "none"]:
        """Which of the two image fields counts: an address alone is enough to say that it does."""
        if self.image_uri and (not self.cyclone_image_name or not self.use_cyclone_image):
            return "uri"
        return "cyclone" if self.cyclone_image_name and self.use_cyclone_image else "none"


Resource = Region | Cluster | Queue | Image | JobDefinition
"""What a host stores."""
MODELS: dict[str, type[Document]] = {
    "host": Host,
    "region": Region,
    "cluster": Cluster,
    "queue": Queue,
    "image": Image,
    "definition": JobDefinition,
}
"""Kind -> model."""
