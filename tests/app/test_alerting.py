"""From `alerts:`, `receivers:` and `mail:` in a file to what the pipeline goes by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.app.alerting import AlertConfig
from syncd.app.clocks import SystemClock
from syncd.app.sla_names import Directory
from syncd.config.load import load_config
from syncd.core.model import DeskCatalog
from syncd.core.ports import Agent
from syncd.cycle.sla_settings import SlaSettings
from syncd.sla.calendar import always
from syncd.store import Store
from tests.alerts.stage import seconds
from tests.sla.kit import rules

HEAD = """
zendesk:
  base_url: https://acme.zendesk.com
  auth: {api_token: {email: a@acme.example, token_env: ZENDESK_TOKEN}}
jira:
  base_url: https://acme.atlassian.net
  auth: {api_token: {email: a@acme.example, token_env: JIRA_TOKEN}}
routes: [{name: engineering, project: ENG}]
sla:
  calendars: {office: {zone: UTC, week: {mon-fri: [09:00-17:00]}}}
  metrics: {first_reply: {}}
  policies: [{name: support, targets: {first_reply: {calendar: office, goals: {any: 8h}}}}]
mail: {host: smtp.acme.example, sender: syncd@acme.example}
"""
MAIL = """
receivers:
  - {name: leads, to: [lena.vogt@acme.example, omar.haddad@acme.example], language: zh-CN, zone: Asia/Shanghai}
"""
TWO = """
receivers:
  - {name: leads, to: [lena.vogt@acme.example], budget: 6, digest: '08:30'}
  - {name: boss, to: [omar.haddad@acme.example], quiet: '20:00-08:00'}
  - {name: team, to: [team@acme.example], quiet_outside: office, urgent_breaks_through: false}
"""


class Nobody(Directory):
    """Servers that know no names."""

    def names(self, kind: str) -> dict[int, str]:
        return {21: "L2"} if kind == "groups" else {}

    def organization(self, name: str) -> int | None:
        del name
        return None

    def people(self, email: str) -> list[Agent]:
        del email
        return []

    def account(self, email: str) -> str | None:
        del email
        return None


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'syncd.db'}") as made:
        yield made


def used(store: Store, folder: Path, more: str) -> AlertConfig:
    file = folder / "config.yaml"
    file.write_text(HEAD + more, encoding="utf-8")
    config = AlertConfig(load_config(file, {}), store, SystemClock(), Nobody())
    config.refresh(DeskCatalog(), {}, SlaSettings(rules({"first_reply": "8h"}), "test", always()))
    return config


def test_one_receiver_hears_of_everything(store: Store, tmp_path: Path) -> None:
    settings = used(store, tmp_path, MAIL).settings
    assert settings is not None
    (route,) = settings.routes
    assert (route.chain.receivers, route.chain.levels, route.severity) == (("leads",), (), frozenset())
    assert (settings.fallback, settings.domain, settings.for_operators) == ("leads", "acme.example", "leads")
    leads = settings.receivers["leads"]
    assert [target.reader.address for target in leads.targets] == ["lena.vogt@acme.example", "omar.haddad@acme.example"]
    assert (leads.targets[0].reader.language, leads.zone, leads.heartbeat) == ("zh-CN", "Asia/Shanghai", 8 * 3600)


def test_without_receivers_nobody_is_told(store: Store, tmp_path: Path) -> None:
    assert used(store, tmp_path, "").settings is None


def test_a_chain_ends_with_the_fallback_where_it_is_not_named(store: Store, tmp_path: Path) -> None:
    more = """
alerts:
  fallback: leads
  routes:
    - {name: a, metrics: [first_reply], receivers: [boss]}
    - {name: b, severity: breach, receivers: [boss], levels: [{after: 10m, receivers: [team]}], repeat: never}
    - {name: c, receivers: [leads], levels: [{after: 10m, receivers: [boss]}]}
"""
    settings = used(store, tmp_path, TWO + more).settings
    assert settings is not None
    chains = {route.name: route.chain for route in settings.routes}
    assert [(level.after, level.receivers) for level in chains["a"].levels] == [(4 * 3600, ("leads",))]
    assert [(level.after, level.receivers) for level in chains["b"].levels] == [(600, ("team",)), (600, ("leads",))]
    assert chains["b"].repeat == 0
    assert [level.receivers for level in chains["c"].levels] == [("boss",)]


@pytest.mark.parametrize(
    ("name", "at", "is_open"),
    [
        pytest.param("leads", "03:00", True, id="without quiet hours day and night"),
        pytest.param("boss", "19:59", True, id="before the quiet hours"),
        pytest.param("boss", "20:00", False, id="when they begin"),
        pytest.param("boss", "07:59:59", False, id="until they end"),
        pytest.param("boss", "08:00", True, id="when they have ended"),
        pytest.param("team", "10:00", True, id="within the calendar's hours"),
        pytest.param("team", "17:00", False, id="outside of them"),
        pytest.param("team", "2026-03-07 10:00", False, id="on a Saturday"),
    ],
)
def test_quiet_hours(store: Store, tmp_path: Path, name: str, at: str, is_open: bool) -> None:
    settings = used(store, tmp_path, TWO).settings
    assert settings is not None
    assert all(hours.is_open(seconds(at)) for hours in settings.receivers[name].hours) is is_open


def test_budgets_digests_and_who_is_woken(store: Store, tmp_path: Path) -> None:
    settings = used(store, tmp_path, TWO + "alerts: {operators: boss, heartbeat: '07:00'}\n").settings
    assert settings is not None
    leads, boss, team = (settings.receivers[name] for name in ("leads", "boss", "team"))
    assert (leads.burst, leads.refill, leads.morning) == (6, 600, 8 * 3600 + 1800)
    assert (leads.heartbeat, boss.heartbeat) == (None, 7 * 3600)
    assert (boss.urgent_breaks_through, team.urgent_breaks_through) == (True, False)


def test_the_marker_of_notes_is_looked_for_in_comments(store: Store, tmp_path: Path) -> None:
    config = used(store, tmp_path, MAIL + "alerts: {ack: {note: '#mine', tag: seen, holds: 2h}}\n")
    found = config.with_marker(SlaSettings(rules({"first_reply": "8h"}), "test", always(), markers=("#fixed",)))
    assert found is not None
    assert found.markers == ("#fixed", "#mine")
    assert (config.ways.note, config.ways.tag, config.ways.holds) == ("#mine", "seen", 7200)
    assert config.with_marker(None) is None


def test_names_in_conditions_become_ids(store: Store, tmp_path: Path) -> None:
    more = "alerts: {routes: [{name: a, when: {all: [{field: group, value: L2}]}, receivers: [leads]}]}\n"
    config = used(store, tmp_path, MAIL + more)
    assert config.settings is not None
    assert config.settings.routes[0].when.all[0].value in ("21", ("21",))
    assert config.errors == ()


def test_names_that_nobody_knows_are_told_with_their_place_and_the_route_fits_nothing(
    store: Store, tmp_path: Path
) -> None:
    more = """
alerts:
  inhibit: [{by: resolutoin, mutes: [first_reply]}]
  routes:
    - {name: a, when: {all: [{field: group, value: L9}]}, metrics: [last_reply], receivers: [leads]}
"""
    config = used(store, tmp_path, MAIL + more)
    told = "\n".join(str(problem) for problem in config.errors)
    assert "alerts.routes[0].when.all[0]" in told
    assert "alerts.routes[0].metrics[0]: sla.metrics has no last_reply; there are first_reply." in told
    assert "alerts.inhibit[0].by: sla.metrics has no resolutoin" in told
    assert config.settings is not None
    assert config.settings.routes[0].when.unknown
