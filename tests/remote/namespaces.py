"""A network of its own for a machine: a namespace behind a cable (veth) that can be pulled out, and one way to the sandbox through it.

The sandbox answers to 127.0.0.1 only, so a program in the namespace listens there and passes on what comes, by way of the cable.
"""

import itertools
import os
import shutil
import subprocess
import sys

import pytest

from tests.remote.host import Host, Wall

_NUMBERS = itertools.count(1)
_PORT = 4000
_PASS_ON = """
import asyncio, sys

async def serve(reader, writer):
    try:
        far_reader, far_writer = await asyncio.open_connection(sys.argv[1], int(sys.argv[2]))
    except OSError:
        writer.close()
        return
    await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
    except OSError:
        pass
    writer.close()

async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[3])) as server:
        print("ready", flush=True)
        await server.serve_forever()

asyncio.run(main())
"""


class Lab:
    """See the module. `within`: what starts a program there; `endpoint`: the sandbox as it is seen from there."""

    def __init__(self, host: Host) -> None:
        number = next(_NUMBERS)
        self.name, self._cable = f"cy{os.getpid()}-{number}", f"cy{os.getpid() % 100000}v{number}"
        net = f"10.{77 + os.getpid() % 100}.{os.getpid() // 100 % 250}"
        _ip("netns", "add", self.name)
        try:
            _ip("link", "add", self._cable, "type", "veth", "peer", "name", "eth0", "netns", self.name)
            _ip("addr", "add", f"{net}.1/24", "dev", self._cable)
            _ip("-n", self.name, "addr", "add", f"{net}.2/24", "dev", "eth0")
            _ip("-n", self.name, "link", "set", "eth0", "up")
            _ip("-n", self.name, "link", "set", "lo", "up")
            self.plug_in()
            self._way = Wall(host, f"{net}.1")
        except BaseException:
            self._forget()
            raise
        self.endpoint, self.within = f"http://127.0.0.1:{_PORT}", ("ip", "netns", "exec", self.name)
        there = (f"{net}.1", self._way.endpoint.rpartition(":")[2], str(_PORT))
        self._passes_on = subprocess.Popen([*self.within, sys.executable, "-c", _PASS_ON, *there], stdout=subprocess.PIPE)
        assert self._passes_on.stdout is not None
        assert self._passes_on.stdout.readline() == b"ready\n"

    def pull_out(self) -> None:
        """Nothing passes, and nobody is told."""
        _ip("link", "set", self._cable, "down")

    def plug_in(self) -> None:
        """It passes again."""
        _ip("link", "set", self._cable, "up")

    def close(self) -> None:
        """It goes; what runs there has ended."""
        self._passes_on.kill()
        self._passes_on.communicate()
        self._way.close()
        self._forget()

    def _forget(self) -> None:
        subprocess.run(["ip", "link", "del", self._cable], capture_output=True, check=False)
        _ip("netns", "del", self.name)


def why_not() -> str:
    """Why no namespaces can be made here, "" when they can."""
    if shutil.which("ip") is None:
        return "there is no command ip"
    name = f"cy{os.getpid()}-0"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if done.returncode:
        return f"network namespaces cannot be made here: {done.stderr.strip()}"
    _ip("netns", "del", name)
    return ""


def lab(host: Host) -> Lab:
    """One, where they can be made."""
    if why := why_not():
        pytest.skip(why)
    return Lab(host)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
