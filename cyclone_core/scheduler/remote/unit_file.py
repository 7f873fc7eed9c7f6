"""The systemd unit of a machine with several slots: on instances of EC2, which write it in their user data, and on machines that join.

It is started again when it fails, gets SIGTERM alone (its children hear it from the machine), and a task that the kernel kills for its
memory does not end it. On an instance its end, or its tenth failure in ten minutes, is that of the instance: the launch template says that
a shutdown terminates it.
"""

NAME = "cyclone-worker.service"
ENVIRONMENT = "/etc/cyclone/worker.env"
"""File of the variables (`offer`), NAME=VALUE a line; for root and nobody else."""
HOME = "/var/lib/cyclone"
"""The working directory, and where the directories of workers are made."""
USER = "cyclone"
_STOP_S = 100
"""Longer than running tasks may go on after a spot notice."""
_ENDS = """SuccessAction=poweroff
StartLimitAction=poweroff
"""


def text(command: str, ends_machine: bool, user: str = USER, environment: str = ENVIRONMENT) -> str:
    """The unit. command: absolute, with its arguments, as systemd reads it; ends_machine: on an instance, which goes with it."""
    return f"""[Unit]
Description=Cyclone worker
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=600
StartLimitBurst=10
{_ENDS if ends_machine else ""}
[Service]
Type=exec
User={user}
EnvironmentFile={environment}
WorkingDirectory={HOME}
ExecStart={command}
Restart=on-failure
RestartSec=5
KillMode=mixed
TimeoutStopSec={_STOP_S}
OOMPolicy=continue
TasksMax=infinity
LimitNOFILE=1048576

[Install]
WantedBy=multi-user.target
"""
