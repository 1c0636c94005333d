"""The stories between a ticket and its bug, told on the mappings that come with the project."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.core.given import mapping_from, route_for, shipped
from tests.core.telling import Telling, stories_in

STORIES = stories_in(Path(__file__).parent / "stories")


@pytest.mark.parametrize("story", [pytest.param(text, id=name) for name, text in STORIES.items()])
def test_story(story: str) -> None:
    Telling(shipped("default")).tell(story)


def test_no_story_is_left_out() -> None:
    told = {int(name.split()[0]) for name in STORIES if name.split()[0].isdigit()}
    elsewhere = {19, 25, 26, 33, 34, 39}  # below
    assert told | elsewhere >= {*range(1, 32), *range(33, 43)}


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
            "given hold\n"
            """
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
            "given hold\n"
            """
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


@pytest.mark.parametrize(
    "story",
    [
        pytest.param(
            "given closed\n"
            """
            ENG-1 becomes OPS-8
            developer moves OPS-8 to To Do
            sync
            conflict 1 OPS-8 bug_came_back
            note on 1 says OPS-8
            1 is solved
            """,
            id="25 a closed bug begins anew in a project that has no such stage: it came back",
        ),
        pytest.param(
            "given closed\n"
            """
            ENG-1 becomes OPS-8
            developer moves OPS-8 to Done (Fixed)
            sync
            no conflict
            notes 1 = 2
            1 is solved
            """,
            id="25 a closed bug stays done in a project that has no such stage: nothing is new",
        ),
        pytest.param(
            """
            ticket 1 new
            bug ENG-1 To Do
            bug ENG-2 To Do
            link 1 ENG-1
            link 1 ENG-2
            sync
            developer moves ENG-1 to Done (Fixed)
            developer moves ENG-2 to Done (Fixed)
            sync
            agent sets 1 solved
            sync
            ENG-1 is Closed (Fixed)
            ENG-1 becomes OPS-8
            developer moves OPS-8 to To Do
            a write to ENG-2 is not settled
            sync
            1 and OPS-8 wait: another bug of its ticket
            every write is settled
            sync
            conflict 1 OPS-8 bug_came_back
            live 1 ENG-2
            """,
            id="25 a closed bug begins anew elsewhere while another bug of its ticket is written to: told afterwards",
        ),
        pytest.param(
            """
            ticket 1 new
            bug OPS-1 To Do
            link 1 OPS-1
            sync
            developer moves OPS-1 to Done (Fixed)
            sync
            agent sets 1 solved
            sync
            no conflict
            OPS-1 becomes ENG-8
            sync
            conflict 1 ENG-8 not_allowed
            ENG-8 is Done (Fixed)
            """,
            id="25 a solved ticket's bug moves to a project whose mapping does not allow that: a person is asked",
        ),
        pytest.param(
            """
            ticket 1 new
            bug OPS-1 To Do
            link 1 OPS-1
            sync
            agent sets 1 solved
            sync
            comments OPS-1 = 1
            OPS-1 becomes ENG-8
            sync
            no conflict
            """,
            id="25 what was said of a ticket that is solved too early is not said again in another project",
        ),
    ],
)
def test_story_of_a_project_with_fewer_stages(story: str) -> None:
    ops = route_for(shipped("simple"), key="OPS", name="operations")
    Telling(shipped("default"), ops).tell(story)


def test_story_26_a_route_that_is_added_later_ends_the_conflict() -> None:
    tale = Telling(shipped("default"))
    tale.tell("given hold\nENG-1 becomes NOVA-8\nsync\nconflict 1 NOVA-8 unmapped_project")
    tale.ideal.routes = {**tale.ideal.routes, "nova": route_for(mapping_from(OTHER_PROJECT), key="NOVA", name="nova")}
    tale.tell("sync\nno conflict\nlive 1 NOVA-8\n1 shows sync")


def test_story_7_the_line_that_the_conflict_named_ends_it() -> None:
    tale = Telling(shipped("simple"))
    tale.tell("given hold\ndeveloper moves ENG-1 to Done (Rejected)\nsync\nconflict 1 ENG-1 unmapped_status\n1 is hold")
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
    Telling(shipped("simple")).tell("given hold\n" + SIMPLE[number])


def test_story_11_a_customer_may_reopen_the_bug_where_the_mapping_says_so() -> None:
    tale = Telling(replace(shipped("default"), customer_reopens_bug=True))
    tale.tell("given closed\ncustomer answers 1\nsync\nENG-1 is To Do\n1 is open")


def test_story_34_a_renamed_status_stops_nothing() -> None:
    tale = Telling(shipped("default"))
    tale.tell("given hold\n")
    tale.ideal.edit_issue(tale.issue("ENG-1").id, status_name="Backlog")
    tale.tell("sync\n1 is hold\n1 shows status Backlog\nnotes 1 = 1\nno conflict")
