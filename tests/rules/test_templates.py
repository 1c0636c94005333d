"""Templates of the operator's over texts of customers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from syncd.core.conditions import Condition, Conditions
from syncd.core.creating import CreateField, CreateScreen, Person, TicketCase
from syncd.core.model import Json, TicketSnapshot, TicketState
from syncd.rules.creating import CreateRule, draft_bug, may_ask, missing_fields
from syncd.rules.templates import MOST, Template, TemplateProblem, Wiki

AT = datetime(2026, 3, 2, tzinfo=UTC)
TICKET = TicketSnapshot(1, TicketState("open"), AT, AT, subject="a\nb", priority=None, tags=("x",), fields={"5": "v"})
CASE = TicketCase(TICKET, description="It {code}broke{code}", requester=Person(7, "Ines", verified=True))
RULE = CreateRule("r", "ENG", "Bug", Template("{{ ticket.subject }}"), Template("{{ ticket.description }}", wiki=True))


def test_data_is_escaped_in_wiki_markup_and_our_own_markup_is_not() -> None:
    template = Template("h3. {{ a }} {{ b }}", wiki=True)
    assert template.render({"a": "{code}", "b": Wiki("[x|http://a]")}) == "h3. \\{code\\} [x|http://a]"


def test_a_template_in_the_data_stays_data() -> None:
    assert Template("{{ a }}").render({"a": "{{ 7 * 7 }}"}) == "{{ 7 * 7 }}"


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 200000000 }}",
        "{{ 10 ** 100000 }}",
        "{{ a.ljust(100000000) }}",
        "{{ '%99999999d' % 3 }}",
        "{{ a.__class__.__mro__ }}",
        "{{ missing }}",
        "{{ range(10) }}",
        "{{ a.b.c }}",
    ],
)
def test_what_reaches_out_or_grows_is_refused(source: str) -> None:
    with pytest.raises(TemplateProblem):
        Template(source).render({"a": "x"})


def test_a_text_that_is_too_long_is_cut_and_says_so() -> None:
    text = Template("{% for x in l %}{{ a }}{% endfor %}").render({"l": range(1000), "a": "y" * 1000})
    assert len(text) <= MOST
    assert text.endswith("the whole text is in the ticket)")


def test_a_template_that_fails_on_a_ticket_names_its_key() -> None:
    drafted = draft_bug(replace(RULE, summary=Template("{{ field['None'] }}")), CASE, ticket_url="https://z.example")
    assert drafted.problem.startswith("create.summary: ")


FIELDS = (
    CreateField("priority", "Priority", type="priority", allowed=(("2", "High"), ("3", "Medium"))),
    CreateField("customfield_1", "Tier", required=True, type="option", allowed=(("10", "Gold"),)),
    CreateField("customfield_2", "Count", type="number"),
    CreateField("customfield_3", "Many", type="array", items="string"),
    CreateField("customfield_4", "Filled", required=True, has_default=True),
)
SCREEN = CreateScreen("77", "Bug", FIELDS)


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("Tier", "gold", "customfield_1", {"id": "10"}),
        ("customfield_2", "12", "customfield_2", 12.0),
        ("Many", "a, b", "customfield_3", ["a", "b"]),
        ("customfield_9", "x", "customfield_9", "x"),
    ],
    ids=["an option by its name", "a number", "a list", "a field that is not known"],
)
def test_a_text_becomes_what_the_field_takes(name: str, text: str, field: str, value: Json) -> None:
    rule = replace(RULE, screen=SCREEN, fields=((name, Template(text)),))
    assert draft_bug(rule, CASE, ticket_url="https://z.example").fields[field] == value


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        pytest.param("Router", {"id": "20"}, id="as Jira has it"),
        pytest.param("router", {"id": "20"}, id="as a drop-down list of Zendesk keeps it"),
        pytest.param("data_centre", {"id": "21"}, id="of two words in such a list"),
        pytest.param("Firmware", {"name": "Firmware"}, id="unknown: Jira may say so"),
    ],
)
def test_a_component_is_meant_however_it_is_spelt(text: str, sent: object) -> None:
    known = CreateField("components", "Components", type="array", allowed=(("20", "Router"), ("21", "Data Centre")))
    rule = replace(RULE, screen=CreateScreen("77", "Bug", (known,)), components=(Template(text), Template(text)))
    assert draft_bug(rule, CASE, ticket_url="https://z.example").fields["components"] == [sent]


@pytest.mark.parametrize(("name", "text"), [("Tier", "Silver"), ("Count", "many")])
def test_a_value_that_the_field_does_not_take_names_the_key(name: str, text: str) -> None:
    rule = replace(RULE, screen=SCREEN, fields=((name, Template(text)),))
    assert f"create.custom_fields.{name}" in draft_bug(rule, CASE, ticket_url="https://z.example").problem


def test_what_the_live_project_requires_and_the_rule_does_not_give_is_named() -> None:
    assert [missing.id for missing in missing_fields(replace(RULE, screen=SCREEN))] == ["customfield_1"]
    assert missing_fields(replace(RULE, screen=SCREEN, fields=(("tier", Template("Gold")),))) == []


def test_the_default_priority_is_told() -> None:
    rule = replace(RULE, screen=SCREEN, priority={"high": "High", "default": "Medium"})
    drafted = draft_bug(rule, CASE, ticket_url="https://z.example")
    assert drafted.fields["priority"] == {"id": "3"}
    assert "no priority" in drafted.note
    urgent = replace(CASE, ticket=replace(TICKET, priority="high"))
    assert draft_bug(rule, urgent, ticket_url="https://z.example").note == ""


@pytest.mark.parametrize(
    ("person", "tags", "expected"),
    [
        (Person(1, verified=True), (), True),
        (Person(1, verified=False), (), False),
        (Person(1, role="agent"), (), True),
        (None, (), False),
        (Person(1, verified=False), ("to_engineering",), True),
    ],
    ids=["a proved address", "an address that is not", "an agent", "nobody known", "an agent's own tag"],
)
def test_a_rule_acts_for(person: Person | None, tags: tuple[str, ...], expected: bool) -> None:
    rule = replace(RULE, act_tag="to_engineering", when=Conditions(all=(Condition("status", value="open"),)))
    case = TicketCase(replace(TICKET, tags=tags), requester=person)
    assert may_ask(rule, case) is expected
    assert may_ask(replace(rule, unverified=True), case)
