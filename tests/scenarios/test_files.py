"""Files between a ticket and its bug: with their comments, without any, too large, of the wrong kind, seen before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncd.sandbox.faults import Fault
from syncd.sandbox.zendesk_records import Attachment, Upload
from tests.scenarios.crashes import Borders, watch
from tests.scenarios.lab import MIRROR, Crash, Deployment, Lab


def route(comments: str) -> str:
    return f"  - {{name: novabrain, project: NOVA, mapping: default, mirror: {MIRROR}, comments: {comments}}}\n"


def pair(lab: Lab) -> tuple[int, str]:
    """A ticket and a bug that are linked and quiet."""
    ticket, key = lab.ticket(), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    return ticket, key


def brought(lab: Lab, ticket: int) -> list[dict[str, Any]]:
    """The notes that bring files or comments."""
    words = ("attached to", "commented on")
    return [c for c in lab.comments(ticket) if c["author_id"] == lab.seeded.bot and any(w in c["body"] for w in words)]


def names(note: dict[str, Any]) -> list[str]:
    """The files of a note, without the mark of where they come from."""
    return [f["file_name"].partition("-")[0] for f in note["attachments"]]


def customer_attaches(lab: Lab, ticket: int, name: str, content: bytes, text: str = "see the file") -> None:
    """The customer answers with a file."""
    world = lab.sandbox.zendesk
    store = world.store
    upload = Upload(store.new_token(25), store.ctx.clock.now() + 3600)
    file = Attachment(store.new_id(), store.new_token(25), name, "text/plain", content)
    store.attachments[file.token] = file
    upload.attachments.append(file)
    store.uploads[upload.token] = upload
    said = {"comment": {"body": text, "public": True, "uploads": [upload.token]}}
    world._change(ticket, lab.customer, said)


def test_files_that_no_comment_names_come_as_one_internal_note_and_once(lab: Lab) -> None:
    ticket, key = pair(lab)
    lab.sandbox.jira.attach(lab.developer, key, "trace.log", b"trace")
    lab.sandbox.jira.attach(lab.developer, key, "dump.txt", b"dump")
    lab.sandbox.jira.attach(lab.developer, key, "run.exe", b"MZ")
    lab.settle()
    (note,) = brought(lab, ticket)
    assert note["public"] is False
    assert names(note) == ["trace", "dump"]
    assert "Hana Sato attached to NOVA-" in note["body"]
    assert "run.exe was left out: files of this type are not carried." in note["body"]
    lab.sandbox.jira.comment(lab.developer, key, "more words")
    lab.settle()
    lab.restart()
    lab.settle()
    assert [names(note) for note in brought(lab, ticket)] == [["trace", "dump"], []]


def test_each_person_who_attaches_files_is_named(lab: Lab) -> None:
    ticket, key = pair(lab)
    lab.sandbox.jira.attach(lab.developer, key, "one.log", b"1")
    lab.sandbox.jira.attach(lab.seeded.developers["Yusuf Demir"], key, "two.log", b"2")
    lab.settle()
    assert [names(note) for note in brought(lab, ticket)] == [["one"], ["two"]]
    assert "Yusuf Demir attached to" in brought(lab, ticket)[1]["body"]


def test_a_file_that_a_comment_names_comes_with_the_comment_and_not_again(lab: Lab) -> None:
    ticket, key = pair(lab)
    lab.sandbox.jira.attach(lab.developer, key, "shot.png", b"PNG")
    lab.sandbox.jira.comment(lab.developer, key, "look: !shot.png!")
    lab.settle()
    assert [names(note) for note in brought(lab, ticket)] == [["shot"]]
    assert "commented on" in brought(lab, ticket)[0]["body"]


def test_a_file_named_only_by_a_comment_for_one_role_stays_where_it_is(lab: Lab) -> None:
    ticket, key = pair(lab)
    lab.sandbox.jira.attach(lab.developer, key, "secret.log", b"secret")
    lab.sandbox.jira.comment(lab.developer, key, "[^secret.log]", visibility="Users")
    lab.settle()
    assert brought(lab, ticket) == []


def test_what_syncd_attached_itself_does_not_come_back(tmp_path: Path, deployment: Deployment) -> None:
    lab = Lab(tmp_path, deployment, routes=route("{to_bug: all}"))
    ticket, key = pair(lab)
    customer_attaches(lab, ticket, "crash.log", b"boom")
    lab.settle()
    assert [f["filename"].partition("-")[0] for f in lab.issue(key)["attachments"]] == ["crash"]
    lab.sandbox.jira.comment(lab.developer, key, "thanks")
    lab.settle()
    assert [names(note) for note in brought(lab, ticket)] == [[]]


def test_files_from_before_the_link_stay_unless_the_history_comes_too(tmp_path: Path, deployment: Deployment) -> None:
    for history, wanted in (("none", []), ("all", [["old"]])):
        lab = Lab(tmp_path / history, deployment, routes=route(f"{{history: {history}}}"))
        ticket, key = lab.ticket(), lab.bug()
        lab.sandbox.jira.attach(lab.developer, key, "old.log", b"old")
        lab.sandbox.advance(60)
        lab.link(ticket, key)
        lab.settle()
        assert [names(note) for note in brought(lab, ticket)] == wanted


def test_a_route_may_leave_them_where_they_are(tmp_path: Path, deployment: Deployment) -> None:
    lab = Lab(tmp_path, deployment, routes=route("{loose_files: false}"))
    ticket, key = pair(lab)
    lab.sandbox.jira.attach(lab.developer, key, "trace.log", b"trace")
    lab.settle()
    assert brought(lab, ticket) == []


def test_one_note_whichever_border_the_process_dies_at(lab: Lab) -> None:
    ticket, key = pair(lab)
    crashed: list[str] = []
    for at in range(1 if lab.deployment == "cloud" else 2, 40, 3):
        lab.sandbox.jira.attach(lab.developer, key, f"f{at}.log", f"content {at}".encode())
        borders = Borders(at)
        watch(lab, borders)
        try:
            lab.cycle(3)
        except Crash as crash:
            crashed.append(str(crash))
        lab.restart()
        for _ in range(6):
            lab.cycle(seconds=30)
        assert sum(f"f{at}" in names(note) for note in brought(lab, ticket)) == 1, crashed
        if len(borders.names) < at:
            break
    assert any("PUT" in name or "uploads" in name for name in crashed)


def test_a_restored_backup_brings_no_file_twice_even_when_more_came_since(lab: Lab, tmp_path: Path) -> None:
    ticket, key = pair(lab)
    lab.app.store.close()
    backup = (tmp_path / "syncd.db").read_bytes()
    lab.restart()
    for name in ("one", "two"):
        lab.sandbox.jira.attach(lab.developer, key, f"{name}.log", name.encode())
        lab.settle()
    lab.app.store.close()
    for leftover in tmp_path.glob("syncd.db*"):
        leftover.unlink()
    (tmp_path / "syncd.db").write_bytes(backup)
    lab.restart()
    lab.sandbox.jira.attach(lab.developer, key, "three.log", b"three")
    lab.settle()
    assert sorted(name for note in brought(lab, ticket) for name in names(note)) == ["one", "three", "two"]


def test_a_customers_files_reach_the_bug_without_the_words_when_the_route_says_so(
    tmp_path: Path, deployment: Deployment
) -> None:
    lab = Lab(tmp_path, deployment, routes=route("{to_bug: tagged, all_files_to_bug: true}"))
    ticket, key = pair(lab)
    customer_attaches(lab, ticket, "crash.log", b"boom", text="my private words")
    customer_attaches(lab, ticket, "virus.exe", b"MZ")
    lab.settle()
    first, second = lab.bug_comments(key)
    assert "*Ines Duarte* attached in [Zendesk #" in first
    assert "private words" not in first
    assert "virus.exe was left out" in second
    assert [f["filename"].partition("-")[0] for f in lab.issue(key)["attachments"]] == ["crash"]
    assert all(c["properties"]["sd.public.comment"] == {"internal": True} for c in lab.issue(key)["comments"])


def test_by_default_files_of_comments_that_stay_stay_too(lab: Lab) -> None:
    ticket, key = pair(lab)
    customer_attaches(lab, ticket, "crash.log", b"boom")
    lab.settle()
    assert lab.issue(key)["attachments"] == []


def test_a_comment_of_files_alone_reaches_the_bug(tmp_path: Path, deployment: Deployment) -> None:
    lab = Lab(tmp_path, deployment, routes=route("{to_bug: all}"))
    ticket, key = pair(lab)
    customer_attaches(lab, ticket, "crash.log", b"boom", text=" ")
    lab.settle()
    (body,) = lab.bug_comments(key)
    assert "Files: crash" in body
    assert len(lab.issue(key)["attachments"]) == 1


def test_a_text_too_long_for_the_bug_is_attached_whole_and_said(tmp_path: Path, deployment: Deployment) -> None:
    lab = Lab(tmp_path, deployment, routes=route("{to_bug: all}"))
    ticket, key = pair(lab)
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="*" * 30000, public=False)
    lab.settle()
    (body,) = lab.bug_comments(key)
    assert "The text has 30000 characters, more than fit here. It is attached as" in body
    assert [f["size"] for f in lab.issue(key)["attachments"]] == [30000]


def test_a_file_that_the_bug_refuses_is_named_and_the_comment_goes_on(tmp_path: Path, deployment: Deployment) -> None:
    lab = Lab(tmp_path, deployment, routes=route("{to_bug: all}"))
    ticket, key = pair(lab)
    refuse = Fault("status", service="jira", method="POST", path=r"/attachments", times=1)
    refuse.args.update({"status": 413, "body": {"errorMessages": ["too large"], "errors": {}}})
    lab.sandbox.ctx.faults.add(refuse)
    customer_attaches(lab, ticket, "crash.log", b"boom")
    lab.settle()
    (body,) = lab.bug_comments(key)
    assert "was left out" in body
    assert lab.issue(key)["attachments"] == []


@pytest.mark.parametrize("after", [False, True], ids=["before it is stored", "after it was stored"])
def test_a_lost_answer_attaches_no_file_twice(tmp_path: Path, deployment: Deployment, *, after: bool) -> None:
    lab = Lab(tmp_path, deployment, routes=route("{to_bug: all}"))
    ticket, key = pair(lab)
    kind = "drop_after" if after else "drop_before"
    lab.sandbox.ctx.faults.add(Fault(kind, service="jira", method="POST", path=r"/attachments", times=1))
    customer_attaches(lab, ticket, "crash.log", b"boom")
    lab.cycle(12)
    lab.settle()
    assert len(lab.issue(key)["attachments"]) == 1
    assert len(lab.bug_comments(key)) == 1


def test_the_same_content_comes_once_and_the_second_note_says_so(lab: Lab) -> None:
    ticket, key = pair(lab)
    for name in ("one.log", "two.log"):
        lab.sandbox.jira.attach(lab.developer, key, name, b"the same")
        lab.sandbox.jira.comment(lab.developer, key, f"[^{name}]")
        lab.settle()
    assert [names(note) for note in brought(lab, ticket)] == [["one"], []]
    assert "is among the files that came before" in brought(lab, ticket)[1]["body"]


def test_a_file_that_is_hidden_while_its_note_waits_comes_when_it_can_be_read_again(lab: Lab) -> None:
    ticket, key = pair(lab)
    lab.sandbox.jira.attach(lab.developer, key, "shot.png", b"png")
    lab.sandbox.jira.comment(lab.developer, key, "See !shot.png!")
    away = Fault("status", service="zendesk", method="PUT", path=rf"/tickets/{ticket}$", times=1, args={"status": 503})
    lab.sandbox.ctx.faults.add(away)
    lab.cycle()
    lab.sandbox.jira.set_members("NOVA", [lab.developer])
    for _ in range(6):
        lab.cycle(seconds=30)
    assert brought(lab, ticket) == []
    lab.sandbox.jira.set_members("NOVA", None)
    for _ in range(20):
        lab.cycle(seconds=60)
    (note,) = brought(lab, ticket)
    assert names(note) == ["shot"]


def test_agents_see_pictures_and_texts_of_a_bug_as_such_and_nothing_that_could_run(lab: Lab) -> None:
    ticket, key = pair(lab)
    for name in ("shot.PNG", "app.log", "trace.har"):
        lab.sandbox.jira.attach(lab.developer, key, name, name.encode())
    lab.sandbox.jira.comment(lab.developer, key, "See !shot.PNG!, [^app.log] and [^trace.har]")
    lab.settle()
    (note,) = brought(lab, ticket)
    assert sorted(file["content_type"] for file in note["attachments"]) == [
        "application/binary",
        "image/png",
        "text/plain",
    ]


def waiting_note(lab: Lab, *, loose: bool = False) -> tuple[int, str]:
    """A note with a file that Zendesk did not take yet."""
    ticket, key = pair(lab)
    lab.sandbox.jira.attach(lab.developer, key, "shot.png", b"png")
    if not loose:
        lab.sandbox.jira.comment(lab.developer, key, "See !shot.png!")
    away = Fault("status", service="zendesk", method="PUT", path=rf"/tickets/{ticket}$", times=1, args={"status": 503})
    lab.sandbox.ctx.faults.add(away)
    lab.cycle()
    assert brought(lab, ticket) == []
    return ticket, key


def test_a_note_whose_bug_is_deleted_before_its_file_came_keeps_nothing_else_from_the_ticket(lab: Lab) -> None:
    ticket, key = waiting_note(lab)
    lab.sandbox.jira.delete_issue(lab.developer, key)
    lab.settle()
    assert lab.conflicts() == ["bug_gone"]
    assert sum(f"{key} was deleted, or syncd may no longer see it" in note for note in lab.notes(ticket)) == 1
    assert brought(lab, ticket) == []


@pytest.mark.parametrize("loose", [False, True], ids=["a file of a comment", "a file without a comment"])
def test_what_was_dropped_while_its_bug_was_hidden_for_long_comes_when_it_can_be_read_again(
    lab: Lab, *, loose: bool
) -> None:
    ticket, _ = waiting_note(lab, loose=loose)
    lab.sandbox.jira.set_members("NOVA", [lab.developer])
    lab.cycle(6, seconds=120)
    with lab.app.store.reading() as tx:
        assert tx.waiting_counts() == {"zendesk": 0, "jira": 0}
    assert brought(lab, ticket) == []
    lab.sandbox.jira.set_members("NOVA", None)
    lab.cycle(6, seconds=120)
    (note,) = brought(lab, ticket)
    assert names(note) == ["shot"]


@pytest.mark.parametrize("kind", ["status", "drop_before", "drop_after"])
def test_a_comment_that_was_dropped_while_its_bug_was_hidden_comes_when_it_can_be_written_again(
    tmp_path: Path, kind: str
) -> None:
    lab = Lab(tmp_path, "cloud", routes=route("{to_bug: all}"))
    ticket, key = pair(lab)
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body="Look here.", public=False)
    away = Fault(kind, service="jira", method="POST", path=r"/comment$", times=1)
    away.args.update({"status": 429} if kind == "status" else {})
    lab.sandbox.ctx.faults.add(away)
    lab.cycle()
    lab.sandbox.jira.set_members("NOVA", [lab.developer])
    lab.cycle(6, seconds=120)
    assert len(lab.bug_comments(key)) == (kind == "drop_after")
    lab.sandbox.jira.set_members("NOVA", None)
    lab.cycle(6, seconds=120)
    assert len(lab.bug_comments(key)) == 1


@pytest.mark.parametrize("status", [401, 500])
def test_a_jira_that_gives_no_files_now_stops_no_write_to_zendesk(lab: Lab, status: int) -> None:
    (ticket, key), (other, bug) = pair(lab), pair(lab)
    lab.sandbox.jira.attach(lab.developer, key, "shot.png", b"png")
    lab.sandbox.jira.comment(lab.developer, key, "See !shot.png!")
    lab.sandbox.jira.comment(lab.developer, bug, "No picture here.")
    away = Fault("status", service="jira", method="GET", path=r"attachment/(content/)?\d+", times=1)
    away.args.update({"status": status})
    lab.sandbox.ctx.faults.add(away)
    report = lab.cycle()
    assert (report.stopped_lanes, report.shut_out, report.problems) == ({}, set(), {})
    assert [len(brought(lab, number)) for number in (ticket, other)] == [0, 1]
    lab.cycle(10, seconds=30)
    assert [len(brought(lab, number)) for number in (ticket, other)] == [1, 1]
