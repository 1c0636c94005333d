"""The `alerts:` part of config.yaml: which alert goes to whom, who hears of it next, and how it is acknowledged.

Everything has a default: with `mail:` and one receiver every warning and every breach goes to that receiver.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field

from syncd.config.alert_models import time_of_day
from syncd.config.durations import Duration, between, parse_duration
from syncd.config.fields import NameOrId, Tag, Text
from syncd.config.names import nearest
from syncd.config.problems import KeyPath, listed, one_line
from syncd.config.sentences import Model, Relation, refusal
from syncd.config.sla_conditions import SlaWhen

Severity: TypeAlias = Literal["warning", "yellow", "red", "breach", "forecast"]
Label: TypeAlias = Literal[
    "ticket", "bug", "problem", "metric", "priority", "holder", "team", "tier", "group", "organization"
]
PartyName: TypeAlias = Literal["L1", "L2", "development", "operations", "customer", "nobody"]
NEVER: Final = "never"
_NARROWING: Final = ("when", "severity", "metrics", "holders", "teams", "tiers")


def _one_is_a_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[Text, ...], BeforeValidator(_one_is_a_list)]
_Span = Annotated[Duration, between(timedelta(minutes=1), timedelta(days=30))]
_Wait = Annotated[Duration, between(timedelta(0), timedelta(minutes=5))]
_Interval = Annotated[Duration, between(timedelta(seconds=30), timedelta(hours=4))]


def _repeat(value: object) -> object:
    """A span; `never` is none at all."""
    if isinstance(value, str) and value.strip().casefold() == NEVER:
        return timedelta(0)
    span = parse_duration(value) if isinstance(value, str) else value
    if not isinstance(span, timedelta) or not timedelta(minutes=5) <= span <= timedelta(days=30):
        raise refusal("Write a span between 5m and 30d, or never.")
    return span


def _written_repeat(value: object) -> object:
    try:
        return _repeat(value)
    except ValueError:
        raise refusal("Write a span between 5m and 30d, or never.") from None


def _daily(text: str) -> str:
    return text if text == NEVER else time_of_day(text)


_Repeat = Annotated[timedelta, BeforeValidator(_written_repeat)]
_Daily = Annotated[str, AfterValidator(_daily)]


class AlertLevel(Model):
    """Who is told next when nobody acknowledged for so long."""

    after: _Span = Field(examples=["30m"])
    receivers: Names = Field(min_length=1, examples=["[boss]"])


class AlertRoute(Model):
    """The first route that fits an alert says who is told. What it does not ask for fits everything."""

    name: Text = Field(max_length=80, examples=["urgent"])
    when: SlaWhen | None = Field(default=None, examples=["{all: [{field: priority, value: urgent}]}"])
    severity: Annotated[tuple[Severity, ...], BeforeValidator(_one_is_a_list)] = Field(
        default=(), examples=["[breach]"]
    )
    metrics: Names = Field(default=(), examples=["[first_reply]"])
    holders: Annotated[tuple[PartyName, ...], BeforeValidator(_one_is_a_list)] = Field(
        default=(), examples=["[development]"]
    )
    teams: Names = Field(default=(), examples=["[ENG]"])
    tiers: Names = Field(default=(), examples=["[vip]"])
    receivers: Names = Field(min_length=1, examples=["[leads]"])
    levels: tuple[AlertLevel, ...] = Field(default=(), max_length=10, examples=["[{after: 30m, receivers: [boss]}]"])
    group_by: Annotated[tuple[Label, ...], BeforeValidator(_one_is_a_list)] = Field(
        default=("bug",), min_length=1, examples=["[bug]"]
    )  # without one: the problem ticket with its incidents, else the ticket alone
    group_wait: _Wait = Field(default=timedelta(seconds=30), examples=["30s"])
    group_interval: _Interval = Field(default=timedelta(minutes=5), examples=["5m"])
    repeat: _Repeat = Field(default=timedelta(hours=4), examples=["4h"])  # or never, which is 0
    resolved: Literal["breaches", "all", "none"] = Field(default="breaches", examples=["breaches"])
    why: Text | None = Field(default=None, max_length=200, examples=["You are on duty for urgent tickets."])


class AckModel(Model):
    """What acknowledges, and for how long that holds an alert up."""

    reply: bool = Field(default=True, examples=["true"])
    assignment: bool = Field(default=True, examples=["true"])
    tag: Tag = Field(default="sla_ack", examples=["sla_ack"])
    note: Text = Field(default="#ack", max_length=40, examples=["'#ack'"])  # in an internal note
    holds: _Span = Field(default=timedelta(hours=4), examples=["4h"])


class InhibitModel(Model):
    """While a breach of one metric fires, alerts of others of the same ticket are not told."""

    by: Text = Field(examples=["resolution"])
    mutes: Names = Field(min_length=1, examples=["[progress_update]"])


class Alerts(Model):
    """Who hears of warnings and breaches."""

    routes: tuple[AlertRoute, ...] = Field(default=(), examples=["[{name: all, receivers: [leads]}]"])
    fallback: Text | None = Field(default=None, examples=["leads"])  # without it the first receiver
    operators: Text | None = Field(default=None, examples=["operators"])
    ack: AckModel = Field(default_factory=AckModel, examples=["{tag: sla_ack, holds: 4h}"])
    inhibit: tuple[InhibitModel, ...] = Field(default=(), examples=["[{by: resolution, mutes: [progress_update]}]"])
    storm: int = Field(default=10, ge=2, le=1000, examples=["10"])
    overflow: _Interval = Field(default=timedelta(minutes=5), examples=["5m"])
    breaks_through: Annotated[
        tuple[Literal["low", "normal", "high", "urgent"], ...], BeforeValidator(_one_is_a_list)
    ] = Field(default=("urgent",), examples=["[urgent]"])
    blind_after: Annotated[Duration, between(timedelta(minutes=1), timedelta(hours=1))] | None = Field(
        default=None, examples=["2m"]
    )  # without it two complete passes
    quotes: Literal["all", "public", "none"] = Field(default="all", examples=["all"])  # of the last steps
    forecasts: bool = Field(default=True, examples=["true"])  # mailed; else in the morning list alone
    heartbeat: _Daily = Field(default="08:00", examples=["'08:00'"])  # or never
    number_field: NameOrId | None = Field(default=None, examples=["Ticket number"])


def alerting_relations(data: Mapping[str, object]) -> Iterator[Relation]:
    """Problems between `alerts:` and `receivers:`, and routes that no alert can reach."""
    alerts, receivers = data.get("alerts"), data.get("receivers")
    if not isinstance(alerts, Mapping):
        return
    names = [
        receiver["name"].strip()
        for receiver in (receivers if isinstance(receivers, list) else ())
        if isinstance(receiver, Mapping) and isinstance(receiver.get("name"), str)
    ]
    if not names:
        yield ("alerts",), "Nobody is there to be told: write receivers:, such as [{name: leads, to: […]}]."
        return
    for path, name in _named(alerts):
        if name.strip() not in names:
            meant = nearest(name, names)
            hint = f'; did you mean "{meant}"?' if meant else f"; there are {listed(names, 'and')}."
            yield path, f'No receiver is called "{one_line(name)}"{hint}'
    yield from _unreachable(alerts)


def _named(alerts: Mapping[str, object]) -> Iterator[tuple[KeyPath, str]]:
    """Every name of a receiver, with its place."""
    for key in ("fallback", "operators"):
        name = alerts.get(key)
        if isinstance(name, str):
            yield ("alerts", key), name
    for index, route in enumerate(_rows(alerts.get("routes"))):
        yield from _listed(("alerts", "routes", index, "receivers"), route.get("receivers"))
        for number, level in enumerate(_rows(route.get("levels"))):
            yield from _listed(("alerts", "routes", index, "levels", number, "receivers"), level.get("receivers"))


def _rows(value: object) -> list[Mapping[str, object]]:
    return [row if isinstance(row, Mapping) else {} for row in value] if isinstance(value, list) else []


def _listed(path: KeyPath, value: object) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str):
        yield path, value
    for place, name in enumerate(value if isinstance(value, list) else ()):
        if isinstance(name, str):
            yield (*path, place), name


def _unreachable(alerts: Mapping[str, object]) -> Iterator[Relation]:
    """Names that come twice, and routes behind one that takes all that they would."""
    routes = _rows(alerts.get("routes"))
    first: dict[str, int] = {}
    for index, route in enumerate(routes):
        name = route.get("name")
        if isinstance(name, str) and first.setdefault(name.strip().casefold(), index) != index:
            earlier = first[name.strip().casefold()]
            yield ("alerts", "routes", index, "name"), f"routes[{earlier}] has this name too: mails name it."
        for before in range(index):
            if _covers(routes[before], route):
                yield (
                    ("alerts", "routes", index),
                    f"No alert comes here: routes[{before}] takes all that would. Put the narrower route first.",
                )
                break


def _covers(wide: Mapping[str, object], narrow: Mapping[str, object]) -> bool:
    """Whether everything that fits the one fits the other, as far as that can be read off."""
    for key in _NARROWING:
        asked, given = wide.get(key), narrow.get(key)
        if not asked or asked == given:
            continue
        if key == "when" or not given:
            return False
        if not set(_words(key, given)) <= set(_words(key, asked)):
            return False
    return True


def _words(key: str, value: object) -> list[str]:
    words = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    found = [word for word in words if isinstance(word, str)]
    if key == "severity" and "warning" in found:
        found += ["yellow", "red"]
    return found
