"""From `alerts:`, `receivers:` and `mail:` to what the pipeline needs: routes with ids, receivers, channels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import TypeAdapter

from syncd.alerts.channels.build import build_channels, targets_of
from syncd.alerts.mail import Mailer
from syncd.alerts.ports import Channel
from syncd.alerts.settings import FALLBACK_ROUTE, AckWays, AlertSettings, Inhibition, Receiver, Route
from syncd.app.sla_names import Data, Directory, Resolver, SlaSurvey, survey_names
from syncd.config.alert_models import Receiver as ReceiverModel
from syncd.config.alerting_models import NEVER, AlertRoute, Alerts
from syncd.config.load import Loaded
from syncd.config.problems import KeyPath, Problem, listed
from syncd.core.alert_model import Chain, ChainLevel
from syncd.core.conditions import Condition, Conditions, Operator
from syncd.core.model import DeskCatalog, ProjectCatalog
from syncd.core.ports import Clock
from syncd.cycle.sla_settings import SlaSettings
from syncd.sla.business_time import BusinessTime
from syncd.sla.calendar import DAY, Calendar
from syncd.sla.conditions import ALWAYS
from syncd.store import Store

SURVEY: Final = "catalog.alerts"
"""The fact under which the store remembers what the servers said about names."""
_SURVEYED: Final = TypeAdapter(SlaSurvey)
_LATER: Final = 1 << 40  # an instant after every version of a calendar


class AlertConfig:
    """The alerts of a configuration, as they are used now. `settings` is None while nobody is there to be told."""

    def __init__(
        self, loaded: Loaded, store: Store, clock: Clock, directory: Directory, *, mailer: Mailer | None = None
    ) -> None:
        self._loaded = loaded
        self._store = store
        self._clock = clock
        self._directory = directory
        config = loaded.config
        self.channels: Mapping[str, Channel] = build_channels(config.mail, config.receivers, clock, mailer=mailer)
        self.settings: AlertSettings | None = None
        self.errors: tuple[Problem, ...] = ()
        self.stale: tuple[str, ...] = ()

    @property
    def ways(self) -> AckWays:
        """What acknowledges."""
        return ways_of(self._alerts)

    @property
    def _alerts(self) -> Alerts:
        return self._loaded.config.alerts or Alerts()

    def refresh(
        self, desk: DeskCatalog | None, projects: Mapping[str, ProjectCatalog], sla: SlaSettings | None
    ) -> None:
        """Asks the servers for the names that the routes use; what is not answered now is taken from the last time."""
        if not self._loaded.config.receivers:
            return
        survey = survey_names(_asked(self._alerts), self._directory)
        self.stale = tuple(survey.stale)
        survey = survey.filled_from(self._remembered())
        with self._store.transaction() as tx:
            tx.set_fact(SURVEY, _SURVEYED.dump_python(survey, mode="json"), self._clock.now())
        self._use(desk, projects, survey, sla)

    def remembered(
        self, desk: DeskCatalog | None, projects: Mapping[str, ProjectCatalog], sla: SlaSettings | None
    ) -> None:
        """The same from what the store knows, without asking a server and without a change of the store."""
        if self._loaded.config.receivers:
            self._use(desk, projects, self._remembered(), sla)

    def with_marker(self, sla: SlaSettings | None) -> SlaSettings | None:
        """The clocks' settings with the marker of notes that acknowledge among the texts that are looked for."""
        note = self.ways.note
        if sla is None or self.settings is None or not note or note in sla.markers:
            return sla
        return replace(sla, markers=(*sla.markers, note))

    def _remembered(self) -> SlaSurvey:
        with self._store.reading() as tx:
            known = tx.get_fact(SURVEY)
        return SlaSurvey() if known is None else _SURVEYED.validate_python(known)

    def _use(
        self,
        desk: DeskCatalog | None,
        projects: Mapping[str, ProjectCatalog],
        survey: SlaSurvey,
        sla: SlaSettings | None,
    ) -> None:
        resolver = Resolver(desk or DeskCatalog(), projects.values(), self._stages(), survey)
        made = resolve_alerts(self._loaded, resolver, sla)
        said = [*((_moved(path), text) for path, text in resolver.errors), *_unknown_names(self._loaded)]
        self.errors = () if desk is None else tuple(self._loaded.problem(path, text) for path, text in said)
        self.settings = made

    def _stages(self) -> list[str]:
        return [stage for mapping in self._loaded.mappings.values() for stage in mapping.model.stages]


def resolve_alerts(loaded: Loaded, resolver: Resolver, sla: SlaSettings | None) -> AlertSettings:
    """The settings. A route whose names nobody knows fits nothing, so that its alerts go on to the next one."""
    config = loaded.config
    alerts = config.alerts or Alerts()
    asked = _asked(alerts)
    if config.sla is not None:
        asked["tiers"] = [{"tier": row["tier"]} for row in config.sla.data().get("tiers", ())]
    found = resolver.resolved(asked)["policies"]
    wrong = {path[1] for path, _ in resolver.errors}
    fallback = alerts.fallback or config.receivers[0].name
    number = None if alerts.number_field is None else resolver.field(("number_field",), str(alerts.number_field))
    routes = tuple(
        _route(model, _conditions(found[index]["when"], unknown=index in wrong), fallback, alerts)
        for index, model in enumerate(alerts.routes)
    )
    first = Chain(FALLBACK_ROUTE, (fallback,), ack_holds=int(alerts.ack.holds.total_seconds()))
    operators = alerts.operators or ""
    daily = None if alerts.heartbeat == NEVER else _second(alerts.heartbeat)
    host = urlsplit(config.zendesk.base_url).hostname or "localhost"
    blind = alerts.blind_after or max(2 * config.poll.complete, timedelta(minutes=2))
    return AlertSettings(
        routes=routes or (Route("everything", Chain("everything", (fallback,), ack_holds=first.ack_holds)),),
        receivers={
            model.name: _receiver(model, sla, daily if model.name == (operators or fallback) else None)
            for model in config.receivers
        },
        fallback=fallback,
        operators=operators,
        domain=config.mail.id_domain if config.mail is not None else host,
        ack=ways_of(alerts),
        inhibitions=tuple(Inhibition(row.by, frozenset(row.mutes)) for row in alerts.inhibit),
        storm=alerts.storm,
        overflow_every=int(alerts.overflow.total_seconds()),
        blind_after=int(blind.total_seconds()),
        breaks_through=frozenset(alerts.breaks_through),
        fallback_chain=first,
        quotes=alerts.quotes,
        forecasts=alerts.forecasts,
        ticket_url=config.zendesk.base_url.rstrip("/"),
        browse_url=config.jira.site_url.rstrip("/"),
        number_field="" if number is None else str(number.id),
    )


def ways_of(alerts: Alerts) -> AckWays:
    """What acknowledges."""
    ack = alerts.ack
    return AckWays(ack.reply, ack.assignment, ack.tag, ack.note, int(ack.holds.total_seconds()))


def _route(model: AlertRoute, when: Conditions, fallback: str, alerts: Alerts) -> Route:
    repeat = int(model.repeat.total_seconds())
    levels = [ChainLevel(int(level.after.total_seconds()), level.receivers) for level in model.levels]
    named = {*model.receivers, *(name for level in levels for name in level.receivers)}
    if fallback not in named:  # a chain ends with somebody, never in silence
        levels.append(ChainLevel(levels[-1].after if levels else repeat or 14400, (fallback,)))
    chain = Chain(
        route=model.name,
        receivers=model.receivers,
        levels=tuple(levels),
        group_wait=int(model.group_wait.total_seconds()),
        group_interval=int(model.group_interval.total_seconds()),
        repeat=repeat,
        ack_holds=int(alerts.ack.holds.total_seconds()),
        resolved=model.resolved,
        why=model.why or "",
    )
    return Route(
        name=model.name,
        chain=chain,
        when=when,
        severity=frozenset(model.severity),
        metrics=frozenset(model.metrics),
        holders=frozenset(model.holders),
        teams=frozenset(model.teams),
        tiers=frozenset(model.tiers),
        group_by=model.group_by,
    )


# ---- receivers ---------------------------------------------------------------------------------------------------


def _receiver(model: ReceiverModel, sla: SlaSettings | None, heartbeat: int | None) -> Receiver:
    hours = [_waking(model)] if model.quiet is not None else []
    if model.quiet_outside is not None and sla is not None and model.quiet_outside in sla.book.calendars:
        hours.append(sla.book.calendars[model.quiet_outside].at(_LATER))
    return Receiver(
        name=model.name,
        targets=targets_of(model),
        zone=model.zone,
        hours=tuple(hours),
        burst=model.budget,
        refill=max(3600 // model.budget, 1),
        morning=None if model.digest is None else _second(model.digest),
        heartbeat=heartbeat,
        urgent_breaks_through=model.urgent_breaks_through,
    )


def _waking(model: ReceiverModel) -> BusinessTime:
    """The hours outside of the quiet ones, every day."""
    begin, end = (_second(part) for part in (model.quiet or "").split("-"))
    spans = ((end, begin),) if begin > end else tuple(s for s in ((0, begin), (end, DAY)) if s[0] < s[1])
    return BusinessTime(Calendar(f"hours of {model.name}", model.zone, (spans,) * 7))


def _second(time_of_day: str) -> int:
    hour, minute = time_of_day.split(":")
    return int(hour) * 3600 + int(minute) * 60


# ---- names -------------------------------------------------------------------------------------------------------


def _asked(alerts: Alerts) -> Data:
    """The conditions of the routes in the shape in which names are looked up."""

    def lines(rows: Iterable[Any]) -> list[Data]:
        return [{"field": row.field, "operator": str(row.operator), "value": row.value} for row in rows]

    def when(route: AlertRoute) -> Data:
        return (
            {"all": [], "any": []}
            if route.when is None
            else {
                "all": lines(route.when.all),
                "any": lines(route.when.any),
            }
        )

    return {"metrics": {}, "policies": [{"when": when(route), "targets": {}} for route in alerts.routes]}


def _moved(path: KeyPath) -> KeyPath:
    return ("alerts", "routes", *path[1:]) if path and path[0] == "policies" else ("alerts", *path)


def _conditions(when: Data, *, unknown: bool) -> Conditions:
    def lines(key: str) -> tuple[Condition, ...]:
        return tuple(Condition(row["field"], Operator(row["operator"]), _value(row["value"])) for row in when[key])

    if unknown:
        return Conditions(unknown=("a name that nobody knows",))
    return Conditions(lines("all"), lines("any")) if when["all"] or when["any"] else ALWAYS


def _value(value: Any) -> Any:
    return tuple(str(entry) for entry in value) if isinstance(value, list | tuple) else value


def _unknown_names(loaded: Loaded) -> Iterator[tuple[KeyPath, str]]:
    """Names of metrics that the `sla:` part does not have, with their places."""
    config = loaded.config
    data = config.sla.data() if config.sla is not None else {}
    metrics = list(data.get("metrics", {}))
    alerts = config.alerts or Alerts()
    places: list[tuple[KeyPath, str]] = [
        (("routes", index, "metrics", place), name)
        for index, route in enumerate(alerts.routes)
        for place, name in enumerate(route.metrics)
    ]
    for index, rule in enumerate(alerts.inhibit):
        places.append((("inhibit", index, "by"), rule.by))
        places += [(("inhibit", index, "mutes", place), name) for place, name in enumerate(rule.mutes)]
    for path, name in places:
        if name not in metrics:
            yield ("alerts", *path), f"sla.metrics has no {name}; there are {listed(metrics, 'and') or 'none'}."
