"""The process that runs for months."""

from syncd.daemon.service import Daemon, Fatal

__all__ = ["Daemon", "Fatal"]
