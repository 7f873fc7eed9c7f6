"""Whether an instance of a cluster holds a task: what is refused surely fits nowhere, and what is accepted at a glance surely fits."""

from typing import Any

import pytest

from cyclone_core.prices import table
from cyclone_core.prices.shapes import shapes
from cyclone_core.scheduler import references
from cyclone_core.scheduler.admission import check_place
from cyclone_core.scheduler.instance_fit import misfit
from cyclone_core.scheduler.machines import Need, slots_of

KNOWN = table.shipped()


def cluster(*words: str, launch: str = "BATCH", **fields: Any) -> dict[str, Any]:
    """A cluster that may start these."""
    return {"name": "big", "launch_type": launch, "instance_list": list(words), "max_vcpus": 1000, **fields}


def test_lines_say_what_the_table_says() -> None:
    """Of every type, family and word, in the same order; nothing of words that mean nothing."""
    words = {*KNOWN.types, *(facts.family for facts in KNOWN.types.values()), *table.WORDS, "c5.nope", "nope", "c5.", "5.large"}
    found = shapes(words)
    for word in words:
        kinds = [KNOWN.types[name] for name in KNOWN.types_of([word])]
        assert found[word] == [(kind.vcpus, kind.memory_mib, kind.gpus) for kind in kinds], word


def test_what_a_glance_accepts_is_held() -> None:
    """The largest memory that is accepted without looking closely, on every type that there is."""
    for kind in KNOWN.types.values():
        memory_mib = kind.memory_mib * 7 // 8 - 1024
        if memory_mib > 0:
            assert slots_of(Need(kind.vcpus, memory_mib, kind.gpus), kind) > 0, kind


@pytest.mark.parametrize(
    ("needs", "of", "has"),
    [
        ((4, 6000, 0), cluster("c5.xlarge"), None),
        (
            (5, 6000, 0),
            cluster("c5.xlarge"),
            "c5.xlarge: the largest, c5.xlarge, has 4 vCPUs and 8,192 MiB, of which the system needs some",
        ),
        ((4, 8192, 0), cluster("c5.xlarge"), "c5.xlarge: the largest, c5.xlarge, has 4 vCPUs"),
        ((4, 7700, 0), cluster("c5.xlarge"), None),
        ((4, 7700, 0), cluster("c5.xlarge", launch="EC2"), "c5.xlarge: the largest, c5.xlarge, has 4 vCPUs"),
        ((4, 8192, 0), cluster("c5.xlarge", fallback_instance_list=["r5"]), None),
        ((1, 512, 1), cluster("optimal"), "optimal, c5, m5, r5: none has so many GPUs"),
        ((1, 512, 8), cluster("g4dn", "p3"), None),
        ((9999, 512, 0), cluster("optimal", "x9z"), None),
        ((9999, 512, 0), {"max_vcpus": 8}, None),
        ((9999, 512, 9), cluster("optimal", launch="ONPREM"), None),
    ],
)
def test_what_no_instance_holds(needs: tuple[int, int, int], of: dict[str, Any], has: str | None) -> None:
    """By vCPUs, memory and GPUs; what the table does not know, and clusters that ask AWS for nothing, are not judged."""
    vcpus, memory_mib, gpus = needs
    found = misfit({"vcpus": vcpus, "memory_limit_mib": memory_mib, "gpu_count": gpus}, of)
    assert (found.has[: len(has)] if found and has else found) == has


def test_a_job_that_fits_nowhere_is_refused_with_what_would_hold_it() -> None:
    """The cheapest types that do, in a command that can be run; where none does that is said."""
    resources = {
        "cluster": {"big": cluster("c5.xlarge")},
        "queue": {"work": {"name": "work", "cluster": "big"}},
        "definition": {name: {"image_uri": "x", "vcpus": vcpus, "memory_limit_mib": 30_000} for name, vcpus in {"a": 4, "b": 999}.items()},
    }
    (problem,) = check_place("work", "a", resources)
    assert problem.message.startswith(
        "a task of 'a' needs 4 vCPUs and 30,000 MiB of memory, and cluster 'big' starts nothing that holds it (c5"
    )
    first = problem.hint.partition("(")[2].partition(",")[0]
    assert f"hyper clusters update-cluster --name big --instance-list c5.xlarge,{first}; or choose a queue" in problem.hint
    assert misfit(resources["definition"]["a"], cluster("c5.xlarge", first)) is None
    (problem,) = check_place("work", "b", resources)
    assert problem.hint.startswith("No type does: choose a queue of another cluster with -q")


def test_a_definition_that_fits_no_cluster_is_refused() -> None:
    """With the field that is too large; one cluster that may hold it is enough, and so are machines that join."""
    body = {"name": "d", "vcpus": 4, "memory_limit_mib": 30_000}
    small = {"a": cluster("c5.xlarge"), "b": cluster("c5.large", launch="EC2")}
    (problem,) = references.check_put("definition", body, {"cluster": small})
    assert problem.path == "definitions[d].memory_limit_mib"
    assert "holds 4 vCPUs and 30,000 MiB of memory (a: c5.xlarge: the largest" in problem.message
    assert references.check_put("definition", body, {"cluster": {**small, "c": cluster("optimal")}}) == []
    assert references.check_put("definition", body, {"cluster": {**small, "c": cluster(launch="ONPREM")}}) == []
