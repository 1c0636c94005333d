"""An error that is no answer of a server: when its intent is tried again, looked for, or waits for a person."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncd.core.actions import RemoveTag
from syncd.executor.outcome import FAULTS_BEFORE_PARKING, InDoubt, Later, Outcome, Parked, unforeseen
from syncd.store import Intent, IntentState, StoreBusy, StoreFull, StoreUnreachable

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
READ_ONLY = "Zendesk can only be read at the moment"
SAME = "ValueError while it was carried out; the log has the details"
FULL = "StoreFull while it was carried out; the log has the details"
OFTEN = FAULTS_BEFORE_PARKING


def intent(attempts: int, last_error: str | None) -> Intent:
    """A write that was tried so often."""
    return Intent(
        id="6699e41075df7fc17c641141fe84fa67",
        kind="remove_tag",
        subject="ticket:5",
        destination="zendesk",
        action=RemoveTag(ticket_id=5, source="zendesk", reason="a bug was made", tag="create_bug"),
        state=IntentState.NEW,
        epoch=1,
        urgency=2,
        after=None,
        route="default",
        link_ids=(),
        floor=None,
        sent_at=None,
        attempts=attempts,
        next_at=AT,
        last_error=last_error,
        result=None,
        created_at=AT,
        done_at=None,
    )


@pytest.mark.parametrize(
    ("attempts", "last_error", "error", "is_sent", "expected"),
    [
        pytest.param(0, None, ValueError("x"), False, Later, id="the first time it is tried again"),
        pytest.param(0, None, ValueError("x"), True, InDoubt, id="what may have been sent is looked for"),
        pytest.param(OFTEN - 1, SAME, ValueError("x"), False, Later, id="a fault that lasts is tried ten times"),
        pytest.param(OFTEN, SAME, ValueError("x"), False, Parked, id="after that it waits for a person"),
        pytest.param(OFTEN, SAME, ValueError("x"), True, Parked, id="so does one that may have been sent"),
        pytest.param(
            OFTEN + 6,
            READ_ONLY,
            ValueError("x"),
            False,
            Later,
            id="one fault parks no write that only waited",
        ),
        pytest.param(OFTEN + 6, READ_ONLY, StoreFull("no room"), False, Later, id="a full store parks no write"),
        pytest.param(OFTEN + 6, FULL, StoreFull("no room"), True, InDoubt, id="nor does one that stays full"),
        pytest.param(OFTEN, None, StoreBusy("busy"), False, Later, id="a busy store parks no write"),
        pytest.param(OFTEN, None, StoreUnreachable("away"), False, Later, id="a store that is away parks no write"),
    ],
)
def test_an_unforeseen_error(
    attempts: int, last_error: str | None, error: Exception, is_sent: bool, expected: type[Outcome]
) -> None:
    assert type(unforeseen(intent(attempts, last_error), error, is_sent=is_sent)) is expected


def test_nothing_of_the_error_but_its_kind_is_kept() -> None:
    outcome = unforeseen(intent(0, None), ValueError("token s3cret"), is_sent=False)
    assert isinstance(outcome, Later)
    assert outcome.reason == SAME
