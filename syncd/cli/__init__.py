"""The command line: verbs, exit codes, and the only place that prints."""

from syncd.cli.main import main

__all__ = ["main"]
