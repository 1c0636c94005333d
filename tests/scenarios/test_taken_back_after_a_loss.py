"""What was deleted or restricted in Jira does not stay readable on the ticket, also when the store does not know the
copy: an old backup was put back, or the store was lost and rebuilt. On both deployments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from syncd.core.adopting import Source
from syncd.cycle.adopting import Wanted
from tests.scenarios.lab import MIRROR, Deployment, Lab

ROUTE = """\
  - name: novabrain
    project: NOVA
    mapping: default
    mirror: {mirror}
    comments: {comments}
"""
ROLE = "Developers"
SECRET = "the password is swordfish"


def lab_with(folder: Path, deployment: Deployment, comments: str) -> tuple[Lab, int, str]:
    """A linked pair at rest."""
    lab = Lab(folder, deployment, routes=ROUTE.format(mirror=MIRROR, comments=comments))
    for member in (lab.developer, lab.seeded.jira_bot):
        lab.sandbox.jira.site.add_to_role(ROLE, member)
    ticket, key = lab.ticket(), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    return lab, ticket, key


def rest(lab: Lab) -> None:
    """The first cycle; a brake is released; all comes to rest."""
    lab.cycle(complete=True)
    lab.accept()
    lab.settle()


def restrict(lab: Lab, comment: int) -> None:
    """Its author lets one role read it only, and rewords it."""
    with lab.sandbox.jira.lock:
        lab.sandbox.jira._comment(comment)[1].visibility = {"type": "role", "value": ROLE}
    lab.sandbox.jira.edit_comment(lab.developer, comment, "for developers alone")


def delete(lab: Lab, comment: int) -> None:
    """Its author deletes it."""
    lab.sandbox.jira.delete_comment(lab.developer, comment)


def texts(lab: Lab, ticket: int) -> str:
    """All that syncd wrote on the ticket."""
    return "\n".join(lab.notes(ticket))


TAKES_BACK = pytest.mark.parametrize(
    "take_back", [pytest.param(restrict, id="it was restricted"), pytest.param(delete, id="it was deleted")]
)


@pytest.mark.parametrize(
    ("comments", "take_back", "before"),
    [
        pytest.param("{}", restrict, True, id="restricted before the backup was put back"),
        pytest.param("{}", delete, True, id="deleted before the backup was put back"),
        pytest.param("{}", delete, False, id="deleted after the backup was put back"),
        pytest.param("{to_bug: none}", restrict, True, id="restricted, and nothing goes to the bug"),
        pytest.param(
            "{to_bug: none, history: all}", delete, True, id="deleted, and old comments go to the ticket only"
        ),
    ],
)
def test_a_copy_that_an_old_backup_does_not_know_is_taken_back(
    tmp_path: Path, deployment: Deployment, comments: str, take_back: Callable[[Lab, int], None], *, before: bool
) -> None:
    lab, ticket, key = lab_with(tmp_path, deployment, comments)
    backup = lab.app.store.backup(tmp_path / "old.backup")
    said = lab.sandbox.jira.comment(lab.developer, key, SECRET)
    kept = lab.sandbox.jira.comment(lab.developer, key, "this may stay")
    lab.settle()
    lab.sandbox.jira.edit_comment(lab.developer, said, f"{SECRET}, really")
    lab.settle()
    assert texts(lab, ticket).count(SECRET) == 2
    if before:
        take_back(lab, said)
        lab.put_back(backup)
        rest(lab)
    else:
        lab.put_back(backup)
        rest(lab)
        take_back(lab, said)
        lab.settle()
    assert SECRET not in texts(lab, ticket)
    assert texts(lab, ticket).count("this may stay") == 1
    assert f"focusedCommentId={kept}" in str(lab.comments(ticket))
    writes = len(lab.writes())
    lab.cycle(2, seconds=3700)
    assert lab.writes()[writes:] == []


@TAKES_BACK
def test_a_note_of_an_edit_that_the_backup_does_not_know_is_taken_back_with_its_copy(
    tmp_path: Path, deployment: Deployment, take_back: Callable[[Lab, int], None]
) -> None:
    lab, ticket, key = lab_with(tmp_path, deployment, "{}")
    said = lab.sandbox.jira.comment(lab.developer, key, "harmless")
    lab.settle()
    backup = lab.app.store.backup(tmp_path / "old.backup")
    lab.sandbox.jira.edit_comment(lab.developer, said, SECRET)
    lab.settle()
    assert SECRET in texts(lab, ticket)
    take_back(lab, said)
    lab.put_back(backup)
    rest(lab)
    assert SECRET not in texts(lab, ticket)


@pytest.mark.parametrize(
    ("take_back", "before"),
    [
        pytest.param(delete, True, id="deleted before the store was lost"),
        pytest.param(restrict, False, id="restricted after it was rebuilt"),
    ],
)
def test_a_copy_that_a_rebuilt_store_does_not_know_is_taken_back(
    tmp_path: Path, deployment: Deployment, take_back: Callable[[Lab, int], None], *, before: bool
) -> None:
    lab, ticket, key = lab_with(tmp_path, deployment, "{}")
    said = lab.sandbox.jira.comment(lab.developer, key, SECRET)
    lab.sandbox.jira.comment(lab.developer, key, "this may stay")
    lab.settle()
    lab.sandbox.advance(60)
    if before:
        take_back(lab, said)
        lab.sandbox.advance(60)
    lab.app.store.close()
    for file in tmp_path.glob("syncd.db*"):
        file.unlink()
    lab.app = lab._start()
    lab.app.rebuilder.rebuild(
        lab.app.engine.routes, Wanted(sources=(Source.FIELD,)), dry_run=False, progress=lambda *_: None
    )
    rest(lab)
    if not before:
        take_back(lab, said)
        lab.settle()
    assert SECRET not in texts(lab, ticket)
    assert texts(lab, ticket).count("this may stay") == 1


def test_another_bugs_comment_that_a_backup_does_not_know_stays(tmp_path: Path, deployment: Deployment) -> None:
    """A comment that is not on this bug may be on the ticket's other one."""
    lab, ticket, key = lab_with(tmp_path, deployment, "{}")
    other = lab.bug()
    lab.link(ticket, other)
    lab.settle()
    backup = lab.app.store.backup(tmp_path / "old.backup")
    lab.sandbox.jira.comment(lab.developer, other, "words on the other bug")
    lab.settle()
    lab.sandbox.jira.comment(lab.developer, key, f"see https://jira.example/browse/{key}?focusedCommentId=1")
    lab.settle()
    before = lab.notes(ticket)
    lab.put_back(backup)
    rest(lab)
    assert lab.notes(ticket) == before


def test_what_the_customer_reads_is_taken_back_although_the_copy_does_not_say_where_it_is_from(
    tmp_path: Path, deployment: Deployment
) -> None:
    account = Lab(tmp_path / "first", deployment).developer
    speakers = f"{{to_customer: {{prefix: '#customer', accounts: ['{account}']}}}}"
    lab, ticket, key = lab_with(tmp_path, deployment, speakers)
    backup = lab.app.store.backup(tmp_path / "old.backup")
    said = lab.sandbox.jira.comment(lab.developer, key, f"#customer {SECRET}")
    lab.settle()
    assert [c["public"] for c in lab.comments(ticket) if SECRET in c["body"]] == [True]
    restrict(lab, said)
    lab.put_back(backup)
    rest(lab)
    assert SECRET not in texts(lab, ticket)
