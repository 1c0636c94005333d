"""From the `sla:` part of a configuration to what the cycle needs: names as ids, versions of the rules, fields.

A part that cannot be used stops the clocks and nothing else: status and comments go on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, TypeAlias

from pydantic import TypeAdapter

from syncd.app.sla_fields import shown_fields
from syncd.app.sla_names import TEAMS, Data, Directory, Resolver, Said, SlaSurvey, survey_names
from syncd.config.load import Loaded
from syncd.config.problems import Problem
from syncd.config.public_holidays import public_holidays
from syncd.config.sla_models import Sla
from syncd.core.model import DeskCatalog, ProjectCatalog
from syncd.core.ports import Clock
from syncd.cycle.sla_settings import ShownField, SlaSettings
from syncd.ops.facts import CLOCKS
from syncd.sla.build import BuildError, Holidays, build, calendar, rules
from syncd.sla.business_time import BusinessTime, Timetable
from syncd.sla.calendar import always
from syncd.sla.forecast import Shares
from syncd.sla.holder import HolderRule
from syncd.sla.lint import findings, notices
from syncd.sla.policy import Book, Rules
from syncd.store import Store
from syncd.store.sla_versions import SlaVersion

SURVEY: Final = "catalog.sla"
"""The fact under which the store remembers what the servers said about names."""
Names: TypeAlias = Mapping[str, Mapping[int, str]]
"""What teams are called, by the list that tells it."""
_SURVEYED: Final = TypeAdapter(SlaSurvey)
_CONTENT: Final = ("calendars", "metrics", "tiers", "holders", "bug_holders", "options", "policies")
"""What a version of the rules is made of; all else may change without one."""
_REST: Final = tuple(key for key in _CONTENT if key != "calendars")


@dataclass(frozen=True, slots=True)
class ResolvedSla:
    """The rules of a configuration with ids for names and dates for holidays, or what keeps them from being used."""

    content: Data
    shown: tuple[ShownField, ...]
    errors: tuple[Said, ...]  # with their places below `sla`
    warnings: tuple[Said, ...] = ()  # about names of a profile that nobody wrote and the servers do not have


def resolve_sla(
    loaded: Loaded,
    sla: Sla,
    desk: DeskCatalog | None,
    projects: Iterable[ProjectCatalog],
    survey: SlaSurvey,
    holidays: Holidays = public_holidays,
) -> ResolvedSla:
    """Looks every name up. Without a `desk` no name of Zendesk's fields and statuses is known. A name that only the
    profile brings along may be missing: its line then fits no ticket."""
    data = {key: value for key, value in sla.data().items() if key in _CONTENT}
    stages = [stage for mapping in loaded.mappings.values() for stage in mapping.model.stages]
    resolver = Resolver(desk or DeskCatalog(), projects, stages, survey)
    content = resolver.resolved(data)
    shown = shown_fields(sla, loaded.config.routes, desk or DeskCatalog(), resolver, zone_of(sla))
    said = dict.fromkeys(resolver.errors)
    errors = [(path, sentence) for path, sentence in said if loaded.is_written(("sla", *path))]
    missing = [
        (path, f"{sentence} The line of the profile that names it fits no ticket.")
        for path, sentence in said
        if not loaded.is_written(("sla", *path))
    ]
    try:
        content["calendars"] = {name: _dated(name, entry, holidays) for name, entry in data["calendars"].items()}
    except BuildError as error:
        errors.append((error.path, error.said))
    return ResolvedSla(content, shown, tuple(errors), tuple(missing))


def _dated(name: str, entry: Mapping[str, Any], holidays: Holidays) -> Data:
    """A calendar in which dates stand for the holidays of a country, so that it never changes by itself."""
    made = calendar(name, entry, holidays)
    kept = {key: value for key, value in entry.items() if key not in ("holidays", "closed", "working_days")}
    known: Data = {**kept, "closed": _days(made.holidays), "working_days": _days(made.makeup)}
    return known if made.published_until is None else {**known, "announced_until": made.published_until}


def _days(days: Iterable[date]) -> list[str]:
    return [day.isoformat() for day in sorted(days)]


def zone_of(sla: Sla) -> str:
    """In which zone people are told instants: the one that is written, else that of the first calendar."""
    return sla.zone or next(iter(sla.calendars.values())).zone


# ---- versions ----------------------------------------------------------------------------------------------------


def digest_of(content: Mapping[str, Any]) -> str:
    """Ten hex digits that change with the meaning of the rules."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:10]


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of the rules with those of a configuration among them."""

    all: tuple[SlaVersion, ...]  # oldest first
    new: SlaVersion | None = None  # to be kept
    dropped_after: int | None = None  # those that come into force later are to be forgotten
    warning: str | None = None


def with_content(known: Sequence[SlaVersion], content: Data, starts: int | None, now: int) -> Versions:
    """What is in force after a configuration with this content was read at `now` (Unix seconds).

    What has been in force stays so for its time. A content that is not in force now becomes a version from now on, or
    from `starts`, when that lies after the beginning of the version in force. What was to come is forgotten."""
    past = [version for version in known if version.valid_from <= now]
    coming = [version for version in known if version.valid_from > now]
    digest = digest_of(content)
    if not past:
        new = SlaVersion(0 if starts is None else min(starts, now), digest, content)
        return Versions((new,), new, 0)
    latest = past[-1]
    at, warning = (starts if starts is not None else now), None
    if at <= latest.valid_from:
        at = now
        if latest.digest != digest:
            warning = (
                "valid_from lies before the rules that were in force last: the change counts from now on. Write an "
                "instant to come, or take valid_from out."
            )
    if latest.digest == digest:
        return Versions(tuple(past), dropped_after=now if coming else None)
    new = SlaVersion(max(at, latest.valid_from + 1), digest, content)
    if [(version.valid_from, version.digest) for version in coming] == [(new.valid_from, digest)]:
        return Versions((*past, new))
    return Versions((*past, new), new, now, warning)


def book_of(versions: Sequence[SlaVersion], names: Names) -> Book:
    """The rules of all versions with their calendars; `names` are what teams are called. Raises BuildError."""
    made: list[Rules] = []
    timetables: dict[str, list[tuple[int, BusinessTime]]] = {}
    before: Data = {}
    for version in versions:
        content = version.content
        rest = {key: content[key] for key in _REST if key in content}
        if rest != before:
            made.append(_named(rules(content, valid_from=version.valid_from, name=version.digest), names))
            before = rest
        for name, entry in content["calendars"].items():
            time = BusinessTime(calendar(name, entry))
            known = timetables.setdefault(name, [])
            if known and known[-1][1].fingerprint == time.fingerprint:
                known[-1] = (known[-1][0], time)  # the same hours, and what is announced as it is known now
            else:
                known.append((version.valid_from, time))
    return Book(tuple(made), {name: Timetable(name, tuple(times)) for name, times in timetables.items()})


def _named(made: Rules, names: Names) -> Rules:
    def row(holder: HolderRule) -> HolderRule:
        known = names.get(TEAMS.get(holder.team_by.value, ""))
        return replace(holder, names={str(number): name for number, name in known.items()}) if known else holder

    return replace(
        made,
        holders=tuple(row(holder) for holder in made.holders),
        bug_holders=tuple(row(holder) for holder in made.bug_holders),
    )


# ---- the clocks of a running App ---------------------------------------------------------------------------------


class ClockConfig:
    """The `sla:` part of a configuration, as it is used now. `settings` is None while there are no clocks."""

    def __init__(
        self,
        loaded: Loaded,
        store: Store,
        clock: Clock,
        directory: Directory,
        holidays: Holidays = public_holidays,
    ) -> None:
        self._loaded = loaded
        self._store = store
        self._clock = clock
        self._directory = directory
        self._holidays = holidays
        self._pending: Versions | None = None
        self._seen: tuple[DeskCatalog | None, Mapping[str, ProjectCatalog]] = (None, {})
        self.settings: SlaSettings | None = None
        self.errors: tuple[Problem, ...] = ()
        self.warnings: tuple[Problem, ...] = ()
        self.stale: tuple[str, ...] = ()
        self.own: SlaSettings | None = None  # with the rules of this configuration alone, as if they always held
        self.former: SlaSettings | None = None  # with the rules that the store remembers alone

    def refresh(self, desk: DeskCatalog | None, projects: Mapping[str, ProjectCatalog]) -> None:
        """Asks the servers for the names that the rules use and puts the settings together; what is not answered now is
        taken from the last time. New rules count at once, but only `keep` remembers them."""
        sla = self._loaded.config.sla
        if sla is None:
            return
        before = self._remembered()
        survey = survey_names(sla.data(), self._directory)
        self.stale = tuple(survey.stale)
        survey = survey.filled_from(before)
        kept = replace(survey, stale=[])
        if kept != before:
            with self._store.transaction() as tx:
                tx.set_fact(SURVEY, _SURVEYED.dump_python(kept, mode="json"), self._clock.now())
        self._use(sla, desk, projects, survey)

    def remembered(self, desk: DeskCatalog | None, projects: Mapping[str, ProjectCatalog]) -> None:
        """The same from what the store knows, without asking a server and without a change of the store."""
        sla = self._loaded.config.sla
        if sla is not None:
            self._use(sla, desk, projects, self._remembered())

    def ask_names(self) -> None:
        """After `remembered`: asks the servers for the names, without a change of the store."""
        sla = self._loaded.config.sla
        if sla is not None:
            survey = survey_names(sla.data(), self._directory)
            self.stale = tuple(survey.stale)
            self._use(sla, *self._seen, survey.filled_from(self._remembered()))

    def keep(self) -> None:
        """Remembers new rules for good: from now on what they replace stays as it was judged. Remembers too what keeps
        the clocks from running, for `status`."""
        self._keep_problem()
        pending, self._pending = self._pending, None
        if pending is None or (pending.new is None and pending.dropped_after is None):
            return
        with self._store.transaction() as tx:
            if pending.dropped_after is not None:
                tx.drop_sla_versions(pending.dropped_after)
            if pending.new is not None:
                tx.add_sla_version(pending.new, self._clock.now())

    def _keep_problem(self) -> None:
        more = f" (and {len(self.errors) - 1} more; see: syncd check)" if len(self.errors) > 1 else ""
        problem = f"{self.errors[0]}{more}" if self.errors else None
        with self._store.reading() as tx:
            known = tx.get_fact(CLOCKS)
        if known != problem:
            with self._store.transaction() as tx:
                tx.set_fact(CLOCKS, problem, self._clock.now())

    def _remembered(self) -> SlaSurvey:
        with self._store.reading() as tx:
            known = tx.get_fact(SURVEY)
        return SlaSurvey() if known is None else _SURVEYED.validate_python(known)

    def _use(
        self,
        sla: Sla,
        desk: DeskCatalog | None,
        projects: Mapping[str, ProjectCatalog],
        survey: SlaSurvey,
    ) -> None:
        self.settings, self.own, self.former, self._pending, self.warnings = None, None, None, None, ()
        self._seen = (desk, projects)
        now = int(self._clock.now().timestamp())
        resolved = resolve_sla(self._loaded, sla, desk, projects.values(), survey, self._holidays)
        said = list(resolved.errors) or problems_of(resolved.content, now)
        if desk is None:
            said = [((), "The clocks stand still: Zendesk's fields and statuses are not known yet.")]
        self.errors = tuple(self._problem(path, sentence) for path, sentence in said)
        if said:
            return
        with self._store.reading() as tx:
            stored = tx.sla_versions()
        versions = with_content(stored, resolved.content, sla.starts, now)
        names = {kind: survey.called.get(kind, {}) for kind in TEAMS.values()}
        own = [SlaVersion(0, digest_of(resolved.content), resolved.content)]
        try:
            book, alone = book_of(versions.all, names), book_of(own, names)
            former = book_of(stored, names) if stored else None
        except BuildError as error:  # rules that an older syncd kept, and this one does not understand
            self.errors = (self._problem((), f"Rules that were in force before cannot be read any more: {error}"),)
            return
        warnings = [self._problem(path, sentence) for path, sentence in resolved.warnings]
        warnings += [self._problem(("calendars",), sentence) for sentence in notices(book, now)]
        if versions.warning is not None:
            warnings.append(self._problem(("valid_from",), versions.warning))
        self.warnings, self._pending = tuple(warnings), versions

        def settings(of: Sequence[SlaVersion], made: Book) -> SlaSettings:
            return settings_of(sla, of, made, resolved.shown, survey.renamed)

        self.settings, self.own = settings(versions.all, book), settings(own, alone)
        self.former = None if former is None else settings(stored, former)

    def _problem(self, path: tuple[str | int, ...], sentence: str) -> Problem:
        return self._loaded.problem(("sla", *path), f"{sentence[:1].upper()}{sentence[1:]}")


def problems_of(content: Data, now: int) -> list[Said]:
    """What the linter finds in rules with ids and dates, on the day of `now`."""
    try:
        return [(finding.path, finding.sentence) for finding in findings(build(content), now)]
    except BuildError as error:
        return [(error.path, error.said)]


def settings_of(
    sla: Sla,
    versions: Sequence[SlaVersion],
    book: Book,
    shown: tuple[ShownField, ...],
    renamed: int,
) -> SlaSettings:
    """The record that the cycle reads. A new name of a team (`renamed`) concerns all clocks, a new team none."""
    zone = zone_of(sla)
    markers = {marker for made in book.versions for metric in made.metrics.values() for marker in metric.markers}
    shares = Shares(sla.forecast.untouched, sla.forecast.unassigned)
    parts = (
        [(v.valid_from, v.digest) for v in versions],
        repr(shown),
        repr(shares),
        renamed,
    )
    return SlaSettings(
        book=book,
        meaning=hashlib.sha256(repr(parts).encode()).hexdigest()[:16],
        reader=always("reader", zone),
        markers=tuple(sorted(markers)),
        shown=shown,
        shares=shares,
    )
