"""Tests of rules that operators write: a ticket, what happens to it, and which rules are to speak when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, ValidationError

from syncd.config.durations import parse_duration
from syncd.config.fields import Tag, Text
from syncd.config.problems import ConfigError, Problem
from syncd.config.sentences import Model, Relation, refusal, relations_of
from syncd.config.yamlfile import Document, read_yaml

Who: TypeAlias = Literal["agent", "customer", "rule"]
Scalar: TypeAlias = bool | int | float | str


def _time(value: object) -> object:
    """A local time such as 2026-03-02 09:00, or the time after the ticket's beginning such as +90m."""
    text = str(value).strip()
    try:
        if text.startswith("+"):
            return parse_duration(text[1:])
        return datetime.fromisoformat(text)
    except ValueError:
        raise refusal(
            "Write a local time such as 2026-03-02 09:00, or a span since the beginning such as +90m."
        ) from None


Time = Annotated[datetime | timedelta, BeforeValidator(_time)]


class LifeTicket(Model):
    """The ticket as it is created, with the customer's first comment."""

    at: Time = Field(examples=["2026-03-02 09:00"])
    by: Who = Field(default="customer", examples=["customer"])
    priority: Text | None = Field(default="normal", examples=["urgent"])
    group: Text | None = Field(default=None, examples=["L1"])
    assignee: Text | None = Field(default=None, examples=["priya@acme.example"])
    organization: Text | None = Field(default=None, examples=["Nordwind"])
    channel: Text = Field(default="email", examples=["email"])
    type: Text | None = Field(default=None, examples=["incident"])
    tags: tuple[Tag, ...] = Field(default=(), examples=["[vip]"])
    fields: dict[str, Scalar] = Field(default_factory=dict, examples=["{Impact: high}"])
    same_kind: int = Field(default=1, ge=0, examples=["5"])  # tickets of its kind in 30 days, itself among them
    affected_tickets: int = Field(default=1, ge=1, examples=["5"])  # on its bug, itself among them

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        if str(data.get("at", "")).strip().startswith("+"):
            yield ("at",), "The beginning is a local time, such as 2026-03-02 09:00."


class LifeEvent(Model):
    """Something that happens to the ticket, or to its bug."""

    at: Time = Field(examples=["+90m"])
    by: Who = Field(default="agent", examples=["agent"])
    says: Literal["public", "internal"] | None = Field(default=None, examples=["public"])
    note: Text | None = Field(default=None, examples=["'#workaround'"])
    status: Text | None = Field(default=None, examples=["solved"])
    priority: Text | None = Field(default=None, examples=["high"])
    group: Text | None = Field(default=None, examples=["L2"])
    assignee: Text | None = Field(default=None, examples=["priya@acme.example"])
    satisfaction: Text | int | None = Field(default=None, examples=["bad"])
    tags: tuple[Tag, ...] | None = Field(default=None, examples=["[vip, outage]"])
    fields: dict[str, Scalar] = Field(default_factory=dict, examples=["{Impact: high}"])
    bug: Text | None = Field(default=None, examples=["NOVA-1"])
    stage: Text | None = Field(default=None, examples=["in_progress"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        if not set(data) - {"at", "by"}:
            yield (
                (),
                "Say what happens: says, status, priority, group, assignee, tags, fields, or a bug with its stage.",
            )
        if ("bug" in data) != ("stage" in data):
            yield (), "A bug and its stage go together: {bug: NOVA-1, stage: queued}."


class Expectation(Model):
    """A rule that is to speak."""

    rule: Text = Field(examples=["reopened"])
    at: Time = Field(examples=["+2h"])
    notify: tuple[Text, ...] | None = Field(default=None, examples=["[lead]"])
    does: Text | None = Field(default=None, examples=["raise the priority"])


class RuleTest(Model):
    """One life of a ticket. Exactly the expected rules speak, in that order; none where `expect` is empty."""

    name: Text = Field(examples=["a reopened ticket is raised"])
    ticket: LifeTicket = Field(examples=["{at: 2026-03-02 09:00}"])
    events: tuple[LifeEvent, ...] = Field(default=(), examples=["[{at: +1h, status: solved}]"])
    until: Time = Field(examples=["+8h"])
    expect: tuple[Expectation, ...] = Field(examples=["[{rule: reopened, at: +2h}]"])


class RuleTests(Model):
    """A file of tests."""

    tests: tuple[RuleTest, ...] = Field(min_length=1, examples=["[{name: …, ticket: …, until: +8h, expect: []}]"])


def load_rule_tests(path: Path) -> tuple[RuleTests, Document]:
    """The tests of a file; raises ConfigError with every problem, each with its line."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError([Problem(str(path), None, None, "", f"The file cannot be read: {error.strerror}.")]) from None
    document, problems = read_yaml(content, path.name)
    if document is None or problems:
        raise ConfigError(list(problems))
    try:
        return RuleTests.model_validate(_data(document), context={}), document
    except ValidationError as error:
        raise ConfigError([document.problem(where, said) for where, said in relations_of(error)]) from None


def _data(document: Document) -> Any:
    return document.data if isinstance(document.data, dict) else {}
