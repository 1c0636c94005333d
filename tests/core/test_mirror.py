"""When a field of the mirror is left to whoever keeps changing it back: its history decides, not the count alone."""

from __future__ import annotations

import pytest

from syncd.config.ideal import START
from syncd.core.actions import NeedHistory, UpdateTicket
from syncd.core.mirror import MIRROR_WRITES, MOST_WRITES
from syncd.core.model import Actor, ActorKind, Link, Origin, TicketChange
from syncd.core.reconcile import reconcile
from syncd.core.world import World
from tests.core.given import SHOWN, issue_of, route_for, shipped, ticket_of

STATUS = SHOWN["status"]
WRITTEN, LEFT, ASKED = "written", "left alone", "the history is read"


def decided(times: int, history: str | None) -> str:
    """What becomes of a field that is to show 'To Do' and shows another text; `history`: its changes, newest first,
    ours as they are and a person's in brackets."""
    issue = issue_of("ENG-1")
    ticket = ticket_of(35, "hold", fields={STATUS: "another", SHOWN["bug"]: issue.key})
    link = Link(1, 35, issue.id, issue.key, "engineering", Origin.FIELD, START)
    changes = [
        TicketChange(
            100 - place,
            START,
            Actor(ActorKind.AGENT if word.startswith("(") else ActorKind.SELF),
            f"field:{STATUS}",
            after=word.strip("()"),
        )
        for place, word in enumerate((history or "").split(", "))
        if word
    ]
    world = World(
        (link,),
        {35: ticket},
        {issue.id: issue},
        {"engineering": route_for(shipped("default"))},
        own_writes={("ticket:35", f"field:{STATUS}"): ("To Do", times)},
        histories={} if history is None else {35: tuple(changes)},
    )
    plan = reconcile(world, START)
    if any(isinstance(action, UpdateTicket) and STATUS in action.fields for action in plan.actions):
        return WRITTEN
    return ASKED if NeedHistory(35) in plan.needs else LEFT if any("keeps" in text for text in plan.warnings) else ""


@pytest.mark.parametrize(
    ("times", "history", "expected"),
    [
        pytest.param(MIRROR_WRITES - 1, None, WRITTEN, id="once undone, it is written again, and nothing is read"),
        pytest.param(MIRROR_WRITES, None, ASKED, id="before it is left, the ticket's history is read"),
        pytest.param(MIRROR_WRITES, "(mine), To Do, (mine), To Do", LEFT, id="somebody undid it twice"),
        pytest.param(MIRROR_WRITES, "Done, To Do, (mine), To Do", WRITTEN, id="it was us, and a backup forgot it"),
        pytest.param(
            MIRROR_WRITES + 1, "(mine), To Do, Done, To Do, (mine), To Do", WRITTEN, id="undone once since then"
        ),
        pytest.param(
            MIRROR_WRITES + 1, "(mine), To Do, (mine), To Do, Done, To Do", LEFT, id="undone twice since then"
        ),
        pytest.param(MIRROR_WRITES, "TO DO, Done", LEFT, id="Zendesk keeps the text in another form"),
        pytest.param(MIRROR_WRITES, "", LEFT, id="the history does not reach back so far"),
        pytest.param(MOST_WRITES, "Done, To Do", LEFT, id="the writes since are answered and not carried out"),
    ],
)
def test_a_field_is_left_to_who_undoes_it(times: int, history: str | None, expected: str) -> None:
    assert decided(times, history) == expected
