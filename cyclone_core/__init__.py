"""Cyclone's core library: `connect()` to a host, submit jobs, follow them.

Importing this package costs nothing: the job commands start in milliseconds, so everything heavy is loaded on first use.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cyclone_core.library import Host as Host
    from cyclone_core.library import ShellExecutor as ShellExecutor
    from cyclone_core.library import connect as connect

__all__ = ["Host", "ShellExecutor", "__version__", "connect"]


def __getattr__(name: str) -> object:
    if name in ("connect", "Host", "ShellExecutor"):
        from cyclone_core import library

        return getattr(library, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
