"""What work used: days and words that are asked, sums by anything, dollars by what was paid or listed, CSV."""

import csv
import io
from datetime import date

import pytest

from cyclone_core.errors import InvalidRequest
from cyclone_core.operations import usage, usage_prices
from cyclone_core.operations.usage import Ask, Row, Usage, ask, grouped
from cyclone_core.scheduler.usage import Place, There, Used, place_of

TODAY = date(2026, 11, 23)
SPOT, LISTED, OWN = (
    Place("eu-west-1", "c5.large", "spot", 0.02),
    Place("us-east-1", "m5.large", "ondemand", None),
    Place("lab", "", "own", None),
)
HOUR = 3_600_000


def used(place: Place, hours: float = 1, day: str = "2026-11-22", queue: str = "default", user: str = "ada", tasks: int = 1) -> Used:
    """So many vCPU hours."""
    return Used(day, queue, user, place, tasks, round(hours * HOUR))


@pytest.mark.parametrize(
    ("since", "until", "first", "last"),
    [
        (None, None, "2026-11-17", "2026-11-23"),
        ("1d", None, "2026-11-23", "2026-11-23"),
        ("2w", None, "2026-11-10", "2026-11-23"),
        ("2026-11-01", "1d", "2026-11-01", "2026-11-22"),
        ("yesterday", "today", "2026-11-22", "2026-11-23"),
        (None, "2026-11-10", "2026-11-04", "2026-11-10"),
        (date(2026, 11, 2), date(2026, 11, 3), "2026-11-02", "2026-11-03"),
    ],
)
def test_days_are_whole_and_both_included(since: str | date | None, until: str | date | None, first: str, last: str) -> None:
    """Without words the last seven, today among them."""
    found = ask(since=since, until=until, today=TODAY)
    assert (found.first, found.last) == (first, last)
    assert (found.days[0], found.days[-1]) == (first, last)


def test_all_that_is_wrong_is_told_at_once() -> None:
    """With the nearest word, and how days are written."""
    with pytest.raises(InvalidRequest) as caught:
        ask("usr", "2026-13-01", "soon", "x", most="0", today=TODAY)
    assert [problem.path for problem in caught.value.problems] == ["job", "by", "until", "since", "most"]
    assert "did you mean user?" in str(caught.value)
    assert "Write 2026-11-23, 7d" in str(caught.value)
    with pytest.raises(InvalidRequest, match="2026-11-20 is after 2026-11-10"):
        ask(since="2026-11-20", until="2026-11-10", today=TODAY)
    with pytest.raises(InvalidRequest, match="more than 400"):
        ask(since="2020-01-01", today=TODAY)


def test_dollars_are_what_was_paid_and_else_of_the_list() -> None:
    """One's own machines have none, and what nobody knows has none either: never a zero that looks like a price."""
    nowhere = place_of("? ? ? ?")
    rows = [used(SPOT, 10, tasks=3), used(LISTED, 5), used(OWN, 2), used(nowhere, 1)]
    prices = {LISTED: 0.05}
    (row,) = grouped(rows, (), "queue", prices.get)
    assert (row.key, row.tasks, row.vcpu_hours) == ("default", 6, 18)
    assert [row.paid_usd, row.listed_usd, row.usd] == pytest.approx([0.2, 0.25, 0.45])
    assert (row.own_vcpu_s, row.unpriced_vcpu_s, row.priced) == (2 * 3600, 3600, "both")
    own, unknown = (grouped([one], (), "user", prices.get)[0] for one in rows[2:])
    assert (own.usd, own.priced, unknown.usd, unknown.priced) == (None, "own", None, "")
    (mixed,) = grouped(rows[2:], (), "queue", prices.get)
    assert (mixed.usd, mixed.priced) == (None, "")


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("user", ["eve", "ada"]),
        ("region", ["eu-west-1", "us-east-1"]),
        ("type", ["c5.large", "m5.large"]),
        ("purchase", ["spot", "ondemand"]),
        ("day", ["2026-11-23", "2026-11-22"]),
    ],
)
def test_by_anything_the_largest_first(by: str, keys: list[str]) -> None:
    """Days are in order."""
    rows = [used(LISTED, 2, day="2026-11-23"), used(SPOT, 3, user="eve")]
    assert [row.key for row in grouped(rows, (), by, lambda place: None)] == keys


def test_efficiency_is_known_of_what_a_worker_is_of_as_a_whole() -> None:
    """Of its region, not of a queue whose tasks it ran beside others'."""
    there = [There("2026-11-22", SPOT, 6 * HOUR, 8 * HOUR), There("2026-11-22", LISTED, 0, HOUR)]
    rows = {row.key: row.efficiency for row in grouped([used(SPOT, 6)], there, "region", lambda place: None)}
    assert rows == {"eu-west-1": 0.75, "us-east-1": 0}
    assert grouped([used(SPOT, 6)], there, "queue", lambda place: None)[0].efficiency is None


def test_tables_for_programs_say_of_when_prices_are() -> None:
    """CSV: a line for each row and the total, the date of the list in each; JSON: the same numbers."""
    rows = grouped([used(LISTED, 2), used(SPOT, 2, user="e,ve")], (), "user", lambda place: 0.05)
    total = Row("total", tasks=2, vcpu_s=4 * 3600, paid_usd=0.04, listed_usd=0.1)
    found = Usage("grid", "aws", Ask("user", "2026-11-17", "2026-11-23"), rows, total, ("2026-11-17", "2026-11-23"), "2025-03-02", "a list")
    lines = list(csv.DictReader(io.StringIO(usage.as_csv(found))))
    assert [(line["user"], line["usd"], line["share"], line["list_prices_of"]) for line in lines] == [
        ("ada", "0.1", "0.5", "2025-03-02"), ("e,ve", "0.04", "0.5", "2025-03-02"), ("total", "0.14", "1.0", "2025-03-02"),
    ]  # fmt: skip
    record = found.as_json()
    assert record["prices"] == {"paid": {"since": "2026-11-17", "until": "2026-11-23"}, "list": "2025-03-02", "source": "a list"}
    assert [row["priced"] for row in record["rows"]] == ["list", "paid"]


def test_a_place_is_read_from_what_workers_write() -> None:
    """What nobody knows is empty; what is no price is none."""
    assert place_of("eu-west-1 c5.large spot 0.0123") == Place("eu-west-1", "c5.large", "spot", 0.0123)
    assert place_of("lab ? own ?") == Place("lab", "", "own", None)
    assert [place_of(text).usd for text in ("a b c nan", "a b c inf", "a b c -1", "a", "")] == [None] * 5


def test_list_prices_are_those_of_the_shipped_table() -> None:
    """With the date of the list; a machine of one's own, or one of which nobody knows the type, is not in it."""
    usd = usage_prices.usd(LISTED)
    assert usd is not None
    assert 0.01 < usd < 0.2
    dates, sources = usage_prices.listed_on([LISTED, OWN, SPOT])
    assert date.fromisoformat(dates) < TODAY
    assert sources
    assert [usage_prices.usd(place) for place in (OWN, place_of("us-east-1 ? spot ?"), place_of("mars-1 c5.large spot ?"))] == [None] * 3
    assert usage_prices.listed_on([SPOT, OWN]) == ("", "")
