"""Carrying out what escalation rules ask for: each step of a run once, whatever fails.

A ticket's note and values go out in one PUT that carries the step's marker; tags follow, which can be added twice
without harm. A priority is only ever raised, over what the ticket or bug has at the moment of writing. What nobody
needs any more when its turn comes is not written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from syncd.core.actions import RemoteAction, UpdateTicket
from syncd.core.comment_model import TicketTalk
from syncd.core.creating import CaseReader, TicketCase
from syncd.core.escalation_actions import EscalateTicket, RaiseBug
from syncd.core.field_model import FieldChange
from syncd.core.model import ActorKind, Json, TicketSnapshot
from syncd.core.ports import IssueSource, TicketSource
from syncd.core.richtext import plain
from syncd.core.richtext_html import parse_html
from syncd.executor.outcome import Done, Later, Outcome, Refused, Superseded
from syncd.executor.tickets import CAS_TRIES, TicketWriter
from syncd.rules.escalation import ReadyNote
from syncd.rules.notes import REQUIREMENTS, Read, Requirement, Said, ready_note
from syncd.rules.templates import Template, TemplateProblem
from syncd.sources.errors import PreconditionError
from syncd.store import Intent, Tx

PRIORITIES = ("low", "normal", "high", "urgent")
SIGNED = "(written by syncd, rule {rule})"
NOTE_LENGTH = 8000


@dataclass(frozen=True, slots=True)
class NoteSettings:
    """How the notes are written that rules fill in."""

    language: str = "en"
    requirements: tuple[Requirement, ...] = REQUIREMENTS
    time_text: Callable[[datetime], str] = lambda at: at.strftime("%Y-%m-%d %H:%M %Z")


class Priorities(Protocol):
    """Jira, as far as the order of its priorities goes."""

    def priorities(self) -> tuple[str, ...]:
        """The names, the highest first."""


class Rules(Protocol):
    """The rules, as far as it matters whether they still ask for what they asked for."""

    def outlived(self, action: EscalateTicket, ticket: TicketSnapshot, waited: float) -> str:
        """Why a write that waited for so many seconds is not to be made any more, given the ticket as it is; "" when
        it is. Not inside a transaction."""


class EscalationPerformer:
    """A Performer of what rules ask for."""

    actions: tuple[type[RemoteAction], ...] = (EscalateTicket, RaiseBug)

    def __init__(
        self,
        zendesk: TicketSource,
        jira: IssueSource,
        order: Priorities,
        cases: CaseReader,
        talk: TicketTalk,
        *,
        notes: Callable[[], NoteSettings],
        ticket_url: Callable[[], str],
        rules: Callable[[], Rules],
    ) -> None:
        self._zendesk = zendesk
        self._jira = jira
        self._order = order
        self._cases = cases
        self._talk = talk
        self._tickets = TicketWriter(zendesk)
        self._notes = notes
        self._ticket_url = ticket_url
        self._rules = rules

    def perform(self, intent: Intent, now: datetime, before_send: Callable[[], None]) -> Outcome:
        """Two calls for a priority or a group, three and more for a note, two more for tags."""
        match intent.action:
            case EscalateTicket() as action:
                return self._escalate(action, intent, now, before_send)
            case RaiseBug() as action:
                return self._raise_bug(action, intent.id, before_send)
            case other:
                raise TypeError(f"{other.kind} is no escalation")

    def verify(self, intent: Intent, now: datetime) -> Outcome:
        """Done when all of it is there; Later(0) when it is not: what was done already is not done again then."""
        del now
        match intent.action:
            case EscalateTicket() as action:
                ticket = self._zendesk.read([action.ticket_id])[0]
                if ticket.is_gone or ticket.state.is_final:
                    return self._over(action, intent, ticket)
                marked = any(change.marker == intent.id for change in self._zendesk.history(action.ticket_id))
                if (marked or not _writes(action)) and set(action.tags) <= set(ticket.tags):
                    return Done(tickets=(ticket,))
                return Later(0.0, "not found on the server")
            case RaiseBug() as action:
                issue, edits = self._jira.with_edits(action.issue_id)
                if any(edit.marker == intent.id for edit in edits):
                    return Done(issues=(issue,))
                return Later(0.0, "not found on the server")
            case other:
                raise TypeError(f"{other.kind} is no escalation")

    def describe(self, action: RemoteAction) -> str:
        """`escalate ticket #35 (reopened)`."""
        if isinstance(action, EscalateTicket):
            return f"escalate ticket #{action.ticket_id} ({action.source.partition('/')[0]})"
        if isinstance(action, RaiseBug):
            return f"raise the priority of {action.issue_key}"
        return action.kind

    def matters(self, action: RemoteAction) -> bool:
        """No link waits for it."""
        del action
        return False

    # ---- tickets ----

    def _escalate(
        self, action: EscalateTicket, intent: Intent, now: datetime, before_send: Callable[[], None]
    ) -> Outcome:
        ticket = self._zendesk.read([action.ticket_id])[0]
        if ticket.is_gone or ticket.state.is_final:
            return self._over(action, intent, ticket)
        outlived = self._rules().outlived(action, ticket, (now - intent.created_at).total_seconds())
        if outlived and not self._is_begun(action, intent):
            return Superseded(outlived, tickets=(ticket,), keep=partial(_give_back, action))
        done: Outcome | None = None
        if _writes(action):
            note = self._note(action)
            if isinstance(note, Refused):
                return note
            done = self._tickets.update(
                UpdateTicket(
                    ticket_id=action.ticket_id,
                    source=action.source,
                    reason=action.reason,
                    expected=ticket.state,
                    note=note or None,
                    by_person=False,
                ),
                intent.id,
                attempts=intent.attempts,
                now=now,
                before_send=before_send,
                values=lambda seen: _values(action, seen),
            )
            if not isinstance(done, Done):
                return done
        tagged = self._tag(action, before_send)
        return done if isinstance(tagged, Done) and done is not None and not action.tags else _both(done, tagged)

    def _over(self, action: EscalateTicket, intent: Intent, ticket: TicketSnapshot) -> Outcome:
        """The ticket takes no write any more: what it got before that was done, and of tags nothing can be added."""
        if not ticket.is_gone and self._is_begun(action, intent):
            lacks: list[Json] = [tag for tag in action.tags if tag not in ticket.tags]
            return Done(tickets=(ticket,), result={"left_out": lacks} if lacks else {})
        return Superseded("the ticket is closed or gone", tickets=(ticket,))

    def _is_begun(self, action: EscalateTicket, intent: Intent) -> bool:
        """Whether a part of it is on the ticket: then the rest belongs there, too."""
        return intent.sent_at is not None and any(
            change.marker == intent.id for change in self._zendesk.history(action.ticket_id)
        )

    def _tag(self, action: EscalateTicket, before_send: Callable[[], None]) -> Outcome:
        for _ in range(CAS_TRIES if action.tags else 0):
            ticket = self._zendesk.read([action.ticket_id])[0]
            lacks = [tag for tag in action.tags if tag not in ticket.tags]
            if not lacks or ticket.is_gone or ticket.state.is_final:
                return Done(tickets=(ticket,))
            before_send()
            try:
                self._zendesk.add_tags(action.ticket_id, lacks, stamp=ticket.updated_at)
            except PreconditionError:
                continue
            return Done(tickets=(self._zendesk.read([action.ticket_id])[0],))
        return Later(5.0, f"ticket #{action.ticket_id} keeps changing while tags are added") if action.tags else Done()

    # ---- notes ----

    def _note(self, action: EscalateTicket) -> str | Refused:
        """The note's text; "" when there is nothing to say."""
        if not action.notes and not action.ready:
            return ""
        settings = self._notes()
        case = self._cases.read(action.ticket_id)
        url = f"{self._ticket_url()}/agent/tickets/{action.ticket_id}"
        parts: list[str] = []
        for source in action.notes:
            try:
                parts.append(Template(source).render(note_data(action.told, case, url)).strip())
            except TemplateProblem as problem:
                return Refused("refused", f"the note of {action.reason} does not work: {problem}")
        if action.ready:
            read = self._read(action, case, url, settings)
            for kind in action.ready:
                text = ready_note(
                    kind, read, action.told, language=settings.language, requirements=settings.requirements
                )
                parts.append(text)
        text = "\n\n".join(part for part in parts if part)
        if not text:
            return ""
        signed = SIGNED.format(rule=str(action.told.get("rule") or action.source.partition("/")[0]))
        return f"{text[:NOTE_LENGTH]}\n{signed}"

    def _read(self, action: EscalateTicket, case: TicketCase, url: str, settings: NoteSettings) -> Read:
        said: list[Said] = []
        has_files = False
        if {ReadyNote.FORM, ReadyNote.MISSING} & set(action.ready):
            for comment in reversed(self._talk.comments(action.ticket_id, None).comments):
                has_files = has_files or bool(comment.files)
                if comment.author.kind is ActorKind.SELF:
                    continue
                said.append(
                    Said(
                        comment.author.name or "",
                        settings.time_text(comment.at),
                        plain(parse_html(comment.html)),
                        is_public=comment.public is True,
                        by_agent=comment.author.kind is ActorKind.AGENT,
                    )
                )
        return Read(
            ticket=case.ticket.id,
            subject=case.ticket.subject,
            link=url,
            customer=case.requester.name if case.requester is not None else "",
            organization=case.organization.name if case.organization is not None else "",
            priority=case.ticket.priority or "",
            description=case.description,
            said=tuple(said),
            has_files=has_files,
            fields=case.ticket.fields,
        )

    # ---- bugs ----

    def _raise_bug(self, action: RaiseBug, marker: str, before_send: Callable[[], None]) -> Outcome:
        issue, edits = self._jira.with_edits(action.issue_id)
        if not issue.visible:
            return Superseded(f"{action.issue_key} cannot be read any more", issues=(issue,))
        if any(edit.marker == marker for edit in edits):
            return Done(issues=(issue,))
        order = self._order.priorities()
        raised = _raised_name(order, issue.priority, action.steps)
        if raised is None:
            return Done(issues=(issue,), result={"priority": issue.priority})
        before_send()
        change = FieldChange("priority", "priority", "priority", raised, issue.priority, by_person=False)
        self._jira.edit(action.issue_id, [change], marker=marker)
        return Done(issues=self._jira.read([action.issue_id]), result={"priority": raised})


def _give_back(action: EscalateTicket, tx: Tx, now: datetime) -> None:
    """Where the ticket comes back soon, the rule takes the step again."""
    del now
    tx.give_back_escalation_step(action.ticket_id, action.source)


def note_data(told: Mapping[str, Json], case: TicketCase, url: str) -> dict[str, Any]:
    """What a note's template may use: `ticket` (id, subject, priority, status, tags, link), `customer`, `organization`,
    `rule`, `why`, `step` and everything else that was known when the rule spoke."""
    ticket = case.ticket
    return {
        **told,
        "ticket": {
            "id": ticket.id,
            "subject": ticket.subject,
            "priority": ticket.priority,
            "status": ticket.state.category,
            "tags": ticket.tags,
            "link": url,
        },
        "customer": case.requester.name if case.requester is not None else "",
        "organization": case.organization.name if case.organization is not None else "",
    }


def _writes(action: EscalateTicket) -> bool:
    """Whether it takes more than tags."""
    fields = action.raise_steps or action.raise_to or action.group_id is not None or action.unassign
    return bool(fields or action.notes or action.ready)


def _values(action: EscalateTicket, ticket: TicketSnapshot) -> dict[str, Json]:
    """What is to be another value than the ticket has now."""
    values: dict[str, Json] = {}
    raised = _raised(action, ticket.priority)
    if raised is not None:
        values["priority"] = raised
    moves = action.group_id is not None and ticket.group_id != action.group_id
    if moves:
        values["group_id"] = action.group_id
    if (action.unassign or moves) and ticket.assignee_id is not None:
        values["assignee_id"] = None
    return values


def _raised(action: EscalateTicket, present: str | None) -> str | None:
    """None when the ticket's priority is that high already. A ticket without one counts as low."""
    at = PRIORITIES.index(present) if present in PRIORITIES else 0
    wanted = min(at + action.raise_steps, len(PRIORITIES) - 1)
    if action.raise_to in PRIORITIES:
        wanted = max(wanted, PRIORITIES.index(action.raise_to))
    return PRIORITIES[wanted] if wanted > at or (present is None and wanted) else None


def _raised_name(order: Sequence[str], present: str | None, steps: int) -> str | None:
    """`order`: the highest first. None when it is the highest already, or nobody knows where it stands."""
    if present not in order:
        return None
    at = order.index(present)
    wanted = max(at - steps, 0)
    return order[wanted] if wanted != at else None


def _both(done: Outcome | None, tagged: Outcome) -> Outcome:
    """The outcome of a write whose parts came to these."""
    if isinstance(tagged, Done) and isinstance(done, Done) and done.incident is not None:
        return done
    return tagged
