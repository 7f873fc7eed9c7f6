"""`hyper` on an AWS host, from the first stack to the last, on the sandbox."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from cyclone_core import paths
from cyclone_core.operations import aws_hosts, deployments, hosts
from cyclone_core.resources import Host
from cyclone_core.sandbox.faults import Faults
from tests.aws import Sandbox, wait_until
from tests.aws_hosts.conftest import HUB, Run, states
from tests.cli.test_hyper_guided import Terminal


def test_what_was_made_is_listed_with_its_places(grid: str, run: Run) -> None:
    """A host is its stacks: each resource is as they are, in each region."""
    assert states(run("regions", "list-regions", "--json", "--host", grid)) == {"us-east-1": "ACTIVE", HUB: "ACTIVE"}
    (cluster,) = run("clusters", "list-clusters", "--json", "--host", grid).json
    assert cluster["places"] == [
        {"region": "us-east-1", "state": "ACTIVE", "reason": ""},
        {"region": HUB, "state": "ACTIVE", "reason": ""},
    ]
    listed = {host["name"]: host["state"] for host in run("hosts", "list-hosts", "--json").json}
    assert listed[grid] == "ready"


def test_a_plan_says_what_happens_to_each_resource_of_each_stack(grid: str, run: Run) -> None:
    """And changes nothing: the same plan again says the same."""
    argv = ("clusters", "update-cluster", "--name", "big", "--max-vcpus", "96", "--plan", "--json", "--host", grid)
    first, second = run(*argv).json, run(*argv).json
    assert first == second
    (main,) = [stack for stack in first["stacks"] if stack["region"] == "us-east-1"]
    assert (main["action"], main["stack"]) == ("change", f"{grid}--cluster-big")
    assert "Record" in {resource["logical_id"] for resource in main["resources"]}
    assert first["plan"][0]["fields"] == [{"field": "max_vcpus", "before": 64, "after": 96}]


def test_a_plan_tells_its_cost_and_quotas(grid: str, run: Run) -> None:
    """As numbers for programs and in words: before and after, each with its date; a quota that only limits scale stops nothing."""
    argv = ("clusters", "update-cluster", "--name", "big", "--max-vcpus", "96", "--plan", "--host", grid)
    found = run(*argv, "--json").json
    (main,) = [stack for stack in found["costs"]["stacks"] if stack["region"] == "us-east-1"]
    assert main["after"]["most"] == pytest.approx(main["before"]["most"] * 96 / 64, abs=0.02)
    assert main["items"][0]["priced_on"]
    assert {each["quota_code"]: (each["needed"], each["enough"]) for each in found["quotas"]} == {"L-34B43A08": (96, False)}
    words = run(*argv).out
    assert "List prices in USD for 730 hours: instances of 2025-03-02" in words
    assert "--quota-code L-34B43A08 --desired-value 96" in words


def test_nothing_to_change_is_no_deployment(grid: str, run: Run) -> None:
    """A second update with the same settings leaves no record, and neither does bringing a host to the version that made it."""
    before = run("deployments", "list", "--json", "--host", grid).json[0]["number"]
    update = run("queues", "update-queue", "--name", "fast", "--cluster", "big", "--host", grid)
    assert (update.code, update.out) == (0, "no change: everything is as asked\n")
    assert run("hosts", "update-host", "--name", grid).out == "no change: everything is as asked\n"
    assert run("deployments", "list", "--json", "--host", grid).json[0]["number"] == before


def test_a_change_is_followed_stack_by_stack(grid: str, run: Run) -> None:
    """On stderr one line as each begins and ends, resources only with -v; stdout has the result."""
    changed = run("queues", "update-queue", "--name", "fast", "--priority", "5", "--host", grid)
    assert (changed.code, changed.out) == (0, "queue fast updated\n")
    assert [line.split("  ")[1:] for line in changed.err.splitlines()[1:]] == [
        ["us-east-1 queue fast", "UPDATING"],
        ["us-east-1 queue fast", "ACTIVE"],
    ]
    verbose = run("queues", "update-queue", "--name", "fast", "--priority", "0", "--host", grid, "-v")
    assert "queue fast Record AWS::SSM::Parameter" in verbose.err


def test_a_region_that_fails_is_told_and_retried(grid: str, run: Run, faults: Callable[[Faults], None], aws: Sandbox) -> None:
    """The root cause on top, nothing left of what was made in it, and the rest with one command once that is mended."""
    faults(Faults(failures={"AWS::Batch::JobQueue": "no capacity today"}))
    failed = run("clusters", "add-cluster", "--name", "small", "--compute-envs", "1", "--host", grid)
    assert failed.code == 1
    last = failed.err.splitlines()[-1]
    number = last.split("deployment ")[1].split()[0]
    assert "JobQueue (AWS::Batch::JobQueue): " in last
    assert "no capacity today" in last
    assert f"hyper deployments retry {number}" in last
    faults(Faults())
    plan = run("deployments", "retry", number, "--plan", "--json", "--host", grid).json
    assert {stack["stack"] for stack in plan["stacks"]} == {f"{grid}--cluster-small"}
    assert run("deployments", "retry", number, "--host", grid).code == 0
    assert states(run("clusters", "list-clusters", "--name", "small", "--json", "--host", grid)) == {"small": "ACTIVE"}
    assert run("clusters", "delete-cluster", "--name", "small", "--host", grid).out == "cluster small deleted\n"


def test_a_roll_back_leads_to_what_was_there(grid: str, run: Run) -> None:
    """In every region."""
    run("definitions", "update-definition", "--name", "sim", "--vcpus", "2", "--host", grid)
    number = str(run("deployments", "list", "--json", "--host", grid).json[0]["number"])
    assert run("deployments", "roll-back", number, "--host", grid).code == 0
    (sim,) = run("definitions", "list-definitions", "--json", "--host", grid).json
    assert sim["vcpus"] == 1


def test_a_deployment_can_be_left_alone(grid: str, run: Run) -> None:
    """--no-wait begins it; attach follows it to its end."""
    begun = run("queues", "update-queue", "--name", "fast", "--paused", "--no-wait", "--json", "--host", grid).json
    number = str(begun["deployment"]["number"])
    attached = run("deployments", "attach", number, "--host", grid)
    assert (attached.code, attached.out.splitlines()[-1].split()[0]) == (0, "SUCCEEDED")
    assert run("queues", "update-queue", "--name", "fast", "--no-paused", "--host", grid).code == 0


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (
            ("regions", "add-region", "--name", "eu-wst-1", "--vpc", "10.0.0.0/8", "--subnet-config", "PRIVATE_ISOLATED"),
            ["--vpc: 10.0.0.0/8 is larger", "--deploy-vpc-endpoints: workers in isolated subnets"],
        ),
        (
            ("regions", "add-region", "--name", "eu-wst-1"),
            ["--name: the region eu-wst-1 is not enabled for this account, or there is none of that name. Did you mean eu-west-1?"],
        ),
        (
            ("regions", "add-region", "--name", "eu-west-3", "--vpc", "10.1.128.0/17", "--peer-with-main-region", "--nat-gateways", "4"),
            [f"--vpc: 10.1.128.0/17 overlaps 10.1.0.0/16 of region {HUB}"],
        ),
        (
            ("clusters", "add-cluster", "--name", "c", "--launch-type", "EC2", "--type", "ONDEMAND", "--allocation-strategy",
             "SPOT_CAPACITY_OPTIMIZED", "--max-memory-mib", "64"),
            ["--max-memory-mib: on AWS", "--allocation-strategy: "],
        ),
        (
            ("clusters", "add-cluster", "--name", "c", "--instance-list", "z9.nano,c5", "--main-region-image-name", "mine"),
            ["--instance-list: us-east-1 does not offer z9.nano", "--main-region-image-name: there is no machine image 'mine'"],
        ),
        (
            ("clusters", "add-cluster", "--name", "c", "--instance-list", "c5", "--fallback-instance-list", "z9.nano"),
            ["--fallback-instance-list: us-east-1 does not offer z9.nano"],
        ),
        (
            ("clusters", "add-cluster", "--name", "c", "--instance-list", "c5", "--type", "ONDEMAND", "--fallback", "zones", "60",
             "--fallback", "instance-types", "60", "--fallback", "on-demand", "60"),
            ["--fallback: the cluster is ONDEMAND", "--fallback: the step zones is for", "--fallback: the step instance-types takes other"],
        ),
        (("definitions", "add-definition", "--name", "d"), ["--image-uri: tasks on AWS Batch run in containers"]),
        (
            ("queues", "add-queue", "--name", "q", "--cluster", "bog", "-rw", "us-west-1", "2"),
            ["--compute-environment: there is no cluster 'bog'. Did you mean 'big'?", "--region-distribution-weights: the host has no"],
        ),
        (("images", "add-image", "--name", "i"), ["images of AWS hosts come with a later version"]),
        (("regions", "delete-region", "--name", "us-east-1"), ["it is the main region, and the host still has region eu-north-1"]),
        (("regions", "init-main-region", "--vpc", "10.5.0.0/16"), ["--vpc: the network cannot be changed: clusters are in it (big)"]),
        (("clusters", "delete-cluster", "--name", "big"), ["1 queue still uses it: fast"]),
    ],
)  # fmt: skip
def test_everything_that_is_wrong_is_told_before_anything_is_done(grid: str, run: Run, argv: tuple[str, ...], expected: list[str]) -> None:
    """With the flag that was typed and what to do."""
    before = run("deployments", "list", "--json", "--host", grid).json[0]["number"]
    refused = run(*argv, "--host", grid)
    assert (refused.code, refused.out) == (1, "")
    for text in expected:
        assert text in refused.err
    assert run("deployments", "list", "--json", "--host", grid).json[0]["number"] == before


def test_who_works_is_told_of_a_host_without_work(grid: str, run: Run) -> None:
    """Tasks by state and workers come from its table."""
    assert run("workers", "list-workers", "--host", grid, "--json").json == []
    details = run("hosts", "status", grid, "--json").json["details"]
    assert (details["tasks"]["Waiting"], details["workers"]) == (0, [])
    assert "why" not in details


@pytest.mark.parametrize("argv", [("hosts", "start"), ("hosts", "purge", "--older-than", "1d", "-y")])
def test_what_aws_hosts_do_not_have_is_said_in_one_line(grid: str, run: Run, argv: tuple[str, ...]) -> None:
    """Nothing has to be started, and jobs are forgotten by themselves."""
    run("hosts", "select-host", grid)
    refused = run(*argv)
    run("hosts", "select-host", "local")
    assert (refused.code, refused.out, len(refused.err.splitlines())) == (1, "", 1)


def test_a_host_comes_and_goes_without_a_trace(aws: Sandbox, run: Run) -> None:
    """Control plane first, its network later; deleting it leaves no stack, no bucket, no table, and this machine forgets it."""
    made = run("hosts", "create-host", "--type", "aws", "--sandbox", "--name", "brief", "--no-auto-init-main", "--region", "eu-south-1")
    assert (made.code, made.out) == (0, "host brief created\n")
    assert run("regions", "init-main-region", "--vpc", "10.8.0.0/16", "--subnet-config", "PUBLIC").out == "region eu-south-1 created\n"
    aws.client("s3", "eu-south-1").put_object(Bucket="brief--data-123456789012-eu-south-1", Key="outputs/1", Body=b"text")
    assert "add --yes" in run("hosts", "delete-host", "--name", "brief").err.lower()
    assert "stays" not in run("hosts", "delete-host", "--name", "brief", "--plan").out
    deleted = run("hosts", "delete-host", "--name", "brief", "--yes")
    assert (deleted.code, deleted.out.splitlines()[-1]) == (0, "host brief deleted")
    stacks = aws.client("cloudformation", "eu-south-1").describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in stacks if stack["StackName"].startswith("brief")] == []
    assert "brief" not in {host["name"] for host in run("hosts", "list-hosts", "--json").json}
    assert not os.path.exists(paths.host_state_dir("brief"))
    assert aws.client("dynamodb", "eu-south-1").list_tables()["TableNames"] == []


def test_two_hosts_of_one_name_are_refused(grid: str, run: Run) -> None:
    """Here by the registry, elsewhere by what is deployed: the remedy is to import it."""
    again = run("hosts", "create-host", "--type", "aws", "--sandbox", "--name", grid)
    assert "there is a host 'grid' already" in again.err
    odd = run("hosts", "create-host", "--type", "aws", "--sandbox", "--name", "Grid_2", "--account", "12", "--vpc", "10.0.0.0")
    assert odd.err.count("hyper: ") == 3


def test_a_host_on_a_sandbox_that_is_gone_can_be_forgotten(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """Whatever was on it is gone with it."""
    monkeypatch.setenv("CYCLONE_HOME", f"{tmp_path}/elsewhere")
    aws_hosts.register(Host(name="lost", type="aws", account="123456789012", region="us-east-1", sandbox=True))
    (lost,) = [host for host in run("hosts", "list-hosts", "--json").json if host["name"] == "lost"]
    assert lost["state"] == "not answering"
    assert "does not run. Start it: hyper sandbox start" in lost["why"]
    assert run("hosts", "delete-host", "--name", "lost", "-y").out == "host lost forgotten: nothing of it is left\n"


def test_data_can_be_kept(aws: Sandbox, run: Run) -> None:
    """What stays is named at the end: somebody pays for it."""
    run("hosts", "create-host", "--type", "aws", "--sandbox", "--name", "keeper", "--no-auto-init-main", "--region", "eu-south-2")
    assert "would delete the host keeper" in run("deployments", "roll-back", "1").err
    assert "would delete the host keeper" in run("deployments", "roll-back", "1", "--json").err
    assert run("hosts", "delete-host", "--name", "keeper", "--keep-data", "--plan").out.count("  stays ") == 2
    deleted = run("hosts", "delete-host", "--name", "keeper", "--keep-data", "-y")
    assert deleted.code == 0
    assert "kept: keeper--jobs (AWS::DynamoDB::Table)" in deleted.err
    assert aws.client("dynamodb", "eu-south-2").list_tables()["TableNames"] == ["keeper--jobs"]


def test_a_host_that_is_deployed_elsewhere_can_be_taken_over(grid: str, run: Run) -> None:
    """Another machine knows nothing of it; its records are in the account."""
    host = hosts.get(grid)
    aws_hosts.forget(host)
    assert run("hosts", "import-deployment", "--sandbox", "--name", grid).code == 0
    assert hosts.get(grid) == host
    assert states(run("queues", "list-queues", "--json", "--host", grid)) == {"fast": "ACTIVE"}


def test_who_leaves_leaves_it_going_on(grid: str, at_home: None, faults: Callable[[Faults], None]) -> None:
    """Ctrl-C ends the command, not the deployment."""
    faults(Faults(delay_s=1.0))
    code = "from cyclone_tui.cli.hyper import main; main()"
    argv = ["queues", "update-queue", "--name", "fast", "--priority", "9", "--host", grid]
    with subprocess.Popen([sys.executable, "-c", code, *argv], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline(), process.stderr.readline()]
        process.send_signal(signal.SIGINT)
        lines += process.stderr.readlines()
    number = int(lines[0].split()[1].rstrip(":"))
    assert process.returncode == 130
    assert f"deployment {number} goes on: hyper deployments attach {number}" in "".join(lines)
    assert [event.phase for event in deployments.follow(hosts.get(grid), number) if not event.part][-1] == "ACTIVE"


def test_a_deployment_that_was_killed_is_finished_by_the_next(grid: str, run: Run, faults: Callable[[Faults], None]) -> None:
    """What AWS had begun is followed, the rest is done."""
    faults(Faults(delay_s=1.0))
    host, add = hosts.get(grid), ("clusters", "add-cluster", "--name", "gone", "--compute-envs", "1", "--host", grid)
    begun = run(*add, "--no-wait", "--json").json["deployment"]
    wait_until(lambda: deployments.read_events(host, begun["number"])[0])
    os.kill(begun["process"], signal.SIGKILL)
    wait_until(lambda: deployments.get(host, begun["number"]).state == "INTERRUPTED")
    faults(Faults())
    assert run("deployments", "retry", str(begun["number"]), "--host", grid).code == 0
    assert states(run("clusters", "list-clusters", "--name", "gone", "--json", "--host", grid)) == {"gone": "ACTIVE"}
    assert run("clusters", "delete-cluster", "--name", "gone", "--host", grid).code == 0


def test_creating_a_host_is_a_walk(grid: str, at_home: None) -> None:
    """Who pays is told first; regions and the networks that could be imported are listed; what would be made stands above the question."""
    terminal = Terminal("hosts", "create-host", "--sandbox")
    terminal.answer("type [local]: ", "aws\n")
    terminal.answer("name [host-1]: ", "Not_This\n")
    terminal.answer("name [host-1]: ", "walked\n")
    terminal.read_until("region [us-east-1]: ")
    assert "It will be in account 123456789012, as arn:aws:iam::123456789012:root." in terminal.seen
    terminal.answer("region [us-east-1]: ", "eu-south-1\n")
    terminal.read_until("vpc [10.0.0.0/16]: ")
    assert "172.31.0.0/16  default" in terminal.seen
    terminal.answer("vpc [10.0.0.0/16]: ", "10.3.0.0/16\n")
    terminal.answer("enable dashboard [no]: ", "\n")
    terminal.answer("private api [no]: ", "\n")
    terminal.read_until("Deploy this? [y/N] ")
    assert "stacks: create 2 in eu-south-1" in terminal.seen
    terminal.answer("Deploy this? [y/N] ", "n\n")
    code, rest = terminal.end()
    assert (code, "nothing was deployed: it was not confirmed" in rest) == (1, True)
    assert "walked" not in {status.host.name for status in hosts.list_hosts()[0]}


def test_a_region_whose_network_fails_keeps_only_what_needs_it_back(grid: str, run: Run, faults: Callable[[Faults], None]) -> None:
    """It is registered, so it is seen and can be retried; a roll back takes the registration too, and clusters stay elsewhere."""
    faults(Faults(failures={"NatGateway1": "no address"}))
    failed = run("regions", "add-region", "--name", "eu-west-3", "--host", grid)
    assert f"cluster big  warning: not begun: it needs stack {grid}--region in eu-west-3" in failed.err
    assert states(run("regions", "list-regions", "--json", "--host", grid))["eu-west-3"] == "FAILED"
    faults(Faults())
    number = str(run("deployments", "list", "--json", "--host", grid).json[0]["number"])
    assert run("deployments", "retry", number, "--host", grid).code == 0
    assert states(run("regions", "list-regions", "--json", "--host", grid))["eu-west-3"] == "ACTIVE"
    assert run("deployments", "roll-back", number, "--host", grid).code == 0
    assert set(states(run("regions", "list-regions", "--json", "--host", grid))) == {"us-east-1", HUB}
    assert states(run("clusters", "list-clusters", "--json", "--host", grid)) == {"big": "ACTIVE"}
