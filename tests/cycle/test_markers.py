"""Which markers a comment's text holds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncd.core.model import Actor, ActorKind, TicketChange
from syncd.core.ports import TicketEvent
from syncd.cycle.fetch import marked

AGENT = Actor(ActorKind.AGENT, "21")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("#plan: we wait", ("#plan",), id="at the beginning"),
        pytest.param("Here is our #Plan.", ("#plan",), id="in another case, before a full stop"),
        pytest.param("It is #planned", (), id="not within a longer word"),
        pytest.param("see issue8#plan", (), id="nor at the end of one"),
        pytest.param("#plan\u5df2\u5b8c\u6210", ("#plan",), id="before a text that has no spaces"),
        pytest.param("#root-cause and #plan", ("#plan", "#root-cause"), id="two of them"),
        pytest.param("", (), id="in no text"),
    ],
)
def test_a_marker_is_a_word_of_its_own(text: str, found: tuple[str, ...]) -> None:
    change = TicketChange(1, datetime(2026, 3, 2, tzinfo=UTC), AGENT, "comment", public=False)
    (event,) = marked([TicketEvent(1, 35, change, text)], ["#plan", "#root-cause"])
    assert event.change.markers == found
    assert event.text == ""
