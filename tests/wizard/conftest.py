"""What tests of the wizard's model share: a small world made by hand."""

import pytest

from cyclone_core.operations.discovery import discover
from cyclone_core.operations.resources import Snapshot, Stored
from cyclone_core.resource_bodies import Machine, body
from cyclone_core.resources import MODELS, Host
from cyclone_tui.wizard.sources import World

MACHINE = Machine(cores=4, memory_mib=8000)
HOST = Host(name="local")
AWS = Host(name="cloud", type="aws")


def stored(kind: str, **fields: object) -> Stored:
    """A resource as a host keeps it."""
    return Stored(kind, str(fields["name"]), "ACTIVE", body(MODELS[kind].model_validate(fields), MACHINE), 0.0, 0.0)


SNAPSHOT = Snapshot(
    (
        stored("cluster", name="default"),
        stored("cluster", name="big", max_vcpus=2, max_memory_mib=4000),
        stored("queue", name="default"),
        stored("queue", name="fast", cluster="big", priority=5),
        stored("image", name="solver", directory="/src"),
        stored("definition", name="default"),
        stored("definition", name="sim", cyclone_image_name="solver", vcpus=2, environment={"A": "1,2", "B": "x y"}),
    )
)


def body_of(kind: str, name: str) -> dict[str, object]:
    """One of them."""
    return dict(SNAPSHOT.bodies[kind][name])


def world_for(kind: str) -> World:
    """What a wizard for a kind knows after discovery, as far as no engine is asked."""
    world = World(HOST, MACHINE, SNAPSHOT, ("local",))
    if kind in ("cluster", "queue"):
        for finding in discover(HOST, kind, SNAPSHOT.bodies, machine=MACHINE):
            world = world.with_finding(finding)
    return world


@pytest.fixture
def world() -> World:
    """A host with two of everything that matters."""
    return world_for("cluster")
