"""Exit codes, and what each error of the rest means on the command line."""

from __future__ import annotations

from enum import IntEnum

from syncd.config.problems import ConfigError
from syncd.config.secret import SecretError
from syncd.cycle import ServerMismatch
from syncd.sources.errors import AuthError, NotFoundError, RefusedError, SourceError
from syncd.store import (
    LinkExists,
    NotStored,
    StoreBusy,
    StoreError,
    StoreFenced,
    StoreFull,
    StoreLocked,
    StoreUnreachable,
)


class Exit(IntEnum):
    """What a script may count on."""

    FINE = 0
    PERSON = 1  # something needs a person
    USAGE = 64
    BUG = 70
    LATER = 75  # temporary: the same may work later
    CONFIG = 78


class CliError(Exception):
    """Ends a verb with a sentence for the person who typed it."""

    def __init__(self, message: str, code: Exit = Exit.PERSON) -> None:
        super().__init__(message)
        self.code = code


EXPECTED: tuple[type[Exception], ...] = (CliError, ConfigError, SecretError, StoreError, SourceError, ServerMismatch)
"""Errors that carry a sentence of their own."""


def exit_code(error: Exception) -> Exit:
    """The exit code of an error that has a sentence; BUG for any other."""
    match error:
        case CliError():
            return error.code
        case ConfigError() | SecretError() | ServerMismatch():
            return Exit.CONFIG
        case StoreLocked() | StoreFenced() | StoreBusy() | StoreFull() | StoreUnreachable():
            return Exit.LATER
        case LinkExists() | NotStored():
            return Exit.PERSON
        case StoreError():
            return Exit.CONFIG
        case AuthError() | RefusedError() | NotFoundError():
            return Exit.PERSON
        case SourceError():
            return Exit.LATER
        case _:
            return Exit.BUG
