"""`syncd explain`: why a ticket or a bug is as it is, and what syncd did and will do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import click

from syncd.app.build import App
from syncd.cli.alert_story import AlertStory, alerts_json, alerts_of, print_alerts
from syncd.cli.clock_story import clocks_json, clocks_of, print_clocks
from syncd.cli.exits import CliError, Exit
from syncd.cli.links import KEY, issue_key, ticket_number
from syncd.cli.main import Verb
from syncd.cli.output import clean, print_json, say, when
from syncd.cli.rule_story import RuleStory, print_rules, rules_json, rules_of
from syncd.cli.shapes import audit_json, entry_json, held_json, intent_json, link_json, what_of
from syncd.cli.work import load, looking
from syncd.core.actions import LOCAL_ACTIONS, NeedHistory, NeedIssue, NeedTicket
from syncd.core.model import IssueSnapshot, Link, TicketSnapshot
from syncd.core.subjects import issue_subject, ticket_subject
from syncd.cycle import CycleReport, Planned
from syncd.cycle.sla_settings import TicketClocks
from syncd.store import Audit, Intent, LinkEntry, Tx

LATEST = 20  # intents and audit rows of each subject


@dataclass(slots=True)
class Story:
    """All that the store knows of what was asked for."""

    asked: str
    links: list[Link]
    tickets: dict[int, TicketSnapshot]
    issues: dict[str, IssueSnapshot]
    logs: dict[int, list[LinkEntry]]
    intents: list[Intent] = field(default_factory=list)
    audits: list[Audit] = field(default_factory=list)
    planned: Planned | None = None
    clocks: list[TicketClocks] = field(default_factory=list)
    rules: list[RuleStory] = field(default_factory=list)
    alerts: list[AlertStory] = field(default_factory=list)

    def waits(self, link_id: int) -> list[str]:
        """Why the next cycle would leave the link alone."""
        return [why for i, why in self.planned.plan.waiting if i == link_id] if self.planned else []


@click.command(cls=Verb)
@click.argument("what", metavar="TICKET|ISSUE")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def explain(*, what: str, as_json: bool) -> int:
    """Tells the story of a ticket (35) or of a bug (ENG-12): its links, what was agreed, done, and what comes next.

    Everything is from the store; no server is asked.
    """
    ticket = None if KEY.fullmatch(what.strip()) else ticket_number(what)
    key = issue_key(what) if ticket is None else ""
    with looking(load()) as app:
        with app.store.reading() as tx:
            story = _story(tx, ticket, key)
        subjects = [
            *(ticket_subject(i) for i in story.tickets),
            *(issue_subject(i) for i in story.issues),
        ]
        story.clocks = clocks_of(app, list(story.tickets))
        story.rules = rules_of(app, story.clocks)
        story.alerts = alerts_of(app, story.clocks)
        story.planned = app.engine.preview(CycleReport(), subjects=subjects, read=False)
        if as_json:
            print_json(_as_json(app, story))
        else:
            _print(app, story)
    return Exit.FINE


def _story(tx: Tx, ticket: int | None, key: str) -> Story:
    every = tx.all_links(limit=None)
    if ticket is not None:
        links = [link for link in every if link.ticket_id == ticket]
    else:
        known = tx.issue_by_key(key)
        links = [link for link in every if link.issue_key == key or (known is not None and link.issue_id == known.id)]
    tickets = tx.tickets({link.ticket_id for link in links} | ({ticket} if ticket is not None else set()))
    issues = tx.issues({link.issue_id for link in links})
    if not key and not links and ticket not in tickets:
        raise CliError(
            f"syncd has not seen ticket #{ticket}: it is older than start_from, unchanged since, or no ticket."
        )
    if key and not links:
        raise CliError(f"No ticket is or was linked to {key}. Link one with: syncd links add TICKET {key}")
    story = Story(
        f"#{ticket}" if ticket is not None else key,
        links,
        tickets,
        issues,
        {link.id: tx.link_history(link.id) for link in links},
    )
    subjects = {ticket_subject(i) for i in tickets} | {issue_subject(i) for i in issues}
    story.audits = sorted(
        (row for subject in sorted(subjects) for row in tx.audits(subject, limit=LATEST)), key=lambda row: row.at
    )
    story.intents = [i for i in tx.intents(limit=2000) if i.subject in subjects and not i.state.is_final]
    return story


def _stage(app: App, story: Story, link: Link) -> str | None:
    route, issue = app.engine.routes.running.get(link.route), story.issues.get(link.issue_id)
    if route is None or issue is None:
        return None
    stage = route.mapping.stage_of(issue) or route.mapping.fallback(issue)
    return stage.name if stage is not None else None


def _as_json(app: App, story: Story) -> dict[str, Any]:
    planned = story.planned
    return {
        "asked": story.asked,
        "tickets": [
            {
                "id": t.id,
                "status": t.state.category,
                "custom_status_id": t.state.custom_id,
                "priority": t.priority,
                "updated_at": t.updated_at,
                "visible": t.visible,
                "merged_into": t.merged_into,
            }
            for t in story.tickets.values()
        ],
        "issues": [
            {
                "id": i.id,
                "key": i.key,
                "type": i.issue_type,
                "status": i.status_name,
                "resolution": i.resolution_name,
                "assignee": i.assignee,
                "fix_versions": [v.name for v in i.fix_versions],
                "due_date": i.due_date,
                "visible": i.visible,
            }
            for i in story.issues.values()
        ],
        "links": [
            {
                **link_json(link),
                "stage": _stage(app, story, link),
                "waits": story.waits(link.id),
                "log": [entry_json(entry) for entry in story.logs[link.id]],
            }
            for link in story.links
        ],
        "intents": [intent_json(intent) for intent in story.intents],
        "audit": [audit_json(row) for row in story.audits],
        "next": [
            {"what": what_of(action), "why": getattr(action, "reason", ""), "held": not planned.goes(action)}
            for action in planned.plan.actions
        ]
        if planned is not None
        else [],
        "reads": _reads(story),
        "clocks": clocks_json(story.clocks),
        "escalation": rules_json(story.rules),
        "alerts": alerts_json(story.alerts),
        "brakes": [held_json(held) for held in planned.held.values()] if planned is not None else [],
    }


def _print(app: App, story: Story) -> None:
    for ticket in story.tickets.values():
        gone = "" if ticket.visible else ", no longer readable"
        say(clean(f"Ticket #{ticket.id}: {ticket.state.category}{gone}, changed {when(ticket.updated_at)}"))
        say(clean(f"    {ticket.subject}"))
    for issue in story.issues.values():
        done = f" / {issue.resolution_name}" if issue.resolution_name else ""
        gone = "" if issue.visible else ", no longer readable"
        say(clean(f"Bug {issue.key}: {issue.status_name}{done}{gone}"))
    if not story.links:
        say("It has no link to a bug.")
    for link in story.links:
        _print_link(app, story, link)
    print_clocks(app, story.clocks)
    print_rules(app, story.rules)
    print_alerts(app, story.alerts)
    if story.intents:
        say()
        say("Writes under way:")
    for intent in story.intents:
        error = f" ({intent.last_error})" if intent.last_error else ""
        say(clean(f"    {intent.state.value}: {what_of(intent.action)}, not before {when(intent.next_at)}{error}"))
    if story.audits:
        say()
        say("What syncd did:")
    for row in story.audits:
        did = row.detail.get("did") or f"{row.kind} {row.subject}"
        say(clean(f"    {when(row.at)}  {row.outcome}: {did} ({row.what})"))
    _print_next(story)


def _print_link(app: App, story: Story, link: Link) -> None:
    say()
    say(
        f"Link {link.id}: ticket #{link.ticket_id} and {link.issue_key}, route {link.route}, {link.state.value}, "
        f"made by {link.origin.value} on {when(link.created_at)}"
    )
    stage = _stage(app, story, link)
    if stage is None and link.route in app.engine.routes.stopped:
        say(clean(f"    its route is stopped: {app.engine.routes.stopped[link.route]}"))
    else:
        say(f"    stage now: {stage or 'none, no stage names the status of the bug'}")
    if link.base is not None:
        say(f"    agreed: stage {link.base.stage}, ticket {link.base.ticket.category}, {when(link.base.at)}")
    else:
        say("    agreed: nothing yet")
    if link.vote:
        say(f"    the ticket asks for stage {link.vote}; it waits for the bug's other tickets")
    if link.conflict is not None:
        say(clean(f"    conflict ({link.conflict.code}) since {when(link.conflict.at)}: {link.conflict.message}"))
    for why in story.waits(link.id):
        say(clean(f"    waits: {why}"))
    for entry in story.logs[link.id]:
        say(clean(f"    {when(entry.at)}  {entry.what}: {entry.reason}"))


def _reads(story: Story) -> list[str]:
    """What the next cycle has to read before it can decide."""
    found = []
    for need in story.planned.plan.needs if story.planned is not None else ():
        match need:
            case NeedHistory():
                found.append(f"who changed ticket #{need.ticket_id} last")
            case NeedTicket():
                found.append(f"ticket #{need.ticket_id}")
            case NeedIssue():
                found.append(f"bug {need.issue_id}")
    return found


def _print_next(story: Story) -> None:
    planned = story.planned
    if planned is None:
        return
    say()
    for what in _reads(story):
        say(clean(f"Next: read {what}, then decide"))
    coming = [action for action in planned.plan.actions if not isinstance(action, LOCAL_ACTIONS)]
    if not coming and not planned.plan.needs:
        say("Next: nothing to write, as far as is known now.")
    for action in coming:
        held = "" if planned.goes(action) else "held: "
        say(clean(f"Next: {held}{what_of(action)} ({action.reason})"))
    for held_route in planned.held.values():
        say(clean(held_route.message))
