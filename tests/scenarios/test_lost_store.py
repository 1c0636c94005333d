"""The store is lost, or an old backup is put in its place: nothing is made, said or attached a second time. On both
deployments; judged by what both servers hold."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd.core.adopting import Outcome, Source
from syncd.core.model import Origin
from syncd.cycle.adopting import Wanted
from syncd.cycle.rebuilding import Rebuilt
from tests.crashes.ends import end_of
from tests.scenarios.lab import MIRROR, OPS, Deployment, Lab
from tests.scenarios.test_create import ask, bugs

ROUTES = f"""\
  - name: novabrain
    project: NOVA
    mapping: default
    mirror: {MIRROR}
    comments: {{to_bug: all}}
    create: {{act_tag: to_engineering}}
{OPS}"""


@pytest.fixture
def busy(tmp_path: Path, deployment: Deployment) -> Lab:
    """A linked pair, a bug that was made, comments both ways, a file, and a bug that was fixed."""
    lab = Lab(tmp_path, deployment, routes=ROUTES)
    ticket, key = lab.ticket(), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    live(lab, ticket, key, "first")
    return lab


def live(lab: Lab, ticket: int, key: str, word: str) -> None:
    """Some of everything happens, and is carried."""
    ask(lab)
    lab.sandbox.jira.attach(lab.developer, key, f"{word}.png", b"PNG" * 10)
    lab.sandbox.jira.comment(lab.developer, key, f"{word} finding [^{word}.png]")
    lab.sandbox.zendesk.agent_replies(ticket=ticket, actor=lab.agent, body=f"{word} observation", public=False)
    lab.settle()
    lab.moves(key, "Done", "Fixed")
    lab.settle()


def lose(lab: Lab) -> None:
    """The store is gone."""
    lab.app.store.close()
    for file in lab.folder.glob("syncd.db*"):
        file.unlink()
    lab.app = lab._start()


def rebuild(lab: Lab, *, dry_run: bool = False, outage: timedelta | None = None) -> Rebuilt:
    """What `syncd rebuild` does."""
    since = lab.clock.now() - outage if outage is not None else None
    return lab.app.rebuilder.rebuild(
        lab.app.engine.routes,
        Wanted(sources=(Source.FIELD,)),
        dry_run=dry_run,
        progress=lambda *_: None,
        said_since=since,
    )


def both_sides(lab: Lab) -> dict[str, Any]:
    """What both servers hold."""
    return {name: part for name, part in end_of(lab).items() if name.startswith(("ticket", "bug"))}


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What is different, part by part."""
    found = []
    for name in sorted(before.keys() | after.keys()):
        one, two = before.get(name, {}), after.get(name, {})
        for part in sorted(one.keys() | two.keys()):
            was, now = one.get(part), two.get(part)
            if was != now and isinstance(was, list) and isinstance(now, list):
                found += [f"{name}: {part} gone: {x}" for x in was if now.count(x) < was.count(x)]
                found += [f"{name}: {part} new: {x}" for x in now if was.count(x) < now.count(x)]
            elif was != now:
                found.append(f"{name}: {part}: {was} -> {now}")
    return found


def go_on(lab: Lab) -> None:
    """The first run is accepted, and all comes to rest."""
    lab.cycle()
    lab.accept()
    lab.settle()
    lab.cycle(2, seconds=3700)


def test_a_lost_store_is_rebuilt_from_marks_and_nothing_is_written_for_what_was_done(busy: Lab) -> None:
    before, links = both_sides(busy), [(x.ticket_id, x.issue_key, x.occurrence) for x in busy.links()]
    lose(busy)
    dry = rebuild(busy, dry_run=True)
    assert (len(dry.adoption.adopted), dry.made, busy.links()) == (2, 1, [])
    found = rebuild(busy)
    assert (found.adoption.count(Outcome.NEW), found.made, found.adoption.unread) == (2, 1, [])
    assert sorted((x.ticket_id, x.issue_key, x.occurrence) for x in busy.links()) == sorted(links)
    assert {x.origin for x in busy.links()} == {Origin.ADOPTED}
    writes = len(busy.writes())
    go_on(busy)
    assert busy.writes()[writes:] == []
    assert changes(before, both_sides(busy)) == []
    assert rebuild(busy).adoption.count(Outcome.KNOWN) == 2


def test_a_rebuild_after_a_daemon_ran_on_the_empty_store_repeats_nothing_either(busy: Lab) -> None:
    before = both_sides(busy)
    lose(busy)
    busy.cycle(3, complete=True)
    assert {x.origin for x in busy.links()} == {Origin.FIELD}
    found = rebuild(busy)
    assert (found.adoption.count(Outcome.NEW), found.made) == (2, 1)
    assert {x.origin for x in busy.links()} == {Origin.ADOPTED}
    writes = len(busy.writes())
    go_on(busy)
    assert busy.writes()[writes:] == []
    assert changes(before, both_sides(busy)) == []


def test_after_a_rebuild_both_sides_are_kept_in_step_as_before(busy: Lab) -> None:
    lose(busy)
    rebuild(busy)
    go_on(busy)
    (link,) = [x for x in busy.links() if x.issue_key == "NOVA-1"]
    busy.moves("NOVA-1", "In Progress")
    busy.sandbox.jira.comment(busy.developer, "NOVA-1", "said after the loss")
    busy.settle()
    assert busy.status(link.ticket_id) == "hold"
    assert sum("said after the loss" in note for note in busy.notes(link.ticket_id)) == 1
    assert sum("first finding" in note for note in busy.notes(link.ticket_id)) == 1


def test_a_ticket_whose_bug_was_found_again_gets_a_second_one_only_when_asked_to(busy: Lab) -> None:
    made = next(x for x in busy.links() if x.origin is Origin.CREATED)
    lose(busy)
    rebuild(busy)
    go_on(busy)
    busy.sandbox.zendesk.add_tags(ticket=made.ticket_id, actor=busy.agent, tags=["to_engineering"])
    busy.settle()
    assert len(bugs(busy)) == 1
    busy.sandbox.zendesk.set_field(ticket=made.ticket_id, actor=busy.agent, field="Engineering bug", value="")
    busy.settle()
    busy.sandbox.zendesk.add_tags(ticket=made.ticket_id, actor=busy.agent, tags=["to_engineering"])
    busy.settle()
    assert len(bugs(busy)) == 2


def test_comments_of_the_outage_are_carried_and_older_ones_are_found_on_the_server(busy: Lab) -> None:
    busy.sandbox.advance(7200)
    busy.sandbox.jira.comment(busy.developer, "NOVA-1", "said during the outage")
    busy.sandbox.advance(600)
    lose(busy)
    rebuild(busy, outage=timedelta(hours=4))
    go_on(busy)
    (link,) = [x for x in busy.links() if x.issue_key == "NOVA-1"]
    notes = busy.notes(link.ticket_id)
    assert [sum(words in note for note in notes) for words in ("first finding", "said during the outage")] == [1, 1]
    assert sum("first observation" in body for body in busy.bug_comments("NOVA-1")) == 1


def test_a_bug_that_somebody_took_off_its_ticket_stays_off(busy: Lab) -> None:
    made = next(x for x in busy.links() if x.origin is Origin.CREATED)
    busy.sandbox.zendesk.set_field(ticket=made.ticket_id, actor=busy.agent, field="Engineering bug", value="")
    busy.settle()
    lose(busy)
    found = rebuild(busy)
    assert [x.issue_key for x in busy.links()] == ["NOVA-1"]
    assert any("somebody took it off" in verdict.sentence for verdict in found.adoption.verdicts)


def _nothing(_: Lab, __: int) -> None:
    """Nobody does anything after the backup was put back."""


def _fixed_again(lab: Lab, _: int) -> None:
    lab.moves("NOVA-1", "In Progress")
    lab.settle()
    lab.moves("NOVA-1", "Done", "Fixed")


@pytest.mark.parametrize("then", [_nothing, _fixed_again], ids=["nobody acts", "the bug goes on"])
def test_an_old_backup_that_is_put_back_repeats_nothing(
    tmp_path: Path, deployment: Deployment, then: Callable[[Lab, int], None]
) -> None:
    lab = Lab(tmp_path, deployment, routes=ROUTES)
    ticket, key = lab.ticket(), lab.bug()
    lab.link(ticket, key)
    lab.settle()
    backup = lab.app.store.backup(tmp_path / "old.backup")
    live(lab, ticket, key, "later")
    lab.cycle(seconds=3700)
    before = both_sides(lab)
    lab.app.store.close()
    for file in tmp_path.glob("syncd.db*"):
        file.unlink()
    shutil.copyfile(backup, tmp_path / "syncd.db")
    lab.app = lab._start()
    lab.cycle()
    lab.accept()
    lab.settle(100)
    assert changes(before, both_sides(lab)) == []
    then(lab, ticket)
    lab.settle(100)
    assert lab.status(ticket) == "open"
    assert sum("later finding" in note for note in lab.notes(ticket)) == 1
    assert sum("later observation" in body for body in lab.bug_comments(key)) == 1
    assert len(bugs(lab)) == 1
    assert lab.conflicts() == []


def _by_a_status(_: Lab, __: int) -> None:
    """The news comes with the ticket's new status."""


def _by_a_note(lab: Lab, ticket: int) -> None:
    """The ticket is where it belongs already: the news comes alone."""
    lab.agent_sets(ticket, "open")
    lab.settle()


@pytest.mark.parametrize("told", [_by_a_status, _by_a_note], ids=["by a status", "by a note"])
@pytest.mark.parametrize("is_linked", [False, True], ids=["from before the link", "from before the last agreement"])
def test_a_backup_that_knows_less_of_the_ticket_tells_no_news_again(
    tmp_path: Path, deployment: Deployment, told: Callable[[Lab, int], None], is_linked: bool
) -> None:
    """What was agreed since the backup went into the mark of what was told."""
    lab = Lab(tmp_path, deployment, routes=ROUTES)
    ticket, key = lab.ticket(), lab.bug()
    lab.settle()
    old = None if is_linked else lab.app.store.backup(tmp_path / "old.backup")
    lab.link(ticket, key)
    lab.settle()
    old = old or lab.app.store.backup(tmp_path / "old.backup")
    lab.agent_sets(ticket, "pending")
    lab.settle()
    told(lab, ticket)
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    news = [note for note in lab.notes(ticket) if f"{key} is now Done" in note]
    assert len(news) == 1
    lab.put_back(old)
    lab.cycle(complete=True)
    lab.accept()
    lab.settle()
    assert [(link.issue_key, link.base is None) for link in lab.links()] == [(key, False)]
    assert [note for note in lab.notes(ticket) if f"{key} is now Done" in note] == news
    lab.moves(key, "In Progress")
    lab.settle()
    lab.moves(key, "Done", "Fixed")
    lab.settle()
    assert len([note for note in lab.notes(ticket) if f"{key} is now Done" in note]) == 2
