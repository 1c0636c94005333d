"""Printing: sentences, tables for people, JSON for machines. What came from a ticket or a bug is data, never markup."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 200  # columns where there is no terminal to ask


def say(text: str = "") -> None:
    """A line for people on standard output."""
    click.echo(text)


def tell(text: str) -> None:
    """A line on standard error: what went wrong, or how far we are."""
    click.echo(text, err=True)


def print_json(data: object) -> None:
    """The answer for machines; times are ISO 8601 in UTC."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; nothing at all without rows."""
    lines = [[Text(clean(cell)) for cell in row] for row in rows]
    if not lines:
        return
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(*line)
    width = None if sys.stdout.isatty() else WIDE
    Console(file=sys.stdout, width=width, highlight=False).print(table)


def clean(value: object) -> str:
    """Text that cannot steer a terminal."""
    return "".join(char if char.isprintable() else " " for char in str(value))


def iso(moment: datetime | None) -> str | None:
    """A time for machines."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def when(moment: datetime | None) -> str:
    """A time for people, in the zone of this machine, which is named."""
    return "never" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def span(seconds: float) -> str:
    """A length of time in the largest two units: `3 h 20 min`."""
    left = max(0, round(seconds))
    words = []
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            words.append(f"{count} {name}")
    return " ".join(words[:2]) or "0 s"


def ago(moment: datetime | None, now: datetime) -> str:
    """`4 s ago`."""
    if moment is None:
        return "never"
    seconds = (now - moment).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 0 else f"{span(-seconds)} in the future"


def count(number: int, word: str, words: str = "") -> str:
    """`1 write`, `3 writes`."""
    return f"{number} {word if number == 1 else words or word + 's'}"
