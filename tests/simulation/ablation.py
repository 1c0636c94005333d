"""One design bug on purpose, as a change of production code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """In a file below syncd/, a text that is there once becomes another."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Ablation:
    """One protection less. `number` as in DECISIONS.md; `note`: what the table says beside the result."""

    number: int
    name: str
    changes: tuple[Change, ...]
    note: str = ""
