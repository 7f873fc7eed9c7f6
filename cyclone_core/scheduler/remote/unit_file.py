"""The systemd unit of a machine with several slots: of an instance, whose user data write it, and of a machine that joins. Pure, lean.

The machine alone gets SIGTERM; its workers hear it from it. A task that the kernel kills for its memory does not end it. An exit with 0 is
for good, because it was asked to leave, as is one with 2, because its command line is wrong. On an instance its end is that of the
instance: the launch template says that a shutdown terminates it. A machine that joined is started again for ever: its credentials, or its
network, may come later.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "cyclone-worker.service"
ENVIRONMENT = "/etc/cyclone/worker.env"
"""File of the variables (`offer`), NAME=VALUE a line; for root and nobody else."""
HOME = "/var/lib/cyclone"
"""The working directory, and where the directories of workers are made."""
USER = "cyclone"
_STOP_S = 120
"""Longer than running tasks may go on after a spot notice or SIGTERM, and `machine_mode` waits for them."""
_INSTANCE = """\
StartLimitIntervalSec=600
StartLimitBurst=10
SuccessAction=poweroff
FailureAction=poweroff
"""
_JOINED = """\
StartLimitIntervalSec=0
"""


def text(command: str, ends_machine: bool, user: str = USER, environment: str = ENVIRONMENT, home: str = HOME) -> str:
    """The unit. command: absolute, with its arguments, as systemd reads it; ends_machine: on an instance, which goes with it.

    environment: file of variables, "" for none; user: "" for root.
    """
    who = (f"User={user}\n" if user else "") + (f"EnvironmentFile={environment}\n" if environment else "")
    return f"""[Unit]
Description=Cyclone worker
Wants=network-online.target
After=network-online.target
{_INSTANCE if ends_machine else _JOINED}
[Service]
Type=exec
{who}WorkingDirectory={home}
ExecStart={command}
Restart=always
RestartSec={5 if ends_machine else 10}
RestartPreventExitStatus=0 2
KillMode=mixed
TimeoutStopSec={_STOP_S}
OOMPolicy=continue
TasksMax=infinity
LimitNOFILE=1048576

[Install]
WantedBy=multi-user.target
"""


def joined(words: "Sequence[str]", user: str = "") -> str:
    """The unit of a machine that joins. words: of its command, the first with an absolute path; user: who runs it, "" for root."""
    return text(" ".join(map(_quoted, words)), False, user, "", "/")


def _quoted(word: str) -> str:
    """As systemd reads it back: https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html."""
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{word}"' if not word or any(char in word for char in " \t'\";#\\") else word
