"""The decision table of mapped fields: one value on a side, lists, people, and what settles in the end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd.core.actions import SetBugFields, SetTicketFields
from syncd.core.field_model import Facts, FieldBase, FieldSpec, NoValue
from syncd.core.field_values import decimal, fits_bug, fits_ticket, same, to_bug, to_ticket
from syncd.core.model import Json
from tests.core.field_kit import Paper, issue, priority, spec, ticket

KEY = (1, "field")


def pair(field: FieldSpec, there: Json, bug: Json, base: FieldBase | None = None) -> Paper:
    """One ticket and one bug."""
    made = Paper(field, {1: ticket(1, there, field.ticket.kind)}, {"1": issue("1", bug, field.bug.kind)}, [(1, "1")])
    if base is not None:
        made.bases[KEY] = base
    return made


def outcome(paper: Paper) -> tuple[Json, Json]:
    """(what the bug is set to, what the ticket is set to); "-" = not written."""
    written: list[Json] = ["-", "-"]
    for action in paper.plan().remote:
        if isinstance(action, SetBugFields):
            written[0] = action.changes[0].value
        if isinstance(action, SetTicketFields):
            written[1] = action.changes[0].value
    return written[0], written[1]


@pytest.mark.parametrize(
    ("owner", "winner", "there", "bug", "base", "expected"),
    [
        pytest.param(
            "zendesk", "jira", "new", "old", ("old", "old"), ("new", "-"), id="zendesk owns: its change goes over"
        ),
        pytest.param(
            "zendesk", "jira", "a", "b", ("a", "a"), ("a", "-"), id="zendesk owns: the bug's change is undone"
        ),
        pytest.param(
            "zendesk", "jira", None, "b", ("a", "b"), (None, "-"), id="zendesk owns: emptied there, emptied here"
        ),
        pytest.param(
            "zendesk", "jira", "A", "a", None, ("-", "-"), id="zendesk owns: another spelling is no difference"
        ),
        pytest.param("jira", "jira", "old", "new", ("old", "old"), ("-", "new"), id="jira owns: its change goes over"),
        pytest.param("jira", "jira", "b", "a", ("a", "a"), ("-", "a"), id="jira owns: the ticket's change is undone"),
        pytest.param("both", "jira", "x", "a", ("a", "a"), ("x", "-"), id="both: only the ticket moved"),
        pytest.param("both", "zendesk", "a", "x", ("a", "a"), ("-", "x"), id="both: only the bug moved"),
        pytest.param("both", "jira", "x", "x", ("a", "a"), ("-", "-"), id="both moved to the same"),
        pytest.param("both", "jira", "x", "y", ("a", "a"), ("-", "y"), id="both moved: jira wins"),
        pytest.param("both", "zendesk", "x", "y", ("a", "a"), ("x", "-"), id="both moved: zendesk wins"),
        pytest.param("both", "jira", "x", "y", None, ("-", "y"), id="no base: jira wins"),
        pytest.param("both", "zendesk", "x", "y", None, ("x", "-"), id="no base: zendesk wins"),
        pytest.param("both", "zendesk", None, "y", None, ("-", "y"), id="no base: an empty ticket is filled"),
        pytest.param("both", "jira", "x", None, None, ("x", "-"), id="no base: an empty bug is filled"),
        pytest.param("both", "jira", "x", "y", ("x", "y"), ("-", "-"), id="an agreed difference stays"),
        pytest.param("both", "jira", None, "a", ("a", "a"), (None, "-"), id="both: emptied on the ticket"),
    ],
)
def test_one_value_on_each_side(
    owner: str, winner: str, there: Json, bug: Json, base: tuple[Json, Json] | None, expected: tuple[Json, Json]
) -> None:
    known = FieldBase(*base) if base is not None else None
    assert outcome(pair(spec(owner=owner, winner=winner), there, bug, known)) == expected


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("number", "5.0", "5"),
        ("number", "1e3", "1000"),
        ("number", "five", NoValue),
        ("date", "2026-03-02T00:00:00Z", "2026-03-02"),
        ("date", "soon", NoValue),
        ("labels", "two words", NoValue),
        ("text", "x", "x"),
    ],
)
def test_a_value_fits_the_bugs_field_or_says_why_not(kind: str, value: str, expected: object) -> None:
    field = spec(bug=kind)
    if expected is NoValue:
        with pytest.raises(NoValue, match=value.split(maxsplit=1)[0]):
            fits_bug(field, value)
    else:
        assert fits_bug(field, value) == expected


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("integer", "5.0", "5"),
        ("integer", "5.5", NoValue),
        ("checkbox", "Yes", "true"),
        ("checkbox", "no", "false"),
        ("tags", "Area_UI", "area_ui"),
        ("tags", "two words", NoValue),
        ("date", "2026-02-30", NoValue),
    ],
)
def test_a_value_fits_the_tickets_field_or_says_why_not(kind: str, value: str, expected: object) -> None:
    side = spec(ticket=kind).ticket
    if expected is NoValue:
        with pytest.raises(NoValue):
            fits_ticket(side, value)
    else:
        assert fits_ticket(side, value) == expected


def test_a_value_without_an_entry_in_the_map_stops_this_field_only_and_is_said_once() -> None:
    field = spec(to_bug={"a": "X"}, to_ticket={"x": "a"})
    paper = pair(field, "b", "X")
    plan = paper.carry_out()
    assert plan.remote == ()
    assert paper.bases[KEY].problem == "Field field: the map names no value for 'b'."
    assert paper.carry_out().actions == ()
    paper.tickets[1] = ticket(1, "a")
    paper.carry_out()
    assert paper.bases[KEY].problem == ""


def test_what_was_refused_waits_until_either_side_changes() -> None:
    paper = pair(spec(), "new", "old", FieldBase("old", "old", True, "refused", True, "new", "old"))
    assert paper.plan().remote == ()
    paper.tickets[1] = ticket(1, "newer")
    assert outcome(paper) == ("newer", "-")


def test_a_value_that_something_keeps_changing_back_is_written_twice_at_most() -> None:
    paper = pair(spec(), "a", "b", FieldBase("a", "a"))
    paper.own_writes = {("issue:1", "bugfield:customfield_1"): ("a", 2)}
    assert paper.carry_out().remote == ()
    assert "keeps changing it back" in paper.bases[KEY].problem


def test_a_field_that_jira_does_not_show_is_not_taken_for_empty() -> None:
    paper = pair(spec(owner="jira"), "a", "b")
    paper.issues["1"] = issue("1", None, "priority")
    plan = paper.plan()
    assert plan.remote == ()
    assert plan.waiting[0][0] == 1


def test_the_most_urgent_of_many_tickets_is_the_bugs_priority_and_lowering_one_lowers_it_as_far_as_the_others() -> None:
    field = priority()
    paper = Paper(
        field,
        {n: ticket(n, value, "priority") for n, value in ((1, "normal"), (2, "urgent"))},
        {"1": issue("1", "Medium", "priority")},
        [(1, "1"), (2, "1")],
    )
    paper.carry_out()
    assert paper.issues["1"].priority == "Highest"
    assert paper.tickets[1].priority == "normal"
    paper.carry_out()
    paper.tickets[2] = ticket(2, "low", "priority")
    paper.carry_out()
    assert (paper.issues["1"].priority, paper.tickets[1].priority) == ("Medium", "normal")
    paper.carry_out()
    assert paper.plan().actions == ()


@pytest.mark.parametrize(
    ("owner", "kept"),
    [
        pytest.param("both", "Highest", id="both: nobody changed the bug's, so it keeps it"),
        pytest.param("zendesk", "Low", id="zendesk owns: the bug shows what the tickets say that are left"),
    ],
)
def test_the_most_urgent_ticket_leaves_its_bug(owner: str, kept: str) -> None:
    paper = Paper(
        priority(owner),
        {n: ticket(n, value, "priority") for n, value in ((1, "low"), (2, "urgent"))},
        {"1": issue("1", "Medium", "priority")},
        [(1, "1"), (2, "1")],
    )
    settles(paper)
    assert paper.issues["1"].priority == "Highest"
    paper.pairs = [(1, "1")]
    settles(paper)
    assert (paper.issues["1"].priority, paper.tickets[1].priority) == (kept, "low")
    paper.issues["1"] = issue("1", "High", "priority")
    settles(paper)
    followed = ("High", "high") if owner == "both" else ("Low", "low")
    assert (paper.issues["1"].priority, paper.tickets[1].priority) == followed


def test_a_person_is_found_by_e_mail_first_and_then_by_the_table() -> None:
    field = spec("assignee", "assignee", "zendesk", to_bug={"tom@desk.example": "acc-9"})
    facts = Facts(accounts={"lena@desk.example": "acc-1", "tom@desk.example": None, "acc-9": "acc-9"})
    assert to_bug(field, "lena@desk.example", facts) == "acc-1"
    assert to_bug(field, "tom@desk.example", facts) == "acc-9"
    with pytest.raises(NoValue, match="add it to the map"):
        to_bug(field, "amy@desk.example", Facts(accounts={"amy@desk.example": None}))


def test_a_developer_whose_address_is_hidden_is_found_by_the_table() -> None:
    field = spec("assignee", "assignee", "jira", to_ticket={"hana@dev.example": "tom@desk.example"})
    facts = Facts(accounts={"hana@dev.example": "acc-1"}, account_names={"acc-1": "Hana"})
    assert to_ticket(field, "acc-1", facts) == "tom@desk.example"
    with pytest.raises(NoValue, match="Hana"):
        to_ticket(spec("assignee", "assignee", "jira"), "acc-1", facts)


# ---- lists -----------------------------------------------------------------------------------------------------


def tags(owner: str = "both") -> FieldSpec:
    """Tags and labels that begin with a_."""
    return spec("tags", "labels", owner, only=("a_",))


def lists(owner: str, there: list[Json], bug: list[Json], base: list[Json] | None) -> tuple[list[str], list[str]]:
    """(labels, tags) once the plan is carried out."""
    paper = pair(tags(owner), there, bug, None if base is None else FieldBase(None, base))
    paper.carry_out()
    return list(paper.issues["1"].labels), list(paper.tickets[1].tags)


@pytest.mark.parametrize(
    ("owner", "there", "bug", "base", "labels", "left"),
    [
        pytest.param(
            "both",
            ["a_x", "vip"],
            ["a_y", "own"],
            None,
            ["a_x", "a_y", "own"],
            ["a_x", "a_y", "vip"],
            id="both: new ones go over, others never",
        ),
        pytest.param(
            "both",
            ["vip"],
            ["a_x", "own"],
            ["a_x"],
            ["own"],
            ["vip"],
            id="both: taken off the ticket, taken off the bug",
        ),
        pytest.param(
            "both",
            ["a_x", "vip"],
            ["own"],
            ["a_x"],
            ["own"],
            ["vip"],
            id="both: taken off the bug, taken off the ticket",
        ),
        pytest.param(
            "zendesk", ["a_x"], ["a_y"], None, ["a_x", "a_y"], ["a_x"], id="zendesk owns: what the bug had stays"
        ),
        pytest.param(
            "zendesk", [], ["a_x", "a_y"], ["a_x"], ["a_y"], [], id="zendesk owns: what was ours is taken off"
        ),
        pytest.param(
            "zendesk", ["a_x"], [], ["a_x"], ["a_x"], ["a_x"], id="zendesk owns: what was taken off the bug comes back"
        ),
        pytest.param(
            "jira",
            ["a_x", "vip"],
            ["a_y"],
            None,
            ["a_y"],
            ["a_x", "a_y", "vip"],
            id="jira owns: what the ticket had stays",
        ),
        pytest.param("jira", ["a_x", "a_z"], [], ["a_x"], [], ["a_z"], id="jira owns: what was ours is taken off"),
        pytest.param("both", ["a_x"], ["A_X"], None, ["A_X"], ["a_x"], id="another spelling is the same member"),
    ],
)
def test_lists_are_merged_member_by_member(
    owner: str, there: list[Json], bug: list[Json], base: list[Json] | None, labels: list[str], left: list[str]
) -> None:
    assert lists(owner, there, bug, base) == (labels, left)


def test_a_tag_that_another_ticket_of_the_bug_still_has_stays_on_the_bug() -> None:
    paper = Paper(
        tags(),
        {1: ticket(1, [], "tags"), 2: ticket(2, ["a_x"], "tags")},
        {"1": issue("1", ["a_x"], "labels")},
        [(1, "1"), (2, "1")],
        {(1, "field"): FieldBase(None, ["a_x"]), (2, "field"): FieldBase(None, ["a_x"])},
    )
    paper.carry_out()
    assert paper.issues["1"].labels == ("a_x",)
    assert paper.tickets[1].tags == ()


# ---- what holds for all ----------------------------------------------------------------------------------------

WORDS = st.sampled_from([None, "a", "b", "c"])
LISTS = st.lists(st.sampled_from(["a_x", "a_y", "A_Y", "own", "a_z"]), max_size=4, unique_by=str.casefold)
OWNERS = st.sampled_from(["zendesk", "jira", "both"])
WINNERS = st.sampled_from(["zendesk", "jira"])
SHAPES = st.sampled_from([[(1, "1")], [(1, "1"), (2, "1")], [(1, "1"), (1, "2")], [(1, "1"), (2, "1"), (2, "2")]])


def settles(paper: Paper) -> None:
    """A few plans carried out leave nothing to do."""
    for _ in range(6):
        if not paper.carry_out().actions:
            return
    raise AssertionError(f"does not settle: {paper.plan().actions}")


@settings(max_examples=300, deadline=None)
@given(OWNERS, WINNERS, SHAPES, st.lists(WORDS, min_size=8, max_size=8))
def test_values_settle_whatever_people_do(
    owner: str, winner: str, shape: list[tuple[int, str]], words: list[str | None]
) -> None:
    paper = Paper(
        spec(owner=owner, winner=winner),
        {1: ticket(1, words[0]), 2: ticket(2, words[1])},
        {"1": issue("1", words[2]), "2": issue("2", words[3])},
        shape,
    )
    settles(paper)
    paper.tickets[1], paper.issues["1"] = ticket(1, words[4]), issue("1", words[5])
    settles(paper)
    paper.tickets[2] = ticket(2, words[6])
    settles(paper)
    if len(shape) == 1 and owner != "both":
        assert same(paper.tickets[1].fields.get("7"), paper.issues["1"].fields["customfield_1"])


@settings(max_examples=300, deadline=None)
@given(OWNERS, SHAPES, LISTS, LISTS, LISTS, LISTS)
def test_lists_settle_and_never_lose_what_is_not_theirs(
    owner: str,
    shape: list[tuple[int, str]],
    first: list[Json],
    second: list[Json],
    third: list[Json],
    fourth: list[Json],
) -> None:
    paper = Paper(
        tags(owner),
        {1: ticket(1, [*first, "vip"], "tags"), 2: ticket(2, second, "tags")},
        {"1": issue("1", [*third, "own"], "labels"), "2": issue("2", fourth, "labels")},
        shape,
    )
    settles(paper)
    paper.tickets[1] = ticket(1, [*second, "vip"], "tags")
    settles(paper)
    paper.issues["1"] = issue("1", [*fourth, "own"], "labels")
    settles(paper)
    assert "own" in paper.issues["1"].labels
    assert "vip" in paper.tickets[1].tags
    assert "vip" not in paper.issues["1"].labels


@settings(max_examples=200, deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-10_000, max_value=10_000))
def test_a_number_has_one_form(number: object) -> None:
    text = decimal(str(number))
    assert decimal(text) == text
    assert float(text) == float(str(number))
