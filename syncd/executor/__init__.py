"""Carrying out intents: claim, check the precondition, perform, verify, settle. One action at a time per subject."""

from syncd.executor.drain import DrainReport, Executor, Lane, Performer

__all__ = ["DrainReport", "Executor", "Lane", "Performer"]
