"""Who has the ball: a table from how a ticket stands to the one who is expected to act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from syncd.core.conditions import Conditions
from syncd.sla.conditions import ALWAYS, hold
from syncd.sla.standing import Standing


class Party(StrEnum):
    L1 = "L1"
    L2 = "L2"
    DEVELOPMENT = "development"
    OPERATIONS = "operations"
    CUSTOMER = "customer"
    NOBODY = "nobody"


class TeamBy(StrEnum):
    """What names the team within a party."""

    NOTHING = ""
    PROJECT = "project"
    COMPONENT = "component"  # the first of the bug's components; the project where it has none
    GROUP = "group"
    ASSIGNEE = "assignee"


@dataclass(frozen=True, slots=True, order=True)
class Holder:
    party: Party
    team: str = ""

    def __str__(self) -> str:
        return f"{self.party} {self.team}" if self.team else str(self.party)


@dataclass(frozen=True, slots=True)
class HolderRule:
    """One row of the table; the first that fits decides."""

    party: Party
    when: Conditions = ALWAYS
    team: str = ""
    team_by: TeamBy = TeamBy.NOTHING
    names: Mapping[str, str] = field(default_factory=dict)  # what a group's or an assignee's id is called

    def holder(self, standing: Standing) -> Holder:
        """The holder that this row names for a ticket that stands so."""
        bug = standing.bug
        match self.team_by:
            case TeamBy.GROUP | TeamBy.ASSIGNEE:
                named = standing.values.get(self.team_by.value)
                named = self.names.get(named, named) if named is not None else None
            case TeamBy.PROJECT if bug is not None:
                named = bug.project
            case TeamBy.COMPONENT if bug is not None:
                named = bug.components[0] if bug.components else bug.project
            case _:
                named = None
        return Holder(self.party, named or self.team)


NOBODY: Final = Holder(Party.NOBODY)
BUG_HOLDERS: Final = (HolderRule(Party.DEVELOPMENT, team_by=TeamBy.PROJECT),)
"""Whose a bug's own clocks are when the configuration does not say: the project's team."""


def holder_of(rules: Sequence[HolderRule], standing: Standing, tier: str | None = None) -> Holder:
    """Who holds a ticket that stands so; nobody when no row fits."""
    return next((rule.holder(standing) for rule in rules if hold(rule.when, standing, tier)), NOBODY)
