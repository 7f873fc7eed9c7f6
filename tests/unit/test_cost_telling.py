"""Costs and quotas in words: into 80 columns, every dollar dated, for programs too."""

import json

from cyclone_core.infra.costs import Change, Costs, StackCost
from cyclone_core.infra.stack_costs import Item, Range
from cyclone_core.quotas import Need, Quota
from cyclone_tui import cost_telling

INSTANCES = Item("instances, up to 1,000 vCPUs", Range(0.0, 47190.0), "r6i.large at $0.1260 an hour on demand (list price)", "2025-03-02")


def stack(number: int = 0, before: Range = Range(), after: Range = Range(0.0, 47190.0)) -> StackCost:  # noqa: B008 - frozen
    """A cluster's."""
    return StackCost("us-east-1", f"grid--cluster-{number}", "cluster", f"number-{number}", Change(before, after), (INSTANCES,))


def costs(*stacks: StackCost, before: Range = Range(1.5, 1.5)) -> Costs:  # noqa: B008 - frozen
    """Of a host."""
    after = sum((one.change.after for one in stacks), Range(2.0, 2.0))
    return Costs(Change(before, after), (("us-east-1", Change(before, after)),), stacks, (("us-east-1", "2025-03-02"),))


def lines(found: Costs) -> list[str]:
    """As plain text."""
    return list(cost_telling.plain(cost_telling.cost_lines(found)))


def test_rows_and_their_dates() -> None:
    """Idle and at most under headings; what is now and by how much it changes; dates below."""
    told = lines(costs(stack()))
    assert told[0].split() == ["Cost", "a", "month", "idle", "at", "most"]
    assert told[1].split() == ["cluster", "number-0", "$0.00", "$47,190.00"]
    assert told[2].strip() == f"{INSTANCES.what}, at most $47,190.00: {INSTANCES.basis}"
    assert told[3].split() == ["the", "whole", "host", "$2.00", "$47,192.00"]
    assert told[4].split()[-2:] == ["$1.50", "$1.50"]
    assert told[5].split()[-2:] == ["+$0.50", "+$47,190.50"]
    assert told[6].strip() == "List prices in USD for 730 hours: instances of 2025-03-02 (us-east-1), all else of 2026-06-13 (us-east-1)."
    for width in (cost_telling.WIDE, cost_telling.NARROW):
        rows = list(cost_telling.plain(cost_telling.cost_lines(costs(stack()), width)))
        assert {len(line) for line in rows if line.split()[-1].startswith(("$", "+$", "-$"))} == {width}


def test_many_stacks_are_told_by_region() -> None:
    """A host of many regions has hundreds."""
    told = lines(costs(*(stack(number) for number in range(40))))
    assert told[1].split()[0] == "us-east-1"
    assert len(told) < 15


def test_what_is_not_known_is_said() -> None:
    """In place of a number, and of its difference."""
    told = lines(costs(stack(after=Range(0.0, None))))
    assert told[1].endswith("not known")
    assert told[5].endswith("?")


def test_one_line_has_everything() -> None:
    """Before somebody is asked whether to go on."""
    told = cost_telling.cost_summary(costs(stack()))
    assert told == "$2.00 a month idle (+$0.50), at most $47,192.00 (+$47,190.50); prices of 2025-03-02 and 2026-06-13"


def test_less_has_its_sign() -> None:
    """Also what rounds to nothing."""
    assert [cost_telling.signed(usd) for usd in (-1.5, 0.0, -0.001, 2.0)] == ["-$1.50", "+$0.00", "+$0.00", "+$2.00"]


def test_programs_get_numbers_and_dates() -> None:
    """null where a price is not known."""
    record = json.loads(json.dumps(cost_telling.cost_record(costs(stack(after=Range(0.0, None))))))
    assert record["host"]["after"] == {"idle": 2.0, "most": None}
    assert record["stacks"][0]["items"][0]["priced_on"] == "2025-03-02"
    assert record["priced_on"] == {"instances": {"us-east-1": "2025-03-02"}, "services": "2026-06-13"}
    assert {"before", "after", "difference"} <= record["stacks"][0].keys()


def test_quotas_that_are_too_small_come_first() -> None:
    """With the command that asks for more; what limits only how much runs looks another way than what stops a stack."""
    enough = Need("us-east-1", "VPCs", 1, Quota(1, 5), "vpc", "L-F678F1CE")
    few = Need("us-east-1", "vCPUs of standard instances, on spot", 1000, Quota(None, 5), "ec2", "L-34B43A08", stops=False)
    none = Need("us-east-1", "job queues of Batch", 3, Quota(49, 50))
    told = list(cost_telling.plain(cost_telling.quota_lines([enough, few, none])))
    assert told[1] == "  ✗ us-east-1: job queues of Batch: 3 more, 1 of 50 are left"
    assert told[3] == "  ! us-east-1: vCPUs of standard instances, on spot: 1,000 at most, the quota is 5, so fewer run at once"
    assert told[4].strip().startswith("$ aws service-quotas request-service-quota-increase --region us-east-1 --service-code ec2")
    assert told[5] == "  ✓ us-east-1: VPCs: 1 more, 4 of 5 are left"
    assert [cost_telling.quota_record(each)["enough"] for each in (enough, few, none)] == [True, False, False]
    many = list(cost_telling.plain(cost_telling.quota_lines([few] * 40)))
    assert many[-1].strip() == "and 30 more that limit how much runs at once (--json has them)"
    plain = list(cost_telling.plain(cost_telling.quota_lines([enough, few, none], ascii=True)))
    assert all(line.isascii() for line in plain)
