"""The functions themselves, as Lambda calls them: what they find in their environment, and what they answer."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cyclone_core.scheduler.dynamo import keys, totals, unit_items
from cyclone_core.scheduler.dynamo.queues import body
from cyclone_core.scheduler.lambdas import accountant, control, dead_letters, dispatcher, reconciler
from tests.control.conftest import REGION, World


@pytest.fixture
def host(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A host whose functions run here."""
    given = {"AWS_REGION": REGION, "AWS_ENDPOINT_URL": world.sandbox.endpoint, "CYCLONE_HOST_NAME": world.host, "CYCLONE_BUCKET": "none"}
    credentials = {"AWS_ACCESS_KEY_ID": world.sandbox.key, "AWS_SECRET_ACCESS_KEY": world.sandbox.secret}
    for name, value in {**given, **credentials, "CYCLONE_RETENTION_DAYS": "3"}.items():
        monkeypatch.setenv(name, value)
    control.control.cache_clear()
    yield world
    control.control().aws.close()
    control.control.cache_clear()


def test_the_dispatcher_says_which_records_failed(host: World, capsys: pytest.CaptureFixture[str]) -> None:
    """By their numbers; the others are sent."""
    good, bad = host.inserted(host.submit()), host.inserted(host.submit())
    del bad["dynamodb"]["NewImage"]["q"]
    answer = dispatcher.handler({"Records": [bad, good]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": bad["dynamodb"]["SequenceNumber"]}]}
    assert len(host.units()) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["what"], said["messages"], said["failed"]) == ("dispatched", 1, 1)


def test_the_accountant_counts_and_asks_for_workers(host: World, capsys: pytest.CaptureFixture[str]) -> None:
    """Whether anybody hears it or not: the scaler, which is not there, runs each minute anyway."""
    number = host.submit(tasks=3)
    assert accountant.handler({"Records": [host.inserted(number)]}, None) == {"batchItemFailures": []}
    assert totals.lanes(host.table) == {("work", "small"): (3, 0, 0, 0, 0, 0)}
    assert "the scaler could not be asked" in capsys.readouterr().out


def test_the_scaler_is_asked_seldom_but_in_the_end() -> None:
    """At once, then after five seconds; what came between is not forgotten."""
    asking = accountant.Asking(5.0)
    assert [asking.is_due(at, news) for at, news in ((0, True), (1, True), (4.9, False), (5, False), (6, False), (20, True))] == [
        True, False, False, True, False, True,
    ]  # fmt: skip


def test_the_reconciler_tells_what_it_did(host: World) -> None:
    """With the time of now: a job of the past is due."""
    number = host.submit()
    host.table.update(keys.job(number), set={"due_at": 1})
    told = reconciler.handler({}, None)
    assert (told["due"], told["sent"], told["errors"]) == (1, 1, [])
    assert host.units() == [(number, 0)]


def letter(name: str, text: str) -> dict[str, Any]:
    """A record of the queue of dead letters."""
    return {"messageId": name, "body": text, "attributes": {"SentTimestamp": "5"}}


def test_dead_letters_stay_where_nobody_knows_what_they_are(host: World) -> None:
    """Jobs end with the reason; what the dispatcher gave up is found otherwise; what was not counted, or makes no sense, stays."""
    number = host.submit()

    def gave_up(function: str) -> str:
        arn = f"arn:aws:lambda:{REGION}:123456789012:function:{host.host}--{function}:$LATEST"
        return json.dumps({"requestContext": {"functionArn": arn}, "DDBStreamBatchInfo": {}})

    records = [
        letter("job", body(number, 0)),
        letter("dispatcher", gave_up("dispatcher")),
        letter("accountant", gave_up("accountant")),
        letter("poison", "{"),
    ]
    answer = dead_letters.handler({"Records": records}, None)
    assert {each["itemIdentifier"] for each in answer["batchItemFailures"]} == {"accountant", "poison"}
    assert unit_items.read(host.job(number)).counts()[5] == 1


def test_a_dead_letter_that_fails_stays(host: World) -> None:
    """It comes again."""
    number = host.submit()
    host.table.update(keys.job(number), remove=["l", "q"])
    answer = dead_letters.handler({"Records": [letter("job", body(number, 0))]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "job"}]}
