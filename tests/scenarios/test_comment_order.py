"""Comments keep their order, never echo, follow what is redacted, and survive refusals and old backups."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from syncd.core.comment_model import TwinState
from syncd.sandbox.faults import Fault
from tests.scenarios.lab import MIRROR, Deployment, Lab

ALL = f"  - {{name: novabrain, project: NOVA, mapping: default, mirror: {MIRROR}, comments: {{to_bug: all}}}}\n"


@pytest.fixture
def both(tmp_path: Path, deployment: Deployment) -> Lab:
    """Every comment goes to the other side."""
    return Lab(tmp_path, deployment, routes=ALL)


def pair(lab: Lab) -> tuple[int, str]:
    """A ticket and a bug that are linked and quiet."""
    ticket, key = lab.ticket(), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    return ticket, key


def told(lab: Lab, ticket: int) -> list[str]:
    """The notes that carry comments, their first line left out."""
    notes = [note for note in lab.notes(ticket) if "commented on" in note or "edited a comment" in note]
    return [note.partition(":")[2].strip() for note in notes]


def last_lines(lab: Lab, key: str) -> list[str]:
    """What our comments on the bug end with."""
    return [body.rpartition("\n")[2] for body in lab.bug_comments(key)]


def busy(service: str, method: str, path: str, times: int = 2) -> Fault:
    """The server has no time, twice."""
    fault = Fault("status", service=service, method=method, path=path, times=times)
    fault.args.update({"status": 503, "headers": {"Retry-After": "20"}})
    return fault


def test_a_bugs_comments_keep_their_order_although_the_first_one_is_delayed(lab: Lab) -> None:
    ticket, key = pair(lab)
    lab.sandbox.ctx.faults.add(busy("zendesk", "PUT", r"/tickets/\d+"))
    for number in range(4):
        lab.sandbox.jira.comment(lab.developer, key, f"remark {number}")
    lab.settle()
    assert told(lab, ticket) == [f"remark {number}" for number in range(4)]


def test_a_tickets_comments_keep_their_order_although_the_first_one_is_delayed(both: Lab) -> None:
    ticket, key = pair(both)
    both.sandbox.ctx.faults.add(busy("jira", "POST", r"/issue/\w+/comment"))
    for number in range(4):
        both.sandbox.zendesk.agent_replies(ticket=ticket, actor=both.agent, body=f"note {number}", public=False)
    both.settle()
    assert last_lines(both, key) == [f"note {number}" for number in range(4)]


def test_nothing_echoes_and_nothing_is_written_any_more(both: Lab) -> None:
    ticket, key = pair(both)
    both.sandbox.jira.comment(both.developer, key, "from the bug")
    both.sandbox.zendesk.agent_replies(ticket=ticket, actor=both.agent, body="from the ticket", public=False)
    both.sandbox.zendesk.customer_replies(ticket=ticket, body="from the customer")
    both.settle()
    assert told(both, ticket) == ["from the bug"]
    assert last_lines(both, key) == ["from the ticket", "from the customer"]
    before = both.sandbox.ctx.journal.entries(0)[-1]["n"]
    both.cycle(8)
    both.cycle(complete=True)
    assert both.writes(since=before) == []


def test_what_is_redacted_on_the_ticket_is_redacted_in_our_copy_on_the_bug(both: Lab) -> None:
    ticket, key = pair(both)
    comment = both.sandbox.zendesk.agent_replies(
        ticket=ticket, actor=both.agent, body="the password is hunter2, sorry", public=False
    )
    both.settle()
    both.sandbox.zendesk.redact(ticket=ticket, comment=comment, actor=both.agent, text="hunter2")
    both.settle()
    (body,) = both.bug_comments(key)
    assert "hunter2" not in body
    assert "the password is" in body
    entry = both.issue(key)["comments"][-1]
    assert entry["properties"]["sd.public.comment"] == {"internal": True}


def test_edits_that_follow_while_one_waits_for_its_second_try_are_told_once(lab: Lab) -> None:
    ticket, key = pair(lab)
    comment = lab.sandbox.jira.comment(lab.developer, key, "one")
    lab.settle()
    lab.sandbox.ctx.faults.add(busy("zendesk", "PUT", r"/tickets/\d+"))
    for text in ("two", "three", "four"):
        lab.sandbox.jira.edit_comment(lab.developer, comment, text)
        lab.cycle()
    lab.settle()
    assert told(lab, ticket) == ["one", "two", "four"]  # what was tried once may be there already


def test_a_deleted_comment_is_blacked_out_on_every_ticket(lab: Lab) -> None:
    first, key = pair(lab)
    second = lab.ticket()
    lab.link(second, key)
    lab.settle()
    comment = lab.sandbox.jira.comment(lab.developer, key, "never mind")
    lab.settle()
    lab.sandbox.advance(1)
    lab.sandbox.jira.delete_comment(lab.developer, comment)
    lab.settle()
    for ticket in (first, second):
        assert [set(text) <= set("▇ ") for text in told(lab, ticket)] == [True]


def test_a_comment_that_jira_refuses_leaves_a_placeholder_and_the_next_one_goes_on(both: Lab) -> None:
    ticket, key = pair(both)
    refuse = Fault("status", service="jira", method="POST", path=r"/issue/\w+/comment", times=1)
    refuse.args.update({"status": 400, "body": {"errorMessages": [], "errors": {"comment": "no"}}})
    both.sandbox.ctx.faults.add(refuse)
    both.sandbox.zendesk.agent_replies(ticket=ticket, actor=both.agent, body="refused words", public=False)
    both.sandbox.zendesk.agent_replies(ticket=ticket, actor=both.agent, body="later words", public=False)
    both.settle()
    first, second = both.bug_comments(key)
    assert "could not be carried over; please read it in Zendesk" in first
    assert "later words" in second
    with both.app.store.reading() as tx:
        states = [twin.state for twin in tx.twins_of([f"ticket:{ticket}"])]
    assert states == [TwinState.PLACEHOLDER, TwinState.CARRIED]


def back_up(lab: Lab) -> None:
    """Keeps the store as it is now."""
    lab.app.store.close()
    shutil.copy(lab.folder / "syncd.db", lab.folder / "backup.db")
    lab.restart()


def put_back(lab: Lab) -> None:
    """The store is as it was when it was kept."""
    lab.app.store.close()
    for leftover in lab.folder.glob("syncd.db*"):
        leftover.unlink()
    shutil.copy(lab.folder / "backup.db", lab.folder / "syncd.db")
    lab.restart()


def test_an_old_backup_repeats_no_comment_on_either_side(both: Lab) -> None:
    ticket, key = pair(both)
    back_up(both)
    both.sandbox.jira.comment(both.developer, key, "from the bug")
    both.sandbox.zendesk.agent_replies(ticket=ticket, actor=both.agent, body="from the ticket", public=False)
    both.settle()
    put_back(both)
    both.settle()
    assert told(both, ticket) == ["from the bug"]
    assert last_lines(both, key) == ["from the ticket"]
    with both.app.store.reading() as tx:
        twins = tx.twins_of([f"ticket:{ticket}", f"issue:{both.issue(key)['id']}"])
    assert len(twins) == 2
    assert all(twin.twin_id for twin in twins)


@pytest.mark.parametrize(
    "is_told",
    [
        pytest.param(False, id="the edit came after the backup was put back"),
        pytest.param(True, id="the edit had been told before"),
    ],
)
def test_a_comment_that_an_old_backup_forgot_and_that_was_edited_is_told_anew_once(both: Lab, is_told: bool) -> None:
    ticket, key = pair(both)
    back_up(both)
    comment = both.sandbox.jira.comment(both.developer, key, "first words")
    both.settle()
    both.sandbox.jira.edit_comment(both.developer, comment, "other words")
    if is_told:
        both.settle()
    put_back(both)
    both.settle()
    assert told(both, ticket) == ["first words", "other words"]
    both.sandbox.jira.delete_comment(both.developer, comment)
    both.settle()
    assert not [note for note in told(both, ticket) if "words" in note]


def test_a_comment_that_was_edited_before_it_was_carried_is_not_told_anew_after_an_old_backup(both: Lab) -> None:
    """Not either when an agent blacked out a part of the note."""
    ticket, key = pair(both)
    back_up(both)
    comment = both.sandbox.jira.comment(both.developer, key, "first words")
    both.sandbox.advance(1)
    both.sandbox.jira.edit_comment(both.developer, comment, "other words, and the key is s3cret, *alas*")
    both.settle()
    (note,) = [c for c in both.comments(ticket) if "s3cret" in c["body"]]
    both.sandbox.zendesk.redact(ticket=ticket, comment=note["id"], actor=both.agent, text="s3cret")
    put_back(both)
    both.settle()
    (shown,) = told(both, ticket)
    assert "s3cret" not in shown


def test_a_word_that_is_blacked_out_after_an_old_backup_forgot_its_copy_cannot_be_read_there(both: Lab) -> None:
    ticket, key = pair(both)
    back_up(both)
    comment = both.sandbox.zendesk.agent_replies(ticket=ticket, actor=both.agent, body="the key is s3cret")
    both.settle()
    put_back(both)
    both.sandbox.zendesk.redact(ticket=ticket, comment=comment, actor=both.agent, text="s3cret")
    both.settle()
    (copy,) = both.bug_comments(key)
    assert "s3cret" not in copy


def test_a_bug_that_is_deleted_meanwhile_gets_no_comment_and_stops_nothing(both: Lab) -> None:
    ticket, key = pair(both)
    other, another = pair(both)
    both.sandbox.zendesk.agent_replies(ticket=ticket, actor=both.agent, body="too late", public=False)
    both.sandbox.zendesk.agent_replies(ticket=other, actor=both.agent, body="in time", public=False)
    both.sandbox.jira.delete_issue(both.developer, key)
    both.settle()
    assert last_lines(both, another) == ["in time"]
