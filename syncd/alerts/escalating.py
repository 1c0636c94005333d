"""From a ticket's situation to what rules do about it: steps as writes and as words to receivers. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from syncd.alerts.settings import AckWays
from syncd.core.actions import CommentOnBug, RemoteAction
from syncd.core.alert_model import RuleFact
from syncd.core.conditions import Conditions, fits, told
from syncd.core.escalation_actions import EscalateTicket, RaiseBug
from syncd.core.model import Json
from syncd.rules.escalation import (
    AddTags,
    AssignGroup,
    CommentBug,
    CreateBugFor,
    Firing,
    Notify,
    RaiseBugPriority,
    RaisePriority,
    Rule,
    Situation,
    Unassign,
    WriteNote,
)
from syncd.rules.templates import Template, TemplateProblem
from syncd.sla.business_time import BusinessTime
from syncd.sla.explain import span_text
from syncd.sla.folded import TicketClocks
from syncd.sla.standing import Moment
from syncd.sla.states import State

HISTORY = 12
"""Moves of a ticket that an escalation form lists, the newest."""


@dataclass(frozen=True)
class EscalationSettings:
    """The rules with every name resolved, and what they need. A reload swaps the whole."""

    rules: tuple[Rule, ...]
    priorities: tuple[tuple[Conditions, str], ...] = ()
    kind_field: str = ""  # the id of the ticket field that says what kind of problem it is
    hours: Mapping[str, BusinessTime] = field(default_factory=dict)  # the calendars that rules act in
    ways: AckWays = field(default_factory=AckWays)
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # group | assignee -> id -> name
    instant_text: Callable[[int], str] = str  # Unix seconds as people read them, with a zone
    problems: tuple[str, ...] = ()  # sentences about names that nobody has; those rules do nothing


@dataclass(frozen=True, slots=True)
class Carried:
    """What one step amounts to."""

    actions: tuple[RemoteAction, ...]
    fact: RuleFact | None
    what: str  # for explain: notify lead; raise priority


def carried_out(
    firing: Firing,
    rule: Rule,
    situation: Situation,
    told_of: TicketClocks,
    life: Sequence[Moment],
    settings: EscalationSettings,
) -> Carried:
    """The writes and the word of a step."""
    why = reason(rule, situation, told_of.now)
    facts = _facts(firing, situation, told_of, life, settings, why)
    link_ids = tuple(link.id for link in told_of.links)
    route = told_of.links[0].route if told_of.links else ""
    receivers: list[str] = []
    notes: list[str] = []
    ready: list[str] = []
    tags: list[str] = []
    steps, floor, group, group_name, unassign = 0, "", None, "", False
    on_bugs: list[RemoteAction] = []
    for do in firing.do:
        match do:
            case Notify(names):
                receivers += [name for name in names if name not in receivers]
            case RaisePriority(up, to):
                steps, floor = max(steps, up), to or floor
            case AssignGroup(group_id, name):
                group, group_name = group_id, name
            case Unassign():
                unassign = True
            case AddTags(more):
                tags += [tag for tag in more if tag not in tags]
            case CreateBugFor(_, tag):
                tags += [] if tag in tags else [tag]
            case WriteNote(text, kind):
                notes += [text] if text else []
                ready += [kind] if kind else []
            case RaiseBugPriority(up):
                on_bugs += [
                    RaiseBug(link.issue_id, link.issue_key, firing.key, why, up, (link.id,), link.route)
                    for link in told_of.links
                ]
            case CommentBug(text):
                on_bugs += _comments(text, firing, told_of, facts, why)
    actions: list[RemoteAction] = []
    if steps or floor or group is not None or unassign or tags or notes or ready:
        actions.append(
            EscalateTicket(
                ticket_id=firing.ticket,
                source=firing.key,
                reason=why,
                raise_steps=steps,
                raise_to=floor,
                group_id=group,
                group_name=group_name,
                unassign=unassign,
                tags=tuple(tags),
                notes=tuple(notes),
                ready=tuple(ready),
                told=facts if notes or ready else {"rule": firing.rule},
                link_ids=link_ids,
                route=route,
            )
        )
    fact = None
    if receivers:
        run, told_to = str(firing.number), tuple(receivers)
        fact = RuleFact(firing.ticket, firing.rule, run, firing.step, told_to, firing.at, why, rule.asks)
    return Carried((*actions, *on_bugs), fact, told_firing(firing))


def reason(rule: Rule, situation: Situation, now: int) -> str:
    """`rule reopened: reopened greater than 0`."""
    every = rule.when.each()
    words = rule.said if len(rule.said) == len(every) else tuple(map(told, every))
    lines = [said for line, said in zip(every, words, strict=True) if fits(line, situation.value(line.field, now))]
    return f"rule {rule.name}: {', '.join(lines)}" if lines else f"rule {rule.name}"


def told_firing(firing: Firing) -> str:
    """What a step does, for people: `notify lead, raise the priority`."""
    words = []
    for do in firing.do:
        match do:
            case Notify(names):
                words.append(f"notify {', '.join(names)}")
            case RaisePriority(_, to):
                words.append(f"raise the priority{f' to {to}' if to else ''}")
            case AssignGroup(_, name):
                words.append(f"assign to group {name}")
            case Unassign():
                words.append("take the assignee off")
            case AddTags(tags):
                words.append(f"add {', '.join(tags)}")
            case CreateBugFor(route, _):
                words.append(f"ask for a bug of {route}")
            case WriteNote(_, ready):
                words.append(f"leave the note {ready}" if ready else "leave a note")
            case RaiseBugPriority():
                words.append("raise the bug's priority")
            case CommentBug():
                words.append("comment on the bug")
    return ", ".join(words)


def _comments(
    text: str, firing: Firing, told_of: TicketClocks, facts: Mapping[str, Json], why: str
) -> list[RemoteAction]:
    """One comment on each bug; a template that does not work says so instead, so that nothing is lost in silence."""
    ticket = told_of.ticket
    data = {**facts, "ticket": {"id": ticket.id, "subject": ticket.subject, "priority": ticket.priority}}
    try:
        body = Template(text, wiki=True).render(data)
    except TemplateProblem as problem:
        body = Template("{{ text }}", wiki=True).render(
            {"text": f"{why} (the rule's comment does not work: {problem})"}
        )
    return [
        CommentOnBug(
            link.issue_id,
            link.issue_key,
            source=f"{firing.key}/{firing.ticket}",
            reason=why,
            body=body,
            link_ids=(link.id,),
            route=link.route,
        )
        for link in told_of.links
    ]


def _facts(
    firing: Firing,
    situation: Situation,
    told_of: TicketClocks,
    life: Sequence[Moment],
    settings: EscalationSettings,
    why: str,
) -> dict[str, Json]:
    names = ("holder", "team", "tier", "kind", "same_kind", "priority_expected", "reopened", "hand_offs", "status")
    facts: dict[str, Json] = {name: _plain(situation.values.get(name)) for name in names}
    facts |= {"rule": firing.rule, "step": firing.step, "why": why}
    facts["breaches"] = [
        f"{clock.cycle.metric}: {span_text(verdict.elapsed)}, "
        + ", ".join(f"{holder} {span_text(seconds)}" for holder, seconds in clock.split().items() if seconds)
        for clock, verdict in told_of.judged()
        if verdict.state is State.BREACHED
    ]
    facts["history"] = [*_history(life, settings)][-HISTORY:]
    return facts


def _plain(value: object) -> Json:
    if isinstance(value, tuple):
        return [str(entry) for entry in value]
    return value if isinstance(value, str | int | float | bool) else None


def _history(life: Sequence[Moment], settings: EscalationSettings) -> list[str]:
    lines = []
    for moment in life:
        moved = [
            f"{name} {_name(settings, name, after)}"
            for name in ("status", "priority", "group", "assignee")
            for before, after in [(moment.before.values.get(name), moment.after.values.get(name))]
            if before != after and after is not None
        ]
        stage_before = moment.before.bug.stage if moment.before.bug is not None else None
        bug = moment.after.bug
        moved += [f"bug {bug.stage}"] if bug is not None and bug.stage != stage_before else []
        if moved:
            lines.append(f"{settings.instant_text(moment.at)} {', '.join(moved)}")
    return lines


def _name(settings: EscalationSettings, kind: str, value: str) -> str:
    return settings.names.get(kind, {}).get(value, value)
