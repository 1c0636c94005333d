"""What a developer says to the customer: opt-in of the route, act of the author, grant, read-back."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from syncd.core.comment_model import TwinState
from syncd.core.model import Visibility
from syncd.sandbox.faults import Fault
from tests.scenarios.lab import MIRROR, Deployment, Lab

SAID = "#customer It is *fixed* in 3.2, {{ticket.id}} says [~hana]."
READ = "<p>It is <strong>fixed</strong> in 3.2, "


def route(who: str, more: str = "") -> str:
    """A route whose developers may speak to customers."""
    block = f"{{to_customer: {{prefix: '#customer', {who}}}{more}}}"
    return f"  - {{name: novabrain, project: NOVA, mapping: default, mirror: {MIRROR}, comments: {block}}}\n"


class Speaking(Lab):
    """NOVA is a service desk, and its role "Liaison" may speak; our account may read who has it."""

    def prepare(self) -> None:
        site = self.sandbox.jira.site
        site.add_to_role("Liaison", self.developer)
        site.users[self.seeded.jira_bot].admin = True
        site.projects["NOVA"].jsm = True


def speaking(folder: Path, deployment: Deployment, who: str = "roles: [Liaison]", more: str = "") -> Lab:
    return Speaking(folder, deployment, routes=route(who, more))


@pytest.fixture
def desk(tmp_path: Path, deployment: Deployment) -> Lab:
    return speaking(tmp_path, deployment)


def pair(lab: Lab) -> tuple[int, str]:
    """A ticket and a bug that are linked and quiet."""
    ticket, key = lab.ticket(), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    return ticket, key


def ours(lab: Lab, ticket: int) -> list[dict[str, Any]]:
    """What syncd wrote because of a comment."""
    made_here = ("commented on", "edited a comment", "3.2", "▇")
    found = [c for c in lab.comments(ticket) if c["author_id"] == lab.seeded.bot]
    return [c for c in found if any(word in c["body"] for word in made_here)]


def public(lab: Lab, ticket: int) -> list[str]:
    """What the customer reads of syncd's."""
    return [c["html_body"] for c in lab.comments(ticket) if c["author_id"] == lab.seeded.bot and c["public"]]


def test_what_a_liaison_begins_with_the_prefix_reaches_the_customer_once_and_nothing_else_does(desk: Lab) -> None:
    ticket, key = pair(desk)
    desk.sandbox.jira.comment(desk.developer, key, "between us")
    desk.sandbox.jira.comment(desk.developer, key, SAID)
    desk.sandbox.jira.comment(desk.developer, key, "and #customer in the middle")
    desk.settle()
    (html,) = public(desk, ticket)
    assert READ in html
    assert "#customer" not in html
    assert "{{ticket" not in html
    assert [c["public"] for c in ours(desk, ticket)] == [False, True, False]
    desk.restart()
    desk.settle()
    assert len(ours(desk, ticket)) == 3
    assert desk.bug_comments(key) == []


def test_by_default_the_prefix_means_nothing(lab: Lab) -> None:
    ticket, key = pair(lab)
    lab.sandbox.jira.comment(lab.developer, key, SAID)
    lab.settle()
    assert public(lab, ticket) == []
    assert len(ours(lab, ticket)) == 1


def _role(lab: Lab, key: str) -> None:
    lab.sandbox.jira.comment(lab.developer, key, SAID, visibility="Users")


def _internal(lab: Lab, key: str) -> None:
    lab.sandbox.jira.comment(lab.developer, key, SAID, internal=True)


def _other(lab: Lab, key: str) -> None:
    lab.sandbox.jira.comment(lab.seeded.developers["Yusuf Demir"], key, SAID)


def _customer(lab: Lab, key: str) -> None:
    someone = lab.sandbox.jira.add_user("Portal Guest", "guest@aurora.example", account_type="customer")
    lab.sandbox.jira.site.add_to_role("Liaison", someone)
    lab.sandbox.jira.comment(someone, key, SAID)


def _robot(lab: Lab, key: str) -> None:
    someone = lab.sandbox.jira.add_user("Automation for Jira", "app@dev.example", account_type="app")
    lab.sandbox.jira.site.add_to_role("Liaison", someone)
    lab.sandbox.jira.comment(someone, key, SAID)


def _edited(lab: Lab, key: str) -> None:
    comment = lab.sandbox.jira.comment(lab.developer, key, "between us")
    lab.sandbox.advance(1)
    lab.sandbox.jira.edit_comment(lab.seeded.developers["Yusuf Demir"], comment, SAID)


NEVER: dict[str, tuple[Callable[[Lab, str], None], int]] = {
    "for one role only": (_role, 0),
    "marked as internal on the service desk": (_internal, 1),
    "by a developer who may not": (_other, 1),
    "by a robot": (_robot, 0),
    "edited by somebody else": (_edited, 1),
}


@pytest.mark.parametrize(("say", "notes"), [pytest.param(*row, id=name) for name, row in NEVER.items()])
def test_never_reaches_the_customer(desk: Lab, say: Callable[[Lab, str], None], notes: int) -> None:
    ticket, key = pair(desk)
    say(desk, key)
    desk.settle()
    assert public(desk, ticket) == []
    assert len(ours(desk, ticket)) == notes
    assert all("The customer has not read this: " in c["body"] for c in ours(desk, ticket))


@pytest.mark.parametrize("deployment", ["cloud"])
def test_a_portal_guest_does_not_speak_for_us(desk: Lab) -> None:
    ticket, key = pair(desk)
    _customer(desk, key)
    desk.settle()
    assert public(desk, ticket) == []


@pytest.mark.parametrize("who", ["groups: [jira-developers]", "accounts: [ACCOUNT]"], ids=["a group", "an account"])
def test_groups_and_accounts_may_be_named_too(tmp_path: Path, deployment: Deployment, who: str) -> None:
    account = Lab(tmp_path / "first", deployment).developer
    lab = speaking(tmp_path, deployment, who.replace("ACCOUNT", f"'{account}'"))
    lab.sandbox.jira.site.add_to_group("jira-developers", lab.developer)
    ticket, key = pair(lab)
    lab.sandbox.jira.comment(lab.developer, key, SAID)
    lab.sandbox.jira.comment(lab.seeded.developers["Yusuf Demir"], key, SAID)
    lab.settle()
    assert [c["public"] for c in ours(lab, ticket)] == [True, False]


def test_where_jira_does_not_show_who_has_a_role_nobody_speaks_and_the_note_says_so(desk: Lab) -> None:
    desk.sandbox.jira.site.users[desk.seeded.jira_bot].admin = False
    ticket, key = pair(desk)
    desk.sandbox.jira.comment(desk.developer, key, SAID)
    desk.settle()
    assert public(desk, ticket) == []
    assert "may not speak to customers" in ours(desk, ticket)[0]["body"]


def test_where_jira_does_not_show_who_has_a_role_those_named_one_by_one_still_speak(
    tmp_path: Path, deployment: Deployment
) -> None:
    account = Lab(tmp_path / "first", deployment).developer
    lab = speaking(tmp_path, deployment, f"roles: [Liaison], accounts: ['{account}']")
    lab.sandbox.jira.site.users[lab.seeded.jira_bot].admin = False
    ticket, key = pair(lab)
    lab.sandbox.jira.comment(lab.developer, key, SAID)
    lab.settle()
    assert len(public(lab, ticket)) == 1


def test_an_opt_in_that_is_taken_out_stops_what_waits(desk: Lab) -> None:
    ticket, key = pair(desk)
    config = desk.folder / "config.yaml"
    fault = Fault("status", service="zendesk", method="PUT", path=r"/tickets/\d+", times=1)
    fault.args.update({"status": 503, "headers": {"Retry-After": "60"}})
    desk.sandbox.ctx.faults.add(fault)
    desk.sandbox.jira.comment(desk.developer, key, SAID)
    desk.cycle()
    config.write_text(config.read_text("utf-8").replace("{to_customer: {prefix: '#customer', roles: [Liaison]}}", "{}"))
    desk.restart()
    desk.settle()
    desk.cycle(8, seconds=30)
    assert public(desk, ticket) == []
    assert len(ours(desk, ticket)) == 1


def test_what_was_said_before_the_link_is_meant_for_nobody_here(tmp_path: Path, deployment: Deployment) -> None:
    lab = speaking(tmp_path, deployment, more=", history: all")
    ticket, key = lab.ticket(), lab.bug()
    lab.sandbox.jira.comment(lab.developer, key, SAID)
    lab.sandbox.advance(60)
    lab.link(ticket, key)
    lab.settle()
    assert public(lab, ticket) == []
    assert len(ours(lab, ticket)) == 1


def test_made_internal_on_the_service_desk_later_the_copy_becomes_private_within_the_hour(desk: Lab) -> None:
    ticket, key = pair(desk)
    comment = desk.sandbox.jira.comment(desk.developer, key, SAID)
    desk.settle()
    assert len(public(desk, ticket)) == 1
    desk.sandbox.jira.set_internal(desk.developer, comment, True)
    desk.cycle(2, seconds=3600)
    desk.settle()
    assert public(desk, ticket) == []
    assert "fixed" in ours(desk, ticket)[0]["body"]
    desk.settle()
    assert len(ours(desk, ticket)) == 1


def test_restricted_later_the_copy_becomes_private_and_is_blacked_out(desk: Lab) -> None:
    ticket, key = pair(desk)
    comment = desk.sandbox.jira.comment(desk.developer, key, SAID)
    desk.settle()
    desk.sandbox.advance(1)
    desk.sandbox.jira._comment(comment)[1].visibility = {"type": "role", "value": "Developers"}
    desk.sandbox.jira.edit_comment(desk.developer, comment, SAID)
    desk.settle()
    assert public(desk, ticket) == []
    assert not any("fixed" in c["body"] for c in ours(desk, ticket))


def test_taken_back_by_its_author_the_copy_becomes_private_and_the_edit_is_told_to_agents(desk: Lab) -> None:
    ticket, key = pair(desk)
    comment = desk.sandbox.jira.comment(desk.developer, key, SAID)
    desk.settle()
    desk.sandbox.advance(1)
    desk.sandbox.jira.edit_comment(desk.developer, comment, "between us: not in 3.2 yet")
    desk.settle()
    assert public(desk, ticket) == []
    assert "not in 3.2 yet" in ours(desk, ticket)[-1]["body"]


def test_an_edit_is_told_to_agents_and_the_customer_keeps_what_was_said(desk: Lab) -> None:
    ticket, key = pair(desk)
    comment = desk.sandbox.jira.comment(desk.developer, key, SAID)
    desk.settle()
    for text in ("#customer It is fixed in 3.2.1", "#customer It is fixed in 3.2.2"):
        desk.sandbox.advance(1)
        desk.sandbox.jira.edit_comment(desk.developer, comment, text)
    desk.settle()
    (html,) = public(desk, ticket)
    assert READ in html
    assert [c["public"] for c in ours(desk, ticket)] == [True, False]
    assert "3.2.2" in ours(desk, ticket)[1]["body"]
    assert "The customer has read it as it was before." in ours(desk, ticket)[1]["body"]


def test_deleted_later_the_copy_becomes_private_and_is_blacked_out_whole(desk: Lab) -> None:
    ticket, key = pair(desk)
    comment = desk.sandbox.jira.comment(desk.developer, key, SAID)
    desk.settle()
    desk.sandbox.advance(1)
    desk.sandbox.jira.delete_comment(desk.developer, comment)
    desk.settle()
    (note,) = ours(desk, ticket)
    assert note["public"] is False
    assert not re.search(r"fixed|3\.2|hana", note["body"])
    with desk.app.store.reading() as tx:
        (twin,) = tx.twins_of([f"issue:{desk.issue(key)['id']}"])
    assert (twin.state, twin.visibility) == (TwinState.WITHDRAWN, Visibility.INTERNAL)


class Meanwhile(BaseAdapter):
    """Lets something happen once, when the bug's comments were read and nothing was written yet."""

    def __init__(self, inner: BaseAdapter, happens: Callable[[], object]) -> None:
        super().__init__()
        self._inner, self._happens = inner, happens
        self._over = False

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        answer = self._inner.send(request, *args, **kwargs)
        if not self._over and request.method == "GET" and re.search(r"/issue/\d+/comment\?", request.url or ""):
            self._over = True
            self._happens()
        return answer

    def close(self) -> None:
        self._inner.close()


def _made_internal(lab: Lab, comment: int) -> None:
    lab.sandbox.jira.set_internal(lab.developer, comment, True)


def _removed(lab: Lab, comment: int) -> None:
    lab.sandbox.jira.delete_comment(lab.developer, comment)


def _rewritten(lab: Lab, comment: int) -> None:
    lab.sandbox.jira.edit_comment(lab.developer, comment, "between us")


@pytest.mark.parametrize("happens", [_made_internal, _removed, _rewritten])
def test_changed_between_plan_and_write_it_does_not_reach_the_customer(
    desk: Lab, happens: Callable[[Lab, int], None]
) -> None:
    ticket, key = pair(desk)
    comment = desk.sandbox.jira.comment(desk.developer, key, SAID)
    session = desk.app.jira._wire.session
    session.mount("http://", Meanwhile(session.get_adapter("http://127.0.0.1"), lambda: happens(desk, comment)))
    desk.settle()
    assert public(desk, ticket) == []
    desk.cycle(2, seconds=3600)
    assert public(desk, ticket) == []


def test_the_wire_guard_has_a_grant_for_what_passed_and_it_is_closed_afterwards(desk: Lab) -> None:
    ticket, key = pair(desk)
    desk.sandbox.jira.comment(desk.developer, key, SAID)
    desk.settle()
    marker = next(c for c in desk.app.zendesk.talk.comments(ticket, None).comments if c.marker and c.public).marker
    assert marker is not None
    with desk.app.store.reading() as tx:
        assert tx.was_granted(marker, ticket)
        assert not tx.was_granted(marker, ticket + 1)
        rows = tx._connection.exec_driver_sql("SELECT digest, closed_at FROM public_grant").all()
        assert all(row.closed_at is not None for row in rows)
        assert not any(tx.is_granted(marker, ticket, row.digest) for row in rows)


@pytest.mark.parametrize("after", [False, True], ids=["before the write is made", "after the write was made"])
def test_a_lost_answer_makes_no_second_public_comment(desk: Lab, *, after: bool) -> None:
    ticket, key = pair(desk)
    kind = "drop_after" if after else "drop_before"
    desk.sandbox.ctx.faults.add(Fault(kind, service="zendesk", method="PUT", path=r"/tickets/\d+", times=1))
    desk.sandbox.jira.comment(desk.developer, key, SAID)
    desk.cycle(12)
    desk.settle()
    assert len(public(desk, ticket)) == 1
    with desk.app.store.reading() as tx:
        assert (tx.guard("novabrain") or {}).get("public_note") is None


def test_an_old_backup_neither_repeats_nor_hides_what_was_said(desk: Lab, tmp_path: Path) -> None:
    ticket, key = pair(desk)
    desk.app.store.close()
    backup = (tmp_path / "syncd.db").read_bytes()
    desk.restart()
    desk.sandbox.jira.comment(desk.developer, key, SAID)
    desk.settle()
    desk.app.store.close()
    for leftover in tmp_path.glob("syncd.db*"):
        leftover.unlink()
    (tmp_path / "syncd.db").write_bytes(backup)
    desk.restart()
    desk.settle()
    desk.cycle(seconds=25 * 3600)
    assert len(public(desk, ticket)) == 1
    with desk.app.store.reading() as tx:
        assert (tx.guard("novabrain") or {}).get("public_note") is None


class Private(Speaking):
    """Our account in Zendesk may only write private comments."""

    def prepare(self) -> None:
        super().prepare()
        self.sandbox.zendesk.edit_user(user=self.seeded.bot, only_private_comments=True)


@pytest.mark.parametrize("policy", ["coerce", "422", "403"])
def test_an_account_that_may_not_leaves_an_internal_note_and_stops_nothing(
    tmp_path: Path, deployment: Deployment, policy: str
) -> None:
    lab = Private(tmp_path, deployment, routes=route("roles: [Liaison]"))
    lab.sandbox.zendesk.switches["public_comment_refused"] = policy
    ticket, key = pair(lab)
    lab.sandbox.jira.comment(lab.developer, key, SAID)
    lab.settle()
    assert public(lab, ticket) == []
    assert len(ours(lab, ticket)) == 1
    with lab.app.store.reading() as tx:
        assert (tx.guard("novabrain") or {}).get("public_note") is None
        (twin,) = tx.twins_of([f"issue:{lab.issue(key)['id']}"])
    assert twin.visibility is Visibility.INTERNAL


def test_too_long_for_a_public_comment_it_is_attached_to_an_internal_note(desk: Lab) -> None:
    ticket, key = pair(desk)
    desk.sandbox.jira.comment(desk.developer, key, "#customer " + "<" * 32000)
    desk.settle()
    (note,) = [c for c in desk.comments(ticket) if "commented on" in c["body"]]
    assert note["public"] is False
    assert [file["size"] for file in note["attachments"]] == [32010]
    assert "too long for a public comment" in note["body"]


def test_files_go_along_and_what_is_left_out_tells_nothing_of_our_servers(desk: Lab) -> None:
    ticket, key = pair(desk)
    desk.sandbox.jira.attach(desk.developer, key, "shot.png", b"PNG" * 10)
    desk.settle()
    desk.sandbox.jira.comment(desk.developer, key, "#customer as of 3.2 !shot.png!")
    desk.sandbox.advance(1)
    desk.settle()
    (said,) = [c for c in desk.comments(ticket) if c["author_id"] == desk.seeded.bot and c["public"]]
    assert [file["file_name"][:5] for file in said["attachments"]] == ["shot-"]


def test_the_nightly_look_lets_what_was_allowed_stand(desk: Lab) -> None:
    ticket, key = pair(desk)
    desk.sandbox.jira.comment(desk.developer, key, SAID)
    desk.settle()
    desk.cycle(seconds=25 * 3600)
    assert len(public(desk, ticket)) == 1


def _internal_by_now(lab: Lab, comment: int) -> None:
    lab.sandbox.jira.set_internal(lab.developer, comment, internal=True)


def _restricted(lab: Lab, comment: int) -> None:
    lab.sandbox.jira._comment(comment)[1].visibility = {"type": "role", "value": "Developers"}


def _deleted(lab: Lab, comment: int) -> None:
    lab.sandbox.jira.delete_comment(lab.developer, comment)


@pytest.mark.parametrize(
    ("taken_back", "stays_for_agents"),
    [
        pytest.param(_internal_by_now, True, id="it is internal by now"),
        pytest.param(_restricted, False, id="it is for one role only by now"),
        pytest.param(_deleted, False, id="it was deleted"),
    ],
)
@pytest.mark.parametrize("ended", ["link removed", "nothing carried any more"])
def test_what_is_taken_back_after_its_link_ended_is_hidden_from_the_customer(
    desk: Lab, taken_back: Callable[[Lab, int], None], ended: str, *, stays_for_agents: bool
) -> None:
    ticket, key = pair(desk)
    comment = desk.sandbox.jira.comment(desk.developer, key, SAID)
    kept = desk.sandbox.jira.comment(desk.developer, key, "#customer 3.2 is out.")
    desk.settle()
    assert len(public(desk, ticket)) == 2
    if ended == "link removed":
        desk.request("links remove", link=desk.links()[0].id)
    else:
        file = desk.folder / "config.yaml"
        silent = re.sub(r"comments: .*", "comments: {to_ticket: none}}", file.read_text(encoding="utf-8"))
        file.write_text(silent, encoding="utf-8")
        desk.restart()
    desk.settle()
    taken_back(desk, comment)
    desk.cycle(seconds=3700)
    desk.settle()
    (left,) = public(desk, ticket)
    assert "out" in left
    assert any("<strong>fixed" in c["html_body"] for c in ours(desk, ticket)) is stays_for_agents
    desk.cycle(seconds=3700)
    desk.settle()
    assert len(public(desk, ticket)) == 1, f"comment {kept} is still meant for the customer"
