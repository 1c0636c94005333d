"""What the simulation found, one test for each: the design was wrong there, and is not any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.sandbox.faults import Fault
from tests.scenarios.lab import MIRROR, OPS, Deployment, Lab
from tests.scenarios.test_create import bugs

STATUS = "Engineering status"

ROUTE = f"""\
  - name: novabrain
    project: NOVA
    mapping: default
    mirror: {MIRROR}
    create: {{act_tag: to_engineering}}
"""


@pytest.fixture
def lab(tmp_path: Path, deployment: Deployment) -> Lab:
    """One route that makes bugs and carries what is tagged."""
    return Lab(tmp_path, deployment, routes=ROUTE)


def test_a_ticket_that_asked_for_a_bug_while_its_route_did_not_run_gets_one_later(lab: Lab) -> None:
    lab.link(lab.ticket(), lab.bug())
    lab.settle()
    ticket = lab.ticket()
    lab.settle()
    lab.sandbox.jira.set_members("NOVA", lab.seeded.developers.values())
    lab.restart()
    assert not lab.app.engine.routes.running
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["to_engineering"])
    lab.cycle(2)
    lab.sandbox.jira.set_members("NOVA", None)
    lab.restart()
    lab.cycle(complete=True)
    lab.settle()
    assert [link.ticket_id for link in lab.links()].count(ticket) == 1


def silent(lab: Lab, service: str) -> None:
    """A server does not answer from now on."""
    lab.sandbox.ctx.faults.add(Fault("drop_before", service=service, times=-1))


def test_what_zendesk_defines_is_remembered_also_when_jira_did_not_answer_then(lab: Lab) -> None:
    with lab.app.store.transaction() as tx:
        tx.set_fact("catalog.desk", None, lab.clock.now())
    silent(lab, "jira")
    lab.app.refresh_routes()
    lab.sandbox.ctx.faults.clear()
    silent(lab, "zendesk")
    lab.app.refresh_routes()
    assert list(lab.app.engine.routes.running) == ["novabrain"]


def test_a_key_is_not_taken_for_removed_while_its_route_does_not_run(lab: Lab) -> None:
    ticket, key = pair(lab)
    assert lab.shown(ticket, "Engineering bug") == key
    with lab.app.store.transaction() as tx:
        tx.set_fact("catalog.desk", None, lab.clock.now())
    silent(lab, "zendesk")
    lab.app.refresh_routes()
    lab.sandbox.ctx.faults.clear()
    assert not lab.app.engine.routes.running
    lab.agent_sets(ticket, "pending")
    lab.cycle(2)
    assert [link.state for link in lab.links()] == ["live"]


def test_a_key_of_a_route_that_came_late_is_found_by_the_next_complete_pass(tmp_path: Path) -> None:
    """Also when new tickets were stored since the last one."""
    lab = Lab(tmp_path, "cloud", routes=ROUTE + OPS)
    pair(lab)
    ticket, other = lab.ticket(), lab.bug(project="OPS")
    lab.sandbox.jira.set_members("OPS", lab.seeded.developers.values())
    lab.restart()
    with lab.app.store.transaction() as tx:
        tx.set_fact("catalog.OPS", None, lab.clock.now())
    lab.restart()
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=[f"link_{other.lower()}"])
    lab.cycle(complete=True)
    lab.ticket()
    lab.cycle()
    lab.sandbox.jira.set_members("OPS", None)
    lab.restart()
    lab.cycle(complete=True)
    assert len(lab.links()) == 2


def delayed(lab: Lab, service: str, method: str, path: str) -> None:
    """The next such write has to wait."""
    away = Fault("status", service=service, method=method, path=path, times=1)
    away.args.update({"status": 429, "body": "Too many requests", "headers": {"Retry-After": "40"}})
    lab.sandbox.ctx.faults.add(away)


def pair(lab: Lab) -> tuple[int, str]:
    """A ticket and a bug that are linked and quiet."""
    ticket, key = lab.ticket(), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    return ticket, key


def test_a_comment_that_is_taken_back_while_its_note_waits_cannot_be_read_on_the_ticket(lab: Lab) -> None:
    ticket, key = pair(lab)
    comment = lab.sandbox.jira.comment(lab.developer, key, "words in anger")
    delayed(lab, "zendesk", "PUT", r"/tickets/\d+")
    lab.cycle()
    lab.sandbox.jira.delete_comment(lab.developer, comment)
    lab.cycle(5)
    lab.settle()
    assert not [note for note in lab.notes(ticket) if "anger" in note]


def test_a_word_that_is_blacked_out_while_its_comment_waits_cannot_be_read_on_the_bug(lab: Lab) -> None:
    ticket, key = pair(lab)
    comment = lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="#bug the key is s3cret")
    delayed(lab, "jira", "POST", r"/comment$")
    lab.cycle()
    lab.sandbox.zendesk.redact(ticket=ticket, comment=comment, actor=lab.agent, text="s3cret")
    lab.cycle(5)
    lab.settle()
    (copy,) = lab.bug_comments(key)
    assert "s3cret" not in copy


def test_a_bug_that_is_hidden_while_it_waits_for_a_comment_refused_nothing(
    tmp_path: Path, deployment: Deployment
) -> None:
    """When it can be seen again, what was to be said is said, once. The other project answers meanwhile, so that the
    cycle goes on."""
    lab = Lab(tmp_path, deployment, routes=ROUTE + OPS)
    ticket, key = pair(lab)
    lab.sandbox.jira.set_members("NOVA", [lab.developer])
    lab.agent_sets(ticket, "solved")
    lab.cycle()
    assert lab.conflicts() == ["bug_gone"]
    lab.sandbox.jira.set_members("NOVA", None)
    lab.cycle(12, seconds=60)
    assert lab.conflicts() == []
    (said,) = lab.bug_comments(key)
    assert "set to solved" in said
    lab.agent_sets(ticket, "open")
    lab.settle()
    assert lab.conflicts() == []


@pytest.mark.parametrize("speaker", ["an agent", "syncd"])
@pytest.mark.parametrize("fault", ["late", "drop_before", "drop_after"])
def test_a_comment_whose_answer_was_lost_is_there_once_though_its_bug_was_hidden_meanwhile(
    tmp_path: Path, deployment: Deployment, fault: str, speaker: str
) -> None:
    """That nobody could look says nothing of the request, which may still be running when the bug is seen again."""
    lab = Lab(tmp_path, deployment, routes=ROUTE + OPS)
    ticket, key = pair(lab)
    args = {"seconds": 50} if fault == "late" else {}
    lab.sandbox.ctx.faults.add(Fault(fault, service="jira", method="POST", path=r"/comment$", args=args))
    if speaker == "an agent":
        lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="#bug once only", public=False)
    else:
        lab.agent_sets(ticket, "solved")
    lab.cycle()
    lab.sandbox.jira.set_members("NOVA", [lab.developer])
    lab.cycle(seconds=6)
    lab.sandbox.jira.set_members("NOVA", None)
    lab.cycle(3, seconds=10, complete=True)
    lab.cycle(12, seconds=60)
    (said,) = lab.bug_comments(key)
    assert ("once only" if speaker == "an agent" else "set to solved") in said


def test_what_is_no_longer_so_when_a_bug_can_be_seen_again_is_not_said(tmp_path: Path, deployment: Deployment) -> None:
    lab = Lab(tmp_path, deployment, routes=ROUTE + OPS)
    ticket, key = pair(lab)
    lab.sandbox.jira.set_members("NOVA", [lab.developer])
    lab.agent_sets(ticket, "solved")
    lab.cycle()
    lab.agent_sets(ticket, "open")
    lab.cycle()
    lab.sandbox.jira.set_members("NOVA", None)
    lab.cycle(12, seconds=60)
    assert (lab.conflicts(), lab.bug_comments(key)) == ([], [])


def sent_back_late(folder: Path, deployment: Deployment) -> tuple[Lab, str]:
    """A fixed bug whose ticket sends it back: Jira is to carry syncd's request out 30 s late."""
    lab = Lab(folder, deployment, routes=OPS)
    ticket, key = lab.ticket(), lab.bug("Done", "Fixed", project="OPS")
    lab.link(ticket, key)
    lab.settle()
    late = Fault("late", service="jira", method="POST", path=r"/transitions$", times=1, args={"seconds": 30.0})
    lab.sandbox.ctx.faults.add(late)
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["bug_not_fixed"])
    lab.cycle()
    return lab, key


def test_a_move_that_ours_came_on_top_of_unseen_is_a_conflict(tmp_path: Path, deployment: Deployment) -> None:
    """Jira has no compare-and-swap: a request that it carries out late may bury what a developer did meanwhile."""
    lab, key = sent_back_late(tmp_path, deployment)
    lab.sandbox.jira.force_status(lab.developer, key, "In Progress", None)
    lab.cycle(12)
    lab.settle()
    assert lab.issue(key)["status"] == "To Do"
    assert lab.conflicts() == ["overwritten"]


@pytest.mark.parametrize(
    ("name", "conflicts"),
    [
        pytest.param("Hana Sato", [], id="their maker, who has decided"),
        pytest.param("Yusuf Demir", ["overwritten"], id="another developer, who cannot know"),
    ],
)
def test_a_move_that_ours_came_on_top_of_is_asked_about_until_its_maker_moves_the_bug_again(
    tmp_path: Path, deployment: Deployment, name: str, conflicts: list[str]
) -> None:
    lab, key = sent_back_late(tmp_path, deployment)
    lab.sandbox.jira.force_status(lab.developer, key, "Done", "Won't Do")
    lab.cycle(2)
    assert lab.issue(key)["status"] == "To Do"
    lab.sandbox.advance(6)  # who moves a bug as soon as syncd has is taken for a robot
    lab.sandbox.jira.force_status(lab.seeded.developers[name], key, "In Progress", None)
    lab.cycle(12)
    lab.settle()
    assert (lab.issue(key)["status"], lab.conflicts()) == ("In Progress", conflicts)


def test_a_bug_that_jira_is_busy_with_is_moved_later_and_not_said_to_be_out_of_reach(
    tmp_path: Path, deployment: Deployment
) -> None:
    lab = Lab(tmp_path, deployment, routes=OPS)
    ticket, key = lab.ticket(), lab.bug("Done", "Fixed", project="OPS")
    lab.link(ticket, key)
    lab.settle()
    busy = Fault("transition_conflict", service="jira", method="POST", path=r"/transitions$", times=9)
    lab.sandbox.ctx.faults.add(busy)
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["bug_not_fixed"])
    lab.cycle(30)
    lab.settle()
    assert lab.conflicts() == []
    assert lab.issue(key)["status"] == "To Do"


def test_a_customer_who_writes_after_the_link_was_made_and_before_it_was_carried_stays_in_sight(lab: Lab) -> None:
    ticket, key = lab.ticket(), lab.bug()
    lab.link(ticket, key)
    lab.sandbox.advance(5)
    lab.sandbox.zendesk.customer_replies(ticket=ticket, body="It is worse than I wrote.")
    lab.settle()
    assert lab.status(ticket) == "open"


def test_a_login_that_failed_for_a_moment_is_no_missing_permission_to_make_bugs(lab: Lab) -> None:
    """Jira wants a captcha, and answers 403: nobody took the right to create issues away."""
    pair(lab)
    ticket = lab.ticket()
    lab.sandbox.ctx.faults.add(Fault("captcha", service="jira", method="POST", path=r"/issue$", times=1))
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["to_engineering"])
    lab.cycle(12)
    lab.settle()
    assert [link.ticket_id for link in lab.links()].count(ticket) == 1


@pytest.mark.parametrize("is_sent", [pytest.param(False, id="not asked for yet"), pytest.param(True, id="asked for")])
def test_a_project_that_is_hidden_for_a_while_refuses_no_bug(
    tmp_path: Path, deployment: Deployment, is_sent: bool
) -> None:
    """Jira calls the search for its newest key a bad request while the project cannot be seen; another one can be."""
    lab = Lab(tmp_path, deployment, routes=ROUTE + OPS)
    pair(lab)
    ticket = lab.ticket()
    if is_sent:
        lost = Fault("drop_after", service="jira", method="POST", path=r"/issue$", times=1)
        lab.sandbox.ctx.faults.add(lost)
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["to_engineering"])
    if is_sent:
        lab.cycle()
    lab.sandbox.jira.set_members("NOVA", [lab.developer])
    lab.cycle(6)
    assert [link.ticket_id for link in lab.links()].count(ticket) == 0
    lab.sandbox.jira.set_members("NOVA", None)
    lab.cycle(40)
    lab.settle()
    assert [link.ticket_id for link in lab.links()].count(ticket) == 1
    assert len(bugs(lab)) == 1


def writes_into_status(lab: Lab, ticket: int, text: str) -> None:
    """An agent writes into the field that shows the bug's status."""
    lab.sandbox.zendesk.set_field(ticket=ticket, actor=lab.agent, field=STATUS, value=text)


def test_what_syncd_itself_wrote_since_an_old_backup_is_not_taken_for_a_fight(lab: Lab, tmp_path: Path) -> None:
    """The backup knows of two writes of 'To Do', the first undone by an agent; that 'Done' came between it forgot."""
    ticket, key = pair(lab)
    writes_into_status(lab, ticket, "mine")
    lab.settle()
    backup = lab.app.store.backup(tmp_path / "old.backup")
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    assert lab.shown(ticket, STATUS) == "Done"
    lab.moves(key, "To Do")
    lab.put_back(backup)
    lab.settle()
    assert lab.shown(ticket, STATUS) == "To Do"
    assert not any("keeps changing" in warning for warning in lab.reports[-1].warnings)


def test_a_field_of_the_mirror_that_people_want_is_theirs_also_after_an_old_backup(lab: Lab, tmp_path: Path) -> None:
    ticket, key = pair(lab)
    writes_into_status(lab, ticket, "mine")
    lab.settle()
    backup = lab.app.store.backup(tmp_path / "old.backup")
    for _ in range(2):
        writes_into_status(lab, ticket, "mine again")
        lab.settle()
        assert lab.shown(ticket, STATUS) == "mine again"
        assert any("keeps changing" in warning for report in lab.reports[-3:] for warning in report.warnings)
        lab.put_back(backup)
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    assert lab.shown(ticket, STATUS) == "Done"
