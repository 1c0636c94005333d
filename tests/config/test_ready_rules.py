"""The rules that come with the profiles: they can be used as they are, and say what their documents ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from syncd.config.load import load_config, packaged_mappings
from syncd.config.sla_profile import profile_names, profile_text

BASE = """
zendesk:
  base_url: https://acme.zendesk.com
  auth: {oauth: {client_id: syncd, client_secret_env: ZENDESK_CLIENT_SECRET}}
jira:
  base_url: https://acme.atlassian.net
  auth: {api_token: {email: syncd@acme.example, token_env: JIRA_TOKEN}}
routes:
  - {name: engineering, project: ENG}
mail: {host: smtp.acme.example, sender: syncd@acme.example}
receivers:
"""
PEOPLE = ("lead", "management", "supervisor", "engineer", "architect", "product")


def written(name: str) -> str:
    receivers = "".join(f"  - {{name: {person}, to: [{person}@acme.example]}}\n" for person in PEOPLE)
    rules = (packaged_mappings() / "escalation" / f"{name}.yaml").read_text(encoding="utf-8")
    return BASE + receivers + profile_text(name, packaged_mappings()) + "\n" + rules


@pytest.mark.parametrize("name", profile_names(packaged_mappings()))
def test_every_profile_has_rules_that_can_be_used_with_it_as_they_are(tmp_path: Path, name: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(written(name), encoding="utf-8")
    escalation = load_config(file, {}).config.escalation
    assert escalation is not None
    assert escalation.rules


def ready(name: str, rule: str) -> dict[str, Any]:
    text = (packaged_mappings() / "escalation" / f"{name}.yaml").read_text(encoding="utf-8")
    rules = yaml.safe_load(text)["escalation"]["rules"]
    found: dict[str, Any] = next(each for each in rules if each["name"] == rule)
    return found


def test_architect_and_product_are_called_in_within_30_minutes() -> None:
    level = ready("timeliness", "P1 and above")["levels"][0]
    assert (level["after"], level["then"][0]) == ("15m", {"notify": ["architect", "product"]})


def test_management_gets_an_emergency_report_every_30_minutes() -> None:
    repeat = ready("guide", "emergency")["repeat"]
    assert (repeat["every"], repeat["then"]) == ("30m", [{"notify": "management"}])


def test_an_urgent_ticket_calls_in_the_engineer_and_copies_the_supervisor() -> None:
    assert ready("quick-response", "urgent")["then"] == [{"notify": ["engineer", "supervisor"]}]


def test_a_bad_rating_asks_for_a_call_within_24_hours() -> None:
    rule = ready("timeliness", "bad rating")
    assert (rule["levels"][0]["after"], rule["solved_too"]) == ("24h", True)
