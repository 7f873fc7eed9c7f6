"""A host whose control plane's stack is gone (deleted in the console, say): nothing else of it is taken away by a change."""

import pytest

from cyclone_core.aws.account import Account
from cyclone_core.infra.deployed_stacks import Look
from cyclone_core.operations.aws_resources import AwsResources
from cyclone_core.resource_bodies import aws_body
from cyclone_core.resources import Cluster, Host

pytest.importorskip("boto3", reason="AWS hosts need the extra test")
HOST = Host(name="grid", type="aws", account="123456789012", region="eu-west-1")


def test_a_change_is_refused_with_the_way_to_make_it_again() -> None:
    """Nothing of a host without control plane is wanted, so a plan would delete all of its stacks."""
    known = AwsResources(HOST, Account(region="eu-west-1"))
    cluster = aws_body(Cluster(name="big"), HOST, {})
    proposal = known.plan(Look(), {"host": {}, "cluster": {"big": cluster}})
    assert [str(problem) for problem in proposal.problems] == [
        "hosts[grid]: its control plane is not deployed: there is no stack grid--host in eu-west-1. "
        "Make it again first: hyper hosts update-host --name grid"
    ]
