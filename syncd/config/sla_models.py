"""The `sla:` part of config.yaml: calendars, metrics, policies, holders, and where they show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field

from syncd.config.fields import NameOrId, Tag, Text
from syncd.config.names import nearest, ticket_category
from syncd.config.problems import listed, one_line
from syncd.config.sentences import Model, Relation, choice_sentence, refusal
from syncd.config.sla_conditions import PRIORITIES, SlaCondition, SlaWhen
from syncd.rules.conditions import CUSTOM
from syncd.sla.durations import parse_goal, parse_seconds
from syncd.sla.hours import ALWAYS_OPEN, parse_date, parse_dates, parse_hours, parse_week

Kind: TypeAlias = Literal[
    "first_reply",
    "next_reply",
    "update",
    "acknowledge",
    "checkpoint",
    "resolution",
    "bug_first_action",
    "bug_stage",
    "bug_untouched",
]
KINDS: Final[tuple[str, ...]] = Kind.__args__  # type: ignore[attr-defined]  # a Literal knows its words
ANY: Final = "any"
LEVELS: Final = ("priority", "group", "organization", "brand", "form", "channel", "custom_status")
"""What may choose among the goals of a target, beside ticket fields."""
_SETTINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "counts": ("update",),
    "by_assignee": ("update",),
    "first": ("update",),
    "starts_when": ("checkpoint",),
    "met_by": ("checkpoint", "acknowledge"),
    "stages": ("bug_stage",),
}
"""Settings of a metric that mean something for some kinds only."""


def _read_by(parse: Callable[[Any], object]) -> BeforeValidator:
    """Keeps a value as it is written when `parse` understands it; what `parse` says of others is the problem."""

    def check(value: object) -> object:
        if value is not None:
            try:
                parse(value)
            except ValueError as error:
                raise refusal(str(error)) from None
        return value

    return BeforeValidator(check)


def _dated(value: object) -> object:
    for day, hours in value.items() if isinstance(value, Mapping) else ():
        try:
            parse_date(day)
        except ValueError as error:
            raise refusal(str(error)) from None
        try:
            parse_hours(hours)
        except ValueError as error:
            raise refusal(f"{day}: {error}") from None
    return value


def _one_is_a_list(value: object) -> object:
    return [value] if isinstance(value, str | int | float | dict) else value


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        meant = nearest(name, available_timezones())
        hint = f'; did you mean "{meant}"?' if meant else "; write one such as Asia/Shanghai."
        raise refusal(f"There is no time zone {one_line(name)}{hint}") from None
    return name


Zone = Annotated[Text, AfterValidator(_zone)]
"""An IANA name."""
_Days = Annotated[tuple[Annotated[str, _read_by(parse_dates)], ...], BeforeValidator(_one_is_a_list)]
_Hours = Annotated[dict[str, Any], BeforeValidator(_dated)]
_Words = Annotated[tuple[Text, ...], BeforeValidator(_one_is_a_list)]


class CalendarModel(Model):
    """When a team works. For one date the first that says something decides: overrides, a make-up working day, a
    holiday, the week. Breaks are cut out."""

    zone: Zone = Field(examples=["Asia/Shanghai"])
    week: Annotated[Any, _read_by(parse_week)] = Field(examples=["{mon-fri: [09:00-12:00, 13:00-18:00]}"])
    holidays: _Words = Field(default=(), examples=["CN"])
    closed: _Days = Field(default=(), examples=["[2026-12-24/2027-01-02]"])
    working_days: _Days = Field(default=(), examples=["[2027-02-21]"])
    working_day_hours: Annotated[Any, _read_by(parse_hours)] = Field(default="closed", examples=["09:00-18:00"])
    overrides: _Hours = Field(default_factory=dict, examples=["{2027-02-06: closed}"])
    breaks: _Hours = Field(default_factory=dict, examples=["{2026-12-31: 12:00-14:00}"])
    announced_until: int | None = Field(default=None, ge=2000, le=2200, examples=["2027"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        if data.get("week") == ALWAYS_OPEN and data.get("holidays"):
            yield ("holidays",), "A calendar that is always open has no holidays: take this out, or write hours."


class MetBy(Model):
    """What says that a checkpoint is done. Any one of it is enough."""

    tags: tuple[Tag, ...] = Field(default=(), examples=["[workaround]"])
    fields: tuple[SlaCondition, ...] = Field(default=(), examples=["[{field: 'field:Workaround', operator: present}]"])
    notes: tuple[Text, ...] = Field(default=(), examples=["['#workaround']"])
    solved: bool = Field(default=True, examples=["true"])


class MetricModel(Model):
    """What is measured. The kind is the metric's own name where that is one."""

    kind: Kind | None = Field(default=None, examples=["checkpoint"])
    counts: Literal["public", "internal", "any"] = Field(default="public", examples=["any"])
    by_assignee: bool = Field(default=False, examples=["true"])
    first: Literal["reply", "created", "assigned"] = Field(default="reply", examples=["created"])
    starts_when: SlaWhen | None = Field(default=None, examples=["{all: [{field: priority, value: urgent}]}"])
    met_by: MetBy = Field(default_factory=MetBy, examples=["{tags: [workaround]}"])
    stages: _Words = Field(default=(), examples=["[queued]"])
    calendar: Text | None = Field(default=None, examples=["office"])


class TierModel(Model):
    """What makes a customer one of a tier. The first row that fits decides."""

    tier: Text = Field(examples=["vip"])
    when: SlaWhen = Field(examples=["{all: [{field: tags, operator: includes, value: vip}]}"])


class HolderModel(Model):
    """Who has the ball while a ticket stands so. The first row that fits decides."""

    party: Literal["L1", "L2", "development", "operations", "customer", "nobody"] = Field(examples=["L2"])
    when: SlaWhen | None = Field(default=None, examples=["{all: [{field: group, value: L2}]}"])
    team: Text | None = Field(default=None, examples=["Night shift"])
    team_by: Literal["project", "component", "group", "assignee"] | None = Field(default=None, examples=["group"])


class OptionsModel(Model):
    """Where the products of the market disagree."""

    reopen: Literal["continue", "restart", "count"] = Field(default="continue", examples=["continue"])
    merge: Literal["cancel", "meet"] = Field(default="cancel", examples=["cancel"])
    priority_change: Literal["keep", "restart", "remeasure"] = Field(default="keep", examples=["keep"])
    follow_up: Literal["new", "continue"] = Field(default="new", examples=["new"])


def _goal(text: object) -> object:
    parse_goal(str(text), "")
    return text


def _text_is_a_goal(value: object) -> object:
    return {"within": value} if isinstance(value, str | int | float) else value


class GoalModel(Model):
    """How long something may take, by which calendar."""

    within: Annotated[str, _read_by(_goal)] = Field(examples=["4h"])
    calendar: Text | None = Field(default=None, examples=["office"])


def _warning(value: object) -> object:
    text = str(value).strip()
    if not text.endswith("%"):
        parse_seconds(text)
    elif not text[:-1].strip().isdecimal() or not 0 < int(text[:-1]) < 100:
        raise ValueError("A share of the target lies between 1% and 99%.")
    return value


_Warning = Annotated[str, _read_by(_warning)]


class WarnModel(Model):
    """When a clock turns yellow and red: at a share of its target, or so long before its end."""

    yellow: _Warning | None = Field(default=None, examples=["50%"])
    red: _Warning | None = Field(default=None, examples=["30m"])


class PauseModel(Model):
    """A reason for which a clock rests."""

    reason: Text = Field(examples=["waiting for the customer's files"])
    when: SlaWhen = Field(examples=["{all: [{field: tags, operator: includes, value: waiting_for_files}]}"])


def _resting(value: str) -> str:
    category = ticket_category(value)
    if category in ("solved", "closed"):
        raise refusal(
            f"{value} ends a clock and cannot pause it too: write {listed(('new', 'open', 'pending', 'hold'))}."
        )
    if category is None:
        raise refusal(choice_sentence(value, ["new", "open", "pending", "hold"]) + " Custom ones go under pause_when.")
    return category


class _Terms(Model):
    """What holds for a target, or for all of a policy's targets."""

    calendar: Text | None = Field(default=None, examples=["office"])
    pause_in: Annotated[tuple[Annotated[str, AfterValidator(_resting)], ...], BeforeValidator(_one_is_a_list)] = Field(
        default=(), examples=["[pending]"]
    )
    pause_when: tuple[PauseModel, ...] = Field(
        default=(), examples=["[{reason: waiting, when: {all: [{field: tags, operator: includes, value: waiting}]}}]"]
    )
    warn: WarnModel | None = Field(default=None, examples=["{yellow: 50%, red: 30m}"])
    levels: Annotated[tuple[Annotated[str, _read_by(parse_seconds)], ...], BeforeValidator(_one_is_a_list)] = Field(
        default=(), examples=["[30m, 2h]"]
    )


class DefaultsModel(_Terms):
    """What holds for all of a policy's targets that do not say otherwise."""


class TargetModel(_Terms):
    """A promise for one metric, with a goal for each level."""

    goals: dict[NameOrId, Annotated[GoalModel, BeforeValidator(_text_is_a_goal)]] = Field(
        min_length=1, examples=["{urgent: 1h, high: 4h, any: 2 business_days}"]
    )


def _level(written: str) -> str:
    name = written.strip()
    if name.casefold().startswith(CUSTOM) and name[len(CUSTOM) :].strip():
        return CUSTOM + name[len(CUSTOM) :].strip()
    if name not in LEVELS:
        raise refusal(choice_sentence(name, [*LEVELS, "field:TITLE"]))
    return name


class PolicyModel(Model):
    """The first policy whose conditions fit holds for a ticket."""

    name: Text = Field(examples=["support"])
    when: SlaWhen | None = Field(default=None, examples=["{any: [{field: tier, value: vip}]}"])
    level: Annotated[str, AfterValidator(_level)] = Field(default="priority", examples=["priority"])
    defaults: DefaultsModel = Field(default_factory=DefaultsModel, examples=["{calendar: office}"])
    targets: dict[Text, TargetModel] = Field(min_length=1, examples=["{first_reply: {goals: {any: 4h}}}"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        defaults, targets = data.get("defaults"), data.get("targets")
        by_priority = data.get("level", "priority") == "priority"
        has_calendar = isinstance(defaults, Mapping) and "calendar" in defaults
        for metric, target in targets.items() if isinstance(targets, Mapping) else ():
            goals = target.get("goals") if isinstance(target, Mapping) else None
            for level, goal in goals.items() if isinstance(goals, Mapping) else ():
                at = ("targets", metric, "goals", level)
                if by_priority and level not in (*PRIORITIES, ANY):
                    meant = nearest(str(level), (*PRIORITIES, ANY))
                    hint = f'; did you mean "{meant}"?' if meant else "."
                    yield at, f"A priority is {listed(PRIORITIES)}, or {ANY} for all others{hint}"
                own = isinstance(goal, Mapping) and "calendar" in goal
                if not own and not has_calendar and "calendar" not in target:
                    yield at, f"By which calendar? Write calendar: … under {metric}, or under the policy's defaults."


class ShownModel(Model):
    """A ticket field that shows a clock."""

    field: NameOrId = Field(examples=["First reply due"])
    metric: Text = Field(examples=["first_reply"])
    shows: Literal["due", "state", "remaining", "holder"] = Field(examples=["due"])
    options: dict[Text, NameOrId] = Field(default_factory=dict, examples=["{breached: Overdue}"])


def _percent(value: object) -> object:
    text = str(value).strip().removesuffix("%").strip()
    if not text.isdecimal():
        raise refusal("Write a share of the target, such as 50%.")
    return int(text)


_Percent = Annotated[int, BeforeValidator(_percent), Field(ge=1, le=100)]


class ForecastModel(Model):
    """For how much of a target a bug may lie untouched, or without an assignee, before that is a bad sign."""

    untouched: _Percent = Field(default=50, examples=["50%"])
    unassigned: _Percent = Field(default=25, examples=["25%"])


def _instant(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise refusal("Write a date with time and offset, such as 2027-01-01T00:00:00+08:00.")
    return text


class Sla(Model):
    """Clocks over both systems. What a profile says holds where nothing else is written."""

    profile: Text | None = Field(default=None, examples=["novabrain"])
    valid_from: Annotated[Text, AfterValidator(_instant)] | None = Field(
        default=None, examples=["2027-01-01T00:00:00+08:00"]
    )
    zone: Zone | None = Field(default=None, examples=["Asia/Shanghai"])  # in which people are told instants
    calendars: dict[Text, CalendarModel] = Field(
        min_length=1, examples=["{always: {zone: Asia/Shanghai, week: always}}"]
    )
    metrics: dict[Text, MetricModel | None] = Field(min_length=1, examples=["{first_reply: {}}"])
    tiers: tuple[TierModel, ...] = Field(
        default=(), examples=["[{tier: vip, when: {all: [{field: tags, operator: includes, value: vip}]}}]"]
    )
    holders: tuple[HolderModel, ...] = Field(default=(), examples=["[{party: L1}]"])
    bug_holders: tuple[HolderModel, ...] = Field(default=(), examples=["[{party: development, team_by: project}]"])
    options: OptionsModel = Field(default_factory=OptionsModel, examples=["{reopen: continue}"])
    policies: tuple[PolicyModel, ...] = Field(
        min_length=1, examples=["[{name: support, targets: {first_reply: {calendar: always, goals: {any: 4h}}}}]"]
    )
    fields: tuple[ShownModel, ...] = Field(
        default=(), examples=["[{field: First reply due, metric: first_reply, shows: due}]"]
    )
    forecast: ForecastModel = Field(default_factory=ForecastModel, examples=["{untouched: 50%, unassigned: 25%}"])

    @classmethod
    def relations(cls, data: Mapping[str, object]) -> Iterator[Relation]:
        metrics = _block(data, "metrics")
        for name, metric in metrics.items():
            yield from _metric_relations(str(name), metric if isinstance(metric, Mapping) else {})
        names: dict[str, int] = {}
        for place, policy in enumerate(_rows(data, "policies")):
            name = policy.get("name")
            if isinstance(name, str) and names.setdefault(name, place) != place:
                yield ("policies", place, "name"), f"There are two policies {name}: give each its own name."
            for metric in _block(policy, "targets"):
                if metrics and metric not in metrics:
                    yield ("policies", place, "targets", str(metric)), _no_metric(str(metric), metrics)
        for place, shown in enumerate(_rows(data, "fields")):
            metric = shown.get("metric")
            if metrics and isinstance(metric, str) and metric not in metrics:
                yield ("fields", place, "metric"), _no_metric(metric, metrics)

    def data(self) -> dict[str, Any]:
        """As it is written, in the shape that syncd.sla.build takes."""
        written: dict[str, Any] = self.model_dump(mode="json", exclude_unset=True)
        written["metrics"] = {name: metric or {} for name, metric in written["metrics"].items()}
        return written

    @property
    def starts(self) -> int | None:
        """valid_from in Unix seconds."""
        return None if self.valid_from is None else int(datetime.fromisoformat(self.valid_from).timestamp())


def _metric_relations(name: str, metric: Mapping[str, object]) -> Iterator[Relation]:
    kind = metric.get("kind", name)
    if kind not in KINDS:
        if "kind" not in metric:
            yield ("metrics", name), f"Write kind: …, one of {listed(KINDS)}."
        return
    for key, kinds in _SETTINGS.items():
        if key in metric and kind not in kinds:
            yield ("metrics", name, key), f"{key} means something for {listed(kinds)} only, and this is {kind}."
    if kind == "bug_stage" and not metric.get("stages"):
        yield ("metrics", name), "Write which stages are meant, such as stages: [queued]."
    if kind == "checkpoint" and not any(_block(metric, "met_by").get(key) for key in ("tags", "fields", "notes")):
        yield ("metrics", name), "Write what says that it is done, such as met_by: {tags: [workaround]}."


def _no_metric(name: str, metrics: Mapping[object, object]) -> str:
    known = [str(metric) for metric in metrics]
    meant = nearest(name, known)
    return f'There is no metric {name}; did you mean "{meant}"?' if meant else f"There is no metric {name}."


def _block(data: Mapping[str, object], key: str) -> Mapping[Any, object]:
    value = data.get(key)
    return value if isinstance(value, Mapping) else {}


def _rows(data: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    value = data.get(key)
    return [row if isinstance(row, Mapping) else {} for row in value] if isinstance(value, list | tuple) else []
