"""A real terminal for tests: `cyclone` under tmux, with keys sent to it and its screen read back."""

import os
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from shlex import quote

TMUX = shutil.which("tmux")


def cyclone_command() -> list[str]:
    """The installed `cyclone` of the environment that runs the tests; of a checkout, its module."""
    installed = os.path.join(os.path.dirname(sys.executable), "cyclone")
    return [installed] if os.path.exists(installed) else [sys.executable, "-c", "from cyclone_tui.app import main; main()"]


class Terminal:
    """One tmux server of its own with one window. Use as a context manager; at its end everything in it is ended."""

    def __init__(self, *arguments: str, size: tuple[int, int] = (80, 24), **environ: str) -> None:
        """Run `cyclone ARGUMENTS` with the environment of this process and `environ`."""
        self._server = f"cyclone-{uuid.uuid4().hex[:8]}"
        keep = ("CYCLONE_HOME", "CYCLONE_RUNTIME_DIR", "PATH", "HOME", "PYTHONPATH")
        env = {name: os.environ[name] for name in keep if name in os.environ}
        env |= {"LANG": "C.UTF-8", "COLORTERM": "truecolor", **environ}
        if len(cyclone_command()) > 1:
            env["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        words = ["env", *(f"{name}={value}" for name, value in env.items()), *cyclone_command(), *arguments]
        inner = f'{" ".join(map(quote, words))}; echo "[left with $?]"; exec sleep 600'
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), f"sh -c {quote(inner)}")

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *exc: object) -> None:
        self._tmux("kill-server", check=False)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names: `Enter`, `Escape`, `C-p`, `Down`, or single characters."""
        for key in keys:
            self._tmux("send-keys", key)

    def type(self, text: str) -> None:
        """Type text as it is."""
        self._tmux("send-keys", "-l", text)

    def screen(self) -> str:
        """What the screen shows now."""
        return self._tmux("capture-pane", "-p")

    def wait_for(self, *patterns: str, seconds: float = 60) -> str:
        """The screen once it shows every pattern (regular expressions). Raises AssertionError with the screen when it never does."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            screen = self.screen()
            if all(re.search(pattern, screen, re.MULTILINE) for pattern in patterns):
                return screen
            time.sleep(0.1)
        missing = [pattern for pattern in patterns if not re.search(pattern, self.screen(), re.MULTILINE)]
        raise AssertionError(f"the screen never showed {missing}:\n{self.screen()}")

    def pid(self) -> int:
        """The process of `cyclone`: the one child of the shell that the window runs."""
        shell = int(self._tmux("list-panes", "-F", "#{pane_pid}"))
        with open(f"/proc/{shell}/task/{shell}/children", encoding="ascii") as file:
            return int(file.read().split()[0])

    def command(self, text: str) -> None:
        """Go to a view with `:`."""
        self.press(":")
        self.wait_for("Tab completes|^ *:")
        self.type(text)
        self.press("Enter")

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        assert TMUX is not None
        words: Sequence[str] = (TMUX, "-L", self._server, *arguments)
        result = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
        if check and result.returncode:
            raise AssertionError(f"{' '.join(words)}: {result.stderr}")
        return result.stdout
