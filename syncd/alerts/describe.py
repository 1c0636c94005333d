"""A fact as people are told it: everything that a mail says about one ticket, from what the cycle knows. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

from syncd.alerts.case import Case
from syncd.alerts.letter import message_id
from syncd.alerts.message import Acknowledge, Alert, BugLine, NextStep, Reason, Share, Step
from syncd.alerts.ports import Target
from syncd.alerts.routing import rule_name
from syncd.alerts.settings import AlertSettings
from syncd.core.alert_model import AlertFact, AlertKey, FactState
from syncd.core.model import ActorKind, IssueSnapshot
from syncd.sla.clock import Clock
from syncd.sla.holder import NOBODY, Holder, Party
from syncd.sla.policy import Kind
from syncd.sla.standing import FIELD_PREFIX

_ASKS: Final[Mapping[Kind, NextStep]] = {
    Kind.FIRST_REPLY: NextStep.ANSWER,
    Kind.NEXT_REPLY: NextStep.ANSWER,
    Kind.ACKNOWLEDGE: NextStep.ACKNOWLEDGE,
    Kind.UPDATE: NextStep.UPDATE,
    Kind.CHECKPOINT: NextStep.DIAGNOSE,
}


def alert_of(
    case: Case | None, key: AlertKey, settings: AlertSettings, now: int, *, level: int = 0, levels: int = 0
) -> Alert:
    """The fact as it stands now. Without a case only what the key says."""
    if case is None:
        return _bare(key, now, level)
    ticket, standing = case.told.ticket, case.standing
    found = case.clock(key)
    clock, verdict = found if found is not None else (None, None)
    shown = case.bug(key) if key.subject and not key.is_rule else None
    due = None if verdict is None else verdict.breached_at if verdict.breached_at is not None else verdict.due
    holder = case.holder(key)
    said = None if key.is_breach else case.forecast(key)
    return Alert(
        ticket=key.ticket,
        metric="" if key.is_rule else key.metric,
        threshold="" if key.is_rule else key.threshold,
        state="" if verdict is None else str(verdict.state),
        as_of=min(case.told.as_of.tickets or now, now),
        number=standing.values.get(FIELD_PREFIX + settings.number_field, "") if settings.number_field else "",
        subject=ticket.subject,
        url=f"{settings.ticket_url}/agent/tickets/{key.ticket}" if settings.ticket_url else "",
        customer=_customer(case),
        tier=case.tier or "",
        priority=ticket.priority or "",
        status=ticket.state.category,
        cycle=key.cycle,
        bug="" if shown is None else shown.key,
        due=due,
        elapsed=0 if verdict is None else verdict.elapsed,
        target=None if clock is None else clock.seconds,
        policy=clock.targets[-1].policy if clock is not None and clock.targets else "",
        rule=rule_name(key) if key.is_rule else "",
        level=level,
        levels=levels,
        holder=holder,
        holder_since=_since(case.holding_clock(key), holder),
        next_step=_next_step(case, key, clock, holder),
        bugs=tuple(_bug_line(issue, settings) for issue in case.told.issues if issue.visible),
        split=() if clock is None else tuple(Share(who, used) for who, used in sorted(clock.split().items())),
        last_public=case.quotes.public or _last(case, public=True),
        last_internal=case.quotes.internal or _last(case, public=False),
        forecast="" if said is None else str(said.sign),
        forecast_day="" if said is None else said.day or "",
        ended_at=None if clock is None else clock.cycle.end,
        ended_by="" if clock is None or clock.cycle.end is None else _who_ended(case, clock.cycle.end),
    )


def in_order(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """As a table lists them: what is over its due instant first, then what is due next."""
    return tuple(
        sorted(alerts, key=lambda each: (not each.is_breach, each.due is None, each.due or 0, each.ticket, each.metric))
    )


def is_worth_a_digest(key: AlertKey, fact: AlertFact | None) -> bool:
    """False for what nobody needs to hear of any more: a warning that is over, a breach that never was."""
    if fact is None or fact.state is FactState.WITHDRAWN:
        return False
    return fact.state is FactState.FIRING or key.is_breach


def letter_id(keys: Iterable[AlertKey], reason: Reason, group: str, seq: int, target: Target, domain: str) -> str:
    """The Message-ID: the same for the same facts, reason and address, whatever restarts; another one for any other.

    What tells the content apart is in it, so that after a restored backup a number that is used again makes no
    receiver take a breach for a repetition."""
    listed = sorted(keys)
    content = hashlib.blake2b("\n".join([reason, group, *map(str, listed)]).encode(), digest_size=8).hexdigest()
    tickets = {key.ticket for key in listed}
    parts: tuple[str | int, ...] = (reason.value, group, seq)
    if len(tickets) == 1:
        parts = (listed[0].ticket, listed[0].metric, listed[0].cycle, seq)
    return message_id(parts, f"{target.channel}\x1f{target.reader.address}\x1f{content}", domain)


def acknowledge_of(settings: AlertSettings, ticket: int | None) -> Acknowledge:
    """How the reader can say that it is in hand."""
    ways = settings.ack
    return Acknowledge(
        reply=ways.reply,
        assign=ways.assignment,
        tag=ways.tag,
        note=ways.note,
        command=f"syncd alerts ack {ticket}" if ticket is not None else "",
        holds=ways.holds,
    )


# ---- parts -------------------------------------------------------------------------------------------------------


def _bare(key: AlertKey, now: int, level: int) -> Alert:
    return Alert(
        ticket=key.ticket,
        metric="" if key.is_rule else key.metric,
        threshold="" if key.is_rule else key.threshold,
        state="",
        as_of=now,
        cycle=key.cycle,
        rule=rule_name(key) if key.is_rule else "",
        level=level,
    )


def _customer(case: Case) -> str:
    """The name of the customer who wrote last, where the history tells it."""
    for moment in reversed(case.life):
        for event in moment.events:
            if event.by.kind is ActorKind.CUSTOMER and event.by.name:
                return event.by.name
    return ""


def _since(clock: Clock | None, holder: Holder) -> int | None:
    if clock is None or holder == NOBODY:
        return None
    since = None
    for part in reversed(clock.slices):
        if part.holder != holder:
            break
        since = part.start
    return since


def _last(case: Case, *, public: bool) -> Step | None:
    for moment in reversed(case.life):
        for event, comment in moment.comments():
            if comment.public is public and event.by.kind.is_person:
                return Step(event.by.name, moment.at)
    return None


def _who_ended(case: Case, at: int) -> str:
    for moment in case.life:
        if moment.at == at:
            doer = next((event.by for event in moment.events if event.by.kind.is_person), None)
            return "" if doer is None else doer.name
    return ""


def _bug_line(issue: IssueSnapshot, settings: AlertSettings) -> BugLine:
    waiting = [version for version in issue.fix_versions if not version.released]
    dates = [version.release_date for version in waiting if version.release_date]
    return BugLine(
        key=issue.key,
        url=f"{settings.browse_url}/browse/{issue.key}" if settings.browse_url else "",
        status=issue.status_name,
        assignee=issue.assignee or "",
        fix_version=", ".join(version.name for version in issue.fix_versions),
        due=issue.due_date or min(dates, default=""),
    )


def _next_step(case: Case, key: AlertKey, clock: Clock | None, holder: Holder) -> NextStep:
    if key.is_rule or clock is None:
        return NextStep.LOOK
    kind = clock.cycle.kind
    bug = case.bug(key)
    if kind.of_bug:
        return NextStep.CHASE_BUG if bug is not None and bug.assignee else NextStep.TRIAGE
    if kind in _ASKS:
        is_free = case.standing.values.get("assignee") is None
        return NextStep.ASSIGN if is_free and kind is Kind.ACKNOWLEDGE else _ASKS[kind]
    match holder.party:
        case Party.DEVELOPMENT:
            return NextStep.CHASE_BUG if bug is None or bug.assignee else NextStep.TRIAGE
        case Party.OPERATIONS:
            return NextStep.CHASE_OPERATIONS
        case Party.CUSTOMER:
            return NextStep.CHASE_CUSTOMER
        case Party.NOBODY:
            return NextStep.ASSIGN
    standing = case.standing.bug
    return NextStep.VERIFY if standing is not None and standing.done else NextStep.SOLVE
