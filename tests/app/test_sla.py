"""Rules have versions: what a changed configuration says counts from then on, and what was judged stays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from syncd.app.sla import ClockConfig, book_of, digest_of, problems_of, with_content
from syncd.core.model import DeskCatalog
from syncd.sla.calendar import PublicHolidays
from syncd.sla.clock import clocks
from syncd.sla.states import State, judge
from syncd.store import Store
from syncd.store.sla_versions import SlaVersion
from tests.app.sla_kit import DESK, ENG, NOW, OFFICE, SLA, Desk, Hands, loaded
from tests.sla.kit import CUSTOMER, Told, at, shown

SHANGHAI = "Asia/Shanghai"
FOUR_HOURS, TWO_HOURS = SLA % (OFFICE, "4h"), SLA % (OFFICE, "2h")
START = int(NOW.timestamp())


def content(goal: str = "4h", hours: str = "09:00-18:00", **more: Any) -> dict[str, Any]:
    return {
        "calendars": {"office": {"zone": SHANGHAI, "week": {"mon-fri": hours}}},
        "metrics": {"first_reply": {}},
        "policies": [{"name": "support", "targets": {"first_reply": {"calendar": "office", "goals": {"any": goal}}}}],
        **more,
    }


def version(valid_from: int, goal: str = "4h", hours: str = "09:00-18:00") -> SlaVersion:
    made = content(goal, hours)
    return SlaVersion(valid_from, digest_of(made), made)


# ---- which version counts when -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "goal", "starts", "expected", "is_new"),
    [
        pytest.param([], "4h", None, [0], True, id="the first rules judge everything"),
        pytest.param([], "4h", 500, [500], True, id="also from an instant that has passed"),
        pytest.param([], "4h", 5000, [1000], True, id="there is nothing before the first rules to wait for"),
        pytest.param([(0, "4h")], "4h", None, [0], False, id="the same again changes nothing"),
        pytest.param([(0, "4h")], "2h", None, [0, 1000], True, id="others count from now on"),
        pytest.param([(0, "4h")], "2h", 2000, [0, 2000], True, id="or from an instant to come"),
        pytest.param([(0, "4h")], "2h", 900, [0, 900], True, id="or, if a person says so, from one that has passed"),
        pytest.param([(0, "4h"), (900, "2h")], "8h", 900, [0, 900, 1000], True, id="an instant is used once"),
        pytest.param([(0, "4h"), (900, "2h")], "8h", 100, [0, 900, 1000], True, id="what counted is not replaced"),
        pytest.param([(0, "4h"), (2000, "2h")], "2h", 2000, [0, 2000], False, id="what is to come is waited for"),
        pytest.param([(0, "4h"), (2000, "2h")], "8h", 2000, [0, 2000], True, id="what is to come may be changed"),
        pytest.param([(0, "4h"), (2000, "2h")], "2h", 3000, [0, 3000], True, id="or moved"),
        pytest.param([(0, "4h"), (2000, "2h")], "4h", None, [0], False, id="or given up"),
        pytest.param([(0, "4h"), (2000, "2h")], "2h", None, [0, 1000], True, id="or brought forward"),
        pytest.param([(0, "4h"), (1000, "2h")], "8h", None, [0, 1000, 1001], True, id="two changes in one second"),
    ],
)
def test_which_rules_count_when(
    known: list[tuple[int, str]], goal: str, starts: int | None, expected: list[int], *, is_new: bool
) -> None:
    before = [version(valid_from, old) for valid_from, old in known]
    found = with_content(before, content(goal), starts, 1000)
    assert [one.valid_from for one in found.all] == expected
    assert (found.new is not None) is is_new
    assert found.all[-1].content == content(goal)
    kept = [one for one in before if found.dropped_after is None or one.valid_from <= found.dropped_after]
    stored = {one.valid_from: one for one in (*kept, *((found.new,) if found.new else ()))}
    assert [stored[key] for key in sorted(stored)] == list(found.all), "what is kept is what counts"


def test_an_old_valid_from_is_pointed_out_when_the_rules_change() -> None:
    known = [version(0), version(900, "2h")]
    assert "counts from now on" in (with_content(known, content("8h"), 900, 1000).warning or "")
    assert with_content(known, content("2h"), 900, 1000).warning is None


# ---- what it means for clocks ------------------------------------------------------------------------------------


def test_what_was_closed_under_old_rules_stays_and_what_runs_gets_the_new_target() -> None:
    closed = Told(SHANGHAI).created("2026-03-02 09:00").says("2026-03-02 12:00", status="open")
    running = Told(SHANGHAI).created("2026-03-02 16:00", CUSTOMER)
    changed = at("2026-03-02 17:00", SHANGHAI)
    old, new = book_of([version(0, "4h")], {}), book_of([version(0, "4h"), version(changed, "2h")], {})
    now = "2026-03-02 17:30"
    assert judge(closed.clock(new, now, "first_reply")) == judge(closed.clock(old, now, "first_reply"))
    assert shown(judge(running.clock(old, now, "first_reply")).due, SHANGHAI) == "2026-03-03 11:00:00"
    clock = running.clock(new, now, "first_reply")
    assert shown(judge(clock).due, SHANGHAI) == "2026-03-03 09:00:00"
    assert [change.rules for change in clock.targets] == [version(0, "4h").digest, version(0, "2h").digest]


def test_each_slice_of_time_is_measured_by_the_calendar_of_its_time() -> None:
    changed = at("2026-03-03 00:00", SHANGHAI)
    book = book_of([version(0, "12h"), version(changed, "12h", "12:00-18:00")], {})
    clock = Told(SHANGHAI).created("2026-03-02 09:00").clock(book, "2026-03-03 18:00", "first_reply")
    assert [part.business for part in clock.slices] == [9 * 3600, 6 * 3600]
    assert len(book.versions) == 1, "the rules themselves did not change"


def test_a_clock_under_many_versions_is_the_same_whenever_it_is_asked() -> None:
    told = Told(SHANGHAI).created("2026-03-02 09:00").says("2026-03-02 16:00", status="open")
    versions = [version(0, "4h"), version(at("2026-03-02 14:00", SHANGHAI), "8h")]
    later = [*versions, version(at("2026-03-04 09:00", SHANGHAI), "1h")]
    asked = [clocks(1, told.events, book_of(known, {}), at("2026-03-05 09:00")) for known in (versions, later)]
    assert judge(asked[0][0]).state is judge(asked[1][0]).state is State.MET


def test_teams_are_called_as_groups_and_agents_are_called_now() -> None:
    in_a_group = {"all": [{"field": "group", "operator": "present"}]}
    given = content(
        holders=[{"party": "L2", "team_by": "group", "when": in_a_group}, {"party": "L1", "team_by": "assignee"}]
    )
    book = book_of([SlaVersion(0, "x", given)], {"groups": {12: "Night shift"}, "staff": {41: "Ann"}})
    told = Told(SHANGHAI).created("2026-03-02 09:00", group="12").change("2026-03-02 09:30", group=None, assignee="41")
    told.change("2026-03-02 09:40", assignee="99")
    clock = told.clock(book, "2026-03-02 10:00", "first_reply")
    assert [str(holder) for holder in clock.split()] == ["L2 Night shift", "L1 Ann", "L1 99"]


def test_the_day_decides_whether_a_target_reaches_past_the_announced_holidays() -> None:
    given = content("600 business_days")
    given["calendars"]["office"]["announced_until"] = 2026
    ((path, sentence),) = problems_of(given, at("2026-03-01 00:00"))
    assert path == ("policies", 0, "targets", "first_reply", "goals", "any")
    assert "announced" in sentence


# ---- a running App -----------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path}/syncd.db") as opened:
        yield opened


class Site:
    """Restarts and reloads on one store."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder, self.store, self.hands, self.desk = folder, store, Hands(), Desk()
        self.holidays: Mapping[str, PublicHolidays] = {}

    def start(self, sla: str, *, keep: bool = True, desk: DeskCatalog | None = DESK) -> ClockConfig:
        config = self._config(sla)
        config.refresh(desk, {"ENG": ENG})
        if keep:
            config.keep()
        return config

    def look(self, sla: str) -> ClockConfig:
        config = self._config(sla)
        config.remembered(DESK, {"ENG": ENG})
        return config

    def _config(self, sla: str) -> ClockConfig:
        return ClockConfig(
            loaded(self.folder, sla), self.store, self.hands, self.desk, lambda country, _: self.holidays[country]
        )

    def versions(self) -> list[tuple[int, str]]:
        with self.store.reading() as tx:
            return [
                (one.valid_from, one.content["policies"][0]["targets"]["first_reply"]["goals"]["any"]["within"])
                for one in tx.sla_versions()
            ]


@pytest.fixture
def site(tmp_path: Path, store: Store) -> Site:
    return Site(tmp_path, store)


def test_a_restart_keeps_the_versions_and_an_edit_makes_one(site: Site) -> None:
    first = site.start(FOUR_HOURS).settings
    site.hands.move(hours=1)
    again = site.start(FOUR_HOURS).settings
    assert first is not None
    assert again is not None
    assert again.meaning == first.meaning, "a restart recomputes nothing"
    assert site.versions() == [(0, "4h")]
    site.hands.move(hours=1)
    other = site.start(TWO_HOURS).settings
    assert other is not None
    assert other.meaning != first.meaning
    assert site.versions() == [(0, "4h"), (START + 7200, "2h")]
    assert [rules.valid_from for rules in other.book.versions] == [0, START + 7200]


def test_a_new_team_concerns_no_clock_a_renamed_one_all_and_a_deleted_one_keeps_its_name(site: Site) -> None:
    def meaning_and_names() -> tuple[str, Mapping[str, str]]:
        settings = site.start(FOUR_HOURS).settings
        assert settings is not None
        return settings.meaning, settings.book.versions[-1].holders[0].names

    first, names = meaning_and_names()
    assert names == {"11": "L1", "12": "L2", "13": "Operations"}
    site.desk.lists["groups"][14] = "Night shift"
    assert meaning_and_names() == (first, {**names, "14": "Night shift"})
    del site.desk.lists["groups"][13]
    assert meaning_and_names() == (first, {**names, "14": "Night shift"})
    site.desk.lists["groups"][11] = "First line"
    renamed, names = meaning_and_names()
    assert renamed != first
    assert names["11"] == "First line"
    assert meaning_and_names()[0] == renamed


def test_a_reload_that_is_refused_leaves_no_version(site: Site) -> None:
    site.start(FOUR_HOURS)
    site.start(TWO_HOURS, keep=False)
    assert site.versions() == [(0, "4h")]


def test_looking_on_asks_nobody_and_changes_nothing(site: Site) -> None:
    site.start(FOUR_HOURS)
    site.desk.asked.clear()
    looked = site.look(TWO_HOURS)
    assert looked.settings is not None
    assert looked.errors == ()
    assert site.desk.asked == []
    assert site.versions() == [(0, "4h")]


def test_an_unknown_name_stops_the_clocks_and_says_where(site: Site) -> None:
    site.start(FOUR_HOURS)
    site.desk.lists["groups"] = {11: "L1", 12: "Second level"}
    stopped = site.start(FOUR_HOURS)
    assert stopped.settings is None
    assert [(problem.path, problem.line) for problem in stopped.errors] == [
        ("sla.holders[0].when.all[0].value", 13),
    ]
    assert "Zendesk has no group 'L2'." in stopped.errors[0].message
    assert site.versions() == [(0, "4h")]


def test_names_that_are_not_answered_now_are_those_of_the_last_time(site: Site) -> None:
    site.start(FOUR_HOURS)
    site.desk.away = True
    settled = site.start(FOUR_HOURS)
    assert settled.settings is not None
    assert settled.stale == ("Zendesk's lists of names cannot be read: Zendesk: no answer",)
    assert site.versions() == [(0, "4h")]


def test_a_start_while_zendesk_is_away_has_no_clocks_and_no_version(site: Site) -> None:
    site.desk.away = True
    blind = site.start(FOUR_HOURS, desk=None)
    assert blind.settings is None
    assert "not known yet" in blind.errors[0].message
    assert site.versions() == []


def test_newly_announced_holidays_are_a_new_version(site: Site) -> None:
    text = SLA % (OFFICE[:-1] + ", holidays: CN}", "4h")
    site.holidays = {"CN": PublicHolidays(published_until=2026)}
    site.hands.move(days=290)
    first = site.start(text)
    assert ["announced until 2026" in problem.message for problem in first.warnings] == [True]
    site.hands.move(days=2)
    site.holidays = {"CN": PublicHolidays(closed=frozenset(), published_until=2027)}
    second = site.start(text)
    assert second.warnings == ()
    assert [valid_from for valid_from, _ in site.versions()] == [0, START + 292 * 86400]
    assert second.settings is not None
    assert second.settings.book.boundaries() == (), "the hours are the same, so nothing is cut in two"


def test_kept_rules_that_cannot_be_read_any_more_stop_the_clocks_with_a_sentence(site: Site) -> None:
    site.start(FOUR_HOURS)
    with site.store.transaction() as tx:
        (kept,) = tx.sla_versions()
        spoilt = {**kept.content, "metrics": {"first_reply": {"kind": "first_smile"}}}
        tx.add_sla_version(replace(kept, content=spoilt), site.hands.now())
    stopped = site.start(FOUR_HOURS)
    assert stopped.settings is None
    assert "Rules that were in force before cannot be read any more: metrics.first_reply" in stopped.errors[0].message


def test_fields_shares_and_markers_reach_the_cycle_without_a_version(site: Site) -> None:
    more = """
  zone: Europe/Berlin
  fields: [{field: Due, metric: first_reply, shows: due}]
  forecast: {untouched: 40%}
"""
    first = site.start(FOUR_HOURS).settings
    second = site.start(FOUR_HOURS + more).settings
    assert first is not None
    assert second is not None
    assert (first.reader.zone, second.reader.zone) == (SHANGHAI, "Europe/Berlin")
    assert [(field.what, field.field_id, field.zone) for field in second.shown] == [("due", 3, "Europe/Berlin")]
    assert (second.shares.untouched, second.shares.unassigned) == (40, 25)
    assert first.meaning != second.meaning, "what is shown is written anew"
    assert site.versions() == [(0, "4h")]


def test_without_sla_there_are_no_clocks_and_old_versions_stay(site: Site) -> None:
    site.start(FOUR_HOURS)
    gone = site.start("")
    assert gone.settings is None
    assert gone.errors == ()
    assert site.versions() == [(0, "4h")]
