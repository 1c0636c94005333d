"""A route's `create:` block: when a ticket gets a bug, and what the bug says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from syncd.config.fields import NameOrId, Tag
from syncd.config.names import nearest
from syncd.config.problems import listed
from syncd.config.sentences import Model, Relation, refusal
from syncd.core.conditions import RANKS, WITHOUT_VALUE, Operator
from syncd.core.creating import Organization, Person, TicketCase
from syncd.core.model import TicketSnapshot, TicketState
from syncd.rules.conditions import CUSTOM, FIELDS, field_name
from syncd.rules.creating import NO_PRIORITY, CreateRule, data_of
from syncd.rules.templates import Template, TemplateProblem

DEFAULT_SUMMARY: Final = "{{ ticket.subject }}"
DEFAULT_DESCRIPTION: Final = """\
h3. Customer
{{ customer.name or "not known" }}{% if organization.name %}, {{ organization.name }}{% endif %}
{% if tier %} (tier {{ tier }}){% endif %}


h3. Environment
{{ environment or "not given" }}

h3. Steps
{{ steps or ticket.description or "not given" }}

h3. Ticket
{{ ticket.link }}{% if ticket.priority %}, priority {{ ticket.priority }}{% endif %}

"""
DEFAULT_PRIORITY: Final[Mapping[str, str]] = {
    "urgent": "Highest",
    "high": "High",
    "normal": "Medium",
    "low": "Low",
    NO_PRIORITY: "Medium",
}

_RANKED: Final = (Operator.LESS_THAN, Operator.GREATER_THAN)


def _field(written: str) -> str:
    name = field_name(written)
    if not name or name == CUSTOM:
        near = nearest(written, FIELDS)
        hint = f' Did you mean "{near}"?' if near else ""
        raise refusal(f"A condition is about {listed(FIELDS)}, or about a ticket field as field:TITLE.{hint}")
    return name


def _operator(written: object) -> object:
    if isinstance(written, str) and written.strip().lower() not in [o.value for o in Operator]:
        near = nearest(written, [o.value for o in Operator])
        hint = f' Did you mean "{near}"?' if near else ""
        raise refusal(f"The operators are {listed([o.value for o in Operator], 'and')}.{hint}")
    return written.strip().lower() if isinstance(written, str) else written


ConditionField = Annotated[str, AfterValidator(_field)]
Scalar: TypeAlias = bool | int | float | str


class ConditionModel(Model):
    """One line of `all:` or `any:`."""

    field: ConditionField = Field(examples=["tags"])
    operator: Annotated[Operator, BeforeValidator(_operator)] = Field(default=Operator.IS, examples=["includes"])
    value: Scalar | tuple[Scalar, ...] | None = Field(default=None, examples=["to_engineering"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        operator, value = data.get("operator", "is"), data.get("value")
        needs_value = operator in [o.value for o in Operator] and operator not in [o.value for o in WITHOUT_VALUE]
        if needs_value and (value is None or value in ("", [])):
            yield ("value",), f"{operator} wants a value: write value: …, or operator: present."
        field = data.get("field")
        ranks = RANKS.get(field_name(field)) if isinstance(field, str) else None
        if ranks is not None and isinstance(value, str) and value.strip().casefold() not in ranks:
            yield ("value",), f"{field} is one of {listed(ranks)}."


class When(Model):
    """Conditions in the convention of Zendesk's triggers: every one of `all`, and one of `any` where there are some."""

    all: tuple[ConditionModel, ...] = Field(default=(), examples=["[{field: priority, value: urgent}]"])
    any: tuple[ConditionModel, ...] = Field(default=(), examples=["[{field: tags, operator: includes, value: bug}]"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        if not data.get("all") and not data.get("any"):
            yield (), "Write conditions under all: or any:, such as all: [{field: priority, value: urgent}]."


class CapsModel(Model):
    """How many bugs may be made, so that a flood of tickets is not one of bugs. What is over waits."""

    hour: int = Field(default=20, ge=1, le=1000, examples=["20"])
    day: int = Field(default=100, ge=1, le=10_000, examples=["100"])
    requester: int = Field(default=5, ge=1, le=1000, examples=["5"])  # a day


_SAMPLE: Final = TicketCase(
    ticket=TicketSnapshot(
        id=1,
        state=TicketState("open"),
        updated_at=datetime(2026, 1, 1, tzinfo=UTC),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    ),
    requester=Person(1),
    organization=Organization(1),
)


class _AnyTitle(dict[str, str]):
    """Stands for the ticket's fields while only the configuration is read."""

    def __missing__(self, key: str) -> str:
        return ""


def _template(*, wiki: bool) -> AfterValidator:
    def check(text: str) -> str:
        try:
            template = Template(text, wiki=wiki)
            data = data_of(_SAMPLE_RULE, _SAMPLE, ticket_url="https://acme.zendesk.com")
            data["field"] = _AnyTitle()
            data["organization"]["fields"] = _AnyTitle()
            template.render(data)
        except TemplateProblem as problem:
            raise refusal(
                f"This template does not work: {problem}. It may use ticket, customer, organization, tier, "
                "environment, steps, field and route."
            ) from None
        return text

    return AfterValidator(check)


_SAMPLE_RULE: Final = CreateRule("route", "ENG", "Bug", Template(""), Template("", wiki=True))

PlainTemplate = Annotated[str, _template(wiki=False)]
WikiTemplate = Annotated[str, _template(wiki=True)]
_Listed = Annotated[
    tuple[PlainTemplate, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)
]


def _priorities(names: Mapping[str, str]) -> Mapping[str, str]:
    known = (*RANKS["priority"], NO_PRIORITY)
    for name in names:
        if name not in known:
            raise refusal(
                f"A ticket's priority is one of {listed(RANKS['priority'])}; {NO_PRIORITY} is for the others."
            )
    return names


class Create(Model):
    """When a ticket gets a bug, and what the bug says. Templates are Jinja2; a customer's text is data in them."""

    when: When | None = Field(default=None, examples=["{all: [{field: priority, value: urgent}]}"])
    act_tag: Tag = Field(default="to_engineering", examples=["to_engineering"])
    unverified: bool = Field(default=False, examples=["false"])  # rules act for requesters of unproved addresses too
    summary: PlainTemplate = Field(default=DEFAULT_SUMMARY, examples=['"{{ ticket.subject }}"'])
    description: WikiTemplate = Field(default=DEFAULT_DESCRIPTION, examples=['"{{ steps }}"'])
    tier: NameOrId | None = Field(default="tier", examples=["tier"])  # key of an organization field
    environment: NameOrId | None = Field(default=None, examples=["Environment"])  # ticket fields, by title or id
    steps: NameOrId | None = Field(default=None, examples=["Steps to reproduce"])
    priority: Annotated[Mapping[str, NameOrId], AfterValidator(_priorities)] = Field(
        default_factory=lambda: dict(DEFAULT_PRIORITY), examples=["{urgent: Highest, default: Medium}"]
    )
    labels: _Listed = Field(default=(), examples=["[from_support]"])
    components: _Listed = Field(default=(), examples=["[Server]"])
    custom_fields: Mapping[NameOrId, PlainTemplate] = Field(
        default_factory=dict, examples=['{customfield_10010: "{{ organization.name }}"}']
    )
    caps: CapsModel = Field(default_factory=CapsModel, examples=["{hour: 20, day: 100, requester: 5}"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        if data.get("act_tag") == "" and "when" not in data:
            yield (), "Nothing would ask for a bug: write act_tag, or conditions under when."
