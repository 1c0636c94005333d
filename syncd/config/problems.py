"""What is wrong with a file, said so that the operator knows what to type next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""Where a value stands in a file: keys, and positions in lists from 0."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend, or (as a warning) to look at. `line` and `column` count from 1."""

    file: str
    line: int | None
    column: int | None
    path: str  # routes[0].mirror.status; empty when it concerns the whole file
    message: str  # a sentence that says what to write

    def __str__(self) -> str:
        place = self.file
        if self.line is not None:
            place += f":{self.line}"
            if self.column is not None:
                place += f":{self.column}"
        return ": ".join(part for part in (place, self.path, self.message) if part)


class ConfigError(Exception):
    """The configuration cannot be used. Carries every problem that was found, in the order of the files' lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_order(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems, each once, as a reader meets them: by file, in the order of the lines."""
    unique = dict.fromkeys(problems)
    files = {file: position for position, file in enumerate(dict.fromkeys(problem.file for problem in unique))}
    return tuple(sorted(unique, key=lambda p: (files[p.file], p.line or 0, p.column or 0)))


def written_path(path: Sequence[str | int]) -> str:
    """The path as people write it: `routes[0].mirror.status`; a key that is more than a word stands in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[\w-]+", part):
            text += f".{part}" if text else part
        else:
            text += f'["{one_line(part, 60)}"]'
    return text


def one_line(text: object, limit: int = 40) -> str:
    """A value of the file as it may be quoted in a sentence: on one line, printable, not too long."""
    shown = "".join(char if char.isprintable() else " " for char in str(text))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def listed(items: Iterable[str], last: str = "or") -> str:
    """`a, b or c`."""
    words = list(items)
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
