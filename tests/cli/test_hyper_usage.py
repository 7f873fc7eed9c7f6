"""`hyper usage`: what is asked, tables and files for programs, an AWS host's own items and jobs."""

import json
import time
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from cyclone_core import connect
from cyclone_core.errors import NotFound, UsageError
from cyclone_core.scheduler.dynamo import keys
from cyclone_tui.cli import hyper
from tests.aws import Sandbox
from tests.far import Far, far_host

TODAY = time.strftime("%Y-%m-%d", time.gmtime())


@pytest.fixture
def far(aws: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    """An AWS host, selected."""
    with far_host(aws, monkeypatch) as found:
        yield found


def run(*words: str) -> Result:
    """`hyper usage …`; refusals are raised."""
    return CliRunner().invoke(hyper.command, ["usage", *words], prog_name="hyper", catch_exceptions=False)


def test_an_aws_host_tells_what_its_workers_wrote(far: Far) -> None:
    """By queue and by user with what was paid; of a job what its unit used, by region; for programs too."""
    place = "eu-west-1 c5.large spot 0.02"
    rows = {f"default|ada|{place}": [3, 36_000_000], "night|eve|lab ? own ?": [1, 3_600_000]}
    body = {"at": 1, "rows": rows, "busy_ms": 39_600_000, "up_ms": 79_200_000, "vcpus": 1, "place": place}
    far.host.table.put((keys.usage_part(TODAY, 7), "eu-west-1/worker-1"), {"body": json.dumps(body)})
    lines = run("--since", "1d").stdout.splitlines()
    assert lines[0].split() == ["QUEUE", "TASKS", "VCPU", "HOURS", "SHARE", "USD", "PRICED", "EFFICIENCY"]
    assert [line.split()[:5] for line in lines[1:]] == [
        ["default", "3", "10.000", "90.9%", "0.2000"], ["night", "1", "1.000", "9.1%", "-"], ["total", "4", "11.000", "100.0%", "0.2000"],
    ]  # fmt: skip
    assert lines[-1].split()[-1] == "50%"
    assert run("--by", "user", "--user", "eve", "--csv").stdout.splitlines()[1].startswith("eve,1,1.0,1.0,,0.0,0.0,own,1.0,")
    job = connect().submit(text="true").id
    far.host.table.update(keys.job(job), set={"us": json.dumps({place: 1_800_000}), "c": [0, 0, 1, 0, 0, 0]})
    told = json.loads(run("--job", str(job), "--json").stdout)
    assert (told["by"], told["rows"][0]["region"], told["total"]["usd"]) == ("region", "eu-west-1", 0.01)
    assert told["prices"]["paid"] == {"since": TODAY, "until": TODAY}
    assert [(row["job"], row["usd"]) for row in json.loads(run("--by", "job", "--json").stdout)["rows"]] == [(job, 0.01)]
    assert connect().usage("day").total.paid_usd == pytest.approx(0.2)


def test_what_is_wrong_is_told_with_its_flags(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it at once; a host without jobs has used nothing."""
    monkeypatch.setenv("CYCLONE_HOME", str(tmp_path))
    with pytest.raises(UsageError) as caught:
        run("--by", "cost", "--since", "monday", "--limit", "many")
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == ["--by", "--since", "--limit"]
    with pytest.raises(UsageError, match="one of them"):
        run("--json", "--csv")
    with pytest.raises(NotFound, match="there is no job 7"):
        run("--job", "7")
    assert "nothing was used" in run().stderr
    assert json.loads(run("--json").stdout)["rows"] == []
