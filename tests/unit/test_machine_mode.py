"""What a machine is told, what it makes of counters and records, and its systemd unit."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cyclone_core.errors import UsageError
from cyclone_core.scheduler.local import pool
from cyclone_core.scheduler.machine_packing import Room, Want
from cyclone_core.scheduler.remote import backlog, command, offer, unit_file
from cyclone_core.scheduler.remote.machine import Machine, lane_text
from cyclone_core.scheduler.remote.offer import Offer

TOLD = {
    "CYCLONE_HOST": "grid", "CYCLONE_ACCOUNT": "123456789012", "CYCLONE_MAIN_REGION": "eu-west-1", "CYCLONE_REGION": "lab",
    "CYCLONE_CLUSTER": "big",
}  # fmt: skip
JOIN = ("join", "--host", "grid", "--cluster", "big", "--account", "123456789012", "--main-region", "eu-west-1")
NONE = (0, 0, 0, 0, 0)


def environment(*words: str) -> dict[str, str]:
    """What `join` sets."""
    return command.environment(command._parser().parse_args([*JOIN, *words]))


def test_an_instance_leaves_when_it_is_idle_and_a_joined_machine_stays() -> None:
    """Unless somebody says otherwise."""
    instance, joined = Offer(TOLD), Offer({**TOLD, "CYCLONE_LAUNCH": "ONPREM", "CYCLONE_IDLE_S": "5"})
    assert (instance.is_instance, instance.idle_s, instance.silent_s) == (True, 120.0, 900.0)
    assert (joined.is_instance, joined.idle_s, joined.silent_s) == (False, 0.0, 0.0)
    assert joined.vcpus >= 1 <= joined.memory_mib


@pytest.mark.parametrize("wrong", [{"CYCLONE_CLUSTER": ""}, {"CYCLONE_VCPUS": "many"}, {"CYCLONE_PURCHASE": "stolen"}])
def test_an_environment_that_is_wrong(wrong: dict[str, str]) -> None:
    """The variable is named."""
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Offer({**TOLD, **wrong})


def test_a_share_of_a_machine_is_what_a_container_has(tmp_path: Path) -> None:
    """Not what the machine below it has."""
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    (tmp_path / "memory.max").write_text("1073741824\n")
    assert (offer.usable_vcpus(str(tmp_path)), offer.usable_memory_mib(str(tmp_path))) == (1, 1024)
    (tmp_path / "memory.max").write_text("max\n")
    assert offer.usable_memory_mib(str(tmp_path)) > 0
    assert [offer.offered(size) for size in (256, 1024, 65_536)] == [64, 832, 63_488]


def test_what_waits_is_wanted_by_cluster_and_priority() -> None:
    """Of other clusters, paused queues and definitions that are gone nothing is."""
    bodies: dict[str, dict[str, dict[str, Any]]] = {
        "queue": {
            "slow": {"cluster": "big"}, "fast": {"cluster": "big", "priority": 5}, "other": {"cluster": "small"},
            "paused": {"cluster": "big", "paused": True},
        },
        "definition": {"sim": {"name": "sim", "vcpus": 2, "memory_limit_mib": 512, "gpu_count": 1, "jobs_to_workers_ratio": 10}},
    }  # fmt: skip
    counts = {("slow", "sim"): (25, *NONE), ("fast", "sim"): (6, *NONE), ("paused", "sim"): (99, *NONE), ("fast", "gone"): (9, *NONE)}
    found = backlog.of({**counts, ("other", "sim"): (50, *NONE)}, bodies, "big")
    assert (found.wants, found.priorities) == ([Want("sim", Room(2, 512, 1), 4, 5)], {"sim": 5})


def test_a_child_is_told_what_a_task_may_have() -> None:
    """Its memory and time are the definition's; its name is the machine's with its process."""
    lane = lane_text({"vcpus": 2, "environment": {"MODE": "x"}}, memory_mib=512, timeout_s=90.0)
    told = {**TOLD, "CYCLONE_DEFINITION": "sim", "CYCLONE_LANE": lane, "CYCLONE_WIDTH": "4", "CYCLONE_MACHINE": "rack-1", "MODE": "x"}
    child = Machine(told, 17)
    child.limit_memory("/nowhere")
    assert (child.identity, child.width, child.lane["environment"]) == ("lab/rack-1#17", 4, {"MODE": "x"})
    assert (child.lane["memory_mib"], child.lane["timeout_s"], child.lane["vcpus"]) == (512, 90.0, 2)


def test_all_that_is_wrong_with_a_command_line_is_told_at_once() -> None:
    """With its option."""
    words = ("--region-name", "eu-west-1", "--name", "a b", "--vcpus", "0", "--memory-mib", "x", "--price", "-1", "--directory", "/nowhere")
    with pytest.raises(UsageError) as refused:
        command.run([*JOIN, *words])
    lines = str(refused.value).splitlines()
    told = [line.partition(":")[0] for line in lines[:-1]]
    assert sorted(told) == ["--directory", "--memory-mib", "--name", "--price", "--region-name", "--vcpus"]
    assert lines[-1] == "See cyclone-worker join --help"


def test_a_host_that_this_machine_does_not_know_has_to_be_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its account and main region, which then are enough."""
    monkeypatch.setenv("CYCLONE_HOME", str(tmp_path))
    with pytest.raises(UsageError, match="--account, --main-region: there is no host 'grid' in this machine's registry"):
        command.run(["join", "--host", "grid", "--cluster", "big"])
    found = environment("--price", "0.02", "--name", "rack-1")
    assert Offer(found).usd == 0.02
    assert (found["CYCLONE_REGION"], found["CYCLONE_MACHINE"], found["CYCLONE_LAUNCH"]) == ("onprem", "rack-1", "ONPREM")


def test_the_unit_of_a_machine_that_joins_is_started_for_ever() -> None:
    """Words with spaces stay words; an instance goes with its unit, a machine of one's own does not."""
    joined = unit_file.joined(("/usr/bin/cyclone-worker", "join", "--directory", "/my files/100%"), "me")
    assert 'ExecStart=/usr/bin/cyclone-worker join --directory "/my files/100%%"' in joined
    assert {"Restart=always", "RestartPreventExitStatus=0 2", "KillMode=mixed", "User=me", "StartLimitIntervalSec=0"} <= set(
        joined.splitlines()
    )
    assert "poweroff" not in joined
    assert "EnvironmentFile" not in joined
    assert "SuccessAction=poweroff" in unit_file.text("/usr/bin/x machine", True)


def test_a_unit_that_is_printed_into_a_file_is_whole() -> None:
    """Also without a terminal, where nothing is written before the end."""
    program = f"import sys; sys.path.insert(0, {pool.ROOT!r}); from cyclone_core.scheduler.remote.main import main; main()"
    done = subprocess.run([sys.executable, "-ISE", "-c", program, "unit", *JOIN[1:]], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("WantedBy=multi-user.target\n")
    assert "--account 123456789012 --main-region eu-west-1" in done.stdout
