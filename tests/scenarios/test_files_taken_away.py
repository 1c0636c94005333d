"""A file is taken away where it came from: its copy on the other side goes too, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from syncd.sandbox.faults import Fault
from tests.scenarios.lab import OPS, Deployment, Lab
from tests.scenarios.test_files import customer_attaches, pair, route

COMMENTS = "{to_bug: all}"


@pytest.fixture
def lab(tmp_path: Path, deployment: Deployment) -> Iterator[Lab]:
    made = Lab(tmp_path, deployment, routes=route(COMMENTS))
    yield made
    made.app.store.close()


def on_ticket(lab: Lab, ticket: int) -> list[str]:
    """The files that notes of ours bring, without the mark of where they come from."""
    ours = [c for c in lab.comments(ticket) if c["author_id"] == lab.seeded.bot]
    return sorted(f["file_name"].partition("-")[0] for c in ours for f in c["attachments"])


def on_bug(lab: Lab, key: str) -> list[str]:
    """The files of ours on the bug."""
    ours = [f for f in lab.issue(key)["attachments"] if f["author"] == lab.seeded.jira_bot]
    return sorted(f["filename"].partition("-")[0] for f in ours)


def file_of(lab: Lab, ticket: int, name: str) -> tuple[int, int]:
    """(comment, attachment) with that file."""
    comments = lab.sandbox.zendesk.store.ticket(ticket).comments
    return next((c.id, f.id) for c in comments for f in c.attachments if f.file_name == name)


def quiet(lab: Lab) -> None:
    """Nothing is written any more."""
    before = len(lab.writes())
    lab.cycle(3)
    assert len(lab.writes()) == before


def _loose(lab: Lab, key: str) -> int:
    return int(lab.sandbox.jira.attach(lab.developer, key, "secret.log", b"token=1"))


def _named(lab: Lab, key: str) -> int:
    file = _loose(lab, key)
    lab.sandbox.jira.comment(lab.developer, key, "see !secret.log!")
    return file


@pytest.mark.parametrize("brought", [_loose, _named], ids=["without a comment", "with a comment"])
def test_a_file_that_is_deleted_in_jira_is_taken_off_the_ticket(lab: Lab, brought: Callable[[Lab, str], int]) -> None:
    ticket, key = pair(lab)
    file = brought(lab, key)
    lab.sandbox.jira.attach(lab.developer, key, "other.log", b"harmless")
    lab.settle()
    assert on_ticket(lab, ticket) == ["other", "secret"]
    lab.sandbox.jira.delete_file(lab.developer, file)
    lab.settle()
    assert on_ticket(lab, ticket) == ["other", "redacted.txt"]
    quiet(lab)


def test_a_file_that_was_there_twice_stays_until_both_are_deleted(lab: Lab) -> None:
    ticket, key = pair(lab)
    first = _loose(lab, key)
    lab.settle()
    second = lab.sandbox.jira.attach(lab.developer, key, "again.log", b"token=1")
    lab.settle()
    lab.sandbox.jira.delete_file(lab.developer, first)
    lab.settle()
    assert on_ticket(lab, ticket) == ["secret"]
    lab.sandbox.jira.delete_file(lab.developer, second)
    lab.settle()
    assert on_ticket(lab, ticket) == ["redacted.txt"]
    quiet(lab)


def test_a_file_that_is_taken_off_the_ticket_is_deleted_on_the_bug(lab: Lab) -> None:
    ticket, key = pair(lab)
    lab.sandbox.jira.attach(lab.developer, key, "mine.log", b"of a developer")
    customer_attaches(lab, ticket, "secret.log", b"password")
    customer_attaches(lab, ticket, "other.log", b"harmless")
    lab.settle()
    assert on_bug(lab, key) == ["other", "secret"]
    comment, file = file_of(lab, ticket, "secret.log")
    lab.sandbox.zendesk.redact_file(ticket=ticket, comment=comment, attachment=file, actor=lab.agent)
    lab.settle()
    assert on_bug(lab, key) == ["other"]
    assert [f["filename"] for f in lab.issue(key)["attachments"] if f["author"] == lab.developer] == ["mine.log"]
    quiet(lab)


def test_a_bug_that_is_hidden_for_a_while_costs_no_file(lab: Lab) -> None:
    ticket, key = pair(lab)
    _loose(lab, key)
    lab.settle()
    lab.sandbox.jira.set_members("NOVA", [lab.developer])
    lab.cycle(6, seconds=60)
    lab.sandbox.jira.set_members("NOVA", None)
    lab.cycle(6, seconds=60)
    lab.settle()
    assert on_ticket(lab, ticket) == ["secret"]


def test_a_lost_answer_is_looked_after(lab: Lab) -> None:
    ticket, key = pair(lab)
    customer_attaches(lab, ticket, "secret.log", b"password")
    file = _loose(lab, key)
    lab.settle()
    for service, method, path in (("zendesk", "PUT", "/attachments/"), ("jira", "DELETE", "/attachment/")):
        lab.sandbox.ctx.faults.add(Fault("drop_after", service=service, method=method, path=path, times=1))
    lab.sandbox.jira.delete_file(lab.developer, file)
    comment, customers = file_of(lab, ticket, "secret.log")
    lab.sandbox.zendesk.redact_file(ticket=ticket, comment=comment, attachment=customers, actor=lab.agent)
    lab.cycle(8, seconds=60)
    lab.settle()
    assert (on_ticket(lab, ticket), on_bug(lab, key)) == (["redacted.txt"], [])
    quiet(lab)


def test_where_zendesk_does_not_take_it_off_a_person_is_told(lab: Lab) -> None:
    ticket, key = pair(lab)
    file = _loose(lab, key)
    lab.settle()
    refusal = Fault("status", service="zendesk", method="PUT", path=r"/attachments/\d+/redact")
    refusal.args.update({"status": 403, "body": {"error": "Forbidden", "description": "no"}})
    lab.sandbox.ctx.faults.add(refusal)
    lab.sandbox.jira.delete_file(lab.developer, file)
    lab.settle()
    assert on_ticket(lab, ticket) == ["secret"]
    (told,) = [note for note in lab.notes(ticket) if "please redact it" in note]
    assert "secret-" in told
    quiet(lab)


def test_where_jira_does_not_delete_it_a_person_is_told(lab: Lab) -> None:
    ticket, key = pair(lab)
    customer_attaches(lab, ticket, "secret.log", b"password")
    lab.settle()
    refusal = Fault("status", service="jira", method="DELETE", path=r"/attachment/\d+", times=-1)
    refusal.args.update({"status": 403, "body": {"errorMessages": ["no"], "errors": {}}})
    lab.sandbox.ctx.faults.add(refusal)
    comment, file = file_of(lab, ticket, "secret.log")
    lab.sandbox.zendesk.redact_file(ticket=ticket, comment=comment, attachment=file, actor=lab.agent)
    lab.settle()
    assert on_bug(lab, key) == ["secret"]
    assert [text for text in lab.bug_comments(key) if "please delete it" in text]
    quiet(lab)


def test_a_file_that_is_redacted_while_the_bug_is_hidden_is_deleted_there_later(
    tmp_path: Path, deployment: Deployment
) -> None:
    lab = Lab(tmp_path, deployment, routes=route(COMMENTS) + OPS)
    ticket, key = pair(lab)
    customer_attaches(lab, ticket, "secret.log", b"token=1")
    lab.settle()
    assert on_bug(lab, key) == ["secret"]
    comment, file = file_of(lab, ticket, "secret.log")
    lab.sandbox.jira.set_members("NOVA", [lab.developer])
    lab.sandbox.zendesk.redact_file(ticket=ticket, comment=comment, attachment=file, actor=lab.agent)
    lab.cycle(2)
    lab.sandbox.jira.set_members("NOVA", None)
    lab.cycle(12, seconds=60)
    assert on_bug(lab, key) == []
