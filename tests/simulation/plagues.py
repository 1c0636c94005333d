"""What a history suffers from in plenty, beside whatever else goes wrong: two troubles that seldom meet by chance, met
by people whose work they hit.

Rates are per occasion as in faults.py (a write is struck four times as often); `likes` says how many times as often
people do something.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.simulation.variants import Variant

SHARE = 0.8
"""So many of all histories have plagues."""

TALK = {"agent_writes": 2.0, "developer_says": 2.0, "agent_solves": 2.0}
CREATIONS = {"asks_anew": 6.0, "asks_for_bug": 2.0, "reports": 6.0, "corrects_newest": 6.0}
VOTES = {"agent_solves": 3.0, "tags_not_fixed": 3.0, "agent_reopens": 2.0, "developer_moves": 1.5}


@dataclass(frozen=True, slots=True)
class Plague:
    """One trouble. `suits`: the configurations in which it can do harm; `weight`: where it may be drawn, it is so many
    times as often as others, since there are fewer of those."""

    name: str
    rates: Mapping[str, float]
    likes: Mapping[str, float] = field(default_factory=dict)
    suits: Callable[[Variant], bool] = lambda _variant: True
    weight: float = 1.0


PLAGUES = (
    Plague("answers to writes are lost", {"lost_answer_jira": 0.08, "lost_answer_zendesk": 0.06}, TALK | VOTES),
    Plague("comments come late", {"late_comment": 0.1, "lull": 0.3}, TALK | VOTES),
    Plague(
        "creations come late",
        {"late_creation": 0.15, "index_lag": 1.0, "lull": 0.5},
        CREATIONS,
        lambda variant: variant.creates,
        2.0,
    ),
    Plague(
        "creations are lost in an index that is far behind",
        {"lost_creation": 0.12, "index_far_behind": 1.0, "rush": 0.3, "lull": 0.5},
        CREATIONS,
        lambda variant: variant.creates,
        2.0,
    ),
    Plague(
        "creations come when nobody waits for them any more",
        {"applied_very_late_create": 0.12, "lull": 0.6},
        CREATIONS,
        lambda variant: variant.creates,
        2.0,
    ),
    Plague("backups are put back", {"old_backup": 0.4}, TALK | VOTES),
    Plague("clocks are wrong", {"clock_jump": 0.5}, {}, lambda variant: variant.lazy, 5.0),
    Plague(
        "the index is behind, and out of order",
        {"index_out_of_order": 1.0, "bulk_change": 0.6},
        {"reports": 6.0},
        lambda variant: variant.lazy,
        8.0,
    ),
    Plague("replicas are behind", {"stale_list": 0.5, "stale_read": 0.5, "reordered_page": 0.2}, VOTES),
    Plague("robots have their own will", {"trigger": 1.0, "automation": 0.5, "lull": 0.2}, VOTES),
    Plague("credentials end in mid-cycle", {"shut_out": 0.06}, VOTES | TALK),
    Plague("servers that can only be read", {"read_only": 0.4, "lull": 0.5}, TALK | VOTES),
    Plague(
        "commits are the last thing done",
        {"crash_before_commit": 0.02, "crash_after_commit": 0.03, "store_busy": 0.01},
        VOTES | TALK,
        weight=3.0,
    ),
    Plague("people are faster", {"race": 0.12}, VOTES),
)


OF_MAIL = Plague("the mail server falls silent", {"mail_vanishes": 0.12, "mail_lost_250": 0.08})
"""Beside the others, where there is mail."""
MAIL_SHARE = 0.5


def draw(rng: random.Random, variant: Variant) -> tuple[Plague, ...]:
    """The plagues of a history: mostly two, sometimes none; where mail is sent, half of them have that one too."""
    share, number = rng.random(), rng.choice((1, 2, 2, 2))
    if share >= SHARE:
        return ()
    fitting = [plague for plague in PLAGUES if plague.suits(variant)]
    drawn = rng.choices(fitting, [plague.weight for plague in fitting], k=number)
    of_mail = variant.clocks is not None and rng.random() > 1.0 - MAIL_SHARE
    return (*(plague for plague in fitting if plague in drawn), *((OF_MAIL,) if of_mail else ()))


def likes_of(plagues: tuple[Plague, ...]) -> dict[str, float]:
    """What people do more often, with all of the plagues."""
    found: dict[str, float] = {}
    for plague in plagues:
        for verb, times in plague.likes.items():
            found[verb] = max(times, found.get(verb, 1.0))
    return found
