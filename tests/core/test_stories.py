"""The stories between a ticket and its bug, told on the mappings that come with the project."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.core.telling import Telling, mapping_from, route_for, shipped

GIVEN_HOLD = """
ticket 1 new
bug ENG-1 To Do
link 1 ENG-1
sync
1 is hold
"""
GIVEN_FIXED = (
    GIVEN_HOLD
    + """
developer moves ENG-1 to Done (Fixed)
sync
1 is open
"""
)
GIVEN_CLOSED = (
    GIVEN_FIXED
    + """
agent sets 1 solved
sync
ENG-1 is Closed (Fixed)
"""
)

STORIES = {
    "1 a new ticket linked to a bug in To Do goes on hold and shows the bug": """
        ticket 1 new
        bug ENG-1 To Do
        link 1 ENG-1
        sync
        1 is hold
        1 shows bug ENG-1
        1 shows status To Do
        notes 1 = 1
        comments ENG-1 = 0
        writes = 1
        no conflict
    """,
    "2 development starts: the ticket stays on hold, the mirror changes": GIVEN_HOLD
    + """
        developer moves ENG-1 to In Progress
        sync
        1 is hold
        1 shows status In Progress
        notes 1 = 1
        stage 1 ENG-1 = in_progress
        writes = 1
    """,
    "3 the bug is fixed in a version: the ticket is open again, with one note that names it": GIVEN_HOLD
    + """
        ENG-1 gets version 3.2
        developer moves ENG-1 to Done (Fixed)
        sync
        1 is open
        notes 1 = 2
        note on 1 says 3.2
        note on 1 says verify
        1 shows version 3.2
        no conflict
        writes = 1
    """,
    "4 the agent verifies and solves: the bug is closed": GIVEN_FIXED
    + """
        agent sets 1 solved
        sync
        ENG-1 is Closed (Fixed)
        1 is solved
        stage 1 ENG-1 = confirmed
        notes 1 = 2
        comments ENG-1 = 0
        no conflict
    """,
    "4 a bug that is done without a resolution is closed with the mapping's": GIVEN_HOLD
    + """
        developer moves ENG-1 to Done
        sync
        1 is open
        agent sets 1 solved
        sync
        ENG-1 is Closed (Done)
    """,
    "5 the bug will not be done: the ticket is open again, with the reason": GIVEN_HOLD
    + """
        developer moves ENG-1 to Done (Won't Do)
        sync
        1 is open
        note on 1 says Won't Do
        note on 1 says https://jira.example/browse/ENG-1
        no note on 1 says fixed
        no conflict
    """,
    "6 the bug cannot be reproduced: nobody is told that it is fixed": GIVEN_HOLD
    + """
        developer moves ENG-1 to Done (Cannot Reproduce)
        sync
        1 is open
        note on 1 says Cannot Reproduce
        no note on 1 says fix
    """,
    "6 the report is incomplete: nobody is told that it is fixed": GIVEN_HOLD
    + """
        developer moves ENG-1 to Done (Incomplete)
        sync
        1 is open
        note on 1 says Incomplete
        no note on 1 says fix
        agent tags 1 bug_not_fixed        # the agent has the missing information now
        sync
        ENG-1 is To Do
        comments ENG-1 = 1
    """,
    "7 a resolution that the mapping does not name: a conflict that names the line; the mirror is true": GIVEN_HOLD
    + """
        developer moves ENG-1 to Done (Rejected)
        sync
        1 is hold
        1 shows status Done
        conflict 1 ENG-1 unmapped_status
        conflict of 1 ENG-1 says {status: Done, resolution: [Rejected]}
        warning: Rejected
        agent sets 1 pending              # work goes on beside the conflict
        sync
        conflict 1 ENG-1 unmapped_status
        developer moves ENG-1 to Done (Fixed)
        sync
        no conflict
        1 is open
        1 shows sync
    """,
    "8 the agent tags bug_not_fixed: the bug goes back with a comment, the tag is taken off": GIVEN_FIXED
    + """
        agent tags 1 bug_not_fixed
        sync
        ENG-1 is To Do
        comments ENG-1 = 1
        comment on ENG-1 says bug\\_not\\_fixed
        comment on ENG-1 says Ann Agent
        tags 1 =
        1 is open
        notes 1 = 2
        no conflict
        developer moves ENG-1 to Done (Fixed)   # and the next fix is told again
        sync
        notes 1 = 3
        agent tags 1 bug_not_fixed
        sync
        ENG-1 is To Do
        comments ENG-1 = 2
    """,
    "9 the customer answers while the bug is in progress: the ticket is not put on hold over it": GIVEN_HOLD
    + """
        customer answers 1
        1 is open
        sync
        1 is open
        developer moves ENG-1 to In Progress
        sync
        1 is open
        1 shows status In Progress
        notes 1 = 1
        agent answers 1
        developer moves ENG-1 to To Do
        sync
        1 is hold                              # answered: it may wait for development again
    """,
    "9 an automatic reply is no answer to the customer": GIVEN_HOLD
    + """
        customer answers 1
        robot answers 1
        sync
        developer moves ENG-1 to In Progress
        sync
        1 is open
    """,
    "10 the ticket is pending on the customer when development starts: it stays pending": GIVEN_HOLD
    + """
        agent sets 1 pending
        sync
        developer moves ENG-1 to In Progress
        sync
        1 is pending
        no conflict
    """,
    "11 the customer says thanks on a solved ticket: a comment at most, the bug stays closed": GIVEN_CLOSED
    + """
        customer answers 1
        sync
        1 is open
        ENG-1 is Closed (Fixed)
        comments ENG-1 = 1
        notes 1 = 2
        no conflict
    """,
    "12 the agent reopens the ticket: the bug is back in the queue, with the reason": GIVEN_CLOSED
    + """
        agent sets 1 open
        sync
        ENG-1 is To Do
        comments ENG-1 = 1
        comment on ENG-1 says was reopened by Ann Agent
        1 is open
        no conflict
    """,
    "13 the ticket is solved while the bug is in progress: a comment; the fix is a note, not a reopening": GIVEN_HOLD
    + """
        developer moves ENG-1 to In Progress
        sync
        agent sets 1 solved
        sync
        comments ENG-1 = 1
        1 is solved
        no conflict
        notes 1 = 1
        developer moves ENG-1 to Done (Fixed)
        sync
        1 is solved
        notes 1 = 2
        ENG-1 is Done (Fixed)
        no conflict
    """,
    "13 solved without the fix, and declined afterwards": GIVEN_HOLD
    + """
        agent sets 1 solved
        sync
        developer moves ENG-1 to Done (Won't Do)
        sync
        1 is solved
        notes 1 = 2
        note on 1 says Won't Do
        no conflict
    """,
    "13 solved while the bug starts: one comment, no second story about it": GIVEN_HOLD
    + """
        developer moves ENG-1 to In Progress
        agent sets 1 solved
        sync
        comments ENG-1 = 1
        notes 1 = 1
        no conflict
    """,
    "13 solved without the fix and closed later: said once": GIVEN_HOLD
    + """
        agent sets 1 solved
        sync
        comments ENG-1 = 1
        rule sets 1 closed
        sync
        comments ENG-1 = 1
        retired 1 ENG-1
    """,
    "14 development reopens the bug of a solved ticket: a note and a conflict, no reopening": GIVEN_CLOSED
    + """
        developer moves ENG-1 to Reopened
        sync
        1 is solved
        notes 1 = 3
        note on 1 says came back
        conflict 1 ENG-1 bug_came_back
        1 shows status Reopened
        agent sets 1 open                       # the lead decides: the customer is affected
        sync
        no conflict
        1 shows sync
        ENG-1 is Reopened
    """,
    "14 development reopens the bug and fixes it again: the conflict is over": GIVEN_CLOSED
    + """
        developer moves ENG-1 to In Progress
        sync
        conflict 1 ENG-1 bug_came_back
        developer moves ENG-1 to Done (Fixed)
        sync
        no conflict
        1 is solved
    """,
    "15 solved, then closed by an automation: the link is over and nothing is written again": GIVEN_CLOSED
    + """
        4 days go by
        rule sets 1 closed
        sync
        retired 1 ENG-1
        writes = 0
        ENG-1 gets version 4.0
        developer moves ENG-1 to To Do
        sync
        writes = 0
        notes 1 = 2
    """,
    "16 solved and closed within an outage, the bug done: the bug is closed, then the link is over": GIVEN_HOLD
    + """
        developer moves ENG-1 to Done (Fixed)
        agent sets 1 open
        agent sets 1 solved
        rule sets 1 closed
        sync
        ENG-1 is Closed (Fixed)
        retired 1 ENG-1
        notes 1 = 1
    """,
    "16 closed within an outage while nobody fixed the bug: said on the bug, the link is over": GIVEN_HOLD
    + """
        agent sets 1 solved
        rule sets 1 closed
        sync
        comments ENG-1 = 1
        retired 1 ENG-1
        no conflict
    """,
    "16 closed within an outage, the bug in a state that no stage names: the link is over": GIVEN_HOLD
    + """
        developer moves ENG-1 to Done (Rejected)
        agent sets 1 solved
        rule sets 1 closed
        sync
        retired 1 ENG-1
    """,
    "17 the bug done and the ticket solved within one outage: the bug is closed": GIVEN_HOLD
    + """
        developer moves ENG-1 to Done (Fixed)
        agent sets 1 solved
        sync
        ENG-1 is Closed (Fixed)
        1 is solved
        notes 1 = 1
        no conflict
    """,
    "18 two tickets on one bug: it is closed when the second one is solved": """
        ticket 1 new
        ticket 2 new
        bug ENG-1 To Do
        link 1 ENG-1
        link 2 ENG-1
        sync
        developer moves ENG-1 to Done (Fixed)
        sync
        agent sets 1 solved
        sync
        ENG-1 is Done (Fixed)
        writes = 0
        sync
        writes = 0
        agent sets 2 solved
        sync
        ENG-1 is Closed (Fixed)
        writes = 3                              # the walk and two mirrors
        1 is solved
        2 is solved
        notes 1 = 2
        notes 2 = 2
    """,
    "18 the first ticket is closed before the second is solved: its vote goes with it": """
        ticket 1 new
        ticket 2 new
        bug ENG-1 To Do
        link 1 ENG-1
        link 2 ENG-1
        sync
        developer moves ENG-1 to Done (Fixed)
        sync
        agent sets 1 solved
        sync
        rule sets 1 closed
        sync
        ENG-1 is Done (Fixed)
        retired 1 ENG-1
        agent sets 2 solved
        sync
        ENG-1 is Closed (Fixed)
    """,
    "18 the customer takes the first ticket's vote back": """
        ticket 1 new
        ticket 2 new
        bug ENG-1 To Do
        link 1 ENG-1
        link 2 ENG-1
        sync
        developer moves ENG-1 to Done (Fixed)
        sync
        agent sets 1 solved
        sync
        customer answers 1
        sync
        agent sets 2 solved
        sync
        ENG-1 is Done (Fixed)
        agent sets 1 solved
        sync
        ENG-1 is Closed (Fixed)
    """,
    "18 one ticket sends the bug back: the other one hears of it": """
        ticket 1 new
        ticket 2 new
        bug ENG-1 To Do
        link 1 ENG-1
        link 2 ENG-1
        sync
        developer moves ENG-1 to Done (Fixed)
        sync
        agent tags 1 bug_not_fixed
        sync
        ENG-1 is To Do
        1 is open
        2 is hold
        no conflict
    """,
    "20 one ticket with two bugs: it is handed back when both are fixed, with one note": """
        ticket 1 new
        bug ENG-1 In Progress
        bug ENG-2 To Do
        link 1 ENG-1
        link 1 ENG-2
        sync
        1 is hold
        notes 1 = 1
        1 shows bug ENG-1, ENG-2
        developer moves ENG-2 to In Progress
        sync
        developer moves ENG-1 to Done (Fixed)
        sync
        1 is hold
        notes 1 = 1
        1 shows status Done, In Progress
        developer moves ENG-2 to Done (Fixed)
        sync
        1 is open
        notes 1 = 2
        note on 1 says ENG-2
        developer moves ENG-2 to In Progress    # not quite
        sync
        1 is hold
        developer moves ENG-2 to Done (Fixed)
        sync
        1 is open
        notes 1 = 4
    """,
    "20 one ticket with two bugs, solved while one is in progress: each bug is asked by its own stage": """
        ticket 1 new
        bug ENG-1 To Do
        bug ENG-2 In Progress
        link 1 ENG-1
        link 1 ENG-2
        sync
        developer moves ENG-1 to Done (Fixed)
        sync
        1 is hold
        agent sets 1 solved
        sync
        ENG-1 is Closed (Fixed)
        ENG-2 is In Progress
        comments ENG-2 = 1
        notes 1 = 1
        no conflict
    """,
    "20 a second bug is linked and taken away again: the first one's news is told again": """
        ticket 1 new
        bug ENG-1 To Do
        bug ENG-2 To Do
        link 1 ENG-1
        sync
        developer moves ENG-1 to Done (Fixed)
        sync
        1 is open
        agent writes ENG-1, ENG-2 into the link field of 1
        sync
        1 is hold
        live 1 ENG-2
        1 shows bug ENG-1, ENG-2
        agent writes ENG-1 into the link field of 1
        sync
        retired 1 ENG-2
        1 is open
        1 shows bug ENG-1
        no conflict
    """,
    "21 the ticket is merged: the link goes to the target, which shows the bug": GIVEN_HOLD
    + """
        ticket 2 open
        agent merges 1 into 2
        sync
        live 2 ENG-1
        2 shows bug ENG-1
        2 is open
        developer moves ENG-1 to Done (Fixed)
        sync
        notes 2 = 1
        no conflict
    """,
    "21 the ticket is merged into one that is linked already": GIVEN_HOLD
    + """
        ticket 2 open
        link 2 ENG-1
        sync
        agent merges 1 into 2
        sync
        retired 1 ENG-1
        live 2 ENG-1
    """,
    "21 merged while another ticket votes: the target's vote is waited for": """
        ticket 1 new
        ticket 2 new
        ticket 3 open
        bug ENG-1 To Do
        link 1 ENG-1
        link 2 ENG-1
        sync
        developer moves ENG-1 to Done (Fixed)
        sync
        agent merges 1 into 3
        agent sets 2 solved
        sync
        ENG-1 is Done (Fixed)
        live 3 ENG-1
        agent sets 3 solved
        sync
        ENG-1 is Closed (Fixed)
    """,
    "22 the ticket is deleted: one conflict and one comment, the bug is left alone": GIVEN_HOLD
    + """
        agent deletes 1
        sync
        conflict 1 ENG-1 ticket_gone
        comments ENG-1 = 1
        ENG-1 is To Do
        developer moves ENG-1 to In Progress
        sync
        conflict 1 ENG-1 ticket_gone
        comments ENG-1 = 1
        agent sets 1 hold                       # restored
        sync
        no conflict
    """,
    "23 the customer answers a closed ticket: the follow-up inherits the link, the bug is not moved": GIVEN_CLOSED
    + """
        rule sets 1 closed
        sync
        ticket 2 follows up 1 new
        sync
        live 2 ENG-1
        2 is new
        ENG-1 is Closed (Fixed)
        2 shows status Closed
        comments ENG-1 = 0
        no conflict
        agent tags 2 bug_not_fixed
        sync
        ENG-1 is To Do
    """,
    "23 a follow-up to a bug that is not done yet is not buried under hold": GIVEN_HOLD
    + """
        agent sets 1 solved
        rule sets 1 closed
        sync
        ticket 2 follows up 1 new
        sync
        live 2 ENG-1
        2 is new
        developer moves ENG-1 to In Progress
        sync
        2 is new
    """,
    "24 the bug comes back when the ticket is closed: said for the lead": GIVEN_CLOSED
    + """
        developer moves ENG-1 to To Do
        rule sets 1 closed
        sync
        retired 1 ENG-1
        warning: came back
        notes 1 = 2
    """,
    "27 the bug is deleted or hidden: one conflict and one note": GIVEN_HOLD
    + """
        ENG-1 disappears
        sync
        conflict 1 ENG-1 bug_gone
        notes 1 = 2
        1 is hold
        1 shows status To Do                    # what was known last
        agent sets 1 open
        sync
        conflict 1 ENG-1 bug_gone
        notes 1 = 2
    """,
    "28 resolved as a duplicate of one readable bug: the ticket follows the original": GIVEN_HOLD
    + """
        bug ENG-7 In Progress
        developer moves ENG-1 to Done (Duplicate)
        ENG-1 duplicates ENG-7
        sync
        retired 1 ENG-1
        live 1 ENG-7
        1 is hold
        1 shows bug ENG-7
        developer moves ENG-7 to Done (Fixed)
        sync
        1 is open
        note on 1 says ENG-7
    """,
    "28 two bugs that are duplicates of each other: no endless exchange": GIVEN_HOLD
    + """
        bug ENG-7 Done (Duplicate)
        ENG-7 duplicates ENG-1
        developer moves ENG-1 to Done (Duplicate)
        ENG-1 duplicates ENG-7
        sync
        retired 1 ENG-1
        live 1 ENG-7
        1 is open
    """,
    "28 a duplicate of a bug that cannot be read is declined": GIVEN_HOLD
    + """
        bug ENG-7 In Progress
        ENG-7 disappears
        developer moves ENG-1 to Done (Duplicate)
        ENG-1 duplicates ENG-7
        sync
        live 1 ENG-1
        1 is open
    """,
    "29 a trigger sets the ticket back: a conflict that names it, no second try": GIVEN_HOLD
    + """
        a trigger turns open into hold
        developer moves ENG-1 to Done (Fixed)
        sync
        1 is hold
        conflict 1 ENG-1 bounced
        conflict of 1 ENG-1 says Reopen on hold
        notes 1 = 2
        agent sets 1 open                       # a person settles it
        sync
        no conflict
        1 is open
    """,
    "30 a Jira automation reverses our walk: a conflict that names it, no second try": GIVEN_FIXED
    + """
        an automation turns Closed into Done (Fixed)
        agent sets 1 solved
        sync
        ENG-1 is Done (Fixed)
        conflict 1 ENG-1 bounced
        conflict of 1 ENG-1 says Reopen what is not reviewed
        1 is solved
    """,
    "30 a robot that works on with what we moved is no bounce": GIVEN_FIXED
    + """
        agent tags 1 bug_not_fixed
        sync
        ENG-1 is To Do
        robot moves ENG-1 to In Progress        # a branch was made
        sync
        no conflict
        stage 1 ENG-1 = in_progress
        robot moves ENG-1 to Done (Fixed)       # and merged
        sync
        no conflict
        note on 1 says Done
    """,
    "31 a walk that is not finished: its middle state flows to no ticket": """
        ticket 1 new
        ticket 2 new
        bug ENG-1 To Do
        link 1 ENG-1
        link 2 ENG-1
        sync
        a write to ENG-1 is not settled
        self moves ENG-1 to In Review
        sync
        writes = 0
        1 and ENG-1 wait: not settled yet
        1 shows status To Do
        every write is settled
        sync
        1 shows status In Review
    """,
    "35 a status that no stage names: its category decides, with a warning": GIVEN_FIXED
    + """
        developer moves ENG-1 to Triage
        sync
        warning: Triage
        1 is hold
        no conflict
    """,
    "35 a new status of the category done is a conflict": GIVEN_HOLD
    + """
        developer moves ENG-1 to Archived (Fixed)
        sync
        conflict 1 ENG-1 unmapped_status
        conflict of 1 ENG-1 says Archived
        1 shows status Archived
    """,
    "36 the bug's type changes: the mapping still applies": GIVEN_HOLD
    + """
        ENG-1 turns into a Sub-task
        developer moves ENG-1 to Done (Fixed)
        sync
        1 is open
        no conflict
    """,
    "37 a new ticket linked to a closed bug: known and fixed": """
        ticket 1 new
        bug ENG-1 Closed (Fixed)
        ENG-1 gets version 3.1
        link 1 ENG-1
        sync
        1 is open
        notes 1 = 1
        note on 1 says Known and fixed
        note on 1 says 3.1
        ENG-1 is Closed (Fixed)
        comments ENG-1 = 0
    """,
    "37 an open ticket linked to a bug that syncd closed: told as well": GIVEN_CLOSED
    + """
        ticket 2 open
        link 2 ENG-1
        sync
        2 is open
        notes 2 = 1
        note on 2 says Known and fixed
        ENG-1 is Closed (Fixed)
    """,
    "38 the agent holds the ticket for another reason while the bug is fixed: left alone": GIVEN_FIXED
    + """
        agent sets 1 hold
        sync
        1 is hold
        writes = 0
        no conflict
        developer moves ENG-1 to Verified (Fixed)
        sync
        1 is hold                               # another status of the same stage is no news
    """,
    "40 a person reverts our write before we took note of it: the person's value stays": GIVEN_HOLD
    + """
        developer moves ENG-1 to Done (Fixed)
        plan
        drain
        1 is open
        agent sets 1 hold
        sync
        1 is hold
        no conflict
    """,
    "41 the agent removes the key from the link field: the link is over, the field stays empty": GIVEN_HOLD
    + """
        agent clears the link field of 1
        sync
        retired 1 ENG-1
        1 shows bug
        1 shows status
        sync
        writes = 0
        agent writes ENG-1 into the link field of 1
        sync
        live 1 ENG-1
    """,
    "41 the key is removed though a tag still names it": """
        ticket 1 open link_eng-1
        bug ENG-1 To Do
        sync
        live 1 ENG-1
        1 shows bug ENG-1
        agent clears the link field of 1
        sync
        retired 1 ENG-1
        1 has no link
        1 shows bug
    """,
    "42 syncd_off: nothing is written meanwhile; afterwards reconciled from base": GIVEN_HOLD
    + """
        agent tags 1 syncd_off
        developer moves ENG-1 to Done (Fixed)
        sync
        1 is hold
        writes = 0
        1 shows status To Do
        agent untags 1 syncd_off
        sync
        1 is open
        1 shows status Done
        notes 1 = 2
    """,
    "42 a ticket that is taken out is not waited for": """
        ticket 1 new
        ticket 2 new
        bug ENG-1 To Do
        link 1 ENG-1
        link 2 ENG-1
        sync
        developer moves ENG-1 to Done (Fixed)
        sync
        agent tags 1 syncd_off
        agent sets 2 solved
        sync
        ENG-1 is Closed (Fixed)
    """,
    "an agent names a second bug in the link field: both are linked, nothing that was typed is lost": GIVEN_HOLD
    + """
        bug ENG-2 To Do
        agent writes ENG-1, ENG-2 and OPS-9 into the link field of 1
        sync
        live 1 ENG-1
        live 1 ENG-2
        1 shows bug ENG-1, ENG-2 and OPS-9
        warning: OPS-9
    """,
    "a ticket that is solved and a bug that starts within one outage": GIVEN_HOLD
    + """
        agent sets 1 solved
        developer moves ENG-1 to In Progress
        sync
        1 is solved
        comments ENG-1 = 1
        no conflict
    """,
    "the link is made while the ticket is solved and the bug is not done: a person looks": """
        ticket 1 solved
        bug ENG-1 To Do
        link 1 ENG-1
        sync
        conflict 1 ENG-1 no_agreement
        1 is solved
        notes 1 = 0
    """,
    "a link that is adopted is only observed": """
        ticket 1 open
        bug ENG-1 In Progress
        link 1 ENG-1 adopted
        sync
        1 is open
        notes 1 = 0
        stage 1 ENG-1 = in_progress
    """,
    "a link that is adopted beside another one changes nothing either": GIVEN_HOLD
    + """
        customer answers 1
        sync
        agent answers 1
        bug ENG-2 Done (Fixed)
        link 1 ENG-2 adopted
        sync
        1 is open
        notes 1 = 1
    """,
}


@pytest.mark.parametrize("story", [pytest.param(text, id=name) for name, text in STORIES.items()])
def test_story(story: str) -> None:
    Telling(shipped("default")).tell(story)


def test_story_19_forty_tickets_on_one_bug_are_all_handed_back() -> None:
    tale = Telling(shipped("default"))
    tale.tell("bug ENG-1 To Do")
    for number in range(1, 41):
        tale.tell(f"ticket {number} new\nlink {number} ENG-1")
    tale.tell("sync\ndeveloper moves ENG-1 to Done (Fixed)\nsync\nwrites = 40\nno conflict")
    for number in range(1, 41):
        tale.tell(f"{number} is open\nnotes {number} = 2")


OTHER_PROJECT = """
stages:
  waiting:
    bug_is: [To Do, In Progress]
    move_bug_to: To Do
    set_ticket: {new: pending, open: pending, hold: pending}
    ticket_may_be: [new, open, pending, hold]
  over:
    bug_is: [Done, Closed]
    set_ticket: {pending: open, hold: open}
    ticket_may_be: any
when_ticket_moves:
  waiting: {solved: note}
many_tickets: {}
unmapped: {new: waiting, indeterminate: waiting}
"""


@pytest.mark.parametrize(
    "story",
    [
        pytest.param(
            GIVEN_HOLD
            + """
            ENG-1 becomes NOVA-8
            sync
            1 shows bug NOVA-8
            live 1 NOVA-8
            developer moves NOVA-8 to Done
            sync
            1 is open
            note on 1 says NOVA-8
            """,
            id="25 the bug moves to another project with its own route: key, mirror and mapping follow",
        ),
        pytest.param(
            GIVEN_HOLD
            + """
            ENG-1 becomes OPS-8
            sync
            conflict 1 OPS-8 unmapped_project
            notes 1 = 2
            note on 1 says OPS
            1 shows bug OPS-8
            developer moves OPS-8 to In Progress
            sync
            1 shows status In Progress
            conflict 1 OPS-8 unmapped_project
            notes 1 = 2
            1 is hold
            OPS-8 becomes ENG-9
            sync
            no conflict
            1 shows bug ENG-9
            """,
            id="26 the bug moves to a project without a route: conflict and note, the mirror keeps following",
        ),
    ],
)
def test_story_of_two_projects(story: str) -> None:
    nova = route_for(mapping_from(OTHER_PROJECT), key="NOVA", name="nova")
    Telling(shipped("default"), nova).tell(story)


def test_story_26_a_route_that_is_added_later_ends_the_conflict() -> None:
    tale = Telling(shipped("default"))
    tale.tell(GIVEN_HOLD + "ENG-1 becomes NOVA-8\nsync\nconflict 1 NOVA-8 unmapped_project")
    tale.ideal.routes = {**tale.ideal.routes, "nova": route_for(mapping_from(OTHER_PROJECT), key="NOVA", name="nova")}
    tale.tell("sync\nno conflict\nlive 1 NOVA-8\n1 shows sync")


def test_story_7_the_line_that_the_conflict_named_ends_it() -> None:
    tale = Telling(shipped("simple"))
    tale.tell(
        GIVEN_HOLD + "developer moves ENG-1 to Done (Rejected)\nsync\nconflict 1 ENG-1 unmapped_status\n1 is hold"
    )
    tale.ideal.routes = {"engineering": route_for(shipped("default"))}
    tale.tell("sync\nconflict 1 ENG-1 unmapped_status")
    mended = mapping_from(OTHER_PROJECT)
    tale.ideal.routes = {"engineering": route_for(mended)}
    tale.tell("sync\nno conflict\n1 is open")


CUSTOM_MAPPING = """
stages:
  queued:
    bug_is: [To Do]
    move_bug_to: To Do
    set_ticket: {new: With engineering, open: With engineering, Escalated: hold}
    ticket_may_be: [new, open, pending, hold]
  fixed:
    bug_is: [Done]
    set_ticket: {hold: Fix ready, pending: Fix ready}
    ticket_may_be: [new, open, pending, hold]
  confirmed:
    bug_is: [Closed]
    move_bug_to: Closed
    set_ticket: {}
    ticket_may_be: any
when_ticket_moves:
  queued: {solved: note}
  fixed: {solved: confirmed, Escalated by agent: queued}
many_tickets: {}
unmapped: conflict
"""


@pytest.mark.parametrize(
    "story",
    [
        pytest.param(
            """
            ticket 1 open
            bug ENG-1 To Do
            link 1 ENG-1
            sync
            1 is With engineering
            developer moves ENG-1 to Done
            sync
            1 is Fix ready
            note on 1 says Done
            agent sets 1 open
            sync
            1 is open
            no conflict
            """,
            id="33 a custom status is written exactly, and any open one is accepted",
        ),
        pytest.param(
            """
            ticket 1 Escalated
            bug ENG-1 To Do
            link 1 ENG-1
            sync
            1 is hold
            """,
            id="33 a custom name beats its category",
        ),
        pytest.param(
            """
            ticket 1 open
            bug ENG-1 To Do
            link 1 ENG-1
            sync
            developer moves ENG-1 to Done
            sync
            1 is Fix ready
            agent sets 1 Escalated
            sync
            ENG-1 is To Do
            1 is Escalated
            comments ENG-1 = 1
            """,
            id="33 a move between two custom statuses of one category is a move",
        ),
        pytest.param(
            """
            ticket 1 On-hold
            bug ENG-1 To Do
            link 1 ENG-1
            sync
            1 is On-hold
            notes 1 = 0
            """,
            id="33 a status that fits by its category already is not written",
        ),
    ],
)
def test_story_33_custom_statuses(story: str) -> None:
    Telling(mapping_from(CUSTOM_MAPPING, custom=True), custom=True).tell(story)


BOTH_MOVED = """
stages:
  queued:
    bug_is: [To Do]
    move_bug_to: To Do
    set_ticket: {open: hold}
    ticket_may_be: [new, hold]
  working:
    bug_is: [In Progress]
    move_bug_to: In Progress
    set_ticket: {hold: pending}
    ticket_may_be: [new, open, pending]
when_ticket_moves: {}
many_tickets: {}
on_conflict: POLICY
unmapped: conflict
"""


@pytest.mark.parametrize(
    ("policy", "end"),
    [
        pytest.param(
            "bug_wins",
            """
            1 is hold
            ENG-1 is To Do
            note on 1 says ENG-1 is now To Do
            no conflict
            """,
            id="39 the bug wins: the ticket is set to what fits",
        ),
        pytest.param(
            "ticket_wins",
            """
            1 is open
            ENG-1 is In Progress
            no conflict
            """,
            id="39 the ticket wins: the bug is moved to the stage that fits",
        ),
        pytest.param(
            "flag",
            """
            1 is open
            ENG-1 is To Do
            conflict 1 ENG-1 both_moved
            note on 1 says Both moved
            sync
            writes = 0
            agent sets 1 hold
            sync
            1 is hold
            ENG-1 is To Do
            no conflict
            """,
            id="39 flagged: both stay, and moving either side settles it",
        ),
    ],
)
def test_story_39_both_moved(policy: str, end: str) -> None:
    mapping = mapping_from(BOTH_MOVED.replace("POLICY", policy))
    tale = Telling(mapping)
    tale.tell("ticket 1 hold\nbug ENG-1 To Do\nlink 1 ENG-1\nsync\n1 is hold\nnotes 1 = 0")
    tale.tell("developer moves ENG-1 to In Progress\nagent sets 1 pending\nsync\n1 is pending\nno conflict")
    tale.tell("developer moves ENG-1 to To Do\nagent sets 1 open\nsync")
    tale.tell(end)


SIMPLE = {
    "1": "",
    "2": """
        developer moves ENG-1 to In Progress
        sync
        1 is hold
        1 shows status In Progress
    """,
    "3": """
        developer moves ENG-1 to Done
        sync
        1 is open
        notes 1 = 2
    """,
    "5": """
        developer moves ENG-1 to Done (Won't Do)
        sync
        1 is open
        note on 1 says Won't Do
        no note on 1 says fix
    """,
    "8": """
        developer moves ENG-1 to Done
        sync
        agent tags 1 bug_not_fixed
        sync
        ENG-1 is To Do
        tags 1 =
    """,
    "9": """
        customer answers 1
        developer moves ENG-1 to In Progress
        sync
        1 is open
    """,
    "10": """
        agent sets 1 pending
        sync
        developer moves ENG-1 to In Progress
        sync
        1 is pending
    """,
    "11": """
        developer moves ENG-1 to Done
        sync
        agent sets 1 solved
        sync
        customer answers 1
        sync
        1 is open
        ENG-1 is Done
        comments ENG-1 = 1
    """,
    "12": """
        developer moves ENG-1 to Done
        sync
        agent sets 1 solved
        sync
        ENG-1 is Done
        agent sets 1 open
        sync
        ENG-1 is To Do
        comments ENG-1 = 1
    """,
    "13": """
        developer moves ENG-1 to In Progress
        sync
        agent sets 1 solved
        sync
        comments ENG-1 = 1
        developer moves ENG-1 to Done
        sync
        1 is solved
        notes 1 = 2
        no conflict
    """,
}


@pytest.mark.parametrize("number", SIMPLE)
def test_story_46_the_simplest_workflow_runs_story(number: str) -> None:
    Telling(shipped("simple")).tell(GIVEN_HOLD + SIMPLE[number])


def test_story_11_a_customer_may_reopen_the_bug_where_the_mapping_says_so() -> None:
    tale = Telling(replace(shipped("default"), customer_reopens_bug=True))
    tale.tell(GIVEN_CLOSED + "customer answers 1\nsync\nENG-1 is To Do\n1 is open")


def test_story_34_a_renamed_status_stops_nothing() -> None:
    tale = Telling(shipped("default"))
    tale.tell(GIVEN_HOLD)
    tale.ideal.edit_issue(tale.issue("ENG-1").id, status_name="Backlog")
    tale.tell("sync\n1 is hold\n1 shows status Backlog\nnotes 1 = 1\nno conflict")
