"""Templates are made once: kept by content, by a child that nobody has to look after."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cyclone_core
from cyclone_core.errors import CycloneError
from cyclone_core.infra import synth_cache, synth_process
from cyclone_core.infra.synth import Synthesizer
from cyclone_core.infra.targets import Target
from tests.stacks.bodies import MAIN, PLACE

PACKAGES = str(Path(str(cyclone_core.__file__)).parents[1])


def queue(name: str = "default", kind: str = "queue", **fields: Any) -> Target:
    """The smallest stack there is."""
    return Target(PLACE, MAIN, kind, name, {"body": {"name": name, **fields}, "record": True})


HOST = Target(PLACE, MAIN, "host", "grid", {"body": {"name": "grid"}, "record": True})


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Synthesizer]:
    """One with a cache of its own, and no child yet."""
    with Synthesizer(str(tmp_path / "cache")) as made:
        yield made


def children(of: int) -> list[int]:
    """Numbers of a process's children that have not ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == of and state != "Z":
            found.append(int(path.parent.name))
    return found


def test_what_was_made_once_needs_no_child(synthesizer: Synthesizer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another synthesizer with the same cache answers without Node."""
    first = synthesizer.templates([queue("kept"), HOST])
    monkeypatch.setenv("JSII_NODE", "/bin/false")
    with Synthesizer(synthesizer.cache) as other:
        again = other.templates([queue("kept"), HOST])
    assert [(each.text, each.assets) for each in again.values()] == [(each.text, each.assets) for each in first.values()]
    assert all(Path(asset.path).read_bytes().startswith(b"PK") for asset in again[HOST.key].assets)


def test_synthesis_is_deterministic(synthesizer: Synthesizer, fresh: Synthesizer) -> None:
    """Other processes, other places, equal templates and files."""
    ours, theirs = synthesizer.templates([HOST])[HOST.key], fresh.templates([HOST, queue()])[HOST.key]
    assert ours.text == theirs.text
    assert [asset.key for asset in ours.assets] == [asset.key for asset in theirs.assets]
    assert Path(ours.assets[0].path).read_bytes() == Path(theirs.assets[0].path).read_bytes()


@pytest.mark.parametrize("content", [b"", b"{", b'{"text": "{}", "assets": [], "digest": "other"}', b'{"text": 1}', b"[]", b"\xff"])
def test_a_broken_entry_counts_as_none(tmp_path: Path, content: bytes) -> None:
    """It is made anew."""
    cache = synth_cache.TemplateCache(str(tmp_path))
    cache.put(queue(), synth_cache.Entry("{}"))
    assert cache.get(queue()) == synth_cache.Entry("{}")
    (path,) = tmp_path.glob("*.json")
    path.write_bytes(content)
    assert cache.get(queue()) is None


def test_an_entry_without_its_file_counts_as_none(tmp_path: Path) -> None:
    """Somebody tidied up."""
    cache = synth_cache.TemplateCache(str(tmp_path / "cache"))
    (tmp_path / "code.zip").write_bytes(b"PK")
    kept = cache.put(HOST, synth_cache.Entry("{}", (synth_cache.Asset("ab.zip", str(tmp_path / "code.zip")),)))
    assert cache.get(HOST) == kept
    Path(kept.assets[0].path).unlink()
    assert cache.get(HOST) is None


def test_what_nobody_asked_for_in_months_goes(tmp_path: Path) -> None:
    """What is used stays."""
    cache = synth_cache.TemplateCache(str(tmp_path))
    cache.put(queue("old"), synth_cache.Entry("{}"))
    long_ago = time.time() - 100 * 86_400
    (old,) = tmp_path.glob("*.json")
    os.utime(old, (long_ago, long_ago))
    cache.put(queue("new"), synth_cache.Entry("{}"))
    synth_cache.TemplateCache(str(tmp_path)).put(queue("newer"), synth_cache.Entry("{}"))
    assert [cache.get(queue(name)) is None for name in ("old", "new", "newer")] == [True, False, False]


def test_the_cache_is_private(tmp_path: Path) -> None:
    """Templates have what users gave: environments, addresses."""
    synth_cache.TemplateCache(str(tmp_path / "cache")).put(queue(), synth_cache.Entry("{}"))
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700


def test_a_cache_that_cannot_be_written_costs_only_time(tmp_path: Path) -> None:
    """Its place is taken by a file."""
    (tmp_path / "taken").touch()
    cache = synth_cache.TemplateCache(str(tmp_path / "taken"))
    entry = synth_cache.Entry("{}")
    assert cache.put(queue(), entry) == entry
    assert cache.get(queue()) is None


def test_whatever_a_template_is_made_of_is_in_its_key() -> None:
    """Each module of this project that the child loads is a source, so no change of one leaves old templates in use."""
    code = (
        f"import sys; sys.path.insert(0, {PACKAGES!r})\n"
        "import importlib, pkgutil\n"
        "from cyclone_core.infra import stacks, synth_child\n"
        "for module in pkgutil.iter_modules(stacks.__path__): importlib.import_module(f'{stacks.__name__}.{module.name}')\n"
        "print(*sorted(m.__file__ for n, m in sys.modules.items() if n.startswith('cyclone_core') and m.__file__), sep='\\n')\n"
    )
    environment = {"JSII_NODE": synth_process.node(), "PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    done = subprocess.run([sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert {Path(line) for line in done.stdout.split() if not line.endswith("__init__.py")} - set(synth_cache.sources()) == set()


def test_a_child_that_was_killed_is_started_anew(fresh: Synthesizer) -> None:
    """Nobody hears of it, and its Node and its files go too."""
    before = set(children(os.getpid()))  # numbers come again: the largest may be another's
    fresh.templates([queue("first")])
    (child,) = set(children(os.getpid())) - before
    nodes = children(child)
    os.kill(child, signal.SIGKILL)
    assert len(fresh.templates([queue("second")])) == 1
    assert child not in children(os.getpid())
    until = time.monotonic() + 30
    while any(os.path.exists(f"/proc/{node}") for node in nodes):  # it leaves when nobody talks to it any more
        assert time.monotonic() < until, "its Node is still there"
        time.sleep(0.05)


def test_the_child_leaves_when_its_parent_is_killed(tmp_path: Path) -> None:
    """With its directory."""
    code = (
        f"import sys, time; sys.path[:0] = [{PACKAGES!r}, {str(Path(__file__).parents[2])!r}]\n"
        "from cyclone_core.infra.synth import Synthesizer\n"
        f"made = Synthesizer({str(tmp_path)!r}); made.warm_up(); print('up', flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        assert parent.stdout.readline() == "up\n"
        (child,) = children(parent.pid)
        work = os.readlink(f"/proc/{child}/cwd")
        parent.kill()
        parent.wait()
    until = time.monotonic() + 30
    while os.path.exists(work) or os.path.exists(f"/proc/{child}"):
        assert time.monotonic() < until, "it is still there"
        time.sleep(0.05)


def test_the_terminal_cannot_interrupt_the_child(fresh: Synthesizer) -> None:
    """It is in a session of its own."""
    before = set(children(os.getpid()))
    fresh.templates([queue()])
    (child,) = set(children(os.getpid())) - before
    assert os.getsid(child) == child


def test_an_interrupt_ends_a_synthesis_quietly(tmp_path: Path) -> None:
    """Ctrl-C of a terminal, while the child starts: the caller gets it, the child is gone with its files, and nothing is said."""
    code = (
        f"import sys; sys.path[:0] = [{PACKAGES!r}, {str(Path(__file__).parents[2])!r}]\n"
        "from tests.stacks.test_synth import HOST, Synthesizer, children, os\n"
        f"made = Synthesizer({str(tmp_path)!r}); print('up', flush=True)\n"
        "try: made.templates([HOST])\n"
        "except KeyboardInterrupt: print('interrupted', children(os.getpid()))\n"
    )
    asked = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    assert asked.stdout is not None
    with asked.stdout:
        assert asked.stdout.readline() == "up\n"
        until = time.monotonic() + 30
        while not children(asked.pid):
            assert time.monotonic() < until, "no child"
            time.sleep(0.01)
        os.killpg(asked.pid, signal.SIGINT)
        assert asked.stdout.read() == "interrupted []\n"
    assert asked.wait() == 0


def test_nothing_is_written_to_the_terminal(fresh: Synthesizer, capfd: pytest.CaptureFixture[str]) -> None:
    """Not by jsii, not by Node, not when a stack cannot be made."""
    fresh.templates([HOST])
    with pytest.raises(CycloneError):
        fresh.templates([queue("x", kind="region")])
    assert capfd.readouterr() == ("", "")


def test_an_error_names_the_stack(synthesizer: Synthesizer) -> None:
    """Among several, the one that is to blame, and why; the next request is served."""
    with pytest.raises(CycloneError, match=r"grid--cluster-broken \(us-east-1\): KeyError.*Check the settings of cluster broken"):
        synthesizer.templates([queue("fine"), queue("broken", kind="cluster"), queue("fine-too")])
    assert len(synthesizer.templates([queue("fine"), queue("fine-too")])) == 2


def test_without_the_cdk_the_message_names_what_installs_it(tmp_path: Path) -> None:
    """A process that finds Cyclone and nothing else."""
    (tmp_path / "cyclone_core").symlink_to(Path(PACKAGES, "cyclone_core"))
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from cyclone_core.infra.synth_process import node\n"
        "from cyclone_core.errors import MissingExtra\n"
        "try: node()\nexcept MissingExtra as exc: print(exc)\n"
    )
    done = subprocess.run([sys.executable, "-ISE", "-c", code], capture_output=True, text=True, check=True)
    assert "aws-cdk-lib is not installed. Install it: bash install.sh --extras aws" in done.stdout


def test_a_node_that_does_not_start_is_named(fresh: Synthesizer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With how to look what it lacks; one that is not there at once."""
    broken = tmp_path / "node"
    broken.write_text("#!/bin/sh\necho 'cannot open shared object' >&2\nexit 3\n")
    broken.chmod(0o755)
    for path, why in ((broken, f"the CDK does not start.*{broken} --version"), (tmp_path / "none", "none, which is no program.*Unset it")):
        monkeypatch.setenv("JSII_NODE", str(path))
        with pytest.raises(CycloneError, match=why):
            fresh.templates([queue()])
        fresh.close()


def test_a_child_that_dies_of_each_request_is_given_up(fresh: Synthesizer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """After a second try; with what it said last."""
    deadly = tmp_path / "node"
    deadly.write_text("#!/bin/sh\nkill -9 $PPID\n")
    deadly.chmod(0o755)
    monkeypatch.setenv("JSII_NODE", str(deadly))
    with pytest.raises(CycloneError, match=r"templates cannot be made: the process that makes them ended\. Try again"):
        fresh.templates([queue()])


def test_warming_up_does_not_wait_and_spoils_no_answer(fresh: Synthesizer) -> None:
    """Twice, and then a question."""
    fresh.warm_up()
    fresh.warm_up()
    assert list(fresh.templates([queue()])) == [queue().key]
