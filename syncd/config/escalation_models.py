"""The `escalation:` part of config.yaml: rules, what they do, and what their notes ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from syncd.config.durations import Duration
from syncd.config.fields import NameOrId, Tag, Text
from syncd.config.names import nearest
from syncd.config.problems import listed
from syncd.config.sentences import Model, Relation, refusal
from syncd.config.sla_conditions import STATUSES, word_of
from syncd.core.conditions import RANKS, WITHOUT_VALUE, Operator
from syncd.rules.conditions import CUSTOM, SAME_AS
from syncd.rules.escalation import MINUTES
from syncd.rules.situations import CLOCK, COUNTS, OTHERS, counted_problem
from syncd.rules.templates import Template, TemplateProblem
from syncd.sla.conditions import FIELDS

PRIORITIES: Final = RANKS["priority"]
Priority: TypeAlias = Literal["low", "normal", "high", "urgent"]
Scalar: TypeAlias = bool | int | float | str
KNOWN: Final = (*dict.fromkeys((*FIELDS, *COUNTS, *OTHERS)),)
"""What a condition of a rule may be about, beside ticket fields, minutes and clocks."""


def _field(written: str) -> str:
    name = written.strip()
    if name.casefold().startswith(CUSTOM) and name[len(CUSTOM) :].strip():
        return CUSTOM + name[len(CUSTOM) :].strip()
    name = SAME_AS.get(name, name)
    if name.startswith(MINUTES):
        said = counted_problem(name)
        if said is not None:
            raise refusal(said)
        return name
    if name.startswith(CLOCK) or name in KNOWN:
        return name
    near = nearest(written, KNOWN)
    if near:
        raise refusal(f'No rule can ask for that; did you mean "{near}"?')
    raise refusal(f"A rule asks for {', '.join(KNOWN)}, field:TITLE, minutes_since.WHAT or clock.METRIC.")


def _operator(written: object) -> object:
    words = [operator.value for operator in Operator]
    if isinstance(written, str) and written.strip().lower() not in words:
        near = nearest(written, words)
        hint = f' Did you mean "{near}"?' if near else ""
        raise refusal(f"The operators are {listed(words, 'and')}.{hint}")
    return written.strip().lower() if isinstance(written, str) else written


def _one_is_a_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _template(text: str) -> str:
    try:
        Template(text)
    except TemplateProblem as problem:
        raise refusal(f"The template does not work: {problem}") from None
    return text


def _span(low: timedelta, high: timedelta) -> AfterValidator:
    def check(span: timedelta) -> timedelta:
        if not low <= span <= high:
            raise refusal("Write a span between a minute and 90 days, such as 30m.")
        return span

    return AfterValidator(check)


Note = Annotated[str, Field(min_length=1, max_length=8000), AfterValidator(_template)]
Names = Annotated[tuple[Text, ...], BeforeValidator(_one_is_a_list)]
Span = Annotated[Duration, _span(timedelta(minutes=1), timedelta(days=90))]


class RuleCondition(Model):
    """One line of `all:` or `any:`."""

    field: Annotated[str, AfterValidator(_field)] = Field(examples=["reopened"])
    operator: Annotated[Operator, BeforeValidator(_operator)] = Field(default=Operator.IS, examples=["greater_than"])
    value: Scalar | tuple[Scalar, ...] | None = Field(default=None, examples=["0"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        field, operator, value = data.get("field"), data.get("operator", "is"), data.get("value")
        if not isinstance(field, str) or operator not in list(Operator):
            return
        if operator in WITHOUT_VALUE:
            if value is not None:
                yield ("value",), f"{operator} takes no value: take this out."
            return
        if value is None or value in ("", []):
            yield ("value",), f"{operator} wants a value: write value: …, or operator: present."
            return
        name = SAME_AS.get(field.strip(), field.strip())
        texts = [str(entry) for entry in (value if isinstance(value, list | tuple) else [value])]
        words = {"status": STATUSES, "priority": PRIORITIES, "priority_expected": PRIORITIES}.get(name)
        if words and any(word_of(name, text) not in words for text in texts):
            yield ("value",), f"{name} is one of {listed(words)}."
        counts = name in COUNTS or name.startswith(MINUTES)
        if counts and not all(text.strip().isdigit() for text in texts):
            yield ("value",), f"{name} is a whole number."
        if name.startswith(MINUTES) and operator not in (Operator.GREATER_THAN, Operator.LESS_THAN):
            yield ("operator",), "Minutes go by: write greater_than or less_than."


class RuleWhen(Model):
    """Every one of `all`, and one of `any` where there are some."""

    all: tuple[RuleCondition, ...] = Field(
        default=(), examples=["[{field: reopened, operator: greater_than, value: 0}]"]
    )
    any: tuple[RuleCondition, ...] = Field(default=(), examples=["[{field: priority, value: urgent}]"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        if not data.get("all") and not data.get("any"):
            yield (), "Write conditions under all: or any:, such as all: [{field: priority, value: urgent}]."


class DoModel(Model):
    """One thing that a rule does; one key each."""

    notify: Names = Field(default=(), examples=["[lead]"])
    raise_priority: int | Priority | None = Field(default=None, examples=["1"])
    assign_group: NameOrId | None = Field(default=None, examples=["L2"])
    unassign: Literal[True] | None = Field(default=None, examples=["true"])
    add_tags: Annotated[tuple[Tag, ...], BeforeValidator(_one_is_a_list)] = Field(default=(), examples=["[escalated]"])
    note: Note | None = Field(default=None, examples=["Please look at this first."])
    ready_note: (
        Literal["missing_information", "escalation_form", "root_cause", "knowledge_article", "priority_check"] | None
    ) = Field(default=None, examples=["escalation_form"])
    create_bug: Text | None = Field(default=None, examples=["engineering"])
    raise_bug_priority: Annotated[int, Field(ge=1, le=4)] | None = Field(default=None, examples=["1"])
    comment_on_bug: Note | None = Field(default=None, examples=["The customer is down."])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        if len(data) != 1:
            yield (), f"Write one thing for each entry: {listed(cls.model_fields)}."
        steps = data.get("raise_priority")
        if isinstance(steps, int) and not isinstance(steps, bool) and not 1 <= steps <= 3:
            yield ("raise_priority",), "Write 1, 2 or 3 steps, or the priority that it is at least to have."


class LevelModel(Model):
    """What is done some time after the rule's conditions began to hold."""

    after: Span = Field(examples=["30m"])
    then: tuple[DoModel, ...] = Field(min_length=1, examples=["[{notify: boss}]"])


class RepeatModel(Model):
    """What is done again and again after the last level."""

    every: Span = Field(examples=["30m"])
    times: int = Field(default=48, ge=1, le=1000, examples=["48"])
    then: tuple[DoModel, ...] = Field(min_length=1, examples=["[{notify: boss}]"])


class RuleModel(Model):
    """An escalation rule. Each of its steps is done once per episode: from when its conditions begin to hold until they
    have not held for `rearm`."""

    name: Text = Field(examples=["reopened"])
    when: RuleWhen = Field(examples=["{all: [{field: reopened, operator: greater_than, value: 0}]}"])
    then: tuple[DoModel, ...] = Field(default=(), examples=["[{raise_priority: 1}, {notify: lead}]"])
    levels: tuple[LevelModel, ...] = Field(default=(), examples=["[{after: 30m, then: [{notify: boss}]}]"])
    repeat: RepeatModel | None = Field(default=None, examples=["{every: 30m, then: [{notify: boss}]}"])
    per: Annotated[str, AfterValidator(_field)] | None = Field(default=None, examples=["reopened"])
    during: Text | None = Field(default=None, examples=["office"])
    rearm: Span = Field(default=timedelta(hours=1), examples=["1h"])
    stop_when_acknowledged: bool = Field(default=True, examples=["true"])
    acknowledged_for: Span = Field(default=timedelta(hours=4), examples=["4h"])
    solved_too: bool = Field(default=False, examples=["false"])
    asks: Text | None = Field(default=None, max_length=200, examples=["call"])  # what is to be done; mails say it

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        if not data.get("then") and not data.get("levels"):
            yield (), "A rule does something: write then:, or levels:."
        per = data.get("per")
        if isinstance(per, str) and per.startswith((MINUTES, CLOCK)):
            yield ("per",), "An episode cannot be told by something that changes all the time; write a count."


class RequirementModel(Model):
    """Something that a ticket needs before others can work on it."""

    name: Text = Field(examples=["logs"])
    words: Names = Field(default=(), examples=["[log, traceback, 日志]"])
    file: bool = Field(default=False, examples=["true"])
    field: NameOrId | None = Field(default=None, examples=["Environment"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        if not data.get("words") and not data.get("file") and not data.get("field"):
            yield (), "Say by what it is recognised: words:, file: true or field:."


class ExpectedPriority(Model):
    """A row of the table that says what a ticket's priority should be; the first that fits counts."""

    priority: Priority = Field(examples=["urgent"])
    when: RuleWhen = Field(examples=["{all: [{field: tier, value: vip}]}"])


class Escalation(Model):
    """Rules over tickets, clocks and bugs."""

    rules: tuple[RuleModel, ...] = Field(min_length=1, examples=["[{name: reopened, when: …, then: …}]"])
    language: Literal["en", "zh-CN"] = Field(default="en", examples=["zh-CN"])
    missing: tuple[RequirementModel, ...] = Field(default=(), examples=["[{name: logs, words: [log], file: true}]"])
    priorities: tuple[ExpectedPriority, ...] = Field(default=(), examples=["[{priority: urgent, when: …}]"])
    kind_field: NameOrId | None = Field(default=None, examples=["Category"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        first: dict[str, int] = {}
        rules = data.get("rules")
        for index, rule in enumerate(rules if isinstance(rules, list) else ()):
            name = rule.get("name") if isinstance(rule, Mapping) else None
            if not isinstance(name, str):
                continue
            earlier = first.setdefault(name.strip().casefold(), index)
            if earlier != index:
                yield (
                    ("rules", index, "name"),
                    f"rules[{earlier}] has this name too: rules are told by it.",
                )
