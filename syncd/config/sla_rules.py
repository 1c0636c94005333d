"""From the `sla:` part of a configuration to rules, and what is wrong with them. Names are not looked up here."""

from __future__ import annotations

from collections.abc import Iterator

from syncd.config.problems import KeyPath
from syncd.config.sla_models import Sla
from syncd.sla.build import BuildError, Holidays, build, no_holidays
from syncd.sla.lint import findings
from syncd.sla.policy import Book


def book_of(sla: Sla, holidays: Holidays = no_holidays, *, valid_from: int = 0, name: str = "") -> Book:
    """The rules as they are written. Raises BuildError."""
    return build(sla.data(), holidays, valid_from=valid_from, name=name)


def rule_problems(sla: Sla, holidays: Holidays = no_holidays, now: int | None = None) -> Iterator[tuple[KeyPath, str]]:
    """What must be mended, with the place in the configuration. Without `now` nothing that depends on the day, and with
    no_holidays nothing that depends on a country."""
    try:
        book = book_of(sla, holidays)
    except BuildError as error:
        yield ("sla", *error.path), f"{error.said[:1].upper()}{error.said[1:]}"
        return
    for finding in findings(book, now):
        yield ("sla", *finding.path), finding.sentence
