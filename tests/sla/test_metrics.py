"""When each metric starts, is met and is cancelled."""

from __future__ import annotations

import pytest

from syncd.core.model import Actor, ActorKind
from syncd.sla.observed import NOBODY_KNOWN
from syncd.sla.policy import Book
from syncd.sla.states import judge
from tests.sla.kit import ANN, BOB, CUSTOMER, DEV, TRIGGER, US, Told, rules, shown

NOW = "2026-03-31 00:00"
LEFT = Actor(ActorKind.UNKNOWN, "77")
"""Somebody who was deleted since."""


def runs(told: Told, book: Book, metric: str, subject: str = "") -> list[tuple[str, str, str]]:
    """(start, end, outcome) of each cycle; times of the day where the date is that of the story, 2026-03-02."""
    found = []
    for clock in told.clocks(book, NOW):
        cycle = clock.cycle
        if (cycle.metric, cycle.subject) == (metric, subject):
            times = [(shown(cycle.start) or "")[8:16], (shown(cycle.end) or "")[8:16]]
            found.append((*(time.removeprefix("02 ") for time in times), str(cycle.outcome or "open")))
    return [(start, end, outcome) for start, end, outcome in found]


def day(time: str) -> str:
    return f"2026-03-02 {time}"


def asked() -> Told:
    """A customer's ticket of nine o'clock."""
    return Told().created(day("09:00"), CUSTOMER)


FIRST = rules({"first_reply": "4h"})


@pytest.mark.parametrize(
    ("told", "end"),
    [
        pytest.param(asked(), ("", "open"), id="runs until somebody replies"),
        pytest.param(asked().says(day("10:00"), ANN), ("10:00", "met"), id="an agent's public comment"),
        pytest.param(asked().says(day("10:00"), ANN, public=False), ("", "open"), id="an internal note is no reply"),
        pytest.param(asked().says(day("10:00"), TRIGGER), ("", "open"), id="an automatic answer is no reply"),
        pytest.param(asked().says(day("10:00"), US), ("", "open"), id="what syncd writes is no reply"),
        pytest.param(
            asked().says(day("10:00"), CUSTOMER), ("", "open"), id="the customer's second comment is no reply"
        ),
        pytest.param(asked().change(day("10:00"), status="pending"), ("", "open"), id="a status is no reply"),
        pytest.param(asked().change(day("10:00"), status="solved"), ("10:00", "met"), id="solving meets it"),
        pytest.param(asked().change(day("10:00"), status="closed"), ("10:00", "met"), id="closing meets it"),
        pytest.param(asked().change(day("10:00"), status="deleted"), ("10:00", "cancelled"), id="deleting cancels it"),
        pytest.param(
            Told().created(day("09:00"), ANN), ("", "open"), id="what the agent writes on creating it is no reply"
        ),
        pytest.param(
            Told().created(day("09:00"), ANN).says(day("10:00"), ANN),
            ("10:00", "met"),
            id="the agent's second comment is",
        ),
        pytest.param(
            asked()
            .says(day("10:00"), ANN)
            .change(day("11:00"), status="solved")
            .says(day("12:00"), CUSTOMER, status="open"),
            ("10:00", "met"),
            id="a reopened ticket has no second first reply",
        ),
        pytest.param(
            Told().created(day("09:00"), ANN, requester=ANN.id).says(day("10:00"), ANN),
            ("", "open"),
            id="an agent who asks does not answer herself",
        ),
        pytest.param(
            Told().created(day("09:00"), ANN, requester=ANN.id).says(day("10:00"), BOB),
            ("10:00", "met"),
            id="another agent does",
        ),
        pytest.param(
            asked().change(day("09:30"), ANN, requester=ANN.id).says(day("10:00"), ANN),
            ("", "open"),
            id="whoever has become the requester asks",
        ),
        pytest.param(
            asked().says(day("10:00"), LEFT), ("10:00", "met"), id="somebody whose role nobody can tell any more"
        ),
        pytest.param(
            Told().created(day("09:00"), LEFT, requester=LEFT.id).says(day("10:00"), LEFT),
            ("", "open"),
            id="a customer who was deleted is no agent",
        ),
        pytest.param(asked().says(day("10:00"), NOBODY_KNOWN), ("", "open"), id="a comment without an author"),
    ],
)
def test_first_reply(told: Told, end: tuple[str, str]) -> None:
    assert runs(told, FIRST, "first_reply") == [("09:00", *end)]


NEXT = rules({"next_reply": "4h"})


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(asked().says(day("10:00"), CUSTOMER), [], id="before the first reply there is no next one"),
        pytest.param(
            asked().says(day("10:00"), ANN).says(day("11:00"), CUSTOMER).says(day("12:00"), CUSTOMER),
            [("11:00", "", "open")],
            id="the oldest unanswered comment counts",
        ),
        pytest.param(
            asked().says(day("10:00"), ANN).says(day("11:00"), CUSTOMER).says(day("12:00"), BOB),
            [("11:00", "12:00", "met")],
            id="any agent's public comment answers",
        ),
        pytest.param(
            asked().says(day("10:00")).says(day("11:00"), CUSTOMER).says(day("12:00")).says(day("13:00"), CUSTOMER),
            [("11:00", "12:00", "met"), ("13:00", "", "open")],
            id="each question has its own clock",
        ),
        pytest.param(
            Told()
            .created(day("09:00"), ANN, requester=ANN.id)
            .says(day("10:00"), BOB)
            .says(day("11:00"), ANN)
            .says(day("12:00"), BOB),
            [("11:00", "12:00", "met")],
            id="an agent who asks waits for another",
        ),
        pytest.param(
            asked().says(day("10:00")).says(day("11:00"), Actor(ActorKind.CUSTOMER, "32")).says(day("12:00")),
            [("11:00", "12:00", "met")],
            id="somebody in copy asks too",
        ),
        pytest.param(
            asked().says(day("10:00")).says(day("11:00"), CUSTOMER, public=False),
            [],
            id="a private remark asks nothing",
        ),
        pytest.param(
            asked().says(day("10:00"), status="solved").says(day("11:00"), CUSTOMER),
            [],
            id="thanks that leave the ticket solved wait for nothing",
        ),
        pytest.param(
            asked().says(day("10:00"), status="solved").says(day("11:00"), CUSTOMER, status="open"),
            [("11:00", "", "open")],
            id="a comment that reopens the ticket waits",
        ),
        pytest.param(
            asked().says(day("10:00")).says(day("11:00"), CUSTOMER).change(day("12:00"), status="solved"),
            [("11:00", "12:00", "met")],
            id="solving meets it",
        ),
    ],
)
def test_next_reply(told: Told, expected: list[tuple[str, str, str]]) -> None:
    assert runs(told, NEXT, "next_reply") == expected


def updates(**more: object) -> Book:
    return rules({"progress": "4h"}, {"progress": {"kind": "update", **more}})


@pytest.mark.parametrize(
    ("book", "told", "expected"),
    [
        pytest.param(updates(), asked(), [], id="nothing before the first reply"),
        pytest.param(
            updates(),
            asked().says(day("10:00")).says(day("12:00")),
            [("10:00", "12:00", "met"), ("12:00", "", "open")],
            id="every public comment ends a period and begins the next",
        ),
        pytest.param(
            updates(),
            asked().says(day("10:00")).says(day("12:00"), status="solved"),
            [("10:00", "12:00", "met")],
            id="a solution ends it and begins none",
        ),
        pytest.param(
            updates(),
            asked().says(day("10:00"), status="solved").says(day("11:00"), CUSTOMER, status="open").says(day("12:00")),
            [("12:00", "", "open")],
            id="after a reopening the next reply begins it",
        ),
        pytest.param(
            updates(),
            Told().created(day("09:00"), ANN, requester=ANN.id).says(day("10:00"), BOB).says(day("11:00"), ANN),
            [("10:00", "", "open")],
            id="what the agent writes who asked is no update",
        ),
        pytest.param(
            updates(counts="internal", first="created"),
            asked().says(day("10:00")).says(day("11:00"), public=False),
            [("09:00", "11:00", "met"), ("11:00", "", "open")],
            id="internal notes for management, from the beginning",
        ),
        pytest.param(
            updates(counts="any", by_assignee=True, first="assigned"),
            asked().change(day("10:00"), assignee="21").says(day("11:00"), BOB).says(day("12:00"), ANN, public=False),
            [("10:00", "12:00", "met"), ("12:00", "", "open")],
            id="only what the assignee notes counts",
        ),
        pytest.param(
            updates(counts="any", first="created"),
            asked().change(day("10:00"), status="solved").change(day("12:00"), BOB, status="open"),
            [("09:00", "10:00", "met"), ("12:00", "", "open")],
            id="a reopened ticket owes notes again",
        ),
    ],
)
def test_progress_updates(book: Book, told: Told, expected: list[tuple[str, str, str]]) -> None:
    assert runs(told, book, "progress") == expected


ACK = rules({"acknowledge": "30m"}, {"acknowledge": {"met_by": {"tags": ["seen"]}}})


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(asked(), [], id="nobody is assigned"),
        pytest.param(asked().change(day("10:00"), BOB, assignee="21"), [("10:00", "", "open")], id="Bob assigns Ann"),
        pytest.param(
            asked().change(day("10:00"), BOB, assignee="21").says(day("10:20"), ANN, public=False),
            [("10:00", "10:20", "met")],
            id="Ann writes a note",
        ),
        pytest.param(
            asked().change(day("10:00"), BOB, assignee="21").says(day("10:20"), BOB),
            [("10:00", "", "open")],
            id="what Bob does is not Ann's acknowledgement",
        ),
        pytest.param(
            asked()
            .change(day("10:00"), BOB, assignee="21")
            .linked(day("10:10"))
            .bug_touched(day("10:20"), by=Actor(ActorKind.AGENT, "21")),
            [("10:00", "", "open")],
            id="somebody in Jira whose id is the same is not Ann",
        ),
        pytest.param(
            asked().change(day("10:00"), BOB, assignee="21").change(day("10:20"), TRIGGER, tags="seen"),
            [("10:00", "10:20", "met")],
            id="a tag says so",
        ),
        pytest.param(
            asked().change(day("10:00"), ANN, assignee="21"), [("10:00", "10:00", "met")], id="Ann takes it herself"
        ),
        pytest.param(
            asked().change(day("10:00"), BOB, assignee="21").change(day("10:30"), BOB, assignee="23"),
            [("10:00", "10:30", "cancelled"), ("10:30", "", "open")],
            id="a reassignment starts anew",
        ),
        pytest.param(
            asked().change(day("10:00"), BOB, assignee="21").change(day("10:30"), BOB, assignee=None),
            [("10:00", "10:30", "cancelled")],
            id="taking the assignment back cancels it",
        ),
    ],
)
def test_acknowledgement_by_the_assignee(told: Told, expected: list[tuple[str, str, str]]) -> None:
    assert runs(told, ACK, "acknowledge") == expected


def checkpoint(**more: object) -> Book:
    return rules({"diagnosis": "8h"}, {"diagnosis": {"kind": "checkpoint", **more}})


MET_BY = {
    "tags": ["diagnosed"],
    "notes": ["#diagnosis"],
    "fields": [{"field": "field:77", "operator": "is", "value": "done"}],
}


@pytest.mark.parametrize(
    ("book", "told", "expected"),
    [
        pytest.param(checkpoint(met_by=MET_BY), asked(), [("09:00", "", "open")], id="from the ticket's creation"),
        pytest.param(
            checkpoint(met_by=MET_BY),
            asked().change(day("10:00"), tags="vip diagnosed"),
            [("09:00", "10:00", "met")],
            id="a tag",
        ),
        pytest.param(
            checkpoint(met_by=MET_BY),
            asked().change(day("10:00"), ANN, **{"field:77": "done"}),
            [("09:00", "10:00", "met")],
            id="a field",
        ),
        pytest.param(
            checkpoint(met_by=MET_BY),
            asked().says(day("10:00"), public=False, markers=("#diagnosis",)),
            [("09:00", "10:00", "met")],
            id="a note with the marker",
        ),
        pytest.param(
            checkpoint(met_by=MET_BY),
            asked().says(day("10:00"), CUSTOMER, markers=("#diagnosis",)),
            [("09:00", "", "open")],
            id="a customer's text with the marker says nothing",
        ),
        pytest.param(
            checkpoint(met_by=MET_BY),
            asked().change(day("10:00"), status="solved"),
            [("09:00", "10:00", "met")],
            id="a solution",
        ),
        pytest.param(
            checkpoint(met_by={**MET_BY, "solved": False}),
            asked().change(day("10:00"), status="solved"),
            [("09:00", "", "open")],
            id="a report is owed after the solution too",
        ),
        pytest.param(
            checkpoint(
                met_by=MET_BY, starts_when={"all": [{"field": "tags", "operator": "includes", "value": "escalated"}]}
            ),
            asked().change(day("10:00"), tags="escalated").change(day("11:00"), tags="escalated diagnosed"),
            [("10:00", "11:00", "met")],
            id="from the escalation",
        ),
    ],
)
def test_checkpoints(book: Book, told: Told, expected: list[tuple[str, str, str]]) -> None:
    assert runs(told, book, "diagnosis") == expected


def resolution(**options: str) -> Book:
    return rules({"resolution": "8h"}, options=options)


def reopened() -> Told:
    return asked().change(day("11:00"), status="solved").change(day("13:00"), CUSTOMER, status="open")


@pytest.mark.parametrize(
    ("book", "told", "expected", "elapsed"),
    [
        pytest.param(resolution(), reopened(), [("09:00", "", "open")], 6, id="continue: without the solved time"),
        pytest.param(resolution(reopen="count"), reopened(), [("09:00", "", "open")], 8, id="count: with it"),
        pytest.param(
            resolution(reopen="restart"),
            reopened(),
            [("09:00", "11:00", "met"), ("13:00", "", "open")],
            4,
            id="restart",
        ),
    ],
)
def test_options_of_reopening(book: Book, told: Told, expected: list[tuple[str, str, str]], elapsed: int) -> None:
    assert runs(told, book, "resolution") == expected
    last = [clock for clock in told.clocks(book, day("17:00")) if clock.cycle.metric == "resolution"][-1]
    assert last.elapsed == elapsed * 3600


@pytest.mark.parametrize(
    ("book", "outcome"),
    [
        pytest.param(resolution(), "cancelled", id="a merge cancels by default"),
        pytest.param(resolution(merge="meet"), "met", id="or meets, as in Zendesk"),
    ],
)
def test_options_of_merging(book: Book, outcome: str) -> None:
    told = asked().merged(day("10:00"))
    assert runs(told, book, "resolution") == [("09:00", "10:00", outcome)]
    assert judge(told.clock(book, NOW, "resolution")).state == outcome


BUG = rules(
    {"bug_first_action": "4h", "queue": "8h", "bug_untouched": "8h"},
    {"bug_first_action": {}, "queue": {"kind": "bug_stage", "stages": ["queued"]}, "bug_untouched": {}},
)


def linked() -> Told:
    return asked().linked(day("10:00"))


@pytest.mark.parametrize(
    ("metric", "told", "expected"),
    [
        pytest.param("bug_first_action", linked(), [("10:00", "", "open")], id="waits for a developer"),
        pytest.param(
            "bug_first_action",
            linked().bug_touched(day("11:00")),
            [("10:00", "11:00", "met")],
            id="a developer's comment",
        ),
        pytest.param(
            "bug_first_action",
            linked().bug_touched(day("11:00"), by=US),
            [("10:00", "", "open")],
            id="our own comment is none",
        ),
        pytest.param(
            "bug_first_action",
            linked().bug_assigned(day("11:00"), "dev-1", by=DEV).bug_moved(day("12:00"), "in_progress", 1),
            [("10:00", "11:00", "met")],
            id="taking it is an action",
        ),
        pytest.param(
            "bug_first_action", linked().unlinked(day("11:00")), [("10:00", "11:00", "cancelled")], id="an unlinked bug"
        ),
        pytest.param(
            "queue",
            linked().bug_moved(day("11:00"), "in_progress", 1).bug_moved(day("12:00"), "queued", 0),
            [("10:00", "11:00", "met"), ("12:00", "", "open")],
            id="each stay in a stage is a cycle",
        ),
        pytest.param(
            "bug_untouched",
            linked().bug_touched(day("11:00")).bug_moved(day("12:00"), "fixed", 3, done=True),
            [("10:00", "11:00", "met"), ("11:00", "12:00", "met")],
            id="a finished bug lies no more",
        ),
    ],
)
def test_the_bugs_own_clocks(metric: str, told: Told, expected: list[tuple[str, str, str]]) -> None:
    assert runs(told, BUG, metric, "B1") == expected


def test_each_bug_has_its_own_clock() -> None:
    told = linked().linked(day("10:30"), "B2", "OPS").bug_touched(day("11:00"), "B2")
    assert runs(told, BUG, "bug_first_action", "B1") == [("10:00", "", "open")]
    assert runs(told, BUG, "bug_first_action", "B2") == [("10:30", "11:00", "met")]


# ---- out of the bin ----------------------------------------------------------------------------------------------


def restored(told: Told, status: str = "open") -> Told:
    """Deleted at eleven, brought back at noon."""
    return told.change(day("11:00"), status="deleted").change(day("12:00"), status=status)


@pytest.mark.parametrize(
    ("told", "reply", "resolution"),
    [
        pytest.param(
            restored(asked()),
            [("09:00", "11:00", "cancelled"), ("12:00", "", "open")],
            [("09:00", "11:00", "cancelled"), ("12:00", "", "open")],
            id="nobody had answered",
        ),
        pytest.param(
            restored(asked().says(day("10:00"))),
            [("09:00", "10:00", "met")],
            [("09:00", "11:00", "cancelled"), ("12:00", "", "open")],
            id="it was answered before",
        ),
        pytest.param(
            restored(asked(), "solved"),
            [("09:00", "11:00", "cancelled")],
            [("09:00", "11:00", "cancelled")],
            id="brought back as solved",
        ),
    ],
)
def test_a_ticket_that_comes_back_has_its_clocks_again(
    told: Told, reply: list[tuple[str, str, str]], resolution: list[tuple[str, str, str]]
) -> None:
    book = rules({"first_reply": "4h", "resolution": "8h"})
    assert runs(told, book, "first_reply") == reply
    assert runs(told, book, "resolution") == resolution
