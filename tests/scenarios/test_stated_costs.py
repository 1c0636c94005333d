"""What `plan` says that a write costs is what the servers see, for each kind of write, on both deployments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from syncd.cli.costs import calls_of, calls_with_what_follows
from syncd.core.actions import CreateBug
from syncd.store import Intent, IntentState
from tests.scenarios.lab import MIRROR, OPS, Deployment, Lab
from tests.scenarios.test_create import ask
from tests.scenarios.test_files import customer_attaches

ROUTE = f"""\
  - name: novabrain
    project: NOVA
    mapping: default
    mirror: {MIRROR}
    not_fixed: {{}}
    follow_up: true
    create: {{act_tag: to_engineering}}
    comments: {{to_bug: all}}
    fields:
      - {{name: severity, ticket: Severity, bug: Severity, owner: both, winner: jira,
         map: {{critical: S1, major: S2}}}}
      - {{name: areas, ticket: tags, bug: labels, owner: both, winner: jira, only: [area_]}}
{OPS}"""

Act = Callable[[Lab, int, str], object]


class Costed(Lab):
    """With a field to be mapped."""

    def prepare(self) -> None:
        """Before the daemon starts."""
        self.sandbox.zendesk.add_ticket_field(title="Severity", type="tagger", options=["critical", "major"])


def nothing(lab: Lab, ticket: int, key: str) -> None:
    """Nothing happened before."""


def in_progress(lab: Lab, ticket: int, key: str) -> None:
    """The bug is being worked on."""
    lab.moves(key, "In Progress")


def fixed(lab: Lab, ticket: int, key: str) -> None:
    """The bug is fixed, in a version, and somebody has the ticket."""
    group = lab.seeded.groups["L2"]
    lab.sandbox.zendesk.assign(ticket=ticket, actor=lab.agent, assignee=lab.agent, group=group)
    lab.sandbox.jira.edit(lab.developer, key, fix_versions=[f"v{ticket}"])
    lab.moves(key, "Done", "Fixed")


def closed(lab: Lab, ticket: int, key: str) -> None:
    """The bug is fixed, and the ticket solved and closed."""
    fixed(lab, ticket, key)
    lab.settle()
    lab.sandbox.zendesk.solve(ticket=ticket, actor=lab.agent)
    lab.settle()
    lab.sandbox.zendesk.close_solved(ticket=ticket)


def tagged(*tags: str) -> Act:
    return lambda lab, ticket, key: lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=list(tags))


def says(lab: Lab, ticket: int, key: str) -> None:
    """The developer comments."""
    lab.sandbox.jira.comment(lab.developer, key, "The index is broken.")


def attaches(lab: Lab, ticket: int, key: str) -> None:
    """The developer comments with two files."""
    for name in ("trace", "dump"):
        lab.sandbox.jira.attach(lab.developer, key, f"{name}{ticket}.log", f"{name} {ticket}".encode())
    lab.sandbox.jira.comment(lab.developer, key, f"See [^trace{ticket}.log] and [^dump{ticket}.log].")


def loose(lab: Lab, ticket: int, key: str) -> None:
    """The developer attaches a file and says nothing."""
    lab.sandbox.jira.attach(lab.developer, key, f"loose{ticket}.log", f"loose {ticket}".encode())


def said_and_deleted(lab: Lab, ticket: int, key: str) -> None:
    """The developer takes the comment back that was carried."""
    comment = lab.issue(key)["comments"][-1]["id"]
    lab.sandbox.jira.delete_comment(lab.developer, comment)


def answers(lab: Lab, ticket: int, key: str) -> None:
    """The customer answers."""
    lab.sandbox.zendesk.customer_replies(ticket=ticket, body="It happens again.")


def answers_with_file(lab: Lab, ticket: int, key: str) -> None:
    """The customer answers with a file."""
    customer_attaches(lab, ticket, f"log{ticket}.txt", f"log {ticket}".encode())


def redacts(lab: Lab, ticket: int, key: str) -> None:
    """An agent takes the customer's file off."""
    comments = lab.sandbox.zendesk.store.ticket(ticket).comments
    comment, file = next((c.id, f.id) for c in comments for f in c.attachments)
    lab.sandbox.zendesk.redact_file(ticket=ticket, comment=comment, attachment=file, actor=lab.agent)


def mends_the_tags_and_the_field(lab: Lab, ticket: int, key: str) -> None:
    """The developer changes labels and severity together."""
    lab.sandbox.jira.edit(lab.developer, key, labels=["area_api", "area_db"], severity="S2")


SCENES: dict[str, tuple[Act, Act, set[str]]] = {
    "a link": (
        nothing,
        lambda lab, t, k: lab.request("links add", ticket=lab.ticket(), issue=lab.bug()),
        {"update_ticket"},
    ),
    "a bug that is made": (
        nothing,
        lambda lab, t, k: ask(lab),
        {"create_bug", "show_ticket_on_bug", "update_ticket", "remove_tag"},
    ),
    "a new bug in the place of one that is not fixed": (
        fixed,
        tagged("bug_not_fixed"),
        {"create_bug", "show_ticket_on_bug", "relate_bugs", "comment_on_bug", "update_ticket", "remove_tag"},
    ),
    "a status on the ticket": (in_progress, lambda lab, t, k: lab.moves(k, "Done", "Fixed"), {"update_ticket"}),
    "a comment of our own": (
        in_progress,
        lambda lab, t, k: lab.sandbox.zendesk.solve(ticket=t, actor=lab.agent),
        {"comment_on_bug"},
    ),
    "a walk of two steps": (
        fixed,
        lambda lab, t, k: lab.sandbox.zendesk.solve(ticket=t, actor=lab.agent),
        {"move_bug", "update_ticket"},
    ),
    "a note on a release": (
        fixed,
        lambda lab, t, k: lab.sandbox.jira.release_version("NOVA", f"v{t}", "2026-03-05"),
        {"update_ticket"},
    ),
    "a follow-up": (closed, lambda lab, t, k: lab.moves(k, "To Do"), {"follow_up", "update_ticket"}),
    "a field of the bug": (
        nothing,
        lambda lab, t, k: lab.sandbox.zendesk.set_field(ticket=t, actor=lab.agent, field="Severity", value="critical"),
        {"set_bug_fields"},
    ),
    "a field of the ticket": (
        nothing,
        lambda lab, t, k: lab.sandbox.jira.edit(lab.developer, k, severity="S2"),
        {"set_ticket_fields"},
    ),
    "tags": (
        nothing,
        lambda lab, t, k: lab.sandbox.jira.edit(lab.developer, k, labels=["area_x"]),
        {"set_ticket_fields"},
    ),
    "tags that come and go, with a field": (
        lambda lab, t, k: lab.sandbox.jira.edit(lab.developer, k, labels=["area_x"]),
        mends_the_tags_and_the_field,
        {"set_ticket_fields"},
    ),
    "labels": (nothing, tagged("area_ui"), {"set_bug_fields"}),
    "a comment to the ticket": (nothing, says, {"comment_to_ticket"}),
    "a comment with two files to the ticket": (nothing, attaches, {"comment_to_ticket"}),
    "a file that no comment names": (nothing, loose, {"comment_to_ticket"}),
    "an edited comment": (
        says,
        lambda lab, t, k: lab.sandbox.jira.edit_comment(lab.developer, lab.issue(k)["comments"][-1]["id"], "Mended."),
        {"comment_to_ticket"},
    ),
    "a comment that was taken back": (says, said_and_deleted, {"withdraw_note"}),
    "a comment to the bug": (nothing, answers, {"comment_to_bug"}),
    "a comment with a file to the bug": (nothing, answers_with_file, {"comment_to_bug"}),
    "a file that was deleted in Jira": (
        loose,
        lambda lab, t, k: lab.sandbox.jira.delete_file(lab.developer, lab.issue(k)["attachments"][-1]["id"]),
        {"withdraw_file"},
    ),
    "a file that was taken off a comment": (answers_with_file, redacts, {"remove_bug_file"}),
}


ASK_ONCE = {"a walk of two steps"}
"""What asks for something at first that is known afterwards, such as a workflow."""


def done(lab: Lab) -> dict[str, Intent]:
    """The writes that were carried out."""
    with lab.app.store.reading() as tx:
        return {intent.id: intent for intent in tx.intents(IntentState.DONE, limit=None)}


def calls(lab: Lab, work: Callable[[], object]) -> list[str]:
    """The calls to both servers while `work` runs, tokens apart."""
    found = lab.during(work)
    return [f"{e['method']} {e['path']}" for e in found if "/oauth/" not in e["path"]]


def carry_out(lab: Lab) -> tuple[list[str], list[Intent]]:
    """What drains of the queue call until nothing is planned any more, and what they carried out."""
    before, made, engine = set(done(lab)), list[str](), lab.app.engine
    lab.sandbox.advance(400)
    report = engine.observe(complete=True)
    for _ in range(6):
        engine._plan(report)
        made += calls(lab, lambda: engine._drain(report))
        lab.sandbox.advance(5)
        engine._read(report, complete=False)
    return made, [intent for name, intent in done(lab).items() if name not in before]


@pytest.mark.parametrize("scene", SCENES, ids=SCENES)
def test_a_write_costs_what_is_stated(tmp_path: Path, deployment: Deployment, scene: str) -> None:
    given, act, kinds = SCENES[scene]
    policy = "new_bug" if "in the place" in scene else "reopen"
    lab = Costed(tmp_path, deployment, routes=ROUTE.replace("not_fixed: {}", f"not_fixed: {policy}"))
    for turn in ("what is asked once is asked", "it is counted")[0 if scene in ASK_ONCE else 1 :]:
        ticket, key = lab.ticket(), lab.bug()
        lab.sandbox.jira.add_version("NOVA", f"v{ticket}")
        lab.link(ticket, key)
        lab.settle()
        given(lab, ticket, key)
        lab.settle()
        lab.cycle(seconds=400)
        lab.settle()
        act(lab, ticket, key)
        made, carried = carry_out(lab)
        assert {intent.kind for intent in carried} == kinds, turn
    stated = Counter[str]()
    with lab.app.store.reading() as tx:
        issue = next(iter(tx.issues([lab.issue(key)["id"]]).values()))
        edges = tx.edges(issue.project_id, issue.issue_type_id)
    for intent in carried:
        stated[intent.kind] += calls_of(intent.action, edges)
    assert len(made) == sum(stated.values()), f"{dict(stated)} but: {made}"
    for intent in carried:
        if isinstance(intent.action, CreateBug):
            assert calls_with_what_follows(intent.action) == len(made)
