"""Compiling a mapping for a project: names become ids, renames stop nothing, and the laws hold on ids too."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from syncd.config.compile import Compiled, compile_mapping
from syncd.config.load import parse_mapping
from syncd.core.mapping import NOTE, TicketSelector
from syncd.core.model import CustomStatus, DeskCatalog, ProjectCatalog, StatusInfo, TicketState

MakeProject = Callable[..., ProjectCatalog]

PLAIN = """
stages:
  queued:
    bug_is: [To Do]
    move_bug_to: To Do
    set_ticket: {open: hold}
    ticket_may_be: [open, hold]
  in_progress: {bug_is: In Progress}
  declined: {bug_is: {status: Done, resolution: [Won't Do, Duplicate]}}
  fixed: {bug_is: {status: Done, resolution: [Fixed, none]}}
"""


def compiled(
    text: str,
    project: ProjectCatalog | None = None,
    desk: DeskCatalog | None = None,
    bindings: Mapping[tuple[str, str], str] | None = None,
    issue_type: str | None = None,
) -> Compiled:
    mapping = parse_mapping(text)
    return compile_mapping(mapping, project=project, desk=desk, bindings=bindings, issue_type=issue_type)


def said(problems: object) -> str:
    assert isinstance(problems, tuple)
    return "\n".join(str(problem) for problem in problems)


def stage_name(result: Compiled, status_id: str, resolution_id: str | None = None) -> str | None:
    stage = result.mapping.stage_of_pair(status_id, resolution_id)
    return stage.name if stage else None


# ---- names and ids ----------------------------------------------------------------------------------------------


def test_names_become_the_ids_of_the_project(make_project: MakeProject) -> None:
    project = make_project(["To Do", "In Progress", "Done"], resolutions=["Fixed", "Won't Do", "Duplicate"])
    result = compiled(PLAIN, project)
    assert not result.errors
    assert not result.warnings
    assert [stage.name for stage in result.mapping.stages] == ["queued", "in_progress", "declined", "fixed"]
    assert [stage.rank for stage in result.mapping.stages] == [0, 1, 2, 3]
    assert stage_name(result, "1") == "queued"
    assert stage_name(result, "3", "10000") == "fixed"
    assert stage_name(result, "3", None) == "fixed"
    assert stage_name(result, "3", "10001") == "declined"
    assert stage_name(result, "3", "10009") is None
    target = result.mapping.stages[0].move_bug_to
    assert target is not None
    assert (target.status_id, target.status_name) == ("1", "To Do")
    assert result.bindings["status", "to do"] == "1"
    assert result.bindings["resolution", "won't do"] == "10001"


def test_offline_the_folded_names_are_the_ids() -> None:
    result = compiled(PLAIN)
    assert not result.errors
    assert not result.warnings
    assert stage_name(result, "to do") == "queued"
    assert stage_name(result, "done", "won't do") == "declined"
    assert [stage.done for stage in result.mapping.stages] == [False, False, True, True]
    assert not result.bindings


@pytest.mark.parametrize("written", ["to do", "TO  DO", "Ｔo Do", "1"])
def test_a_status_is_found_by_any_spelling_or_by_its_id(make_project: MakeProject, written: str) -> None:
    result = compiled(f"stages: {{queued: {{bug_is: '{written}'}}}}", make_project(["To Do"]))
    assert stage_name(result, "1") == "queued"
    assert not result.errors


def test_a_number_may_stand_for_an_id(make_project: MakeProject) -> None:
    result = compiled("stages: {queued: {bug_is: [1], move_bug_to: 1}}", make_project(["To Do"]))
    assert stage_name(result, "1") == "queued"
    assert not result.errors


def test_several_statuses_of_one_name_are_all_meant() -> None:
    project = ProjectCatalog(
        "ENG",
        "77",
        {"Task": (StatusInfo("1", "To Do", "new"),), "Bug": (StatusInfo("2", "to do", "new"),)},
        (),
    )
    text = "stages: {queued: {bug_is: To Do, move_bug_to: To Do}}"
    result = compiled(text, project, issue_type="Bug")
    assert (stage_name(result, "1"), stage_name(result, "2")) == ("queued", "queued")
    target = result.mapping.stages[0].move_bug_to
    assert target is not None
    assert target.status_id == "2"
    assert "several statuses" in said(result.warnings)
    assert result.bindings["status", "to do"] == "1,2"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param("{bug_is: To Do, move_bug_to: To Dos}", 'did you mean "To Do"?', id="a status to move to"),
        pytest.param(
            "{bug_is: Done, move_bug_to: {status: Done, resolution: Fixt}}", '"Fixed"', id="a resolution to move with"
        ),
        pytest.param(
            "{bug_is: Done, move_bug_to: {status: Done, path: [Nowhere]}}", "Nowhere", id="a status on the way"
        ),
    ],
)
def test_a_name_that_is_absent_is_an_error_where_bugs_are_moved(
    make_project: MakeProject, text: str, error: str
) -> None:
    result = compiled(f"stages: {{queued: {text}}}", make_project(["To Do", "Done"]))
    assert error in said(result.errors)


def test_elsewhere_an_absent_name_is_a_warning_once(make_project: MakeProject) -> None:
    text = "stages: {queued: {bug_is: [To Do, Reopend]}, fixed: {bug_is: {status: Reopend, resolution: [Fixt]}}}"
    result = compiled(text, make_project(["To Do", "Reopened"]))
    assert not result.errors
    assert said(result.warnings).count('no status "Reopend" in ENG; did you mean "Reopened"?') == 1
    assert 'no resolution "Fixt" in ENG; did you mean "Fixed"?' in said(result.warnings)


def test_a_stage_whose_resolutions_are_all_unknown_does_not_take_every_resolution(make_project: MakeProject) -> None:
    result = compiled("stages: {fixed: {bug_is: {status: Done, resolution: Fixt}}}", make_project(["Done"]))
    assert stage_name(result, "1", "10000") is None


# ---- renames ----------------------------------------------------------------------------------------------------


def test_a_renamed_status_is_found_again_and_the_new_name_is_told(make_project: MakeProject) -> None:
    before = compiled(PLAIN, make_project(["To Do", "In Progress", "Done"]))
    renamed = make_project(["Backlog", "In Progress", "Done"])
    after = compiled(PLAIN, renamed, bindings=before.bindings)
    assert not after.errors
    assert stage_name(after, "1") == "queued"
    assert 'The status "To Do" is now called "Backlog": write the new name here.' in said(after.warnings)
    assert after.bindings["status", "to do"] == "1"
    assert after.mapping.meaning == before.mapping.meaning


def test_without_a_binding_a_renamed_target_is_an_error(make_project: MakeProject) -> None:
    assert compiled(PLAIN, make_project(["Backlog", "In Progress", "Done"])).errors


def test_a_name_that_now_means_another_status_is_told(make_project: MakeProject) -> None:
    before = compiled(PLAIN, make_project(["To Do", "In Progress", "Done"]))
    swapped = make_project(["Backlog", "In Progress", "Done", "To Do"])
    after = compiled(PLAIN, swapped, bindings=before.bindings)
    assert stage_name(after, "4") == "queued"
    assert 'is now called "Backlog", and another one has its name' in said(after.warnings)


def test_a_binding_to_a_status_that_is_gone_is_of_no_use(make_project: MakeProject) -> None:
    result = compiled("stages: {queued: {bug_is: Old}}", make_project(["To Do"]), bindings={("status", "old"): "99,98"})
    assert 'no status "Old"' in said(result.warnings)


def test_two_names_that_lead_to_one_status_are_one_status(make_project: MakeProject) -> None:
    text = "stages: {queued: {bug_is: To Do}, in_progress: {bug_is: Backlog}}"
    result = compiled(text, make_project(["Backlog"]), bindings={("status", "to do"): "1"})
    assert "in stage queued already (line 1)" in said(result.errors)


# ---- what the project has besides -------------------------------------------------------------------------------


def test_statuses_and_resolutions_that_no_stage_names_are_warned_of(make_project: MakeProject) -> None:
    project = make_project(["To Do", "Backlog", "In Progress", "Done", "Closed"], resolutions=["Fixed", "Later"])
    warnings = said(compiled(PLAIN, project).warnings)
    assert 'status "Backlog": its category puts it into queued. Add it to stages.queued.bug_is.' in warnings
    assert 'status "Closed": a bug in it will be a conflict.' in warnings
    assert '"Done" with the resolution "Later" is in no stage' in warnings


def test_a_stage_is_done_when_all_its_statuses_are(make_project: MakeProject) -> None:
    text = "stages: {queued: {bug_is: [To Do, Done]}, fixed: {bug_is: [Closed]}, gone: {bug_is: [Nowhere]}}"
    result = compiled(text, make_project(["To Do", "Done", "Closed"]))
    assert [stage.done for stage in result.mapping.stages] == [False, True, False]
    assert "put them into two stages" in said(result.warnings)


@pytest.mark.parametrize(
    ("unmapped", "expected"),
    [
        pytest.param("", {"new": "queued", "indeterminate": "in_progress"}, id="by category"),
        pytest.param("unmapped: category", {"new": "queued", "indeterminate": "in_progress"}, id="the same, written"),
        pytest.param("unmapped: conflict", {}, id="a conflict"),
        pytest.param("unmapped: {new: in_progress}", {"new": "in_progress"}, id="by the stages' names"),
    ],
)
def test_a_status_without_a_stage_goes(unmapped: str, expected: dict[str, str]) -> None:
    assert compiled(PLAIN + unmapped).mapping.unmapped == expected


def test_a_category_is_led_to_the_stage_that_holds_its_statuses(make_project: MakeProject) -> None:
    text = "stages: {waiting: {bug_is: To Do}, busy: {bug_is: In Progress}, busier: {bug_is: In Review}}"
    result = compiled(text, make_project(["To Do", "In Progress", "In Review"]))
    assert result.mapping.unmapped == {"new": "waiting", "indeterminate": "busy"}


def test_statuses_that_no_stage_names_have_one_by_their_category_for_the_clocks(make_project: MakeProject) -> None:
    project = make_project(["To Do", "Backlog", "In Progress", "Done", "Closed"])
    mapping = compiled(PLAIN, project).mapping
    ids = {status.name: status.id for status in project.all_statuses()}
    found = {name: mapping.stage_for_clocks(ids[name], None) for name in ("To Do", "Backlog", "Closed")}
    assert {name: stage and stage.name for name, stage in found.items()} == {
        "To Do": "queued",
        "Backlog": "queued",
        "Closed": None,
    }
    assert mapping.stage_of_pair(ids["Backlog"], None) is None, "what is written goes by the mapping"


# ---- ticket statuses --------------------------------------------------------------------------------------------


def test_a_category_covers_its_customs_and_a_custom_only_itself(desk: DeskCatalog) -> None:
    text = """
stages:
  queued:
    bug_is: To Do
    set_ticket: {open: on-hold, Escalated: Fix ready}
"""
    stage = compiled(text, desk=desk).mapping.stages[0]
    assert stage.wants(TicketState("open", 2)) == TicketSelector("hold", "hold")
    assert stage.wants(TicketState("open", 6)) == TicketSelector("Fix ready", "open", 7)
    assert stage.wants(TicketState("pending", 3)) is None


@pytest.mark.parametrize(
    ("target", "error"),
    [
        pytest.param("Fix redy", 'did you mean "Fix ready"?', id="one that is absent"),
        pytest.param("Old one", "deactivated", id="one that is deactivated"),
        pytest.param("Fix ready", "", id="one that is there"),
    ],
)
def test_a_ticket_cannot_be_set_to(desk: DeskCatalog, target: str, error: str) -> None:
    result = compiled(f"stages: {{queued: {{bug_is: To Do, set_ticket: {{hold: {target}}}}}}}", desk=desk)
    assert (error in said(result.errors)) if error else not result.errors


def test_a_ticket_cannot_be_put_on_hold_where_the_account_has_no_such_status() -> None:
    desk = DeskCatalog(
        (CustomStatus(2, "Open", "open", default=True), CustomStatus(4, "On-hold", "hold", active=False))
    )
    result = compiled("stages: {queued: {bug_is: To Do, set_ticket: {open: hold}}}", desk=desk)
    assert "no active status in the category hold" in said(result.errors)


def test_a_custom_status_that_is_absent_is_a_warning_where_nothing_is_written(desk: DeskCatalog) -> None:
    text = """
stages:
  queued: {bug_is: To Do, move_bug_to: To Do, ticket_may_be: [Escalatd, open, hold]}
  fixed: {bug_is: Done}
when_ticket_moves: {fixed: {Escalatd: queued}}
"""
    result = compiled(text, desk=desk)
    assert not result.errors
    assert said(result.warnings).count('did you mean "Escalated"?') == 1
    assert result.mapping.stages[1].asks == ()


def test_offline_a_custom_status_is_told_apart_by_its_name() -> None:
    text = "stages: {queued: {bug_is: To Do, set_ticket: {Escalated: hold}, ticket_may_be: [hold, ESCALATED]}}"
    result = compiled(text)
    assert not result.errors
    assert "live check" in said(result.warnings)
    source = result.mapping.stages[0].set_ticket[0][0]
    may_be = result.mapping.stages[0].ticket_may_be
    assert may_be is not None
    assert source.custom_id == may_be[1].custom_id
    assert source.custom_id is not None
    assert source.custom_id < 0


def test_the_default_custom_status_is_what_writing_a_category_gives(desk: DeskCatalog) -> None:
    text = "stages: {{queued: {{bug_is: To Do, set_ticket: {{hold: open}}, ticket_may_be: [hold, {}]}}}}"
    assert not compiled(text.format("Open"), desk=desk).errors
    assert compiled(text.format("Escalated"), desk=desk).errors


# ---- moves ------------------------------------------------------------------------------------------------------


def test_what_a_ticket_asks_stands_with_its_stage_the_most_special_first() -> None:
    text = """
stages:
  queued: {bug_is: To Do, move_bug_to: To Do}
  fixed: {bug_is: Done}
when_ticket_moves:
  fixed:
    open: note
    solved->open: note
    open by customer: note
    solved→open by agent: queued
    tag:Bug_Not_Fixed: queued
many_tickets: {queued: all}
"""
    result = compiled(text)
    assert not result.errors
    asks = result.mapping.stages[1].asks
    assert [(move.key, outcome) for move, outcome in asks] == [
        ("tag:Bug_Not_Fixed", "queued"),
        ("solved→open by agent", "queued"),
        ("solved->open", NOTE),
        ("open by customer", NOTE),
        ("open", NOTE),
    ]
    tag, by_agent = asks[0][0], asks[1][0]
    assert tag.tag == "bug_not_fixed"
    assert by_agent.to == TicketSelector("open", "open")
    assert by_agent.frm == TicketSelector("solved", "solved")
    assert by_agent.by == "agent"
    assert [stage.quorum for stage in result.mapping.stages] == ["all", "any"]


def test_a_customers_reply_may_send_a_bug_back_where_the_mapping_says_so() -> None:
    text = """
stages:
  queued: {bug_is: To Do, move_bug_to: To Do}
  fixed: {bug_is: Done}
when_ticket_moves: {fixed: {solved→open: queued}}
"""
    assert "by agent" in said(compiled(text).errors)
    told = compiled(text + "customer_reopens_bug: true")
    assert not told.errors
    assert told.mapping.customer_reopens_bug


def test_a_plain_move_is_fine_where_the_customers_own_line_stands_beside_it() -> None:
    text = """
stages:
  queued: {bug_is: To Do, move_bug_to: To Do}
  fixed: {bug_is: Done}
when_ticket_moves: {fixed: {solved→open: queued, solved→open by customer: note}}
"""
    assert not compiled(text).errors


def test_a_quorum_that_nobody_asks_for_is_warned_of() -> None:
    assert "No ticket's move asks for queued" in said(compiled(PLAIN + "many_tickets: {queued: all}").warnings)


def test_what_a_target_needs_on_the_way_is_kept(make_project: MakeProject) -> None:
    text = """
stages:
  confirmed:
    bug_is: Closed
    move_bug_to: {status: closed, resolution: fixed, fields: {customfield_1: {value: x}}, path: [Verified]}
"""
    target = compiled(text, make_project(["Done", "Verified", "Closed"])).mapping.stages[0].move_bug_to
    assert target is not None
    assert target.path == ("2",)
    assert target.fields == {"customfield_1": {"value": "x"}}
    assert (target.status_name, target.resolution) == ("Closed", "Fixed")


# ---- meaning ----------------------------------------------------------------------------------------------------

MEANING = """
stages:
  queued: {bug_is: [To Do, Open], move_bug_to: To Do, ticket_may_be: [open, hold]}
  fixed: {bug_is: [{status: [Done, Closed], resolution: Fixed}]}
when_ticket_moves: {fixed: {solved→open by agent: queued, tag:again: note}}
"""


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        pytest.param("stages:", "# why\nstages:", True, id="a comment does not count"),
        pytest.param("[To Do, Open]", "[open, TO DO]", True, id="nor order and case of statuses"),
        pytest.param("[open, hold]", "[on-hold, Open]", True, id="nor order and spelling of ticket statuses"),
        pytest.param(
            "{status: [Done, Closed], resolution: Fixed}",
            "{status: Closed, resolution: [fixed]}, {status: Done, resolution: Fixed}",
            True,
            id="nor how pairs are put together",
        ),
        pytest.param(
            "{solved→open by agent: queued, tag:again: note}",
            "{tag:AGAIN: note, Solved -> Open by Agent: queued}",
            True,
            id="nor order and spelling of moves",
        ),
        pytest.param("when_ticket", "on_conflict: flag\nwhen_ticket", True, id="nor a default that is written"),
        pytest.param("when_ticket", "many_tickets: {queued: any}\nwhen_ticket", True, id="nor a default quorum"),
        pytest.param("when_ticket", "on_conflict: bug_wins\nwhen_ticket", False, id="a policy counts"),
        pytest.param("when_ticket", "many_tickets: {queued: all}\nwhen_ticket", False, id="a quorum counts"),
        pytest.param("when_ticket", "unmapped: conflict\nwhen_ticket", False, id="unmapped counts"),
        pytest.param("when_ticket", "customer_reopens_bug: true\nwhen_ticket", False, id="the customer counts"),
        pytest.param("[open, hold]", "any", False, id="what a ticket may be counts"),
        pytest.param("move_bug_to: To Do", "move_bug_to: Open", False, id="a target counts"),
        pytest.param("resolution: Fixed", "resolution: none", False, id="a resolution counts"),
        pytest.param("again: note", "again: queued", False, id="an outcome counts"),
    ],
)
def test_the_meaning_changes_with_what_is_asked_for_only(before: str, after: str, same: bool) -> None:
    changed = MEANING.replace(before, after)
    assert changed != MEANING
    assert (compiled(MEANING).mapping.meaning == compiled(changed).mapping.meaning) is same


def test_the_order_of_the_stages_is_their_progress_and_counts() -> None:
    one = compiled("stages: {a: {bug_is: To Do}, b: {bug_is: Done}}").mapping.meaning
    other = compiled("stages: {b: {bug_is: Done}, a: {bug_is: To Do}}").mapping.meaning
    assert one != other
