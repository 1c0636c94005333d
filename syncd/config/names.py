"""When two names are the same to a person, and which name was probably meant."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable

_LOOK_ALIKES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "‐": "-", "‑": "-", "‒": "-", "–": "-"})

TICKET_CATEGORIES = ("new", "open", "pending", "hold", "solved")
"""Zendesk's ticket statuses that a mapping may name; `closed` acts as solved."""


def normalise(name: str) -> str:
    """A form in which names compare: Unicode NFKC, without regard to case, kind of apostrophe and width of gaps."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(folded.translate(_LOOK_ALIKES).split())


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that was probably meant, as it is spelled there; None when none is close."""
    spelled = {normalise(candidate): candidate for candidate in candidates}
    found = difflib.get_close_matches(normalise(name), list(spelled), n=1, cutoff=0.6)
    return spelled[found[0]] if found else None


def ticket_category(name: str) -> str | None:
    """The category that the name means, under any of its spellings; None when it is not a category."""
    folded = normalise(name)
    if folded in ("on-hold", "on hold", "on_hold"):
        return "hold"
    return folded if folded in (*TICKET_CATEGORIES, "closed") else None
