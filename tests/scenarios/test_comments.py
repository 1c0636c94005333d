"""Comments and files between a ticket and its bug, through real clients against the sandbox, on both deployments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from syncd.core.comment_model import TwinState
from syncd.sandbox.faults import Fault
from tests.scenarios.crashes import Borders, watch
from tests.scenarios.lab import MIRROR, OPS, Crash, Deployment, Lab

ALL = f"  - {{name: novabrain, project: NOVA, mapping: default, mirror: {MIRROR}, comments: {{to_bug: all}}}}\n"


def pair(lab: Lab) -> tuple[int, str]:
    """A ticket and a bug that are linked and quiet."""
    ticket, key = lab.ticket(), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    return ticket, key


def told(lab: Lab, ticket: int) -> list[str]:
    """The notes that carry comments."""
    return [note for note in lab.notes(ticket) if "commented on" in note or "edited a comment" in note]


def test_a_developers_comment_becomes_one_internal_note_and_no_echo(lab: Lab) -> None:
    ticket, key = pair(lab)
    lab.sandbox.jira.comment(lab.developer, key, "h2. Cause\n* a *bad* index\n{code:sql}select 1{code}")
    lab.settle()
    notes = [c for c in lab.comments(ticket) if "commented on" in c["body"]]
    assert len(notes) == 1
    assert notes[0]["public"] is False
    assert "<h2>Cause</h2><ul><li>a <strong>bad</strong> index</li></ul>" in notes[0]["html_body"]
    assert '<pre><code class="language-sql">select 1</code></pre>' in notes[0]["html_body"]
    assert f"/browse/{key}?focusedCommentId=" in notes[0]["html_body"]
    assert lab.bug_comments(key) == []
    assert not lab.writes(since=lab.sandbox.ctx.journal.entries(0)[-1]["n"])


@pytest.mark.parametrize(
    "public", [pytest.param(True, id="an answer to the customer"), pytest.param(False, id="a note")]
)
def test_a_comment_in_the_second_of_a_write_of_ours_is_carried_though_the_tickets_stamp_stays(
    tmp_path: Path, public: bool
) -> None:
    lab = Lab(tmp_path, routes=ALL)
    ticket, key = pair(lab)
    lab.moves(key, "In Progress")
    lab.cycle()  # the mirror is written, and the comments are read, in the second in which the clock stands still
    assert lab.shown(ticket, "Engineering status") == "In Progress"
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="In the same second", public=public)
    lab.settle()
    assert len([body for body in lab.bug_comments(key) if "In the same second" in body]) == 1


def test_a_tagged_comment_reaches_the_bug_hidden_from_the_portal_with_its_author_and_a_link(lab: Lab) -> None:
    ticket, key = pair(lab)
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="#bug ping [~hana] {html}x", public=False)
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="not for them", public=False)
    lab.sandbox.zendesk.customer_replies(ticket=ticket, body="#bug from a customer")
    lab.settle()
    (body,) = lab.bug_comments(key)
    assert body.startswith(f"*Priya Nair* noted in [Zendesk #{ticket}|")
    assert r"\[\~hana\] \{html\}x" in body
    comment = lab.issue(key)["comments"][-1]
    assert comment["properties"]["sd.public.comment"] == {"internal": True}
    assert told(lab, ticket) == []


def test_all_comments_go_to_the_bug_when_the_route_says_so_in_order_and_once(
    tmp_path: Path, deployment: Deployment
) -> None:
    lab = Lab(tmp_path, deployment, routes=ALL)
    ticket, key = pair(lab)
    for number in range(3):
        lab.sandbox.zendesk.customer_replies(ticket=ticket, body=f"reply {number}")
        lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body=f"answer {number}")
    lab.settle()
    texts = [body.rpartition("\n")[2] for body in lab.bug_comments(key)]
    assert texts == ["reply 0", "answer 0", "reply 1", "answer 1", "reply 2", "answer 2"]
    lab.restart()
    lab.settle()
    assert len(lab.bug_comments(key)) == 6


def test_what_was_said_before_the_link_stays_where_it_is(lab: Lab) -> None:
    ticket, key = lab.ticket(), lab.bug()
    lab.sandbox.jira.comment(lab.developer, key, "an old remark")
    lab.sandbox.advance(60)
    lab.link(ticket, key)
    lab.settle()
    assert told(lab, ticket) == []


def test_two_tickets_of_a_bug_hear_each_comment_once(lab: Lab) -> None:
    first, key = pair(lab)
    second = lab.ticket()
    lab.link(second, key)
    lab.settle()
    lab.sandbox.jira.comment(lab.developer, key, "for both")
    lab.settle()
    assert (len(told(lab, first)), len(told(lab, second))) == (1, 1)


def test_edits_are_told_once_and_a_deletion_blacks_our_notes_out(lab: Lab) -> None:
    ticket, key = pair(lab)
    comment = lab.sandbox.jira.comment(lab.developer, key, "first words of [~priya]")
    lab.settle()
    for text in ("second words", "third words"):
        lab.sandbox.advance(1)
        lab.sandbox.jira.edit_comment(lab.developer, comment, text)
    lab.settle()
    assert ["edited a comment" in note for note in told(lab, ticket)] == [False, True]
    assert "third words" in told(lab, ticket)[-1]
    lab.sandbox.advance(1)
    lab.sandbox.jira.delete_comment(lab.developer, comment)
    lab.settle()
    assert len(told(lab, ticket)) == 2
    assert not any("words" in note or "priya" in note for note in told(lab, ticket))


def test_a_comment_for_one_role_stays_and_one_that_becomes_restricted_is_taken_back(lab: Lab) -> None:
    ticket, key = pair(lab)
    lab.sandbox.jira.comment(lab.developer, key, "a secret", visibility="Developers")
    comment = lab.sandbox.jira.comment(lab.developer, key, "open words")
    lab.settle()
    assert len(told(lab, ticket)) == 1
    assert "open words" in told(lab, ticket)[0]
    lab.sandbox.advance(1)
    lab.sandbox.jira._comment(comment)[1].visibility = {"type": "role", "value": "Developers"}
    lab.sandbox.jira.edit_comment(lab.developer, comment, "open words, and a secret")
    lab.settle()
    assert not any("words" in note for note in told(lab, ticket))


@pytest.mark.parametrize("after", [False, True], ids=["before the write is made", "after the write was made"])
def test_a_lost_answer_makes_no_second_note(lab: Lab, *, after: bool) -> None:
    ticket, key = pair(lab)
    kind = "drop_after" if after else "drop_before"
    lab.sandbox.ctx.faults.add(Fault(kind, service="zendesk", method="PUT", path=r"/tickets/\d+", times=1))
    lab.sandbox.jira.comment(lab.developer, key, "once only")
    lab.cycle(12)
    lab.settle()
    assert len(told(lab, ticket)) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before the write is made", "after the write was made"])
def test_a_lost_answer_makes_no_second_comment_on_the_bug(lab: Lab, *, after: bool) -> None:
    ticket, key = pair(lab)
    kind = "drop_after" if after else "drop_before"
    lab.sandbox.ctx.faults.add(Fault(kind, service="jira", method="POST", path=r"/issue/\w+/comment", times=1))
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="#bug once only", public=False)
    lab.cycle(12)
    lab.settle()
    assert len(lab.bug_comments(key)) == 1


def test_one_copy_each_way_whichever_border_the_process_dies_at(lab: Lab) -> None:
    ticket, key = pair(lab)
    crashed: list[str] = []
    # A third of the borders on one deployment, another third on the other: they differ in nothing that matters here.
    for at in range(1 if lab.deployment == "cloud" else 2, 60, 3):
        lab.sandbox.jira.comment(lab.developer, key, f"remark {at}.")
        lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body=f"#bug note {at}.", public=False)
        borders = Borders(at)
        watch(lab, borders)
        try:
            lab.cycle(3)
        except Crash as crash:
            crashed.append(str(crash))
        lab.restart()
        for _ in range(6):
            lab.cycle(seconds=30)
        assert sum(f"remark {at}." in note for note in told(lab, ticket)) == 1, crashed
        assert sum(f"note {at}." in body for body in lab.bug_comments(key)) == 1, crashed
        if len(borders.names) < at:
            break
    assert any("PUT" in name for name in crashed)
    assert any(name.endswith("/comment") for name in crashed)
    assert any("a commit" in name for name in crashed)


class Publishing(BaseAdapter):
    """A server that stores every comment as public, whatever it was asked."""

    def __init__(self, inner: BaseAdapter) -> None:
        super().__init__()
        self._inner = inner

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        if isinstance(request.body, bytes | str) and request.method == "PUT":
            text = request.body.decode() if isinstance(request.body, bytes) else request.body
            request.body = text.replace('"public": false', '"public": true').encode()
            request.headers["Content-Length"] = str(len(request.body))
        return self._inner.send(request, *args, **kwargs)

    def close(self) -> None:
        self._inner.close()


def test_layer_4_a_note_that_is_stored_as_public_is_hidden_in_the_same_cycle_and_stops_the_route(lab: Lab) -> None:
    ticket, key = pair(lab)
    session = lab.app.zendesk._writer.session
    session.mount("http://", Publishing(session.get_adapter("http://127.0.0.1")))
    lab.sandbox.jira.comment(lab.developer, key, "internal")
    lab.cycle()
    (note,) = [c for c in lab.comments(ticket) if "commented on" in c["body"]]
    assert note["public"] is False
    with lab.app.store.reading() as tx:
        assert "made private" in str((tx.guard("novabrain") or {}).get("public_note"))
    lab.sandbox.jira.comment(lab.developer, key, "held until a person has looked")
    lab.cycle(3)
    assert len(told(lab, ticket)) == 1


def test_layer_6_the_nightly_look_hides_what_was_public_all_the_same(lab: Lab) -> None:
    ticket, key = pair(lab)
    lab.sandbox.jira.comment(lab.developer, key, "internal")
    lab.settle()
    # Whatever went wrong: one of our own comments is public, and nobody noticed.
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.seeded.bot, body="leaked")
    store = lab.sandbox.zendesk.store
    for audit in store.ticket(ticket).audits[-1:]:
        audit.custom["syncd_op"] = "0" * 32
    lab.cycle(seconds=25 * 3600)
    assert all(c["public"] is False for c in lab.comments(ticket) if c["author_id"] == lab.seeded.bot)
    with lab.app.store.reading() as tx:
        assert "made private" in str((tx.guard("novabrain") or {}).get("public_note"))


def test_jira_that_drops_the_mark_of_an_internal_comment_loses_the_comment_again(lab: Lab) -> None:
    ticket, key = pair(lab)
    session = lab.app.jira._wire.session
    session.mount("http://", Forgetting(session.get_adapter("http://127.0.0.1")))
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="#bug internal", public=False)
    lab.cycle()
    assert lab.bug_comments(key) == []
    with lab.app.store.reading() as tx:
        assert "was removed" in str((tx.guard("novabrain") or {}).get("public_note"))


class Forgetting(Publishing):
    """A server, or a proxy before it, that takes the properties of a new comment and drops them."""

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        if request.method == "POST" and request.path_url.endswith("/comment"):
            body = json.loads(request.body or b"{}")
            request.body = json.dumps({**body, "properties": []}).encode()
            request.headers["Content-Length"] = str(len(request.body))
        return self._inner.send(request, *args, **kwargs)


def test_a_long_text_is_attached_whole_and_said(lab: Lab) -> None:
    ticket, key = pair(lab)
    lab.sandbox.jira.comment(lab.developer, key, "<" * 32000)
    lab.settle()
    (note,) = [c for c in lab.comments(ticket) if "commented on" in c["body"]]
    assert [file["size"] for file in note["attachments"]] == [32000]
    assert "It is attached as" in note["body"]


def test_a_refused_text_leaves_a_placeholder_and_the_next_one_goes_on(lab: Lab) -> None:
    ticket, key = pair(lab)
    refuse = Fault("status", service="zendesk", method="PUT", path=r"/tickets/\d+", times=1)
    refuse.args.update({"status": 422, "body": {"error": "RecordInvalid", "description": "no"}})
    lab.sandbox.ctx.faults.add(refuse)
    lab.sandbox.jira.comment(lab.developer, key, "refused words")
    lab.sandbox.jira.comment(lab.developer, key, "later words")
    lab.settle()
    first, second = told(lab, ticket)
    assert "could not be carried over" in first
    assert "later words" in second
    with lab.app.store.reading() as tx:
        states = {twin.state for twin in tx.twins_of([f"issue:{lab.issue(key)['id']}"])}
    assert states == {TwinState.PLACEHOLDER, TwinState.CARRIED}


def test_files_follow_their_comment_both_ways_and_what_is_left_out_is_said(lab: Lab) -> None:
    ticket, key = pair(lab)
    lab.sandbox.jira.attach(lab.developer, key, "shot.png", b"PNG" * 10)
    lab.sandbox.jira.attach(lab.developer, key, "run.exe", b"MZ")
    lab.sandbox.jira.attach(lab.developer, key, "huge.log", b"x" * (10 * 1024 * 1024 + 1))
    lab.sandbox.jira.comment(lab.developer, key, "!shot.png|thumbnail! [^run.exe] [^huge.log]")
    lab.settle()
    (note,) = [c for c in lab.comments(ticket) if "commented on" in c["body"]]
    assert [(f["file_name"][:5], f["size"]) for f in note["attachments"]] == [("shot-", 30)]
    assert "run.exe was left out" in note["body"]
    assert "huge.log was left out" in note["body"]


def test_a_link_that_is_off_carries_nothing(lab: Lab) -> None:
    ticket, key = pair(lab)
    lab.sandbox.zendesk.add_tags(ticket=ticket, actor=lab.agent, tags=["syncd_off"])
    lab.settle()
    lab.sandbox.jira.comment(lab.developer, key, "nobody hears this")
    lab.settle()
    assert told(lab, ticket) == []


class Hides(Borders):
    """The project is hidden right before or after the first comment on a bug is written."""

    def __init__(self, lab: Lab, when: str) -> None:
        super().__init__()
        self._lab = lab
        self._when = when
        self.hid = False

    def cross(self, name: str) -> None:
        super().cross(name)
        if not self.hid and name.startswith(f"{self._when} POST") and name.endswith("/comment"):
            self._lab.sandbox.jira.set_members("NOVA", [self._lab.developer])
            self.hid = True


@pytest.mark.parametrize("speaker", ["an agent", "syncd"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_bug_that_is_hidden_while_a_comment_is_written_refuses_nothing_and_shows_nothing(
    tmp_path: Path, deployment: Deployment, when: str, speaker: str
) -> None:
    """Neither is the 404 a refusal, nor a mark that cannot be read back a comment that all may read."""
    lab = Lab(tmp_path, deployment, routes=ALL + OPS)
    ticket, key = pair(lab)
    if speaker == "an agent":
        comment = lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="the key is s3cret")
    else:
        lab.agent_sets(ticket, "solved")
    hides = Hides(lab, when)
    watch(lab, hides)
    lab.cycle(2)
    assert hides.hid
    lab.sandbox.jira.set_members("NOVA", None)
    lab.cycle(12, seconds=60)
    (said,) = lab.bug_comments(key)
    assert lab.conflicts() == []
    if speaker == "an agent":
        lab.sandbox.zendesk.redact(ticket=ticket, comment=comment, actor=lab.agent, text="s3cret")
        lab.settle()
        assert [body == said for body in lab.bug_comments(key)] == [False]


def test_what_is_blacked_out_while_the_bug_is_hidden_cannot_be_read_on_it_later(
    tmp_path: Path, deployment: Deployment
) -> None:
    lab = Lab(tmp_path, deployment, routes=ALL + OPS)
    ticket, key = pair(lab)
    comment = lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="the key is s3cret", public=False)
    lab.settle()
    assert "s3cret" in lab.bug_comments(key)[0]
    lab.sandbox.jira.set_members("NOVA", [lab.developer])
    lab.sandbox.zendesk.redact(ticket=ticket, comment=comment, actor=lab.agent, text="s3cret")
    lab.cycle(2)
    lab.sandbox.jira.set_members("NOVA", None)
    lab.cycle(12, seconds=60)
    (copy,) = lab.bug_comments(key)
    assert "s3cret" not in copy
