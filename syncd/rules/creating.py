"""When a ticket asks for a bug, and what the bug then says. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncd.core.conditions import Conditions
from syncd.core.creating import LABEL, CreateField, CreateScreen, TicketCase
from syncd.core.discover import keys_in
from syncd.core.model import Json, TicketSnapshot
from syncd.core.succession import Succession
from syncd.core.wiki import escape
from syncd.rules.conditions import holds, why
from syncd.rules.templates import Template, TemplateProblem, Wiki

SUMMARY_LENGTH = 255
LABEL_LENGTH = 255
VALUE_LENGTH = 20_000
"""Characters of one text of the ticket that a template is given."""

NO_PRIORITY = "default"
"""The key of the priority map for tickets without a priority, or with one that the map does not name."""


@dataclass(frozen=True, slots=True)
class Caps:
    """How many bugs may be made, so that a flood of tickets is not one of bugs."""

    hour: int = 20
    day: int = 100
    requester: int = 5  # a day


@dataclass(frozen=True, slots=True)
class CreateRule:
    """A route's `create:`, resolved."""

    route: str
    project_key: str
    issue_type: str
    summary: Template
    description: Template
    act_tag: str = ""  # an agent's own act
    when: Conditions = field(default_factory=Conditions)
    priority: Mapping[str, str] = field(default_factory=dict)
    labels: tuple[Template, ...] = ()
    components: tuple[Template, ...] = ()
    fields: tuple[tuple[str, Template], ...] = ()  # (Jira field id or name, its text)
    caps: Caps = Caps()
    unverified: bool = False  # a rule also acts for requesters who never proved their address
    environment: str = ""  # ids of ticket fields, organization field keys
    steps: str = ""
    tier: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)  # ticket field id -> title
    screen: CreateScreen | None = None  # None: not known, then everything is sent
    where: str = "create"  # the path of the block in the configuration
    off_tag: str = ""
    link_tag: str = ""
    link_field: str | None = None
    new_bug_when_not_fixed: bool = False


@dataclass(frozen=True, slots=True)
class Drafted:
    """A bug as it is asked for. `problem`: it cannot be, and why."""

    fields: Mapping[str, Json]
    note: str = ""
    problem: str = ""


def asks_for_bug(rule: CreateRule, ticket: TicketSnapshot) -> str | None:
    """Why the ticket asks for a bug of this rule, or None. An agent's tag counts before a rule.

    One that is solved, that names a bug to link to, or that is switched off asks for none. The bug of another project
    keeps a rule from acting, but not an agent: a ticket may have several bugs."""
    if ticket.is_gone or ticket.state.is_solved or (rule.off_tag and rule.off_tag in ticket.tags):
        return None
    named = _named_projects(rule, ticket)
    if has_act_tag(rule, ticket) and rule.project_key not in named:
        return f"an agent set the tag {rule.act_tag}"
    if not named and holds(rule.when, ticket):
        return f"rule: {why(rule.when, ticket)}"
    return None


def _named_projects(rule: CreateRule, ticket: TicketSnapshot) -> set[str]:
    """The projects of the bugs that the ticket names, in its link field or by tags."""
    texts = [ticket.fields.get(rule.link_field)] if rule.link_field else []
    if rule.link_tag:
        texts += [tag[len(rule.link_tag) :] for tag in ticket.tags if tag.startswith(rule.link_tag)]
    return {key.rpartition("-")[0] for text in texts for key in keys_in(text)}


def has_act_tag(rule: CreateRule, ticket: TicketSnapshot) -> bool:
    """An agent asked by hand."""
    return bool(rule.act_tag) and rule.act_tag in ticket.tags


def may_ask(rule: CreateRule, case: TicketCase) -> bool:
    """A rule acts only for people who proved their address, or for agents; an agent's tag for anybody."""
    person = case.requester
    if has_act_tag(rule, case.ticket) or rule.unverified:
        return True
    return person is not None and (person.verified or person.role in ("agent", "admin"))


def draft_bug(rule: CreateRule, case: TicketCase, *, ticket_url: str, instead: Succession | None = None) -> Drafted:
    """The new issue's fields. A template that fails, or a value that a field cannot take, is a problem that names the
    key of the configuration. `instead`: the bug whose place the new one takes."""
    data = data_of(rule, case, ticket_url=ticket_url)
    try:
        drafted = _drafted(rule, case, data)
    except _KeyedProblem as problem:
        return Drafted({}, problem=f"{rule.where}.{problem.key}: {problem.text}")
    if instead is None:
        return drafted
    told = escape(f"The fix of {instead.issue_key} did not help: ticket #{case.ticket.id} {instead.what}.")
    text = f"{drafted.fields['description']}\n\n{told}".lstrip()
    note = f"It takes the place of {instead.issue_key}, whose fix did not help. {drafted.note}".strip()
    return Drafted({**drafted.fields, "description": text}, note)


class _KeyedProblem(Exception):
    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key, self.text = key, text


def _drafted(rule: CreateRule, case: TicketCase, data: Mapping[str, Any]) -> Drafted:
    type_ref: Json = {"name": rule.issue_type} if rule.screen is None else {"id": rule.screen.issue_type_id}
    fields: dict[str, Json] = {
        "project": {"key": rule.project_key},
        "issuetype": type_ref,
        "summary": one_line(_render("summary", rule.summary, data), SUMMARY_LENGTH) or f"Ticket #{case.ticket.id}",
        "description": _render("description", rule.description, data).strip(),
    }
    notes = []
    priority, note = _priority(rule, case.ticket)
    if priority is not None:
        fields["priority"] = priority
        notes.append(note)
    labels = [_label(_render(f"labels[{n}]", t, data)) for n, t in enumerate(rule.labels)]
    fields["labels"] = list(dict.fromkeys(label for label in labels if label))
    components = [one_line(_render(f"components[{n}]", t, data), 255) for n, t in enumerate(rule.components)]
    if any(components):
        fields["components"] = [_component(rule, name) for name in dict.fromkeys(components) if name]
    for name, template in rule.fields:
        known = rule.screen.field(name) if rule.screen is not None else None
        text = _render(f"custom_fields.{name}", template, data).strip()
        if text:
            fields[known.id if known is not None else name] = value_for(known, text, f"custom_fields.{name}")
    return Drafted(fields, " ".join(note for note in notes if note))


def _render(key: str, template: Template, data: Mapping[str, Any]) -> str:
    try:
        return template.render(data)
    except TemplateProblem as problem:
        raise _KeyedProblem(key, f"the template does not work: {problem}") from None


def _priority(rule: CreateRule, ticket: TicketSnapshot) -> tuple[Json, str]:
    """The bug's priority, and what the ticket is told when it had none of its own."""
    known = rule.screen.field("priority") if rule.screen is not None else None
    if not rule.priority or (rule.screen is not None and known is None):
        return None, ""
    name = rule.priority.get(ticket.priority or "")
    note = ""
    if name is None:
        name = rule.priority.get(NO_PRIORITY)
        had = f"has the priority {ticket.priority}, which {rule.where}.priority does not name"
        note = f"The ticket {had if ticket.priority else 'has no priority'}: the bug got the default, {name}."
    if name is None:
        return None, ""
    chosen = _choice(known, name)
    return ({"id": chosen} if chosen else {"name": name}), note


def _component(rule: CreateRule, name: str) -> Json:
    """By its id where the project has it, as Jira minds capitals and a drop-down list of Zendesk's keeps none: what
    agents see there as Data Centre is data_centre to templates."""
    known = rule.screen.field("components") if rule.screen is not None else None
    chosen = _choice(known, name) or _choice(known, name.replace("_", " "))
    return {"id": chosen} if chosen else {"name": name}


def _choice(known: CreateField | None, name: str) -> str | None:
    """The id of an allowed value by its name or id."""
    for number, title in known.allowed if known is not None else ():
        if name.strip().casefold() in (title.casefold(), number):
            return number
    return None


def value_for(known: CreateField | None, text: str, key: str) -> Json:
    """A text as the field takes it."""
    if known is None:
        return text
    if known.type == "number":
        try:
            return float(text)
        except ValueError:
            raise _KeyedProblem(key, f"'{one_line(text, 40)}' is no number, which {known.name} takes") from None
    if known.type == "array":
        entries = [entry.strip() for entry in text.replace("\n", ",").split(",") if entry.strip()]
        return [_single(known, known.items or "string", entry, key) for entry in entries]
    return _single(known, known.type, text, key)


def _single(known: CreateField, kind: str, text: str, key: str) -> Json:
    if kind in ("string", "date", "datetime", "any"):
        return text
    chosen = _choice(known, text)
    if chosen is not None:
        return {"id": chosen}
    if known.allowed:
        offered = ", ".join(title for _, title in known.allowed[:8])
        raise _KeyedProblem(key, f"{known.name} has no value '{one_line(text, 60)}'; Jira offers {offered}")
    if kind == "option":
        return {"value": text}
    return {"name": text}


def missing_fields(rule: CreateRule) -> list[CreateField]:
    """What Jira requires and the rule does not give."""
    if rule.screen is None:
        return []
    given = {"project", "issuetype", "summary", "description", "reporter"}
    given |= {"labels"} if rule.labels else set()
    given |= {"components"} if rule.components else set()
    given |= {"priority"} if NO_PRIORITY in rule.priority else set()
    for name, _ in rule.fields:
        known = rule.screen.field(name)
        given.add(known.id if known is not None else name)
    return [f for f in rule.screen.fields if f.required and not f.has_default and f.id not in given]


def data_of(rule: CreateRule, case: TicketCase, *, ticket_url: str) -> dict[str, Any]:
    """What a template may use: ticket, customer, organization, tier, environment, steps, field and link."""
    ticket, organization = case.ticket, case.organization
    by_title = {rule.titles.get(number, number): value for number, value in ticket.fields.items()}
    tier = organization.fields.get(rule.tier) if organization is not None and rule.tier else None
    return {
        "ticket": {
            "id": ticket.id,
            "subject": _text(ticket.subject),
            "description": _text(case.description),
            "priority": ticket.priority or "",
            "type": ticket.type or "",
            "status": ticket.state.category,
            "tags": list(ticket.tags),
            "url": Wiki(f"{ticket_url}/agent/tickets/{ticket.id}"),
            "link": Wiki(f"[Zendesk #{ticket.id}|{ticket_url}/agent/tickets/{ticket.id}]"),
        },
        "customer": {"name": _text(case.requester.name if case.requester else "")},
        "organization": {
            "name": _text(organization.name if organization else ""),
            "fields": {key: _text(value) for key, value in organization.fields.items()} if organization else {},
            "tags": list(organization.tags) if organization else [],
        },
        "tier": _text(tier),
        "environment": _text(ticket.fields.get(rule.environment)),
        "steps": _text(ticket.fields.get(rule.steps)),
        "field": dict.fromkeys((*rule.titles.values(), *rule.titles), "")
        | {title: _text(value) for title, value in by_title.items()}
        | dict(_by_id(ticket)),
        "route": rule.route,
    }


def _by_id(ticket: TicketSnapshot) -> Sequence[tuple[str, str]]:
    return [(number, _text(value)) for number, value in ticket.fields.items()]


def _text(value: object) -> str:
    """A value as a text of bounded length; a list's entries are separated by commas."""
    if value is None or value is False:
        return ""
    text = ", ".join(str(entry) for entry in value) if isinstance(value, list | tuple) else str(value)
    return text if len(text) <= VALUE_LENGTH else text[:VALUE_LENGTH] + "… (cut off; see the ticket)"


def one_line(text: str, limit: int) -> str:
    """Without line breaks and control characters, at most `limit` characters."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def _label(text: str) -> str:
    """Jira's labels have no blanks. One that begins like our own marks would be taken for one: it is left out."""
    label = one_line(text, LABEL_LENGTH).replace(" ", "_")
    return "" if label.casefold().startswith(LABEL) else label
