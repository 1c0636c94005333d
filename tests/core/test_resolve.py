"""A person settles a conflict: the side that is taken stays, nothing moves by itself afterwards."""

from __future__ import annotations

import pytest

from syncd.core.resolve import CannotResolve, resolve
from tests.core.given import mapping_from, shipped
from tests.core.telling import Telling
from tests.core.test_stories import BOTH_MOVED

FLAGGED = """
ticket 1 hold
bug ENG-1 To Do
link 1 ENG-1
sync
developer moves ENG-1 to In Progress
agent sets 1 pending
sync
developer moves ENG-1 to To Do
agent sets 1 open
sync
conflict 1 ENG-1 both_moved
"""


def settle(tale: Telling, number: str, key: str, take: str) -> None:
    """What the verb does: the plan of the decision, carried out."""
    tale.ideal.tick()
    tale.ideal.enqueue(resolve(tale.ideal.world(), tale.link_between(number, key), take, tale.ideal.now))
    tale.ideal.drain()


@pytest.mark.parametrize(
    ("take", "end"),
    [
        pytest.param("as-is", "1 is open\nENG-1 is To Do", id="both stay as they are"),
        pytest.param("bug", "1 is hold\nENG-1 is To Do", id="the ticket is set to what fits the bug"),
        pytest.param("ticket", "1 is open\nENG-1 is In Progress", id="the bug is moved to what fits the ticket"),
    ],
)
def test_a_decision_ends_the_conflict(take: str, end: str) -> None:
    tale = Telling(mapping_from(BOTH_MOVED.replace("POLICY", "flag")))
    tale.tell(FLAGGED)
    settle(tale, "1", "ENG-1", take)
    tale.tell(f"{end}\nsync\nno conflict\n{end}\nsync\nwrites = 0")


@pytest.mark.parametrize("order", [("ENG-1", "ENG-2"), ("ENG-2", "ENG-1")])
def test_taking_one_bug_as_it_is_moves_nothing_for_the_other(order: tuple[str, str]) -> None:
    tale = Telling(shipped("default"))
    tale.tell(
        """
        given closed
        bug ENG-2 In Progress
        link 1 ENG-2 adopted
        sync
        conflict 1 ENG-2 no_agreement
        developer moves ENG-1 to Reopened
        sync
        conflict 1 ENG-1 bug_came_back
        """
    )
    notes = len(tale.ideal.notes[1])
    for key in order:
        settle(tale, "1", key, "as-is")
        tale.tell("sync")
    tale.tell("no conflict\n1 is solved\nENG-1 is Reopened\nENG-2 is In Progress")
    assert len(tale.ideal.notes[1]) == notes


def test_nothing_is_written_to_a_closed_ticket() -> None:
    tale = Telling(shipped("default"))
    tale.tell("ticket 1 solved\nbug ENG-1 To Do\nlink 1 ENG-1\nsync\nconflict 1 ENG-1 no_agreement\nrule sets 1 closed")
    with pytest.raises(CannotResolve, match="closed"):
        settle(tale, "1", "ENG-1", "bug")
