"""`sla:` as it is read: what a profile is the ground of, and what reaches the clocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from syncd.config.load import Loaded, load_config, packaged_mappings
from syncd.config.problems import ConfigError
from syncd.config.sla_models import KINDS, HolderModel, MetricModel, OptionsModel, Sla
from syncd.config.sla_profile import profile_names
from syncd.config.sla_rules import book_of, rule_problems
from syncd.sla.build import build
from syncd.sla.calendar import PublicHolidays
from syncd.sla.holder import Party, TeamBy
from syncd.sla.policy import Counts, First, FollowUp, Goal, Kind, Merge, Policy, PriorityChange, Reopen, Unit

HEAD = """
zendesk:
  base_url: https://acme.zendesk.com
  auth: {api_token: {email: a@acme.example, token_env: ZENDESK_TOKEN}}
jira:
  base_url: https://acme.atlassian.net
  auth: {api_token: {email: a@acme.example, token_env: JIRA_TOKEN}}
routes: [{name: engineering, project: ENG}]
"""
PROFILES = profile_names(packaged_mappings())
SMALL = """
sla:
  calendars: {office: {zone: Asia/Shanghai, week: {mon-fri: 09:00-18:00}%s}}
  metrics: {first_reply: }
  policies:
    - {name: support, targets: {first_reply: {calendar: office, goals: {any: 4h}}}}
"""


def loaded(tmp_path: Path, text: str) -> Loaded:
    file = tmp_path / "config.yaml"
    file.write_text(HEAD + text, encoding="utf-8")
    return load_config(file, {})


def sla_of(tmp_path: Path, text: str) -> Sla:
    sla = loaded(tmp_path, text).config.sla
    assert sla is not None
    return sla


def policies_of(tmp_path: Path, text: str) -> dict[str, Policy]:
    return {policy.name: policy for policy in book_of(sla_of(tmp_path, text)).versions[0].policies}


def text_of(profile: str) -> str:
    return (packaged_mappings() / "profiles" / f"{profile}.yaml").read_text(encoding="utf-8")


def test_without_sla_there_are_no_clocks(tmp_path: Path) -> None:
    assert loaded(tmp_path, "").config.sla is None


# ---- profiles ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_can_be_pasted_or_named(tmp_path: Path, name: str) -> None:
    pasted, named = sla_of(tmp_path, text_of(name)), sla_of(tmp_path, f"sla: {{profile: {name}}}")
    assert {**pasted.data(), "profile": name} == named.data()


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_loses_nothing_on_its_way_through_the_models(tmp_path: Path, name: str) -> None:
    plain = build(yaml.safe_load(text_of(name))["sla"])
    assert book_of(sla_of(tmp_path, text_of(name))).versions == plain.versions


def test_what_is_written_beside_a_profile_goes_before_it(tmp_path: Path) -> None:
    text = """
sla:
  profile: novabrain
  calendars:
    office: {week: {mon-sat: 08:00-20:00}}
    night: {zone: Europe/Berlin, week: always}
  metrics:
    resolution: {calendar: always}
    workaround: {kind: checkpoint, met_by: {tags: [workaround]}}
  options: {reopen: restart}
  holders: [{party: L2}]
  policies:
    - name: support
      targets:
        first_reply: {goals: {high: 2h}}
        workaround: {calendar: always, goals: {urgent: 4h}}
    - name: vip
      when: {any: [{field: tags, operator: includes, value: vip}]}
      targets: {first_reply: {calendar: night, goals: {any: 30m}}}
"""
    book = book_of(sla_of(tmp_path, text))
    rules = book.versions[0]
    assert [policy.name for policy in rules.policies] == ["vip", "support"], "a new policy comes before the profile's"
    support = rules.policies[1]
    goals = support.targets["first_reply"].goals
    assert goals["high"] == Goal(7200, Unit.SECONDS, "office")
    assert goals["urgent"] == Goal(3600, Unit.SECONDS, "always"), "the profile's, since nothing else is written"
    assert set(support.targets) == {"first_reply", "next_reply", "escalation_plan", "workaround"}
    office = book.calendars["office"].at(0).calendar
    assert office.zone == "Asia/Shanghai"
    assert office.week[5] == ((8 * 3600, 20 * 3600),)
    assert set(book.calendars) == {"always", "office", "night"}
    assert rules.metrics["resolution"].calendar == "always"
    assert rules.options == type(rules.options)(reopen=Reopen.RESTART)
    assert [holder.party for holder in rules.holders] == [Party.L2], "a list takes the profile's place as a whole"


def test_a_changed_policy_stays_in_its_place(tmp_path: Path) -> None:
    text = "sla: {profile: guide, policies: [{name: e-mail, targets: {first_reply: {goals: {any: 2h}}}}]}"
    assert list(policies_of(tmp_path, text)) == ["emergency", "e-mail"]


def test_the_shipped_profiles_are_part_of_the_package() -> None:
    assert PROFILES == ("guide", "internet", "novabrain", "quick-response", "timeliness")


# ---- what reaches the clocks -------------------------------------------------------------------------------------


def test_words_of_the_models_are_those_of_the_clocks() -> None:
    def words(model: Any, key: str) -> set[str]:
        return {word for word in _flat(model.model_fields[key].annotation) if isinstance(word, str)}

    for model, key, enum in (
        (MetricModel, "counts", Counts),
        (MetricModel, "first", First),
        (HolderModel, "party", Party),
        (OptionsModel, "reopen", Reopen),
        (OptionsModel, "merge", Merge),
        (OptionsModel, "priority_change", PriorityChange),
        (OptionsModel, "follow_up", FollowUp),
    ):
        assert words(model, key) == {member.value for member in enum}, key
    assert words(HolderModel, "team_by") == {member.value for member in TeamBy if member}
    assert set(KINDS) == {kind.value for kind in Kind}


def _flat(annotation: object) -> list[object]:
    parts = get_args(annotation)
    return [leaf for part in parts for leaf in _flat(part)] if parts else [annotation]


def test_a_metric_of_its_own_kind_needs_no_settings(tmp_path: Path) -> None:
    assert book_of(sla_of(tmp_path, SMALL % "")).versions[0].metrics["first_reply"].kind is Kind.FIRST_REPLY


def test_the_instant_from_which_rules_count(tmp_path: Path) -> None:
    text = (SMALL % "") + "  valid_from: 2027-01-01T00:00:00+08:00\n"
    assert sla_of(tmp_path, text).starts == 1798732800
    assert sla_of(tmp_path, SMALL % "").starts is None


def test_the_digest_changes_with_the_rules_and_with_a_profile(tmp_path: Path) -> None:
    digests = {
        loaded(tmp_path, text).digest for text in ("", SMALL % "", "sla: {profile: guide}", "sla: {profile: novabrain}")
    }
    assert len(digests) == 4


def test_countries_are_looked_up_only_where_they_are_asked_for(tmp_path: Path) -> None:
    sla = sla_of(tmp_path, SMALL % ", holidays: [DE/BY, ATLANTIS]")

    def known(country: str, _part: str | None) -> PublicHolidays:
        if country != "DE":
            raise ValueError(f"{country} is no country.")
        return PublicHolidays()

    assert list(rule_problems(sla, known)) == [(("sla", "calendars", "office"), "ATLANTIS is no country.")]
    assert list(rule_problems(sla)) == []


def test_targets_that_depend_on_the_day_are_checked_with_the_day(tmp_path: Path) -> None:
    text = SMALL % ", holidays: CN"
    sla = sla_of(tmp_path, text.replace("any: 4h", "any: 600 business_days"))

    def announced(_country: str, _part: str | None) -> PublicHolidays:
        return PublicHolidays(published_until=2026)

    now = 1790000000
    ((path, sentence),) = rule_problems(sla, announced, now)
    assert path == ("sla", "policies", 0, "targets", "first_reply", "goals", "any")
    assert "announced" in sentence


def test_a_problem_of_a_changed_profile_is_told_where_it_is_written(tmp_path: Path) -> None:
    text = """
sla:
  profile: guide
  policies:
    - name: e-mail
      defaults: {calendar: off}
"""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    assert {(problem.path.split(".targets")[0], problem.line) for problem in caught.value.problems} == {
        ("sla.policies[0]", 13)
    }
    assert all("there is no calendar off" in problem.message for problem in caught.value.problems)


def test_with_the_marks_taken_away_the_commented_example_is_right(tmp_path: Path) -> None:
    lines = (packaged_mappings().parent / "config.yaml").read_text(encoding="utf-8").splitlines()
    start = lines.index("# sla:")
    block = lines[start : lines.index("", start)]
    once = [line.removeprefix("# ").removeprefix("#") for line in block]
    sla = sla_of(tmp_path, "\n".join(once) + "\n")
    assert [policy.name for policy in sla.policies] == ["vip", "support"]
    for number, line in enumerate(once):
        if not line.lstrip().startswith(("# #", "#  ", "# judged")) and line.lstrip().startswith("# "):
            more = [*once[:number], line.replace("# ", "", 1), *once[number + 1 :]]
            sla_of(tmp_path, "\n".join(more) + "\n")
