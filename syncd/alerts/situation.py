"""A ticket as escalation rules see it: its standing, its clocks, and what its history counts up to. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from syncd.alerts.acks import acknowledged
from syncd.alerts.settings import AckWays
from syncd.core.conditions import Condition, Conditions, Value, holds
from syncd.core.model import ActorKind, Link
from syncd.rules.escalation import MINUTES, Rule, Situation
from syncd.rules.situations import CLOCK, COUNTS, PASSED, metric_of
from syncd.sla.events import BugLinked, BugTouched, Changed, Commented, Event
from syncd.sla.folded import TicketClocks
from syncd.sla.holder import holder_of
from syncd.sla.policy import Rules
from syncd.sla.standing import ATTRIBUTES, FIELD_PREFIX, NAMES, Moment, Standing
from syncd.sla.states import State

_BUG: Final = "bug"
_OF_CLOCKS: Final = ("breached", "at_risk")
"""What lists metrics."""


@dataclass(frozen=True, slots=True)
class Around:
    """What is known beside the ticket's own life."""

    affected: int = 1
    kind: str = ""
    same_kind: int = 0
    commanded_at: int | None = None  # `syncd alerts ack`


def situation_of(
    told: TicketClocks,
    life: Sequence[Moment],
    rules: Rules,
    priorities: Sequence[tuple[Conditions, str]] = (),
    around: Around | None = None,
    ways: AckWays | None = None,
) -> Situation:
    """The ticket as of `told.now`. `life`: its moments, oldest first, none after now. `priorities`: the first row that
    fits says what the priority should be."""
    around = around or Around()
    standing = life[-1].after if life else Standing()
    tier = rules.tier(standing)
    instants = _instants(life)
    values: dict[str, Value] = {name: _plain(standing.value(name)) for name in sorted(ATTRIBUTES | NAMES)}
    values |= {name: value for name, value in standing.values.items() if name.startswith(FIELD_PREFIX)}
    values |= _counts(life)
    holder = holder_of(rules.holders, standing, tier)
    values |= {
        "tier": tier,
        "subject": told.ticket.subject,
        "type": told.ticket.type,
        "holder": str(holder.party),
        "team": holder.team or None,
        "kind": around.kind or None,
        "same_kind": around.same_kind,
        "affected_tickets": around.affected,
        "bugs": len(standing.bugs),
        "forecasts": tuple(sorted({str(each.sign) for each in told.forecasts})),
    }
    values |= _clock_values(told)
    expected = next((name for when, name in priorities if holds(when, values.get)), None)
    values["priority_expected"] = expected
    values["priority_disagrees"] = expected is not None and standing.values.get("priority") != expected
    return Situation(
        ticket=told.id,
        values=values,
        instants=instants,
        latest=max([0, *(moment.at for moment in life), *_threshold_instants(told)]),
        acknowledged_at=acknowledged_at(life, told.id, ways or AckWays(), around.commanded_at),
        is_solved=standing.is_solved,
        is_gone=standing.is_gone,
    )


def acknowledged_at(life: Sequence[Moment], ticket: int, ways: AckWays, commanded_at: int | None = None) -> int | None:
    """When a person last showed that they have the ticket; None when nobody did."""
    acted = acknowledged(life, ticket, -1, ways)
    found = [*([acted.at] if acted is not None else []), *([commanded_at] if commanded_at is not None else [])]
    return max(found, default=None)


def affected_by(links: Sequence[Link], live: Mapping[str, int]) -> int:
    """How many tickets hang on the ticket's bugs: the most of any of them. `live`: issue id -> its live links."""
    return max([1, *(live.get(link.issue_id, 1) for link in links)])


def goes_by_bugs(rule: Rule, rules: Rules) -> bool:
    """Whether it may depend on a bug that something becomes true for the rule as time passes: it counts since what was
    done to a bug, or asks for clocks of bugs or for such as rest by how a bug stands."""
    metrics = {name for name, metric in rules.metrics.items() if metric.kind.of_bug}
    metrics |= {
        target.metric
        for policy in rules.policies
        for target in policy.targets.values()
        if any(line.field.startswith(_BUG) for pause in target.pauses for line in pause.when.each())
    }
    return any(_line_goes_by_bugs(line, metrics) for line in rule.when.each())


def _line_goes_by_bugs(line: Condition, metrics: Collection[str]) -> bool:
    if line.field in _OF_CLOCKS:
        named = line.value if isinstance(line.value, tuple) else (line.value,)
        return any(name in metrics for name in named)
    return line.field == "forecasts" or line.field.startswith(MINUTES + _BUG) or metric_of(line.field) in metrics


def _plain(value: str | frozenset[str] | None) -> Value:
    return tuple(sorted(value)) if isinstance(value, frozenset) else value


def _clock_values(told: TicketClocks) -> dict[str, Value]:
    """`clock.METRIC`: the state of its newest cycle; of bugs' clocks the worst one's. `clock.METRIC.passed`: the
    thresholds that it passed (yellow, red, breach, breach+SECONDS)."""
    worst = (State.CANCELLED, State.MET, State.PAUSED, State.RUNNING, State.AT_RISK, State.BREACHED)
    newest: dict[tuple[str, str], tuple[int, State, tuple[str, ...], bool]] = {}
    for clock, verdict in told.judged():
        key = (clock.cycle.metric, clock.cycle.subject)
        passed = tuple(point.name for point in verdict.passed)
        if key not in newest or newest[key][0] < clock.cycle.number:
            newest[key] = (clock.cycle.number, verdict.state, passed, clock.is_open)
    values: dict[str, Value] = {}
    for (metric, _), (_, state, passed, _) in sorted(newest.items()):
        known = values.get(CLOCK + metric)
        if known is None or worst.index(State(str(known))) < worst.index(state):
            values[CLOCK + metric] = str(state)
            values[CLOCK + metric + PASSED] = passed
    judged = [(clock.cycle.metric, verdict, clock.is_open) for clock, verdict in told.judged()]
    values["breached"] = tuple(sorted({metric for metric, verdict, _ in judged if verdict.state is State.BREACHED}))
    values["at_risk"] = tuple(sorted({m for m, verdict, is_open in judged if is_open and _is_at_risk(verdict.state)}))
    return values


def _is_at_risk(state: State) -> bool:
    return state is State.AT_RISK


def _threshold_instants(told: TicketClocks) -> list[int]:
    return [point.at for verdict in told.verdicts for point in verdict.passed if point.at <= told.now]


def _counts(life: Sequence[Moment]) -> dict[str, Value]:
    counted = dict.fromkeys(COUNTS, 0)
    for moment in life:
        before, after = moment.before, moment.after
        if moment.is_creation:
            counted["assignments"] += after.values.get("assignee") is not None
        else:
            counted["reopened"] += before.is_solved and not after.is_solved
            counted["hand_offs"] += _changed(before, after, "group")
            counted["assignments"] += after.values.get("assignee") not in (None, before.values.get("assignee"))
            counted["reassigned"] += _changed(before, after, "assignee")
            counted["priority_changes"] += _changed(before, after, "priority")
        for event, comment in moment.comments():
            if comment.public and event.by.kind is ActorKind.CUSTOMER:
                counted["comments_unanswered"] += 1
            elif comment.public and event.by.kind is ActorKind.AGENT and not moment.is_creation:
                counted["comments_unanswered"] = 0
                counted["public_replies"] += 1
            elif not comment.public and event.by.kind is ActorKind.AGENT:
                counted["internal_notes"] += 1
    return {**counted}


def _changed(before: Standing, after: Standing, name: str) -> bool:
    """From one value to another; the first one is no change of hands."""
    old, new = before.values.get(name), after.values.get(name)
    return old is not None and new is not None and old != new


def _instants(life: Sequence[Moment]) -> dict[str, int]:
    found: dict[str, int] = {}
    for moment in life:
        if moment.is_creation:
            found["created"] = moment.at
        for event in moment.events:
            for name in _names_of(event):
                found[name] = moment.at
        for name in ("status", "priority", "group", "satisfaction"):
            if moment.before.values.get(name) != moment.after.values.get(name):
                found[name] = moment.at
        if moment.after.values.get("assignee") not in (None, moment.before.values.get("assignee")):
            found["assigned"] = moment.at
        before, after = moment.before.bug, moment.after.bug
        if after is not None and before is not None and before.stage != after.stage:
            found["bug_moved"] = moment.at
    return found


def _names_of(event: Event) -> list[str]:
    """Which instants an event sets by itself."""
    kind = event.by.kind
    by_person = kind not in (ActorKind.SELF, ActorKind.RULE)
    match event.what:
        case BugLinked():
            return ["bug_linked", "bug_touched"]
        case BugTouched():
            return ["bug_touched"]
        case Commented(public=True) if kind is ActorKind.AGENT:
            return ["public_reply", "updated"]
        case Commented(public=True) if kind is ActorKind.CUSTOMER:
            return ["customer_comment", "updated"]
        case Commented() if kind is ActorKind.AGENT:
            return ["internal_note", "updated"]
        case Changed() | Commented() if by_person:
            return ["updated"]
        case _:
            return []
