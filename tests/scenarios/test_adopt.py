"""Taking over links that others made: from the official app, fields, labels and remote links."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from syncd.core.adopting import Adoption, Outcome, Source, chosen
from syncd.core.model import Origin
from syncd.cycle.adopting import Wanted
from syncd.sandbox.faults import Fault
from tests.scenarios.lab import Deployment, Lab


def adopt(lab: Lab, *sources: str, dry_run: bool = False, **wanted: object) -> Adoption:
    """What `syncd links adopt` does."""
    want = Wanted(sources=chosen(sources), ticket_hosts=("http://127.0.0.1:1",), **wanted)  # type: ignore[arg-type]  # as the options say
    return lab.app.adopter.adopt(lab.app.engine.routes, want, dry_run=dry_run, progress=lambda *_: None)


def app_link(lab: Lab, ticket: int, key: str) -> None:
    """An agent links them with the official app."""
    lab.sandbox.zendesk.add_jira_link(ticket=ticket, issue_id=lab.issue(key)["id"], issue_key=key)


def test_links_of_the_official_app_are_taken_over_and_only_observed(lab: Lab) -> None:
    ticket, key = lab.ticket("pending"), lab.bug("In Progress")
    app_link(lab, ticket, key)
    before = len(lab.writes())
    assert adopt(lab, dry_run=True).count(Outcome.NEW) == 1
    assert lab.links() == []
    adoption = adopt(lab)
    assert [v.issue_key for v in adoption.adopted] == [key]
    assert [(x.ticket_id, x.issue_key, x.origin) for x in lab.links()] == [(ticket, key, Origin.ADOPTED)]
    lab.cycle()
    lab.accept()
    lab.settle()
    assert lab.status(ticket) == "pending"
    assert lab.notes(ticket) == []
    assert all("/comment" not in w["path"] and "/transitions" not in w["path"] for w in lab.writes()[before:])
    assert adopt(lab).count(Outcome.KNOWN) == 1


def test_the_deprecated_list_is_read_where_the_current_one_is_refused(lab: Lab) -> None:
    app_link(lab, lab.ticket(), lab.bug())
    lab.sandbox.ctx.faults.add(Fault("status", "zendesk", path=r"/api/v2/jira/links", times=-1, args={"status": 403}))
    adoption = adopt(lab, "app-links")
    assert (adoption.count(Outcome.NEW), adoption.unread) == (1, [])


def test_when_no_list_may_be_read_it_says_what_to_switch_on_and_reads_the_rest(lab: Lab) -> None:
    ticket, key = lab.ticket(), lab.bug(labels=[f"zd-{1}"])
    lab.sandbox.ctx.faults.add(Fault("status", "zendesk", path=r"/jira/links", times=-1, args={"status": 403}))
    adoption = adopt(lab)
    assert [(v.pair.ticket_id, v.issue_key, v.pair.source) for v in adoption.adopted] == [(ticket, key, Source.LABELS)]
    assert "Manage links" in adoption.unread[0]


def test_what_cannot_be_taken_over_is_told_with_its_reason(lab: Lab) -> None:
    tickets = [lab.ticket() for _ in range(6)]
    moved, gone, outside, field = lab.bug(), lab.bug(), lab.bug(), lab.bug()
    app_link(lab, tickets[0], moved)
    new_key = lab.sandbox.jira.move_issue(lab.developer, moved, "OPS")
    app_link(lab, tickets[1], gone)
    lab.sandbox.jira.delete_issue(lab.developer, gone)
    lab.sandbox.zendesk.add_jira_link(ticket=tickets[2], issue_id="99999", issue_key="ELSE-1")
    app_link(lab, tickets[3], outside)
    lab.sandbox.zendesk.delete_ticket(ticket=tickets[3], actor=lab.agent)
    app_link(lab, tickets[4], field)
    lab.sandbox.zendesk.set_field(ticket=tickets[4], actor=lab.agent, field="Engineering bug", value=outside)
    lab.sandbox.advance(120)
    adoption = adopt(lab)
    told = {v.pair.ticket_id: (v.outcome, v.sentence) for v in adoption.verdicts if v.pair.source is Source.APP_LINKS}
    assert told[tickets[0]][0] is Outcome.STALE_KEY
    assert new_key in told[tickets[0]][1]
    assert told[tickets[1]][0] is Outcome.ISSUE_GONE
    assert told[tickets[2]][0] is Outcome.ISSUE_GONE
    assert told[tickets[3]][0] is Outcome.TICKET_GONE
    assert told[tickets[4]][0] is Outcome.NEW
    (disagreement,) = [v for v in adoption.verdicts if v.outcome is Outcome.DISAGREES]
    assert (disagreement.pair.ticket_id, disagreement.issue_key) == (tickets[4], outside)
    assert field in disagreement.sentence


def test_a_jira_field_and_remote_links_are_read_when_they_are_named(lab: Lab) -> None:
    one, two = lab.ticket(), lab.ticket()
    by_field, by_link = lab.bug(), lab.bug()
    field = next(f.id for f in lab.sandbox.jira.site.custom_fields.values() if f.kind == "text")
    lab.sandbox.jira.edit(lab.developer, by_field, **{field: f"#{one}"})
    lab.app.jira.creator.show_ticket(
        lab.issue(by_link)["id"], global_id="x", url=f"http://127.0.0.1:1/agent/tickets/{two}", title="x"
    )
    found = adopt(lab, "jira-field", "remote-links", jira_field=field, dry_run=True)
    assert {(v.pair.ticket_id, v.issue_key) for v in found.adopted} == {(one, by_field), (two, by_link)}
    assert lab.app.adopter.remote_link_cost(lab.app.engine.routes, lambda *_: None) == 2
    assert adopt(lab, dry_run=True).count(Outcome.NEW) == 0, "remote links only by name"


def test_what_agents_link_with_the_app_later_is_followed(lab: Lab) -> None:
    app_link(lab, lab.ticket("pending"), lab.bug())
    adopt(lab)
    lab.cycle()
    lab.accept()
    lab.settle()
    ticket, key = lab.ticket(), lab.bug()
    app_link(lab, ticket, key)
    lab.cycle(seconds=60)
    lab.settle()
    assert [(x.issue_key, x.origin) for x in lab.links() if x.ticket_id == ticket] == [(key, Origin.MANUAL)]
    assert lab.status(ticket) == "hold"
    quiet = lab.during(lambda: lab.cycle(seconds=61))
    assert sum("/jira/links" in entry["path"] for entry in quiet) == 1


def test_the_links_of_a_v2_integration_are_taken_over_beside_the_apps(lab: Lab) -> None:
    one, two = lab.ticket(), lab.ticket()
    by_app, by_v2 = lab.bug(), lab.bug()
    app_link(lab, one, by_app)
    lab.sandbox.zendesk.add_jira_link(
        ticket=two, issue_id=lab.issue(by_v2)["id"], issue_key=by_v2, integration="our-jira"
    )
    assert adopt(lab, "app-links", dry_run=True).count(Outcome.NEW) == 1
    adoption = adopt(lab, "app-links", integration="our-jira")
    assert {(v.pair.ticket_id, v.issue_key) for v in adoption.adopted} == {(one, by_app), (two, by_v2)}
    three, later = lab.ticket(), lab.bug()
    app_link(lab, three, later)
    lab.cycle(seconds=61)
    assert (three, later) in [(x.ticket_id, x.issue_key) for x in lab.links()], "its rows are numbered apart"


def test_a_table_that_cannot_be_read_does_not_keep_the_other_from_being_read(lab: Lab) -> None:
    ticket, key = lab.ticket(), lab.bug()
    lab.sandbox.zendesk.add_jira_link(ticket=ticket, issue_id=lab.issue(key)["id"], issue_key=key, integration="v2")
    lab.sandbox.ctx.faults.add(Fault("status", "zendesk", path=r"/jira/links", times=-1, args={"status": 403}))
    adoption = adopt(lab, "app-links", integration="v2", dry_run=True)
    assert [v.issue_key for v in adoption.adopted] == [key]
    assert [("Manage links" in text) for text in adoption.unread] == [True]
    lab.sandbox.ctx.faults.clear()
    missing = adopt(lab, "app-links", integration="other", dry_run=True)
    assert ["integration other" in text for text in missing.unread] == [True]


def test_five_thousand_links_cost_a_call_for_each_hundred(tmp_path: Path, deployment: Deployment) -> None:
    """From the app's table, from the tickets' field and from labels; the tickets and the bugs are all different ones,
    but for those of the table. Those that cannot be taken over are told with their reason."""
    lab = Lab(tmp_path, deployment)
    desk, jira = lab.sandbox.zendesk, lab.sandbox.jira
    tables, fields, labels = 3000, 1000, 1000

    def ticket() -> int:
        made: int = desk.create_ticket(actor=lab.customer, subject="x", body="x", priority="normal")
        return made

    first = [ticket() for _ in range(300)]
    bugs = [jira.create_issue(lab.developer, "NOVA", "x") for _ in range(300)]
    ids = {key: str(lab.issue(key)["id"]) for key in bugs}
    for n in range(tables):
        key = bugs[(n + n // 300) % 300]
        desk.add_jira_link(ticket=first[n % 300], issue_id=ids[key], issue_key=key)
    for _ in range(fields):
        key = jira.create_issue(lab.developer, "NOVA", "x")
        desk.set_field(ticket=ticket(), actor=lab.agent, field="Engineering bug", value=key)
    for _ in range(labels):
        jira.create_issue(lab.developer, "NOVA", "x", labels=[f"zd-{ticket()}"])
    gone, deleted = ticket(), jira.create_issue(lab.developer, "NOVA", "x")
    desk.set_field(ticket=gone, actor=lab.agent, field="Engineering bug", value=deleted)
    jira.delete_issue(lab.developer, deleted)
    jira.create_issue(lab.developer, "NOVA", "x", labels=["zd-99999999"])
    lab.sandbox.advance(120)
    found: list[Adoption] = []
    told: list[tuple[str, int, int | None]] = []
    want = Wanted(sources=chosen(()))
    calls = lab.during(
        lambda: found.append(
            lab.app.adopter.adopt(lab.app.engine.routes, want, dry_run=True, progress=lambda *what: told.append(what))
        )
    )
    (adoption,) = found
    assert len(adoption.adopted) == tables + fields + labels
    reasons = {v.outcome: v.sentence for v in adoption.verdicts if not v.is_adopted}
    assert set(reasons) == {Outcome.ISSUE_GONE, Outcome.TICKET_GONE}
    assert all(reasons.values())
    assert len(calls) <= 3 * (tables + fields + labels) // 100, Counter(c["path"] for c in calls)
    assert ("tickets", 2302, 2302) in told
    assert {what for what, _, _ in told} >= {"the app's links", "links from field", "links from labels", "issues"}
