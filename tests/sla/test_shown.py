"""What ticket fields show of clocks."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.core.model import Json
from syncd.sla.shown import MISSING_OPTION, chosen, shown
from syncd.sla.states import judge
from tests.sla.kit import CUSTOMER, Told, rules

BOOK = rules(
    {
        "next_reply": {"goals": {"any": "2h"}, "calendar": "always"},
        "resolution": {"goals": {"any": "8h"}, "calendar": "always", "pause_in": ["pending"]},
    },
    {"next_reply": {}, "resolution": {}, "measured": {"kind": "resolution", "calendar": "always"}},
    holders=[
        {"party": "customer", "when": {"all": [{"field": "status", "operator": "is", "value": "pending"}]}},
        {"party": "L2", "team": "North"},
    ],
)
ZONE = "Asia/Shanghai"


def value(
    told: Told, now: str, metric: str, what: str, kind: str = "text", options: dict[str, str] | None = None
) -> Json:
    judged = [(clock, judge(clock)) for clock in told.clocks(BOOK, now)]
    return shown(what, kind, ZONE, options or {}, chosen(metric, judged))


def life() -> Told:
    """Created at 09:00, waiting for the customer from 12:00, back at 13:00, solved at 20:00."""
    told = Told().created("2026-03-02 09:00", CUSTOMER).change("2026-03-02 12:00", status="pending")
    return told.change("2026-03-02 13:00", status="open").change("2026-03-02 20:00", status="solved")


@pytest.mark.parametrize(
    ("now", "what", "kind", "expected"),
    [
        pytest.param("11:00", "due", "text", "2026-03-03 01:00 +0800", id="due, in the zone of the field"),
        pytest.param("11:00", "due", "date", "2026-03-03", id="due as a date there"),
        pytest.param("12:30", "due", "text", None, id="no due instant while it rests"),
        pytest.param("19:00", "due", "text", "2026-03-03 02:00 +0800", id="when it was due, once it is late"),
        pytest.param("21:00", "due", "text", None, id="nothing is due of a solved ticket"),
        pytest.param("11:00", "state", "text", "running", id="running"),
        pytest.param("14:30", "state", "text", "at risk (yellow)", id="at risk"),
        pytest.param("12:30", "state", "text", "paused", id="paused"),
        pytest.param("19:00", "state", "text", "breached", id="late"),
        pytest.param("12:30", "remaining", "text", "5h", id="what is left while it rests"),
        pytest.param("12:30", "remaining", "integer", 300, id="in minutes for a number"),
        pytest.param("11:00", "remaining", "integer", None, id="no number that would change by the minute"),
        pytest.param("11:00", "holder", "text", "L2 North", id="who has the ball"),
        pytest.param("12:30", "holder", "text", "customer", id="the customer has it"),
        pytest.param("21:00", "holder", "text", None, id="nobody has it any more"),
    ],
)
def test_what_is_shown_of_the_resolution(now: str, what: str, kind: str, expected: Json) -> None:
    assert value(life(), f"2026-03-02 {now}", "resolution", what, kind) == expected


@pytest.mark.parametrize(
    ("what", "options", "expected"),
    [
        pytest.param("state", {"running": "sla_ok"}, "sla_ok", id="a state by its name"),
        pytest.param("holder", {"l2_north": "north"}, "north", id="a holder as Zendesk spells options"),
        pytest.param("state", {"paused": "x"}, MISSING_OPTION, id="no option for it"),
    ],
)
def test_a_list_shows_its_options(what: str, options: dict[str, str], expected: Any) -> None:
    assert value(life(), "2026-03-02 11:00", "resolution", what, "tagger", options) == expected


def test_of_several_clocks_the_open_one_shows_else_the_last() -> None:
    told = Told().created("2026-03-02 09:00", CUSTOMER).says("2026-03-02 10:00").says("2026-03-02 11:00", CUSTOMER)
    told.says("2026-03-02 14:00").says("2026-03-02 15:00", CUSTOMER)
    assert value(told, "2026-03-02 13:30", "next_reply", "state") == "breached"
    assert value(told, "2026-03-02 14:30", "next_reply", "state") == "breached", "met too late"
    assert value(told, "2026-03-02 15:30", "next_reply", "state") == "running", "the next one"


def test_a_clock_that_is_only_measured_shows_nothing() -> None:
    assert value(life(), "2026-03-02 11:00", "measured", "state") is None
    assert value(life(), "2026-03-02 11:00", "unheard_of", "due") is None
