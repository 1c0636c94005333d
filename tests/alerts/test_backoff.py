"""What becomes of a letter after a try."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from syncd.alerts.backoff import GIVE_UP, INTERRUPTIONS, LONGEST_PAUSE, is_server, pause, settled
from syncd.alerts.ports import Fate, Outcome
from syncd.core.alert_model import Letter, Post

NOW = 1_000_000
LETTER = Letter("g", "lead", 1, "lead@example.org", "mail", "first", "<1@example.org>", b"x", NOW, NOW, tries=1, id=7)


@pytest.mark.parametrize(
    ("letter", "outcome", "state", "doubts"),
    [
        pytest.param(LETTER, Outcome(Fate.SENT), Post.SENT, 0, id="taken"),
        pytest.param(LETTER, Outcome(Fate.DEAD, "no such mailbox", 550), Post.DEAD, 0, id="refused for good"),
        pytest.param(LETTER, Outcome(Fate.RETRY, "greylisted", 451), Post.NEW, 0, id="not taken yet"),
        pytest.param(LETTER, Outcome(Fate.UNKNOWN, "lost"), Post.UNKNOWN, 1, id="nobody knows: once more"),
        pytest.param(
            replace(LETTER, doubts=1),
            Outcome(Fate.UNKNOWN, "lost"),
            Post.DEAD,
            2,
            id="nobody knows again",
        ),
        pytest.param(
            replace(LETTER, doubts=1),
            Outcome(Fate.RETRY, "greylisted", 451),
            Post.UNKNOWN,
            1,
            id="in doubt still",
        ),
        pytest.param(
            replace(LETTER, created=NOW - GIVE_UP - 1),
            Outcome(Fate.RETRY, "away"),
            Post.DEAD,
            0,
            id="too long",
        ),
        pytest.param(replace(LETTER, doubts=1), Outcome(Fate.SENT), Post.SENT, 1, id="taken at the second try"),
    ],
)
def test_after_a_try(letter: Letter, outcome: Outcome, state: Post, doubts: int) -> None:
    after = settled(letter, outcome, NOW)
    assert (after.state, after.doubts) == (state, doubts)
    assert (after.done_at is None) == (state in (Post.NEW, Post.UNKNOWN))
    assert (after.content, after.message_id) == (letter.content, letter.message_id)


def test_a_sender_that_keeps_dying_is_given_more_tries() -> None:
    letter = LETTER
    for _ in range(INTERRUPTIONS):
        letter = settled(letter, Outcome(Fate.UNKNOWN, "the sender ended"), NOW, resends=INTERRUPTIONS)
        assert letter.state is Post.UNKNOWN
    assert settled(letter, Outcome(Fate.UNKNOWN), NOW, resends=INTERRUPTIONS).state is Post.DEAD


def test_pauses_grow_are_bounded_and_the_same_each_time() -> None:
    pauses = [pause("<1@example.org>", tries) for tries in range(1, 20)]
    assert pauses == [pause("<1@example.org>", tries) for tries in range(1, 20)]
    assert 30 <= pauses[0] <= 38
    assert pauses[-1] <= LONGEST_PAUSE * 5 // 4
    assert all(later >= earlier for earlier, later in pairwise(pauses[:5]))
    assert len({pause(f"<{n}@example.org>", 5) for n in range(50)}) > 20, "not all at once"


def test_a_server_that_asks_for_patience_gets_it() -> None:
    assert pause("<1@example.org>", 1, asked=3600) == 3600


@pytest.mark.parametrize(
    ("outcome", "is_it"),
    [
        pytest.param(Outcome(Fate.RETRY, "connection refused"), True, id="no answer at all"),
        pytest.param(Outcome(Fate.RETRY, "shutting down", 421), True, id="421 closes the whole connection"),
        pytest.param(Outcome(Fate.RETRY, "greylisted", 451), False, id="451 is about this letter"),
        pytest.param(Outcome(Fate.SENT), False, id="taken"),
        pytest.param(Outcome(Fate.DEAD, "no", 550), False, id="refused"),
    ],
)
def test_whether_it_is_the_server_or_the_letter(outcome: Outcome, is_it: bool) -> None:
    assert is_server(outcome) is is_it
