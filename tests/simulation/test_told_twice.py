"""How it is judged that nobody is told twice is judged itself, by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.simulation.invariants import repeated
from tests.simulation.invariants_bugs import said_in_turn
from tests.simulation.oracle import moment
from tests.simulation.variants import ACT_TAG

BOT, AGENT = 1, 2
ANSWER = "This ticket has a bug in NOVA already: NOVA-3. No other one was made."
OTHER = "NOVA-3 was deleted."


def stamp(at: int) -> str:
    """Zendesk's stamp of a second of the day."""
    return datetime.fromtimestamp(1_798_761_600 + at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ticket_with(*steps: tuple[int, str]) -> dict[str, Any]:
    """A ticket that this happened to: `asks` by an agent or `asks itself` by syncd, `takes` the tag off, or a note."""
    audits, comments, tags = [], [], ["vip"]
    for number, (at, what) in enumerate(steps):
        author, before = AGENT if what == "asks" else BOT, tags
        audit: dict[str, Any] = {"id": 10 * number, "created_at": stamp(at), "author_id": author, "events": []}
        if what in ("asks", "asks itself", "takes"):
            tags = ["vip"] if what == "takes" else ["vip", ACT_TAG]
            audit["events"] = [{"type": "Change", "field_name": "tags", "previous_value": before, "value": tags}]
        else:
            comments.append({"id": 10 * number + 1, "created_at": stamp(at), "author_id": BOT, "body": what})
        audits.append(audit)
    return {"audits": audits, "comments": comments}


@pytest.mark.parametrize(
    ("steps", "stirs", "is_told_twice"),
    [
        pytest.param([(0, "asks"), (9, ANSWER), (9, "takes")], [], False, id="one answer to one asking"),
        pytest.param(
            [(0, "asks"), (9, ANSWER), (9, "takes"), (9, "asks"), (600, ANSWER)],
            [],
            False,
            id="an answer to each of two askings, the second in the second of the first answer",
        ),
        pytest.param([(0, "asks"), (9, ANSWER), (600, ANSWER)], [], True, id="two answers to one asking"),
        pytest.param(
            [(0, "asks"), (9, ANSWER), (9, "takes"), (9, "asks"), (600, ANSWER), (700, ANSWER)],
            [],
            True,
            id="three answers to two askings",
        ),
        pytest.param(
            [(0, "asks"), (0, "takes"), (1, "asks"), (1, ANSWER), (600, ANSWER)],
            [],
            True,
            id="two askings before the first of two answers",
        ),
        pytest.param(
            [(0, "asks"), (9, ANSWER), (9, "takes"), (10, "asks itself"), (600, ANSWER)],
            [],
            True,
            id="an answer to a tag that syncd set",
        ),
        pytest.param(
            [(0, OTHER), (9, "asks"), (600, OTHER)], [], True, id="other words again, and somebody asked for a bug"
        ),
        pytest.param([(0, OTHER), (600, OTHER)], [300], False, id="other words again after a status changed"),
    ],
)
def test_the_same_words_need_a_stir_and_an_answer_an_asking(
    steps: list[tuple[int, str]], stirs: list[int], is_told_twice: bool
) -> None:
    ticket = ticket_with(*steps)
    said = said_in_turn(ticket, ticket["comments"], BOT)
    assert bool(repeated(said, [moment(stamp(at)) for at in stirs])) is is_told_twice
