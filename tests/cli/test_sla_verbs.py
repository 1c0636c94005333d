"""`syncd sla`: lists from the store, counted by holder, team, policy or metric; clocks computed anew."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from syncd.cli.exits import CliError, Exit
from syncd.cli.main import main
from syncd.cli.sla_compare import metric_events
from syncd.cli.sla_rows import since_option
from syncd.sla.calendar import always
from syncd.sla.holder import Holder, Party
from syncd.sources.errors import AuthError
from syncd.store import Store
from syncd.store.clocks import ClockRecord, Judged
from tests.scenarios.lab import Lab
from tests.sla.kit import at

NOW = int(time.time())
HEAD = """
zendesk:
  base_url: https://acme.zendesk.com
  auth: {api_token: {email: a@acme.example, token_env: ZENDESK_TOKEN}}
jira:
  base_url: https://acme.atlassian.net
  auth: {api_token: {email: a@acme.example, token_env: JIRA_TOKEN}}
routes: [{name: engineering, project: ENG}]
"""
SLA = """
sla:
  calendars: {always: {zone: Asia/Shanghai, week: always}}
  metrics: {first_reply: {}, resolution: {}}
  policies: [{name: support, defaults: {calendar: always}, targets: {first_reply: {goals: {any: 8h}}}}]
"""
L1, L2, NOVA = Holder(Party.L1), Holder(Party.L2), Holder(Party.DEVELOPMENT, "NOVA")


def record(ticket: int, metric: str = "first_reply", **changes: Any) -> ClockRecord:
    plain = ClockRecord(
        *(ticket, metric, "", 1, "running", "green"),
        is_paused=False,
        started=NOW - 3600,
        ended=None,
        due=NOW + 7200,
        breached_at=None,
        next_at=None,
        target=10800,
        used=3600,
        holder=L1,
        policy="support",
        level="normal",
        rules="abc",
        split={L1: 3600},
        at=NOW,
    )
    return replace(plain, **changes)


LATE: dict[str, Any] = {"state": "breached", "color": "red", "due": NOW - 600, "breached_at": NOW - 600}
RECORDS = {
    1: [record(1), record(1, "resolution", due=NOW + 200_000)],
    2: [record(2, due=NOW + 1800, state="at_risk", color="yellow", holder=L2, policy="vip")],
    3: [record(3, **LATE, holder=NOVA, split={L1: 600, NOVA: 5400})],
    4: [record(4, **LATE, ended=NOW - 60)],
    5: [record(5, state="paused", is_paused=True, due=None)],
}


class Place:
    """A configuration and a store with clocks."""

    def __init__(self, folder: Path, sla: str = SLA) -> None:
        self.config = folder / "config.yaml"
        self.url = f"sqlite:///{folder}/syncd.db"
        self.config.write_text(f"{HEAD}store: {{url: '{self.url}'}}\n{sla}", encoding="utf-8")

    def fill(self) -> Place:
        with Store.open(self.url) as store, store.transaction() as tx:
            tx.save_clocks([Judged(number, rows, None) for number, rows in RECORDS.items()], datetime.now(UTC))
        return self

    def run(self, *words: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, [*words, "--config", str(self.config)], env={"COLUMNS": "200"})
        return result.exit_code, result.stdout or result.stderr

    def json(self, *words: str) -> Any:
        code, out = self.run(*words, "--json")
        assert code == 0, out
        return json.loads(out)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path).fill()


def test_the_next_one_comes_first_and_the_zone_is_told(place: Place) -> None:
    code, out = place.run("sla")
    assert code == 0
    lines = out.splitlines()
    late, due = lines.index("Overdue (1 clock):"), lines.index("Due next (3 clocks):")
    assert "#3" in lines[late + 2]
    assert "development NOVA 1h 30m, L1 10m" in lines[late + 2]
    assert [line.split()[:2] for line in lines[due + 2 : due + 5]] == [
        ["#2", "first_reply"],
        ["#1", "first_reply"],
        ["#1", "resolution"],
    ]
    assert "at risk, yellow" in lines[due + 2]
    assert all("+0800" in line for line in (lines[late + 2], lines[due + 2]))


def test_only_what_is_due_within_a_time(place: Place) -> None:
    found = place.json("sla", "--within", "1h")
    assert [clock["ticket"] for clock in found["due"]] == [2]
    code, out = place.run("sla", "--within", "soon")
    assert code == 64
    assert "Write a span of time" in out


def test_for_machines(place: Place) -> None:
    found = place.json("sla")
    assert found["zone"] == "Asia/Shanghai"
    assert [clock["ticket"] for clock in found["breached"]] == [3], "one that was met at last is no more overdue"
    (late,) = found["breached"]
    assert late["held"] == {"development NOVA": 5400, "L1": 600}
    assert late["as_of"] is not None, "what was counted is as old as the last look at the ticket"
    assert late["breached_at"] == datetime.fromtimestamp(NOW - 600, UTC).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        pytest.param("holder", {"development": (1, 0), "L2": (0, 1), "L1": (0, 2)}, id="by the party"),
        pytest.param("team", {"development NOVA": (1, 0), "L2": (0, 1), "L1": (0, 2)}, id="by the team"),
        pytest.param("policy", {"support": (1, 2), "vip": (0, 1)}, id="by policy"),
        pytest.param("metric", {"first_reply": (1, 2), "resolution": (0, 1)}, id="by metric"),
    ],
)
def test_counted(place: Place, by: str, groups: dict[str, tuple[int, int]]) -> None:
    found = place.json("sla", "--by", by)["groups"]
    assert {name: (tally["breached"], tally["open"]) for name, tally in found.items()} == groups
    assert next(iter(found)) == next(iter(groups)), "the group with most breaches comes first"
    code, out = place.run("sla", "--by", by)
    assert code == 0
    assert out.splitlines()[0].split()[:2] == [by, "overdue"]


def test_nothing_is_due(tmp_path: Path) -> None:
    place = Place(tmp_path)
    Store.open(place.url).close()
    assert place.run("sla") == (0, "Nothing is due and nothing is overdue.\n")


@pytest.mark.parametrize("words", [("sla",), ("sla", "recompute"), ("sla", "recompute", "--dry-run")])
def test_without_clocks_the_verbs_say_how_to_begin(tmp_path: Path, words: tuple[str, ...]) -> None:
    place = Place(tmp_path, "")
    Store.open(place.url).close()
    code, out = place.run(*words)
    assert code == 78
    assert "There are no clocks: the configuration has no sla:." in out


# ---- computed anew -----------------------------------------------------------------------------------------------


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    made = Lab(tmp_path, more=SLA)
    for _ in range(3):
        made.ticket("new")
    made.cycle(4, seconds=60)
    yield made
    made.app.store.close()


def place_of(lab: Lab) -> Place:
    place = Place.__new__(Place)
    place.config, place.url = lab.folder / "config.yaml", ""
    return place


def test_clocks_computed_anew_show_what_differs(lab: Lab) -> None:
    place = place_of(lab)
    rehearsed = place.json("sla", "recompute", "--dry-run")
    assert (rehearsed["done"], rehearsed["tickets"]) == (False, 3)
    assert rehearsed["differences"] == {"breach": 3, "state": 3}, "months went by on this machine's clock"
    done = place.json("sla", "recompute")
    assert (done["done"], done["tickets"], done["differences"]) == (True, 3, {"breach": 3, "state": 3})
    code, out = place.run("sla", "recompute")
    assert code == 0
    assert "Computed the clocks of 3 tickets: 0 clocks differ from before." in out
    assert place.json("sla", "--by", "holder")["groups"]["nobody"]["breached"] == 3


def test_an_edited_configuration_can_be_seen_before_it_counts(lab: Lab) -> None:
    place = place_of(lab)
    place.json("sla", "recompute")
    file = lab.folder / "config.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("any: 8h", "any: 20000h"), encoding="utf-8")
    code, out = place.run("sla", "recompute", "--dry-run")
    assert code == 0
    assert "Would compute the clocks of 3 tickets: 3 clocks differ from before." in out
    assert place.json("sla", "recompute", "--dry-run")["clocks"][0]["after"]["state"] == "running"
    with lab.app.store.reading() as tx:
        assert len(tx.sla_versions()) == 1


# ---- replayed ----------------------------------------------------------------------------------------------------


def other(lab: Lab, old: str, new: str) -> Place:
    """A copy of the configuration with other rules, on the same store."""
    place = place_of(lab)
    text = place.config.read_text(encoding="utf-8")
    place.config = lab.folder / "other.yaml"
    assert old in text
    place.config.write_text(text.replace(old, new), encoding="utf-8")
    return place


def test_history_under_other_rules(lab: Lab) -> None:
    place_of(lab).json("sla", "recompute")
    lenient = other(lab, "any: 8h", "any: 20000h")
    found = lenient.json("sla", "backtest", "--since", "3000d")
    figures = found["metrics"]["first_reply"]
    assert (found["tickets"], found["newly_breached"], found["no_more_breached"]) == (3, 0, 3)
    assert (figures["before"]["breached"], figures["after"]["breached"]) == (3, 0)
    assert [change["breached_after"] for change in found["changes"]] == [None] * 3
    assert list(found["changes"][0]["held"]) == ["nobody"]
    code, out = lenient.run("sla", "backtest", "--since", "3000d")
    assert code == 0
    assert "0 would have been breached that were not; 3 would not have been that were:" in out
    assert lenient.json("sla", "backtest", "--since", "1d")["metrics"] == {}, "they were due months ago"


def test_a_replay_changes_nothing_in_the_store(lab: Lab) -> None:
    def everything() -> list[Any]:
        with lab.app.store.reading() as tx:
            return [
                tx.sla_versions(),
                tx.clocks_of(range(1, 1000)),
                tx.count_stale_clocks(),
                tx.get_fact("catalog.sla"),
            ]

    before = everything()
    other(lab, "any: 8h", "any: 1h").json("sla", "backtest", "--since", "3000d")
    assert everything() == before


def test_the_same_rules_change_nothing(lab: Lab) -> None:
    code, out = place_of(lab).run("sla", "backtest", "--since", "3000d")
    assert code == 0
    assert "No clock would be breached that was not, and none would be met that was not." in out


# ---- from when on ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        pytest.param("2h", at("2026-03-02 10:00"), id="a span back from now"),
        pytest.param("2026-03-01", at("2026-03-01 00:00", "Asia/Shanghai"), id="a date, by the clock of the readers"),
        pytest.param("2026-03-01T09:30", at("2026-03-01 09:30", "Asia/Shanghai"), id="a time of the day"),
        pytest.param("2026-03-01T09:30+01:00", at("2026-03-01 08:30"), id="a time with its offset"),
    ],
)
def test_from_when_on(text: str, begin: int) -> None:
    assert since_option(text)(at("2026-03-02 12:00"), always("reader", "Asia/Shanghai")) == begin


@pytest.mark.parametrize("verb", ["backtest", "compare"])
@pytest.mark.parametrize(
    ("text", "said"),
    [("2026-13-01", "2026-13-01 is no date: write one such as 2026-11-01"), ("soon", "Write a span of time such as")],
)
def test_what_is_no_time_is_a_slip_of_whoever_types(verb: str, text: str, said: str) -> None:
    result = CliRunner().invoke(main, ["sla", verb, "--since", text])
    assert result.exit_code == 64
    assert said in result.stderr


def test_an_account_that_may_not_compare_is_told_which_may() -> None:
    def page(_since: int) -> None:
        raise AuthError("Zendesk: 403 Forbidden.", status=403)

    app: Any = SimpleNamespace(zendesk=SimpleNamespace(metrics=SimpleNamespace(page=page)))
    with pytest.raises(CliError, match="to admins: use one") as raised:
        metric_events(app, 0)
    assert raised.value.code is Exit.PERSON
