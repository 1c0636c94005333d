"""A drop-down and components, both ways: the decision table, and that every start of it settles."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.actions import SetBugFields, SetTicketFields
from syncd.core.field_model import FieldBase, FieldSpec
from syncd.core.model import Json
from tests.core.field_kit import Paper, issue, spec, ticket

MAP = {"web_app": "Web app", "mobile": "Mobile", "server": "Server"}  # Core is outside of it


def product(winner: str = "jira") -> FieldSpec:
    """The drop-down `Product` and the components of the project."""
    back = {value.casefold(): key for key, value in MAP.items()}
    return spec("option", "components", "both", winner=winner, to_bug=MAP, to_ticket=back)


def paper(winner: str, tickets: list[Json], *bugs: list[str]) -> Paper:
    """Tickets and bugs, each linked to each."""
    made = Paper(product(winner), {}, {}, [])
    made.tickets = {number: ticket(number, value, "option") for number, value in enumerate(tickets, start=1)}
    made.issues = {str(n): issue(str(n), list[Json](names), "components") for n, names in enumerate(bugs, start=1)}
    made.pairs = [(t, i) for i in made.issues for t in made.tickets]
    return made


WEB = ("web_app", "Web app")
NONE = (None, None)


@pytest.mark.parametrize(
    ("there", "bug", "base", "jira_wins", "zendesk_wins"),
    [
        pytest.param("mobile", ["Web app", "Core"], WEB, "bug: +Mobile -Web app", "same", id="an agent chose another"),
        pytest.param(None, ["Web app", "Core"], WEB, "bug: -Web app", "same", id="an agent emptied the drop-down"),
        pytest.param("web_app", ["Server", "Core"], WEB, "ticket: server", "same", id="developers chose another"),
        pytest.param("web_app", ["Core"], WEB, "ticket: None", "same", id="developers took it off"),
        pytest.param(None, ["Server"], NONE, "ticket: server", "same", id="developers chose the first one"),
        pytest.param("mobile", [], NONE, "bug: +Mobile", "same", id="an agent chose the first one"),
        pytest.param("web_app", ["Mobile", "Web app"], WEB, "-", "same", id="developers added a second one"),
        pytest.param(
            "web_app", ["Server", "Mobile"], WEB, "ticket: mobile", "same", id="two instead: the first of the map"
        ),
        pytest.param("mobile", ["Mobile", "Web app"], WEB, "bug: -Web app", "same", id="the agent chose the other"),
        pytest.param("mobile", ["Mobile"], WEB, "-", "same", id="both chose the same"),
        pytest.param("mobile", ["Server"], WEB, "ticket: server", "bug: +Mobile", id="both chose another"),
        pytest.param("mobile", ["Core"], WEB, "ticket: None", "bug: +Mobile", id="chosen here, taken off there"),
        pytest.param(None, ["Server"], WEB, "ticket: server", "same", id="emptied here, chosen there"),
        pytest.param("mobile", ["Server"], NONE, "ticket: server", "bug: +Mobile", id="both chose a first one"),
        pytest.param(None, ["Server", "Mobile"], None, "ticket: mobile", "same", id="new link, empty ticket"),
        pytest.param("mobile", ["Core"], None, "bug: +Mobile", "same", id="new link, empty bug"),
        pytest.param("mobile", ["Server"], None, "ticket: server", "bug: +Mobile", id="new link, and they differ"),
        pytest.param("mobile", ["Server", "Mobile"], None, "-", "same", id="new link, and it is among them"),
        pytest.param(None, ["Core"], None, "-", "same", id="nothing that the map names on either side"),
    ],
)
def test_one_ticket_and_one_bug(
    there: Json, bug: list[str], base: tuple[Json, Json] | None, jira_wins: str, zendesk_wins: str
) -> None:
    expected = {"jira": jira_wins, "zendesk": jira_wins if zendesk_wins == "same" else zendesk_wins}
    for winner, wanted in expected.items():
        made = paper(winner, [there], bug)
        if base is not None:
            made.bases[1, "field"] = FieldBase(*base)
        written = [
            f"bug: {action.changes[0].text}" if isinstance(action, SetBugFields) else f"ticket: {_value(action)}"
            for action in made.plan().remote
        ]
        assert (written or ["-"]) == [wanted], winner


def _value(action: object) -> Json:
    assert isinstance(action, SetTicketFields)
    return action.changes[0].value


def settled(made: Paper) -> tuple[list[Json], list[list[str]]]:
    """What tickets and bugs have once nothing is planned any more."""
    for _ in range(8):
        if not made.carry_out().actions:
            break
    assert not made.carry_out().actions
    return (
        [found.fields.get("7") for found in made.tickets.values()],
        [sorted(found.components) for found in made.issues.values()],
    )


def test_two_tickets_of_a_bug_each_keep_their_product_and_one_is_kept_for_the_other() -> None:
    made = paper("zendesk", ["web_app", "mobile"], [])
    assert settled(made) == (["web_app", "mobile"], [["Mobile", "Web app"]])
    made.tickets[2] = ticket(2, "web_app", "option")
    assert settled(made) == (["web_app", "web_app"], [["Web app"]])
    made.tickets[1] = ticket(1, "server", "option")
    assert settled(made) == (["server", "web_app"], [["Server", "Web app"]])
    made.tickets[1] = ticket(1, None, "option")
    assert settled(made) == (["web_app", "web_app"], [["Web app"]]), "the bug's other one takes its place"
    made.tickets[1] = ticket(1, None, "option")
    assert settled(made) == ([None, "web_app"], [["Web app"]]), "kept for the other ticket"


def test_a_ticket_of_two_bugs_shows_what_one_of_them_has_and_neither_loses_anything() -> None:
    made = paper("jira", [None], ["Server"], ["Mobile"])
    assert settled(made) == (["server"], [["Server"], ["Mobile"]])
    made.tickets[1] = ticket(1, "web_app", "option")
    assert settled(made) == (["web_app"], [["Web app"], ["Mobile"]])


def test_the_loser_of_a_choice_is_named_for_the_log() -> None:
    made = paper("jira", ["mobile"], ["Server"])
    made.bases[1, "field"] = FieldBase(*WEB)
    (action,) = made.plan().remote
    assert isinstance(action, SetTicketFields)
    assert action.changes[0].lost == "the ticket's mobile"


@settings(max_examples=150, deadline=None)
@given(
    winner=st.sampled_from(["jira", "zendesk"]),
    tickets=st.lists(st.sampled_from([None, *MAP]), min_size=1, max_size=2),
    bugs=st.lists(st.lists(st.sampled_from([*MAP.values(), "Core"]), unique=True), min_size=1, max_size=2),
    moved=st.lists(st.tuples(st.booleans(), st.sampled_from([None, *MAP])), max_size=3),
)
def test_whatever_people_do_it_settles_and_components_outside_the_map_stay(
    winner: str, tickets: list[Json], bugs: list[list[str]], moved: list[tuple[bool, str | None]]
) -> None:
    made = paper(winner, tickets, *bugs)
    settled(made)
    for on_ticket, value in moved:
        if on_ticket:
            made.tickets[1] = ticket(1, value, "option")
        else:
            made.issues["1"] = issue("1", [MAP[value]] if value else [], "components")
            bugs[0] = []
        settled(made)
    assert [("Core" in found.components) for found in made.issues.values()] == ["Core" in names for names in bugs]
