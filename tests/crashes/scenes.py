"""Scenes for dying in: what people did, and what the daemon has yet to carry. Each `given` returns with nothing carried
of its last lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncd.core.adopting import chosen
from syncd.cycle.adopting import Wanted
from tests.scenarios.lab import MIRROR, NOVA, OPS, Deployment, Lab

COMMENTS = f"  - {{name: novabrain, project: NOVA, mapping: default, mirror: {MIRROR}, comments: {{to_bug: all}}}}\n"
CREATES = f"""\
  - name: novabrain
    project: NOVA
    mapping: default
    mirror: {MIRROR}
    create: {{act_tag: to_engineering, labels: [from_support]}}
"""
RULED = f"""\
  - name: novabrain
    project: NOVA
    mapping: default
    mirror: {MIRROR}
    create:
      act_tag: to_engineering
      when: {{all: [{{field: priority, value: urgent}}]}}
"""
FIELDS = f"""\
  - name: novabrain
    project: NOVA
    mapping: default
    mirror: {MIRROR}
    fields:
      - {{name: priority, ticket: priority, bug: priority, owner: both, winner: jira,
         map: {{urgent: Highest, high: High, normal: Medium, low: Low}}}}
      - {{name: areas, ticket: tags, bug: labels, owner: both, winner: jira, only: [area_]}}
      - {{name: developer, ticket: group, bug: assignee, owner: zendesk, map: {{Development: hana.sato@dev.example}}}}
"""
SUCCEEDING = CREATES.replace("create:", "not_fixed: new_bug\n    create:")
FOLLOWING = f"  - {{name: novabrain, project: NOVA, mapping: default, mirror: {MIRROR}, follow_up: true}}\n"


@dataclass(frozen=True, slots=True)
class Scene:
    """`step`: seconds between cycles, longer where something seldom looked at is what it is about. `end` raises where
    it must not end; without one it is enough that all deaths end as the undisturbed run."""

    given: Callable[[Lab], None]
    routes: str = NOVA + OPS
    step: float = 30.0
    end: Callable[[Lab], None] = lambda _: None

    def lab(self, folder: Path, deployment: Deployment) -> Lab:
        """The scene, ready for the daemon."""
        lab = Lab(folder, deployment, routes=self.routes)
        self.given(lab)
        return lab


def linked(lab: Lab, bug: str = "In Progress", ticket: str = "open") -> tuple[int, str]:
    """A ticket and its bug, agreed."""
    number, key = lab.ticket(ticket), lab.bug()
    lab.link(number, key)
    lab.settle()
    if bug != "To Do":
        lab.moves(key, bug)
        lab.settle()
    return number, key


def fixed(lab: Lab) -> tuple[int, str]:
    """A ticket that was handed back."""
    ticket, key = linked(lab)
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    return ticket, key


def confirmed(lab: Lab) -> tuple[int, str]:
    """A solved ticket and its closed bug."""
    ticket, key = fixed(lab)
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    lab.settle()
    return ticket, key


def closed(lab: Lab) -> tuple[int, str]:
    """A closed ticket whose bug was confirmed."""
    ticket, key = confirmed(lab)
    lab.sandbox.zendesk.close_solved(ticket=ticket)
    lab.settle()
    return ticket, key


def asks(lab: Lab, verb: str, **args: Any) -> None:
    """A verb while the daemon runs: a row that it takes in its next cycle."""
    with lab.app.store.transaction() as tx:
        tx.add_request(verb, args, lab.clock.now())


def asked_for_a_bug(lab: Lab, **changes: Any) -> int:
    """A ticket that an agent tags for engineering."""
    ticket = lab.ticket(**changes)
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["to_engineering"])
    return ticket


# ---- links ----


def link_by_a_verb(lab: Lab) -> None:
    linked(lab)
    asks(lab, "links add", ticket=lab.ticket("new"), issue=lab.bug())


def link_by_a_field(lab: Lab) -> None:
    linked(lab)
    ticket, key = lab.ticket(), lab.bug("Done", "Fixed")
    lab.sandbox.zendesk.set_field(ticket=ticket, actor=lab.agent, field="Engineering bug", value=key)


def first_run(lab: Lab) -> None:
    tickets = [lab.ticket(), lab.ticket("pending")]
    for ticket in tickets:
        lab.sandbox.zendesk.set_field(ticket=ticket, actor=lab.agent, field="Engineering bug", value=lab.bug())
    lab.cycle()
    asks(lab, "accept")


def field_cleared(lab: Lab) -> None:
    ticket, _ = linked(lab)
    lab.sandbox.zendesk.set_field(ticket=ticket, actor=lab.agent, field="Engineering bug", value="")


def link_removed(lab: Lab) -> None:
    linked(lab)
    asks(lab, "links remove", link=1)


def app_links_adopted(lab: Lab) -> None:
    linked(lab)
    for _ in range(2):
        ticket, key = lab.ticket("pending"), lab.bug("In Progress")
        lab.sandbox.zendesk.add_jira_link(ticket=ticket, issue_id=lab.issue(key)["id"], issue_key=key)
    wanted = Wanted(sources=chosen(()), ticket_hosts=("http://127.0.0.1:1",))
    lab.app.adopter.adopt(lab.app.engine.routes, wanted, dry_run=False, progress=lambda *_: None)
    lab.moves("NOVA-2", "Done", "Fixed")


def linked_with_the_app(lab: Lab) -> None:
    linked(lab)
    ticket, key = lab.ticket(), lab.bug()
    lab.sandbox.zendesk.add_jira_link(ticket=ticket, issue_id=lab.issue(key)["id"], issue_key=key)


def merged(lab: Lab) -> None:
    ticket, _ = linked(lab)
    target = lab.ticket()
    lab.settle()
    lab.sandbox.zendesk.merge(source=ticket, target=target, actor=lab.agent)


def ticket_deleted(lab: Lab) -> None:
    ticket, _ = linked(lab)
    lab.sandbox.zendesk.delete_ticket(ticket=ticket, actor=lab.agent)


def ticket_closes(lab: Lab) -> None:
    ticket, _ = confirmed(lab)
    lab.sandbox.zendesk.close_solved(ticket=ticket)


def bug_deleted(lab: Lab) -> None:
    _, key = linked(lab)
    lab.sandbox.jira.delete_issue(lab.developer, key)


def bug_moves_project(lab: Lab) -> None:
    _, key = linked(lab)
    lab.sandbox.jira.move_issue(lab.developer, key, "OPS")


def duplicate(lab: Lab) -> None:
    _, key = linked(lab)
    original = lab.bug("In Progress")
    lab.sandbox.jira.link_issues(lab.developer, "Duplicate", inward=key, outward=original)
    lab.moves(key, "Done", "Duplicate")


# ---- statuses ----


def bug_starts(lab: Lab) -> None:
    _, key = linked(lab, "To Do")
    lab.sandbox.jira.edit(lab.developer, key, assignee=lab.developer, due="2026-04-01")
    lab.moves(key, "In Progress")


def bug_fixed(lab: Lab) -> None:
    _, key = linked(lab)
    lab.sandbox.jira.edit(lab.developer, key, fix_versions=["3.2"])
    lab.moves(key, "Done", "Fixed")


def bug_declined(lab: Lab) -> None:
    _, key = linked(lab)
    lab.moves(key, "Done", "Won't Do")


def bug_ends_strangely(lab: Lab) -> None:
    _, key = linked(lab)
    lab.moves(key, "Done", "Known Error")


def conflict_resolved(lab: Lab) -> None:
    bug_ends_strangely(lab)
    lab.settle()
    asks(lab, "conflicts resolve", link=1, take="as-is")


def fix_verified(lab: Lab) -> None:
    ticket, _ = fixed(lab)
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)


def fix_rejected(lab: Lab) -> None:
    ticket, _ = fixed(lab)
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["bug_not_fixed"])


def solved_too_early(lab: Lab) -> None:
    ticket, _ = linked(lab)
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)


def reopened(lab: Lab) -> None:
    ticket, _ = confirmed(lab)
    lab.agent_sets(ticket, "open")


def bug_comes_back(lab: Lab) -> None:
    _, key = confirmed(lab)
    lab.moves(key, "Reopened")


def two_tickets(lab: Lab) -> None:
    _, key = linked(lab)
    lab.link(lab.ticket(), key)
    lab.settle()
    lab.moves(key, "Done", "Fixed")


def last_of_two_tickets(lab: Lab) -> None:
    two_tickets(lab)
    lab.settle()
    for ticket in (1, 2):
        lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)


def second_of_two_bugs(lab: Lab) -> None:
    ticket, key = linked(lab)
    second = lab.bug("In Progress")
    lab.link(ticket, second)
    lab.settle()
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    lab.moves(second, "Done", "Fixed")


# ---- moments ----


def released(lab: Lab) -> None:
    _, key = fixed(lab)
    lab.sandbox.jira.edit(lab.developer, key, fix_versions=["3.2"])
    lab.cycle(seconds=400)
    lab.settle()
    lab.sandbox.jira.release_version("NOVA", "3.2", "2026-03-05")


def followed_up(lab: Lab) -> None:
    ticket, _ = closed(lab)
    lab.sandbox.zendesk.follow_up(ticket=ticket, actor=lab.customer, body="It is back!")


def comes_back_after_the_end(lab: Lab) -> None:
    _, key = closed(lab)
    lab.moves(key, "To Do")


# ---- bugs that are made ----


def bug_asked_for(lab: Lab) -> None:
    linked(lab)
    asked_for_a_bug(lab)


def bug_asked_for_by_a_rule(lab: Lab) -> None:
    linked(lab)
    lab.ticket(priority="urgent")


def bug_asked_for_twice(lab: Lab) -> None:
    linked(lab)
    ticket = asked_for_a_bug(lab)
    lab.settle()
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["to_engineering"])


def bug_refused(lab: Lab) -> None:
    linked(lab)
    lab.sandbox.jira.site.projects["NOVA"].required.add("duedate")
    asked_for_a_bug(lab)


# ---- comments, files, fields ----


def developer_comments(lab: Lab) -> None:
    _, key = linked(lab)
    lab.sandbox.jira.comment(lab.developer, key, "h2. Cause\na *bad* index")
    lab.sandbox.jira.comment(lab.developer, key, "and a second thought")


def agent_comments(lab: Lab) -> None:
    ticket, _ = linked(lab)
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="first for them", public=False)
    lab.sandbox.zendesk.customer_replies(ticket=ticket, body="second, from the customer")


def comment_edited(lab: Lab) -> None:
    _, key = linked(lab)
    comment = lab.sandbox.jira.comment(lab.developer, key, "first words")
    lab.settle()
    lab.sandbox.jira.edit_comment(lab.developer, comment, "second words")


def comment_deleted(lab: Lab) -> None:
    _, key = linked(lab)
    comment = lab.sandbox.jira.comment(lab.developer, key, "words to be forgotten")
    lab.settle()
    lab.sandbox.jira.delete_comment(lab.developer, comment)


def file_in_a_comment(lab: Lab) -> None:
    _, key = linked(lab)
    lab.sandbox.jira.attach(lab.developer, key, "shot.png", b"PNG" * 10)
    lab.sandbox.jira.attach(lab.developer, key, "run.exe", b"MZ")
    lab.sandbox.jira.comment(lab.developer, key, "!shot.png|thumbnail! [^run.exe]")


def long_comment(lab: Lab) -> None:
    _, key = linked(lab)
    lab.sandbox.jira.comment(lab.developer, key, "<" * 32000)


def fields_on_both_sides(lab: Lab) -> None:
    ticket, key = linked(lab)
    desk = lab.sandbox.zendesk
    desk.set_priority(ticket=ticket, actor=lab.agent, priority="urgent")
    desk.add_tags(ticket=ticket, actor=lab.agent, tags=["area_ui"])
    desk.assign(ticket=ticket, actor=lab.agent, group=lab.seeded.groups["Development"])
    lab.sandbox.jira.edit(lab.developer, key, labels=["area_db", "backend"])


def fields_of_a_new_link(lab: Lab) -> None:
    linked(lab)
    ticket, key = lab.ticket(priority="high", tags=["area_ui"]), lab.bug(priority="Low")
    lab.sandbox.zendesk.set_field(ticket=ticket, actor=lab.agent, field="Engineering bug", value=key)


# ---- the configuration ----


def mapping_changed_at_reload(lab: Lab) -> None:
    """A reload in which a moved bug comes under another mapping: what was agreed before is no move."""
    _, key = linked(lab)
    path = lab.folder / "config.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("mapping: simple", "mapping: default"), encoding="utf-8")
    lab.restart()
    lab.moves(key, "Done", "Fixed")


# ---- how some of them must end ----


def is_open_with_one_note(lab: Lab) -> None:
    """Story 3."""
    assert (lab.status(1), lab.conflicts()) == ("open", [])
    assert len([note for note in lab.notes(1) if "Fixed" in note]) == 1


def is_closed(lab: Lab) -> None:
    """Story 4."""
    bug = lab.issue("NOVA-1")
    assert (bug["status"], bug["resolution"], lab.status(1)) == ("Closed", "Fixed", "solved")
    reached = [item["new_text"] for entry in bug["changelog"] for item in entry["items"] if item["field"] == "status"]
    assert reached[-2:] == ["Verified", "Closed"]
    assert lab.conflicts() == []


def is_back_with_one_comment(lab: Lab) -> None:
    """Story 8."""
    assert (lab.issue("NOVA-1")["status"], lab.conflicts()) == ("To Do", [])
    assert len(lab.bug_comments("NOVA-1")) == 1
    assert "bug_not_fixed" not in lab.sandbox.zendesk.ticket_state(ticket=1)["tags"]


SCENES: dict[str, Scene] = {
    "a verb links a new ticket": Scene(link_by_a_verb),
    "a field links a ticket to a fixed bug": Scene(link_by_a_field),
    "a first run is accepted": Scene(first_run),
    "an agent clears the field": Scene(field_cleared, step=61.0),
    "a verb removes a link": Scene(link_removed),
    "links of the app were adopted, and one bug moved": Scene(app_links_adopted),
    "an agent links with the app": Scene(linked_with_the_app, step=61.0),
    "a ticket is merged": Scene(merged),
    "a ticket is deleted": Scene(ticket_deleted, step=61.0),
    "a confirmed ticket closes": Scene(ticket_closes),
    "a bug is deleted": Scene(bug_deleted, step=1900.0),
    "a bug moves to another project": Scene(bug_moves_project),
    "a bug turns out to be a duplicate": Scene(duplicate),
    "a bug is started": Scene(bug_starts),
    "a bug is fixed": Scene(bug_fixed, end=is_open_with_one_note),
    "a bug is declined": Scene(bug_declined),
    "a bug ends in a way that nobody mapped": Scene(bug_ends_strangely),
    "a conflict is resolved": Scene(conflict_resolved),
    "a fix is verified": Scene(fix_verified, end=is_closed),
    "a fix is rejected": Scene(fix_rejected, end=is_back_with_one_comment),
    "a fix is rejected, and a new bug is to be made": Scene(fix_rejected, SUCCEEDING),
    "a ticket is solved before its bug": Scene(solved_too_early),
    "a verified ticket is reopened": Scene(reopened),
    "a verified bug comes back": Scene(bug_comes_back),
    "a bug with two tickets is fixed": Scene(two_tickets),
    "both tickets of a bug are solved": Scene(last_of_two_tickets),
    "the second of two bugs is fixed": Scene(second_of_two_bugs),
    "a version is released": Scene(released, step=310.0),
    "a customer follows up": Scene(followed_up),
    "a bug comes back after its ticket closed": Scene(comes_back_after_the_end),
    "a bug comes back and a follow-up is made": Scene(comes_back_after_the_end, FOLLOWING),
    "a ticket asks for a bug": Scene(bug_asked_for, CREATES),
    "a rule asks for a bug": Scene(bug_asked_for_by_a_rule, RULED),
    "a ticket asks for a second bug": Scene(bug_asked_for_twice, CREATES),
    "a bug cannot be made": Scene(bug_refused, CREATES),
    "a developer comments twice": Scene(developer_comments),
    "an agent and a customer comment": Scene(agent_comments, COMMENTS),
    "a comment is edited": Scene(comment_edited),
    "a comment is deleted": Scene(comment_deleted, step=61.0),
    "a comment has files": Scene(file_in_a_comment),
    "a comment is too long for the ticket": Scene(long_comment),
    "fields change on both sides": Scene(fields_on_both_sides, FIELDS),
    "a new link brings fields": Scene(fields_of_a_new_link, FIELDS),
    "the configuration changes and a bug is fixed": Scene(mapping_changed_at_reload),
}

SISTERS = (
    "a verb removes a link",
    "a bug is declined",
    "a verified bug comes back",
    "the second of two bugs is fixed",
    "both tickets of a bug are solved",
    "a bug moves to another project",
    "a customer follows up",
    "a rule asks for a bug",
    "a ticket asks for a bug",
    "a fix is rejected, and a new bug is to be made",
    "a comment is edited",
    "a new link brings fields",
)
"""Scenes that differ little from others (as the ways to a bug, from those of tests/scenarios/test_create_faults.py and
test_not_fixed.py): played by `make crashes` alone."""

ON_BOTH = ("a bug is fixed", "a fix is verified", "a fix is rejected")
"""The scenes that status is all about: played on both deployments by `make unit` too."""

CORE = (
    "a first run is accepted",
    "a bug is fixed",
    "a fix is verified",
    "a fix is rejected",
    "a ticket is merged",
    "a ticket asks for a bug",
    "a developer comments twice",
    "an agent and a customer comment",
    "a comment has files",
    "fields change on both sides",
    "a bug comes back and a follow-up is made",
)
"""Scenes in which it dies twice as well."""
