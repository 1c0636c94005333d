"""Conditions of the `sla:` part: in the convention of Zendesk's triggers, about how a ticket and its bugs stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Final, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from syncd.config.names import nearest, normalise, ticket_category
from syncd.config.problems import listed
from syncd.config.sentences import Model, Relation, refusal
from syncd.core.conditions import RANKS, WITHOUT_VALUE, Condition, Operator
from syncd.rules.conditions import CUSTOM, SAME_AS
from syncd.sla.conditions import FIELDS, problem

PRIORITIES: Final = RANKS["priority"]
STATUSES: Final = RANKS["status"]
Scalar: TypeAlias = bool | int | float | str


def _field(written: str) -> str:
    name = written.strip()
    if name.casefold().startswith(CUSTOM) and name[len(CUSTOM) :].strip():
        return CUSTOM + name[len(CUSTOM) :].strip()
    if name.startswith("custom_fields_"):
        return CUSTOM + name.removeprefix("custom_fields_")
    name = SAME_AS.get(name, name)
    if name not in FIELDS:
        near = nearest(written, FIELDS)
        hint = f' Did you mean "{near}"?' if near else ""
        raise refusal(f"A condition is about {listed(FIELDS)}, or about a ticket field as field:TITLE.{hint}")
    return name


def _operator(written: object) -> object:
    words = [operator.value for operator in Operator]
    if isinstance(written, str) and written.strip().lower() not in words:
        near = nearest(written, words)
        hint = f' Did you mean "{near}"?' if near else ""
        raise refusal(f"The operators are {listed(words, 'and')}.{hint}")
    return written.strip().lower() if isinstance(written, str) else written


ConditionField = Annotated[str, AfterValidator(_field)]
"""What a condition may be about; a ticket field as `field:` with its title or id."""


class SlaCondition(Model):
    """One line of `all:` or `any:`."""

    field: ConditionField = Field(examples=["tags"])
    operator: Annotated[Operator, BeforeValidator(_operator)] = Field(default=Operator.IS, examples=["includes"])
    value: Scalar | tuple[Scalar, ...] | None = Field(default=None, examples=["vip"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        field, operator, value = data.get("field"), data.get("operator", "is"), data.get("value")
        if not isinstance(field, str) or operator not in list(Operator):
            return
        wants = operator not in WITHOUT_VALUE
        if wants and value in (None, "", []):
            yield ("value",), f"{operator} wants a value: write value: …, or operator: present."
            return
        name = SAME_AS.get(field.strip(), field.strip())
        texts = [str(entry) for entry in (value if isinstance(value, list | tuple) else [value])]
        words = {"status": STATUSES, "priority": PRIORITIES}.get(name)
        wrong = [text for text in texts if words and wants and word_of(name, text) not in words]
        if words and wrong:
            hint = " A custom status is asked for with field: custom_status." if name == "status" else ""
            yield ("value",), f"{name} is one of {listed(words)}.{hint}"
        elif name in FIELDS:
            said = problem(Condition(name, Operator(str(operator)), None if value is None else _plain(value)))
            if said is not None:
                yield ("operator" if "operator" in data else "field",), said


def word_of(name: str, text: str) -> str:
    """A status or priority as Zendesk's API writes it; other values as they are."""
    if name == "status":
        return ticket_category(text) or normalise(text)
    return normalise(text) if name == "priority" else text


def _plain(value: object) -> str | tuple[str, ...]:
    return tuple(str(entry) for entry in value) if isinstance(value, list | tuple) else str(value)


class SlaWhen(Model):
    """Every one of `all`, and one of `any` where there are some."""

    all: tuple[SlaCondition, ...] = Field(default=(), examples=["[{field: priority, value: urgent}]"])
    any: tuple[SlaCondition, ...] = Field(default=(), examples=["[{field: tags, operator: includes, value: vip}]"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        if not data.get("all") and not data.get("any"):
            yield (), "Write conditions under all: or any:, such as all: [{field: priority, value: urgent}]."
