"""The stories between a ticket and its bug, numbered, through real clients against the sandbox, on both deployments."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.core.model import LinkState
from syncd.sandbox.faults import Fault
from tests.scenarios.lab import NOVA, Deployment, Lab


def linked(lab: Lab, status: str = "hold", bug: str = "In Progress", resolution: str | None = None) -> tuple[int, str]:
    """A ticket and a bug that are linked and agreed."""
    ticket = lab.ticket("open" if status in ("hold", "new") else status)
    key = lab.bug()
    lab.link(ticket, key)
    lab.settle()
    if bug != "To Do":
        lab.moves(key, bug, resolution)
        lab.settle()
    return ticket, key


def fixed(lab: Lab) -> tuple[int, str]:
    """A linked ticket whose bug was just fixed: the ticket is open again."""
    ticket, key = linked(lab)
    lab.sandbox.jira.edit(lab.developer, key, fix_versions=["3.2"])
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    assert lab.status(ticket) == "open"
    return ticket, key


def confirmed(lab: Lab) -> tuple[int, str]:
    """A ticket that was solved after the fix; its bug is Closed."""
    ticket, key = fixed(lab)
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    lab.settle()
    assert lab.issue(key)["status"] == "Closed"
    return ticket, key


def test_01_a_new_ticket_linked_to_a_bug_in_to_do_goes_on_hold(lab: Lab) -> None:
    ticket, key = lab.ticket("new"), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    assert lab.status(ticket) == "hold"
    assert (lab.shown(ticket, "Engineering bug"), lab.shown(ticket, "Engineering status")) == (key, "To Do")
    assert len(lab.notes(ticket)) == 1


def test_02_a_bug_in_progress_leaves_the_held_ticket_and_changes_the_mirror(lab: Lab) -> None:
    ticket, key = linked(lab, bug="To Do")
    notes = len(lab.notes(ticket))
    lab.moves(key, "In Progress")
    lab.settle()
    assert (lab.status(ticket), lab.shown(ticket, "Engineering status")) == ("hold", "In Progress")
    assert len(lab.notes(ticket)) == notes


def test_03_a_fixed_bug_opens_the_held_ticket_with_one_note_that_names_the_version(lab: Lab) -> None:
    ticket, key = linked(lab)
    before = len(lab.notes(ticket))
    lab.sandbox.jira.edit(lab.developer, key, fix_versions=["3.2"])
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    notes = lab.notes(ticket)[before:]
    assert lab.status(ticket) == "open"
    assert len(notes) == 1
    assert "3.2" in notes[0]
    assert lab.shown(ticket, "Engineering fix version") == "3.2"


def test_04_a_verified_ticket_walks_the_bug_over_two_transitions_to_closed(lab: Lab) -> None:
    ticket, key = fixed(lab)
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    lab.settle()
    bug = lab.issue(key)
    assert (bug["status"], bug["resolution"]) == ("Closed", "Fixed")
    assert lab.status(ticket) == "solved"
    base = lab.links()[0].base
    assert base is not None
    assert base.stage == "confirmed"


@pytest.mark.parametrize("resolution", ["Won't Do", "Cannot Reproduce", "Incomplete"])
def test_05_06_a_declined_bug_opens_the_ticket_and_never_says_fixed(lab: Lab, resolution: str) -> None:
    ticket, key = linked(lab)
    lab.sandbox.jira.comment(lab.developer, key, "First I thought so, too.")
    lab.sandbox.advance(60)
    last = lab.sandbox.jira.comment(lab.developer, key, "We looked at it: it is meant to be so.")
    lab.settle()
    before = len(lab.notes(ticket))
    lab.moves(key, "Done", resolution)
    lab.settle()
    notes = lab.notes(ticket)[before:]
    assert lab.status(ticket) == "open"
    assert len(notes) == 1
    assert resolution in notes[0]
    assert f"{key}?focusedCommentId={last}" in notes[0]
    assert "fixed" not in notes[0].lower().replace("will not be changed", "")
    assert key in notes[0]


def test_07_a_resolution_that_the_mapping_does_not_name_is_a_conflict_that_names_the_line(lab: Lab) -> None:
    ticket, key = linked(lab)
    lab.moves(key, "Done", "Known Error")
    lab.settle()
    assert lab.status(ticket) == "hold"
    assert lab.conflicts() == ["unmapped_status"]
    conflict = lab.links()[0].conflict
    assert conflict is not None
    assert "bug_is" in conflict.message
    assert "Known Error" in conflict.message
    assert lab.shown(ticket, "Engineering status") == "Done"


def test_08_the_tag_bug_not_fixed_sends_the_bug_back_with_a_comment_and_goes_away(lab: Lab) -> None:
    ticket, key = fixed(lab)
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["bug_not_fixed"])
    lab.settle()
    assert lab.issue(key)["status"] == "To Do"
    assert len(lab.bug_comments(key)) == 1
    assert "bug_not_fixed" not in lab.sandbox.zendesk.ticket_state(ticket=ticket)["tags"]
    assert lab.conflicts() == []


def test_09_a_customers_answer_is_not_buried_under_hold(lab: Lab) -> None:
    ticket, key = linked(lab, bug="To Do")
    lab.sandbox.zendesk.customer_replies(ticket=ticket, body="Any news?")
    lab.settle()
    assert lab.status(ticket) == "open"
    lab.moves(key, "In Progress")
    lab.settle()
    assert lab.status(ticket) == "open"
    assert lab.shown(ticket, "Engineering status") == "In Progress"


def test_10_a_pending_ticket_stays_pending_when_the_bug_starts(lab: Lab) -> None:
    ticket, key = linked(lab, status="pending", bug="To Do")
    lab.moves(key, "In Progress")
    lab.settle()
    assert lab.status(ticket) == "pending"


def test_11_thanks_on_a_solved_ticket_does_not_reopen_the_bug(lab: Lab) -> None:
    ticket, key = confirmed(lab)
    lab.sandbox.zendesk.customer_replies(ticket=ticket, body="thanks!")
    lab.settle()
    assert lab.issue(key)["status"] == "Closed"
    assert lab.status(ticket) == "open"
    assert len(lab.bug_comments(key)) <= 1


def test_12_an_agent_who_reopens_a_solved_ticket_sends_the_bug_back_with_the_reason(lab: Lab) -> None:
    ticket, key = confirmed(lab)
    lab.agent_sets(ticket, "open")
    lab.settle()
    assert lab.issue(key)["status"] == "To Do"
    assert lab.issue(key)["resolution"] is None
    assert any("reopened" in text for text in lab.bug_comments(key))
    assert lab.status(ticket) == "open"


def test_13_a_ticket_solved_while_the_bug_is_in_progress_is_said_and_left(lab: Lab) -> None:
    ticket, key = linked(lab)
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    lab.settle()
    assert lab.issue(key)["status"] == "In Progress"
    assert len(lab.bug_comments(key)) == 1
    before = len(lab.notes(ticket))
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    assert lab.status(ticket) == "solved"
    assert len(lab.notes(ticket)) == before + 1
    assert lab.issue(key)["status"] == "Done"


def test_14_a_bug_that_comes_back_is_listed_and_the_solved_ticket_is_not_reopened(lab: Lab) -> None:
    ticket, key = confirmed(lab)
    before = len(lab.notes(ticket))
    lab.moves(key, "Reopened")
    lab.settle()
    assert lab.status(ticket) == "solved"
    assert lab.conflicts() == ["bug_came_back"]
    assert len(lab.notes(ticket)) == before + 1


def test_15_a_closed_ticket_retires_its_link_and_is_never_written_to_again(lab: Lab) -> None:
    ticket, key = confirmed(lab)
    lab.sandbox.zendesk.close_solved(ticket=ticket)
    lab.settle()
    assert lab.links() == []
    lab.moves(key, "Reopened")
    assert [c for c in lab.during(lab.settle) if f"/tickets/{ticket}" in c["path"] and c["method"] != "GET"] == []


def test_16_solved_and_closed_during_an_outage_confirms_the_bug_and_retires_the_link(lab: Lab) -> None:
    ticket, key = linked(lab)
    lab.moves(key, "Done", "Fixed")
    lab.agent_sets(ticket, "open")
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    lab.sandbox.advance(5 * 86400)
    lab.sandbox.zendesk.close_solved(ticket=ticket)
    lab.settle()
    assert lab.status(ticket) == "closed"
    assert lab.issue(key)["status"] == "Closed"
    assert lab.links() == []


def test_17_done_and_solved_in_one_outage_walks_the_bug_to_closed(lab: Lab) -> None:
    ticket, key = linked(lab)
    lab.moves(key, "Done", "Fixed")
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    lab.settle()
    assert (lab.issue(key)["status"], lab.status(ticket)) == ("Closed", "solved")


def test_18_a_bug_with_two_tickets_waits_for_the_second(lab: Lab) -> None:
    first, key = linked(lab)
    second = lab.ticket("open")
    lab.link(second, key)
    lab.settle()
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    assert (lab.status(first), lab.status(second)) == ("open", "open")
    lab.sandbox.zendesk.solve(ticket=first, actor=lab.agent)
    written = lab.during(lambda: lab.cycle(8))
    assert [
        c for c in written if c["service"] == "jira" and "/transitions" in c["path"] and c["method"] == "POST"
    ] == []
    assert lab.issue(key)["status"] == "Done"
    lab.sandbox.zendesk.solve(ticket=second, actor=lab.agent)
    lab.settle()
    assert lab.issue(key)["status"] == "Closed"


def test_19_forty_tickets_of_a_released_bug_are_handed_back_at_the_learned_rate_urgent_first(lab: Lab) -> None:
    key = lab.bug()
    tickets = [lab.ticket("open", priority="urgent" if n >= 35 else "normal") for n in range(40)]
    for ticket in tickets:
        lab.link(ticket, key)
    lab.settle()
    lab.sandbox.zendesk.switches["tickets_update_limit"] = 10
    lab.sandbox.advance(120)
    before = len(lab.sandbox.ctx.journal.entries(0))
    lab.moves(key, "Done", "Fixed")
    report = lab.cycle(2)
    assert 0 < sum(report.waiting.values()) < 40
    lab.settle()
    assert {lab.status(ticket) for ticket in tickets} == {"open"}
    calls = [
        c
        for c in lab.sandbox.ctx.journal.entries(before)
        if c["method"] == "PUT" and c["path"].startswith("/api/v2/tickets/") and "status" in str(c["body"])
    ]
    order = [int(c["path"].rsplit("/", 1)[1]) for c in calls if c["status"] == 200]
    assert set(order[:5]) == set(tickets[35:])
    assert [c for c in calls if c["status"] == 429] == []
    assert len(order) == 40


def test_20_a_ticket_with_two_bugs_opens_once_when_both_are_fixed(lab: Lab) -> None:
    ticket, first = linked(lab)
    second = lab.bug("In Progress")
    lab.link(ticket, second)
    lab.settle()
    before = len(lab.notes(ticket))
    lab.moves(first, "Done", "Fixed")
    lab.settle()
    assert lab.status(ticket) == "hold"
    lab.moves(second, "Done", "Fixed")
    lab.settle()
    assert lab.status(ticket) == "open"
    assert len(lab.notes(ticket)) == before + 1


def test_21_a_merged_ticket_hands_its_link_to_the_target(lab: Lab) -> None:
    ticket, key = linked(lab)
    target = lab.ticket("open")
    lab.cycle()
    lab.sandbox.zendesk.merge(source=ticket, target=target, actor=lab.agent)
    lab.settle()
    links = lab.links()
    assert [(link.ticket_id, link.issue_key, link.state) for link in links] == [(target, key, LinkState.LIVE)]
    assert lab.shown(target, "Engineering bug") == key
    assert lab.conflicts() == []


@pytest.mark.parametrize("how", ["delete_ticket", "mark_as_spam"])
def test_22_a_deleted_ticket_is_a_conflict_once_with_a_comment_on_the_bug(lab: Lab, how: str) -> None:
    ticket, key = linked(lab)
    getattr(lab.sandbox.zendesk, how)(ticket=ticket, actor=lab.agent)
    lab.cycle(12)
    assert lab.conflicts() == ["ticket_gone"]
    assert len(lab.bug_comments(key)) == 1
    assert lab.issue(key)["status"] == "In Progress"


def test_25_a_bug_moved_to_a_project_with_a_route_follows_the_new_mapping(lab: Lab) -> None:
    ticket, key = linked(lab)
    new = lab.sandbox.jira.move_issue(lab.developer, key, "OPS")
    lab.settle()
    assert [(link.issue_key, link.route) for link in lab.links()] == [(new, "operations")]
    assert lab.shown(ticket, "Engineering bug") == new
    lab.moves(new, "Done", "Done")
    lab.settle()
    assert lab.status(ticket) == "open"


def test_26_a_bug_moved_to_an_unmapped_project_is_a_conflict_and_the_mirror_follows(
    tmp_path: Path, deployment: Deployment
) -> None:
    lab = Lab(tmp_path, deployment, routes=NOVA)
    ticket, key = linked(lab)
    before = len(lab.notes(ticket))
    new = lab.sandbox.jira.move_issue(lab.developer, key, "OPS")
    lab.cycle(9, seconds=450)  # the census went round: an hour
    assert lab.conflicts() == ["unmapped_project"]
    assert lab.shown(ticket, "Engineering bug") == new
    assert len(lab.notes(ticket)) == before + 1
    lab.moves(new, "Done", "Done")
    lab.cycle(8)
    assert (lab.status(ticket), lab.shown(ticket, "Engineering status")) == ("hold", "Done")


@pytest.mark.parametrize("how", ["deleted", "hidden"])
def test_27_a_bug_that_vanishes_is_a_conflict_with_a_note_once(lab: Lab, how: str) -> None:
    ticket, key = linked(lab)
    before = len(lab.notes(ticket))
    if how == "deleted":
        lab.sandbox.jira.delete_issue(lab.developer, key)
    else:
        lab.sandbox.jira.set_members("NOVA", [lab.developer])
    lab.cycle(9, seconds=450)  # the census went round: an hour
    assert lab.conflicts() == ["bug_gone"]
    assert len(lab.notes(ticket)) == before + 1
    assert lab.status(ticket) == "hold"


def test_28_a_duplicate_of_one_readable_bug_links_the_original_instead(lab: Lab) -> None:
    ticket, key = linked(lab)
    original = lab.bug("In Progress")
    lab.sandbox.jira.link_issues(lab.developer, "Duplicate", inward=key, outward=original)
    lab.moves(key, "Done", "Duplicate")
    lab.settle()
    assert [link.issue_key for link in lab.links()] == [original]
    assert lab.shown(ticket, "Engineering bug") == original
    assert lab.status(ticket) == "hold"


@pytest.mark.parametrize("same_audit", [True, False], ids=["in the same audit", "in an audit of its own"])
def test_29_a_trigger_that_sets_the_ticket_back_is_a_conflict_and_no_fight(lab: Lab, same_audit: bool) -> None:
    _ticket, key = linked(lab)
    lab.sandbox.zendesk.add_trigger(
        name="Keep on hold", on_status="open", set_status="hold", **({} if same_audit else {"later": True})
    )
    lab.moves(key, "Done", "Fixed")
    puts = [
        c
        for c in lab.during(lambda: lab.cycle(20))
        if (c["method"] == "PUT" and "'status': 'open'" in str(c["body"])) or '"status": "open"' in str(c["body"])
    ]
    assert lab.conflicts() == ["bounced"]
    conflict = lab.links()[0].conflict
    assert conflict is not None
    assert "Keep on hold" in conflict.message
    assert len(puts) <= 2


def test_30_a_jira_automation_that_reverses_the_walk_is_a_conflict_after_two_writes_at_most(lab: Lab) -> None:
    ticket, _key = fixed(lab)
    lab.sandbox.jira.add_automation("Automation for Jira", "Closed", "Done", "Fixed")
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    posts = [
        c
        for c in lab.during(lambda: lab.cycle(20))
        if c["service"] == "jira" and c["method"] == "POST" and c["path"].endswith("/transitions")
    ]
    assert lab.conflicts() == ["bounced"]
    assert len(posts) <= 4  # two transitions a walk, two walks at most


def test_32_a_required_field_that_is_not_configured_names_its_key_and_stops_nothing_else(lab: Lab) -> None:
    lab.sandbox.jira.change_transition("NOVA", "Close", screen=_screen())
    ticket, _key = fixed(lab)
    other, other_key = linked(lab)
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    lab.moves(other_key, "Done", "Fixed")
    lab.settle()
    conflict = next(link.conflict for link in lab.links() if link.ticket_id == ticket)
    assert conflict is not None
    assert "move_bug_to.fields.customfield_10300" in conflict.message
    assert lab.status(other) == "open"


def test_34_a_renamed_jira_status_stops_nothing_and_check_warns(lab: Lab) -> None:
    ticket, key = linked(lab, bug="To Do")
    lab.sandbox.jira.rename_status("In Progress", "Doing")
    routing = lab.app.refresh_routes()
    assert lab.app.engine.routes.stopped == {}
    assert any("Doing" in str(problem) for problem in routing.warnings)
    lab.moves(key, "Doing")
    lab.settle()
    assert lab.conflicts() == []
    assert lab.shown(ticket, "Engineering status") == "Doing"


def test_35_a_new_status_counts_by_its_category_and_a_new_done_status_is_a_conflict(lab: Lab) -> None:
    ticket, key = linked(lab, bug="To Do")
    lab.sandbox.jira.add_status("NOVA", "QA", "indeterminate")
    lab.sandbox.jira.add_status("NOVA", "Archived", "done")
    lab.moves(key, "QA")
    lab.settle()
    assert lab.conflicts() == []
    assert any("QA" in w for report in lab.reports for w in report.warnings)
    lab.moves(key, "Archived")
    lab.settle()
    assert lab.conflicts() == ["unmapped_status"]
    assert lab.status(ticket) == "hold"


def test_37_a_new_ticket_linked_to_a_closed_bug_is_open_with_a_note_and_the_bug_untouched(lab: Lab) -> None:
    ticket, key = lab.ticket("new"), lab.bug()
    lab.sandbox.jira.edit(lab.developer, key, fix_versions=["3.2"])
    lab.moves(key, "Closed", "Fixed")
    lab.link(ticket, key)
    lab.settle()
    assert lab.status(ticket) == "open"
    assert len(lab.notes(ticket)) == 1
    assert "3.2" in lab.notes(ticket)[0]
    assert "nown and fixed" in lab.notes(ticket)[0]
    assert lab.issue(key)["status"] == "Closed"


def test_38_a_fixed_ticket_put_on_hold_for_another_reason_is_left_alone(lab: Lab) -> None:
    ticket, _ = fixed(lab)
    lab.agent_sets(ticket, "hold")
    lab.settle()
    assert (lab.status(ticket), lab.conflicts()) == ("hold", [])


def test_40_a_humans_revert_between_our_write_and_our_commit_stays(lab: Lab) -> None:
    ticket, key = linked(lab)
    lab.moves(key, "Done", "Fixed")
    lab.sandbox.ctx.faults.add(_drop_after("zendesk", "PUT"))
    lab.cycle()
    assert lab.status(ticket) == "open"
    lab.agent_sets(ticket, "pending")
    lab.restart()
    lab.settle()
    assert lab.status(ticket) == "pending"
    assert len([n for n in lab.notes(ticket) if "Fixed" in n]) == 1


def test_41_a_key_that_an_agent_removes_retires_the_link_and_is_not_refilled(lab: Lab) -> None:
    ticket, _ = linked(lab)
    lab.sandbox.zendesk.set_field(ticket=ticket, actor=lab.agent, field="Engineering bug", value="")
    lab.settle()
    assert lab.links() == []
    assert not lab.shown(ticket, "Engineering bug")
    lab.cycle(8)
    assert not lab.shown(ticket, "Engineering bug")


def test_42_the_tag_syncd_off_takes_a_ticket_out_until_it_is_removed(lab: Lab) -> None:
    ticket, key = linked(lab)
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["syncd_off"])
    lab.cycle(2)
    lab.moves(key, "Done", "Fixed")
    assert [c for c in lab.during(lambda: lab.cycle(8)) if c["method"] == "PUT"] == []
    lab.sandbox.zendesk.remove_tags(ticket=ticket, actor=lab.agent, tags=["syncd_off"])
    lab.settle()
    assert lab.status(ticket) == "open"


def test_44_a_revoked_credential_that_answers_200_and_empty_concludes_nothing(lab: Lab) -> None:
    ticket, key = linked(lab)
    lab.sandbox.jira.switches["bad_token_search_200_empty"] = True
    lab.sandbox.jira.revoke(lab.seeded.jira_bot)
    report = lab.cycle(30)
    assert "jira" in report.problems
    assert lab.conflicts() == []
    assert lab.status(ticket) == "hold"
    lab.sandbox.jira.restore(lab.seeded.jira_bot)
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    assert lab.status(ticket) == "open"


def _screen() -> tuple[dict[str, object], ...]:
    return ({"id": "resolution", "required": True}, {"id": "customfield_10300", "required": True})


def _drop_after(service: str, method: str) -> Fault:
    return Fault(kind="drop_after", service=service, method=method, path=None, times=1, skip=0, args={})
