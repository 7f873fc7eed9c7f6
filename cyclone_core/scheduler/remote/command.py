"""The command line of `cyclone-worker`: a worker without arguments, a machine with several slots with some.

    cyclone-worker                          a worker of one definition; AWS Batch and machines start it (`machine`)
    cyclone-worker machine                  a machine; everything is in the environment (`offer`), as an instance's user data set it
    cyclone-worker join --host H --cluster C …      a machine of one's own; options in place of the environment
    cyclone-worker unit --host H --cluster C …      the systemd unit that joins so

It needs Python 3.11 and its standard library. What is wrong with a command line is told at once, all of it.
"""

import os
import re
import sys

from cyclone_core import naming
from cyclone_core.errors import AccessDenied, AwsError, CredentialsUnusable, CycloneError, InvalidRequest, NotFound, UsageError
from cyclone_core.problems import Problem
from cyclone_core.scheduler.remote.log import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cyclone_core.aws.lean.client import Aws
    from cyclone_core.scheduler.remote.offer import Offer

ONPREM = "onprem"
"""What the region of a machine that joined is called, if nobody says otherwise."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_OF_AWS = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+")
_FATAL = ("ResourceNotFoundException",)
_HELP = """\
Run tasks of an AWS host here. The machine offers its vCPUs, memory and GPUs to a cluster; for what waits in the cluster's queues it starts
workers with as many slots as fit. Tasks are processes of this user on this machine; the image of their definition is not used. It stays
until it is told to end: Ctrl-C or SIGTERM (what runs may go on for a minute; a second time: at once). All connections lead from here to
AWS (DynamoDB, SQS, S3 and SSM of the main region), so it works behind any firewall that lets HTTPS out.

Who it is for AWS: keys of the environment, a profile (also one whose credential_process is aws_signing_helper, for IAM Roles Anywhere), the
credentials file of the SSM agent, or the role of an instance. `hyper clusters join-command --name CLUSTER` prints what to do for each.
"""


def run(arguments: "Sequence[str]") -> int:
    """Do what a command line says; the exit code. Raises CycloneError."""
    parser = _parser()
    given = parser.parse_args(arguments)
    todo: Callable[[Namespace], int] = given.todo
    try:
        return todo(given)
    except InvalidRequest as exc:
        raise UsageError(f"{exc}\nSee cyclone-worker {given.command} --help") from exc


def _parser() -> "ArgumentParser":
    from argparse import ArgumentParser, RawDescriptionHelpFormatter

    parser = ArgumentParser(
        prog="cyclone-worker", description="Run tasks of a Cyclone host. Without a command: a worker, as AWS hosts start them."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    join = commands.add_parser(
        "join", help="let this machine work for a cluster", description=_HELP, formatter_class=RawDescriptionHelpFormatter
    )
    unit = commands.add_parser(
        "unit",
        help="print a systemd unit that joins with the same options",
        description="Print a systemd unit that joins with the given options.",
    )
    machine = commands.add_parser("machine", help="the same for EC2 instances: everything is in the environment")
    for command in (join, unit):
        _add_options(command)
    unit.add_argument("--user", default="", help="user that it runs as (root)")
    join.set_defaults(todo=_join)
    unit.set_defaults(todo=_unit)
    machine.set_defaults(todo=lambda _: be_a_machine(os.environ))
    return parser


def _add_options(parser: "ArgumentParser") -> None:
    add = parser.add_argument
    add("--host", required=True, help="name of the AWS host")
    add("--cluster", required=True, help="name of the cluster")
    add("--region-name", default=ONPREM, metavar="NAME", help=f"what this site is called in lists, such as lab ({ONPREM})")
    add("--name", default="", help="what this machine is called (its host name)")
    add("--vcpus", metavar="N", help="vCPUs that it offers (all)")
    add("--memory-mib", metavar="N", help="memory that it offers, MiB (all but what Cyclone and the system need)")
    add("--gpus", metavar="N", help="GPUs that it offers (all of NVIDIA)")
    add("--profile", help="AWS profile (what the environment says)")
    add("--account", help="AWS account of the host (what this machine's registry knows)")
    add("--main-region", metavar="REGION", help="main region of the host (what this machine's registry knows)")
    add("--price", metavar="USD", help="what a vCPU hour here costs, US dollars, for hyper usage (unknown)")
    add("--directory", metavar="DIR", help="where it keeps its files while it runs (TMPDIR, /tmp)")


# -- join -------------------------------------------------------------------------------------------------------------
def _join(given: "Namespace") -> int:
    os.environ.update(environment(given))
    return be_a_machine(os.environ)


def environment(given: "Namespace") -> "dict[str, str]":
    """The variables that `join`'s options stand for. Raises InvalidRequest with all that is wrong, CycloneError."""
    account, region, sandbox = given.account or "", given.main_region or "", {}
    profile = given.profile or ""
    problems = list(_problems(given))
    if not (account and region):
        try:
            body = _registered(given.host)
            account, region = account or str(body.get("account") or ""), region or str(body.get("region") or "")
            profile = profile or str(body.get("profile") or "")
            sandbox = _of_sandbox(given.host) if body.get("sandbox") else {}
        except NotFound as exc:
            remedy = "Give both: --account ACCOUNT --main-region REGION (hyper clusters join-command prints them)"
            problems.append(Problem("--account, --main-region", f"{str(exc).partition('. ')[0]} in this machine's registry", remedy))
    if problems:
        raise InvalidRequest(problems)
    wanted = {
        "CYCLONE_HOST": given.host, "CYCLONE_ACCOUNT": account, "CYCLONE_MAIN_REGION": region, "CYCLONE_CLUSTER": given.cluster,
        "CYCLONE_REGION": given.region_name, "CYCLONE_LAUNCH": "ONPREM", "CYCLONE_MACHINE": given.name or os.uname().nodename,
        "CYCLONE_VCPUS": given.vcpus, "CYCLONE_MEMORY_MIB": given.memory_mib, "CYCLONE_GPUS": given.gpus, "CYCLONE_USD": given.price,
        "CYCLONE_WORKER_DIR": given.directory, "AWS_PROFILE": "" if sandbox else profile, "CYCLONE_PURCHASE": "own",
    }  # fmt: skip
    return {**{name: value for name, value in wanted.items() if value}, **sandbox}


def _problems(given: "Namespace") -> "Iterator[Problem]":
    wrong = naming.host_problem("--host", given.host)
    if wrong:
        yield wrong
    for option, name in (("--region-name", given.region_name), ("--name", given.name or "machine")):
        if not _NAME.fullmatch(name):
            yield Problem(option, f"{name!r} is no name of letters, digits, '.', '_' and '-', 63 at most", "For example: lab-1")
    if _OF_AWS.fullmatch(given.region_name):
        yield Problem(
            "--region-name", f"{given.region_name} is the name of an AWS region", "Choose one that says where the machine is: lab"
        )
    numbers = {"--vcpus": given.vcpus, "--memory-mib": given.memory_mib, "--gpus": given.gpus, "--price": given.price}
    for option, text in numbers.items():
        pattern, least = (r"\d+(\.\d+)?", 0.0) if option == "--price" else (r"\d{1,8}", 0.0 if option == "--gpus" else 1.0)
        if text is not None and not (re.fullmatch(pattern, text) and float(text) >= least):
            yield Problem(option, f"{text!r} is no {'price' if option == '--price' else 'whole number'} from {least:g} on")
    if given.account is not None and not re.fullmatch(r"\d{12}", given.account):
        yield Problem("--account", f"{given.account!r} is no AWS account number", "It has twelve digits")
    if given.main_region is not None and not _OF_AWS.fullmatch(given.main_region):
        yield Problem("--main-region", f"{given.main_region!r} is not the name of an AWS region", "Write it as eu-west-1")
    if given.directory is not None and not os.access(given.directory, os.W_OK | os.X_OK):
        yield Problem("--directory", f"{given.directory} is not there, or may not be written", "Make it: mkdir -p")


def _registered(host: str) -> "Mapping[str, object]":
    """What this machine's registry knows of an AWS host. Raises NotFound, StateUnusable."""
    from cyclone_core.aws.lean import hosts

    return hosts.registered(host)


def _of_sandbox(host: str) -> "dict[str, str]":
    """Variables that lead to the sandbox of this machine."""
    from cyclone_core.aws.lean import sandbox

    keys = sandbox.credentials()
    return {"AWS_ENDPOINT_URL": sandbox.endpoint(host), "AWS_ACCESS_KEY_ID": keys.key, "AWS_SECRET_ACCESS_KEY": keys.secret}


# -- unit -------------------------------------------------------------------------------------------------------------
def _unit(given: "Namespace") -> int:
    from cyclone_core.scheduler.remote import unit_file

    found = environment(given)
    options = {
        "--host": given.host, "--cluster": given.cluster, "--region-name": given.region_name, "--name": given.name, "--vcpus": given.vcpus,
        "--memory-mib": given.memory_mib, "--gpus": given.gpus, "--profile": found.get("AWS_PROFILE"),
        "--account": found["CYCLONE_ACCOUNT"], "--main-region": found["CYCLONE_MAIN_REGION"], "--price": given.price,
        "--directory": given.directory,
    }  # fmt: skip
    words = [word for option, value in options.items() if value for word in (option, value)]
    sys.stdout.write(unit_file.joined((os.path.abspath(sys.argv[0]), "join", *words), given.user))
    return 0


# -- a machine --------------------------------------------------------------------------------------------------------
def be_a_machine(environ: "Mapping[str, str]") -> int:
    """Be a machine until it leaves; the exit code. Raises CycloneError."""
    from cyclone_core.scheduler.dynamo.records import Records
    from cyclone_core.scheduler.dynamo.table import Table
    from cyclone_core.scheduler.process import become_parent_of_orphans
    from cyclone_core.scheduler.remote import machine_mode
    from cyclone_core.scheduler.remote.children import Children
    from cyclone_core.scheduler.remote.offer import Offer

    if not hasattr(os, "pidfd_open"):
        raise CycloneError(f"a machine that works for a Cyclone host has to run Linux 5.3 or newer, and this is {sys.platform}")
    offer = Offer(environ)
    aws = _client(offer)
    records = Records(aws, offer.host)
    if not offer.is_instance:
        check(records, offer)
    os.umask(0o077)
    become_parent_of_orphans("cyclone-machine")
    return machine_mode.MachineMode(offer, Table(aws, offer.table), records, Children(offer, environ)).run()


def _client(offer: "Offer") -> "Aws":
    from cyclone_core.aws.lean.chain import Chain
    from cyclone_core.aws.lean.client import Aws
    from cyclone_core.aws.patience import Patience

    return Aws(offer.main_region, Chain(), offer.endpoint, patience=Patience(5.0, 10.0, 3, 20.0, 2.0))


def check(records: "Records", offer: "Offer") -> None:
    """Refuse to join what is not there, or may not be seen; a main region that does not answer may do so later. Raises CycloneError."""
    try:
        found = records.bodies()
    except (AccessDenied, CredentialsUnusable):
        raise
    except AwsError as exc:
        if exc.code in _FATAL:
            raise
        log(f"{exc}. It is tried again")
        return
    where = f"in account {offer.account}, {offer.main_region}"
    if not found:
        raise NotFound(f"there is no host {offer.host!r} {where}. See hyper hosts list-hosts, on the machine from which it was made")
    clusters = sorted(found.get("cluster", {}))
    if offer.cluster not in clusters:
        raise NotFound(f"host {offer.host} has no cluster {offer.cluster!r}. It has: {', '.join(clusters) or 'none yet'}")


if TYPE_CHECKING:
    from cyclone_core.scheduler.dynamo.records import Records
