"""The process of a sandbox: `python -c … DIRECTORY LOCK-DESCRIPTOR`, started by `operations/sandbox.py`.

It listens on 127.0.0.1 only, with keys made at its start and requests checked against IAM policies, and ends with everything that it
started when it gets SIGTERM. ministack reads its settings from the environment when it is imported, so that happens last.
"""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from cyclone_core.sandbox.batch.execution import Containers, Processes, end_left_over
from cyclone_core.sandbox.settings import ACCOUNT, PROFILE, REGION, Directory, Running, Settings

SERVICES = (
    "account,apigateway,batch,cloudformation,dynamodb,dynamodbstreams,ec2,ecr,events,iam,kms,lambda,lambda-core,logs,monitoring,pipes,s3,"
    "scheduler,secretsmanager,sns,sqs,ssm,states,sts,tagging"
)
"""What of ministack is there; the rest would be doors that nobody needs."""
_CLOSE_S = 20.0
"""So long jobs may take to end when the sandbox does."""


def main() -> None:
    """Entry point."""
    os.umask(0o077)
    directory = Directory(sys.argv[1])
    os.set_inheritable(int(sys.argv[2]), False)  # a job that outlives us must not look like us
    settings = directory.settings()
    end_left_over(directory.jobs)
    for path in (directory.temporary, directory.home):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
    listener = _listen(settings.port)
    port: int = listener.getsockname()[1]
    directory.write_settings(replace(settings, port=port))  # the next start takes the same when it can
    engine_host = os.environ.get("DOCKER_HOST")
    os.environ.update(environment(directory, port, *_new_keys(directory.credentials, port)))
    os.environ.update({"LOG_LEVEL": settings.log_level})
    tempfile.tempdir = None  # it was asked before TMPDIR was set
    asyncio.run(_serve(directory, settings, listener, port, engine_host))
    os._exit(0)  # not held up by a thread of ministack


def environment(directory: Directory, port: int, key: str, secret: str) -> dict[str, str]:
    """What ministack and the functions that it runs find: nothing leads them to the user's AWS account, or to a container engine."""
    return {
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "DOCKER_HOST": "unix:///nonexistent/cyclone-sandbox",
        "GATEWAY_PORT": str(port),
        "HOME": str(directory.home),
        "IOT_MTLS_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "NO_PROXY": "127.0.0.1,localhost",
        "SERVICES": SERVICES,
        "SFTP_ENABLED": "0",
        "TMPDIR": str(directory.temporary),
    }


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as exc:
        sys.exit(f"port {port} of 127.0.0.1 cannot be used: {exc.strerror}")
    listener.listen(128)
    return listener


def _new_keys(path: Path, port: int) -> tuple[str, str]:
    """Keys of this start, written as an AWS credentials file with the endpoint: the profile alone leads to the sandbox."""
    key, secret = f"AKIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30)
    lines = [f"[{PROFILE}]", f"aws_access_key_id = {key}", f"aws_secret_access_key = {secret}"]
    lines += [f"region = {REGION}", f"endpoint_url = http://127.0.0.1:{port}", ""]
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    return key, secret


async def _serve(directory: Directory, settings: Settings, listener: socket.socket, port: int, engine_host: str | None) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack import app
    from ministack.core import lambda_runtime

    from cyclone_core.sandbox import plugin
    from cyclone_core.sandbox.batch.api import Api
    from cyclone_core.sandbox.batch.engine import Engine
    from cyclone_core.sandbox.batch.place import Limits
    from cyclone_core.sandbox.door import Door
    from cyclone_core.sandbox.faults import FaultFile
    from cyclone_core.sandbox.instances.engine import Engine as Instances
    from cyclone_core.sandbox.spot import SpotFile
    from cyclone_core.sandbox.surroundings import SandboxSurroundings

    faults = FaultFile(directory.faults)
    surroundings = SandboxSurroundings(port, faults)
    surroundings.loop = asyncio.get_running_loop()
    starter = Containers(directory.jobs, settings.engine, engine_host) if settings.jobs == "containers" else Processes(directory.jobs)
    limits = Limits(settings.running_jobs, shortest_timeout_s=settings.shortest_timeout_s, grace_s=settings.grace_s)
    engine = Engine(starter, surroundings, limits)
    instances = Instances(directory.jobs, surroundings, settings.grace_s, settings.notice_s, settings.running_jobs)
    plugin.install(Api(engine), faults, SpotFile(directory.spot), instances)

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    async def until_stopped() -> None:
        directory.write_running(Running(os.getpid(), port, time.time(), settings.jobs))
        await stop.wait()
        directory.write_running(None)
        await asyncio.gather(*(asyncio.to_thread(each.close, _CLOSE_S) for each in (engine, instances)))

    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.graceful_timeout = 1.0
    config.keep_alive_timeout = 75
    config.loglevel = settings.log_level
    await serve(Door(app.app, faults), config, shutdown_trigger=until_stopped)
    lambda_runtime.reset()
    shutil.rmtree(directory.temporary, ignore_errors=True)


if __name__ == "__main__":
    main()
