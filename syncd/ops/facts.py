"""Names of the facts by which the daemon and the command line know of each other."""

from __future__ import annotations

DAEMON = "daemon"
"""What the daemon says of itself: {pid, started, version, clock, poll, failures, error}; pid is null once it ended."""

CONFIG = "config"
"""Which configuration the daemon runs on: {path, digest, at, problem}; `problem` is why a newer one was not taken."""

PULSE = "daemon.pulse"
"""When the daemon last got something done within a cycle, in Unix seconds of its clock."""

BACKUP = "backup"
"""The copies that the daemon makes: {at, path, problem}, the last one that was made and why a newer one was not."""

CLOCKS = "sla.problem"
"""Why the clocks stand still: the first sentence about the part `sla` of the configuration; null while they run."""
