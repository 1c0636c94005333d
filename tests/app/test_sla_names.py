"""Names of the `sla:` part become ids; what nobody knows is said where it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncd.app.sla import resolve_sla
from syncd.app.sla_names import SlaSurvey, lines_of, survey_names, words_of
from syncd.config.load import Loaded, packaged_mappings
from syncd.config.sla_profile import profile_names
from syncd.core.model import DeskCatalog, TicketField
from syncd.sla.build import no_holidays
from tests.app.sla_kit import DESK, ENG, SLA, Desk, loaded

OFFICE = "{zone: Asia/Shanghai, week: {mon-fri: 09:00-18:00}}"


def with_line(folder: Path, line: str, more: str = "") -> Loaded:
    return loaded(
        folder,
        f"""
sla:
  calendars: {{office: {OFFICE}}}
  metrics: {{first_reply: {{}}}}
  tiers: [{{tier: vip, when: {{all: [{{field: tags, operator: includes, value: vip}}]}}}}]
  policies:
    - name: one
      when: {{all: [{line}]}}
      targets: {{first_reply: {{calendar: office, goals: {{any: 4h}}}}}}
{more}
""",
    )


def resolve(given: Loaded, desk: Desk | None = None) -> Any:
    sla = given.config.sla
    assert sla is not None
    return resolve_sla(given, sla, DESK, [ENG], survey_names(sla.data(), desk or Desk()), no_holidays)


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        pytest.param("{field: group, value: l2}", "group", "12", id="a group"),
        pytest.param("{field: group, value: 77}", "group", "77", id="a group by its id"),
        pytest.param("{field: group, value: [L1, L2]}", "group", ["11", "12"], id="several groups"),
        pytest.param("{field: brand, value: Acme}", "brand", "21", id="a brand"),
        pytest.param("{field: ticket_form_id, value: Default form}", "form", "22", id="a form, as the API calls it"),
        pytest.param("{field: organization, value: Key accounts}", "organization", "23", id="an organization"),
        pytest.param("{field: custom_status, value: with qa}", "custom_status", "32", id="a custom status"),
        pytest.param("{field: status, value: On-hold}", "status", "hold", id="a status as people call it"),
        pytest.param("{field: assignee, value: Ann@acme.example}", "assignee", "41", id="an agent by the address"),
        pytest.param(
            "{field: 'field:Severity', value: S1 - all down}", "field:2", "sev_1", id="an option by its title"
        ),
        pytest.param("{field: 'field:severity', value: sev_2}", "field:2", "sev_2", id="an option by its value"),
        pytest.param("{field: custom_fields_3, operator: present}", "field:3", None, id="a field by its id"),
        pytest.param("{field: bug.status, value: In Review}", "bug.status", ["11", "12"], id="a status of two types"),
        pytest.param("{field: bug.stage, value: queued}", "bug.stage", "queued", id="a stage"),
        pytest.param("{field: bug.assignee, value: dana@dev.example}", "bug.assignee", "acc-7", id="a developer"),
        pytest.param("{field: tier, value: vip}", "tier", "vip", id="a tier"),
    ],
)
def test_names_become_ids(tmp_path: Path, line: str, field: str, value: object) -> None:
    found = resolve(with_line(tmp_path, line))
    assert found.errors == ()
    resolved = dict(lines_of(found.content))["policies", 0, "when", "all", 0]
    assert (resolved["field"], resolved.get("value")) == (field, value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param("{field: group, value: L22}", "Zendesk has no group 'L22'. Did you mean 'L2'?", id="group"),
        pytest.param("{field: brand, value: Acne}", "Zendesk has no brand 'Acne'. Did you mean 'Acme'?", id="brand"),
        pytest.param(
            "{field: organization, value: Nobody}",
            "Zendesk has no organization 'Nobody'.",
            id="organization",
        ),
        pytest.param(
            "{field: custom_status, value: In QA}",
            "Zendesk has no custom status 'In QA'. Did you mean 'With QA'?",
            id="custom status",
        ),
        pytest.param(
            "{field: assignee, value: bob@acme.example}",
            "Zendesk has no user, or several, with the address 'bob@acme.example'.",
            id="agent",
        ),
        pytest.param(
            "{field: 'field:Old', operator: present}",
            "Zendesk has no active ticket field 'Old'.",
            id="a field that is not active",
        ),
        pytest.param(
            "{field: bug.stage, value: in progress}",
            "No mapping has the stage 'in progress'. Did you mean 'in_progress'?",
            id="stage",
        ),
        pytest.param("{field: bug.status, value: Review}", "No project has the status 'Review'.", id="bug's status"),
        pytest.param("{field: tier, value: gold}", "sla.tiers has no tier 'gold'.", id="tier"),
        pytest.param(
            "{field: bug.assignee, value: nobody@dev.example}",
            "Jira has no account with the address 'nobody@dev.example'.",
            id="developer",
        ),
    ],
)
def test_what_nobody_knows_is_said(tmp_path: Path, line: str, said: str) -> None:
    ((path, sentence),) = resolve(with_line(tmp_path, line)).errors
    assert path[:5] == ("policies", 0, "when", "all", 0)
    assert sentence.startswith(said)


def test_conditions_are_found_wherever_they_stand(tmp_path: Path) -> None:
    line = "{field: group, value: L9}"
    when = f"{{all: [{line}]}}"
    given = loaded(
        tmp_path,
        f"""
sla:
  calendars: {{office: {OFFICE}}}
  metrics:
    first_reply: {{}}
    plan: {{kind: checkpoint, starts_when: {when}, met_by: {{fields: [{line}]}}}}
    queue: {{kind: bug_stage, stages: [waiting]}}
  tiers: [{{tier: vip, when: {when}}}]
  holders: [{{party: L1, when: {when}}}]
  bug_holders: [{{party: L1, when: {{any: [{line}]}}}}]
  policies:
    - name: one
      when: {when}
      defaults: {{pause_when: [{{reason: a, when: {when}}}]}}
      targets: {{first_reply: {{calendar: office, goals: {{any: 4h}}, pause_when: [{{reason: b, when: {when}}}]}}}}
""",
    )
    errors = resolve(given).errors
    assert {path[:-1] for path, sentence in errors if "L9" in sentence} == {
        ("tiers", 0, "when", "all", 0),
        ("holders", 0, "when", "all", 0),
        ("bug_holders", 0, "when", "any", 0),
        ("metrics", "plan", "starts_when", "all", 0),
        ("metrics", "plan", "met_by", "fields", 0),
        ("policies", 0, "when", "all", 0),
        ("policies", 0, "defaults", "pause_when", 0, "when", "all", 0),
        ("policies", 0, "targets", "first_reply", "pause_when", 0, "when", "all", 0),
    }
    assert [path for path, sentence in errors if "waiting" in sentence] == [("metrics", "queue", "stages")]


def test_goals_may_depend_on_a_drop_down_list_or_a_group(tmp_path: Path) -> None:
    more = """
    - {name: two, level: 'field:Severity', when: {all: [{field: channel, value: web}]},
       targets: {first_reply: {calendar: office, goals: {S1 - all down: 1h, sev_2: 2h, any: 8h}}}}
    - {name: three, level: group, targets: {first_reply: {calendar: office, goals: {L1: 1h, any: 2h}}}}"""
    given = with_line(tmp_path, "{field: priority, value: urgent}", more)
    policies = resolve(given).content["policies"]
    assert policies[1]["level"] == "field:2"
    assert set(policies[1]["targets"]["first_reply"]["goals"]) == {"sev_1", "sev_2", "any"}
    assert set(policies[2]["targets"]["first_reply"]["goals"]) == {"11", "any"}


def test_only_what_is_named_is_asked_for(tmp_path: Path) -> None:
    desk = Desk()
    resolve(with_line(tmp_path, "{field: priority, value: urgent}"), desk)
    assert desk.asked == []
    resolve(with_line(tmp_path, "{field: brand, value: 21}"), desk)
    assert desk.asked == [], "an id needs no list"
    resolve(loaded(tmp_path, SLA % (OFFICE, "4h")), desk)
    assert desk.asked == ["groups"]


def test_a_list_that_nobody_answered_is_an_error_and_not_a_wrong_id(tmp_path: Path) -> None:
    desk = Desk()
    desk.away = True
    ((_, sentence),) = resolve(with_line(tmp_path, "{field: group, value: L2}"), desk).errors
    assert "Zendesk did not answer so far" in sentence


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        pytest.param("{field: Due, metric: first_reply, shows: due}", "", id="a text shows anything"),
        pytest.param("{field: 6, metric: first_reply, shows: due}", "", id="a date, by its id"),
        pytest.param(
            "{field: Promise, metric: first_reply, shows: due}", "Customers can see", id="what customers can see"
        ),
        pytest.param(
            "{field: Due date, metric: first_reply, shows: holder}", "it must be tagger", id="of another type"
        ),
        pytest.param(
            "{field: Bug, metric: first_reply, shows: due}", "written by route engineering", id="the mirror's"
        ),
        pytest.param("{field: Duo, metric: first_reply, shows: due}", "Did you mean 'Due'?", id="a slip of the pen"),
        pytest.param(
            "{field: Clock, metric: first_reply, shows: state}", "no option for at_risk", id="options missing"
        ),
        pytest.param(
            "{field: Light, metric: first_reply, shows: state, options: {running: Go, at_risk: Go, breached: Stop, "
            "paused: Go, met: Go, cancelled: Go}}",
            "",
            id="options named",
        ),
        pytest.param(
            "{field: Light, metric: first_reply, shows: state, options: {running: Walk}}",
            "no option 'Walk'; it has Stop and Go",
            id="an option that is not there",
        ),
    ],
)
def test_fields_that_show_clocks(tmp_path: Path, shown: str, said: str) -> None:
    found = resolve(with_line(tmp_path, "{field: priority, value: urgent}", f"  fields: [{shown}]"))
    sentences = [sentence for _, sentence in found.errors]
    assert [said in sentence for sentence in sentences] == ([True] if said else [])
    assert len(found.shown) == (0 if said else 1)


def test_a_shown_field_knows_its_zone_and_its_options(tmp_path: Path) -> None:
    more = """  fields:
    - {field: Light, metric: first_reply, shows: state, options: {running: Go, at_risk: Go, breached: Stop, paused: Go,
       met: Go, cancelled: Go}}
    - {field: Light, metric: first_reply, shows: holder}"""
    found = resolve(with_line(tmp_path, "{field: priority, value: urgent}", more))
    (light,) = found.shown
    assert (light.metric, light.what, light.field_id, light.kind, light.zone) == (
        *("first_reply", "state", 8, "tagger"),
        "Asia/Shanghai",
    )
    assert (light.options["breached"], light.options["running"]) == ("light_0", "light_1")
    assert [sentence for _, sentence in found.errors] == [
        "Ticket field 'Light' is written by sla.fields[0] already: name another field."
    ]


@pytest.mark.parametrize("name", profile_names(packaged_mappings()))
def test_the_names_of_a_profile_are_those_of_an_account_that_is_set_up_for_it(tmp_path: Path, name: str) -> None:
    desk = Desk()
    titles = ("L1", "L2", "L3", "Operations", "Backend", "Frontend", "Test")
    desk.lists["groups"] = dict(enumerate(titles, 1))
    found = resolve(loaded(tmp_path, f"sla: {{profile: {name}}}"), desk)
    assert found.errors == ()
    words = {word for _, line in lines_of(found.content) if line["field"] == "group" for word in words_of(line)}
    assert all(word.isdecimal() for word in words)


def test_the_internet_profile_shows_both_targets_in_the_ticket(tmp_path: Path) -> None:
    text = (packaged_mappings() / "profiles" / "internet.yaml").read_text(encoding="utf-8")
    start = text.index("  # fields:")
    given = loaded(tmp_path, text[:start] + text[start:].replace("\n  # ", "\n  ").replace("  # fields:", "  fields:"))
    sla = given.config.sla
    assert sla is not None
    titles = ("First reply due", "First reply", "Solution due", "Solution")
    desk = DeskCatalog(fields=tuple(TicketField(number, title, "text") for number, title in enumerate(titles, 1)))
    survey = SlaSurvey(names={"groups": {1: "L1", 2: "L2"}})
    found = resolve_sla(given, sla, desk, [ENG], survey, no_holidays)
    assert found.errors == ()
    assert [(shown.metric, shown.what) for shown in found.shown] == [
        ("first_reply", "due"),
        ("first_reply", "state"),
        ("resolution", "due"),
        ("resolution", "state"),
    ]


def test_a_name_that_only_the_profile_brings_along_may_be_missing(tmp_path: Path) -> None:
    desk = Desk()
    found = resolve(loaded(tmp_path, "sla: {profile: timeliness}"), desk)
    assert found.errors == ()
    ((path, sentence),) = found.warnings
    assert path == ("holders", 4, "when", "all", 0, "value")
    assert sentence == "Zendesk has no group 'L3'. The line of the profile that names it fits no ticket."
    written = "sla: {profile: timeliness, holders: [{party: L2, when: {all: [{field: group, value: [L2, L3]}]}}]}"
    mine = resolve(loaded(tmp_path, written), desk)
    assert [where for where, _ in mine.errors] == [("holders", 0, "when", "all", 0, "value")]
    assert mine.warnings == ()


def test_a_policy_of_the_profile_is_not_ours_but_what_we_change_in_it_is(tmp_path: Path) -> None:
    more = "policies: [{name: emergency, when: {all: [{field: group, value: L9}]}}]"
    found = resolve(loaded(tmp_path, f"sla: {{profile: guide, {more}}}"))
    assert [path[:2] for path, _ in found.errors] == [("policies", 0)]
