"""`syncd alerts`: who was told what, acknowledging, and rehearsing what would be told."""

from __future__ import annotations

import email
import getpass
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from email.policy import default
from typing import Any

import click

from syncd.alerts.case import Case
from syncd.alerts.describe import acknowledge_of, alert_of
from syncd.alerts.episodes import Draft
from syncd.alerts.message import Notification, Reason
from syncd.alerts.noticing import Limits
from syncd.alerts.pipeline import World, decide
from syncd.alerts.ports import Target
from syncd.alerts.routing import rule_name
from syncd.alerts.settings import AlertSettings
from syncd.app.build import App
from syncd.cli.alert_story import episode_json, letter_json, parse_at
from syncd.cli.exits import CliError, Exit
from syncd.cli.links import ticket_number, told
from syncd.cli.main import Group
from syncd.cli.output import clean, print_json, print_table, say
from syncd.cli.rule_story import print_rehearsed, rehearsed_json
from syncd.cli.sla_rows import instant
from syncd.cli.work import do_or_ask, load, looking
from syncd.config.durations import parse_duration
from syncd.core.alert_model import AlertFact, Episode, FactState, Letter, Post, RuleFact, Told, furthest
from syncd.core.model import Json
from syncd.cycle.alert_world import case_of
from syncd.cycle.sla_settings import SlaSettings
from syncd.sla.explain import local_text, span_text

NOT_DONE = (Post.NEW, Post.SENDING, Post.UNKNOWN, Post.DEAD, Post.DIGEST)
LATEST = 200


@click.group(cls=Group)
def alerts() -> None:
    """Who was told what, acknowledging, and rehearsing."""


@alerts.command("list")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def list_alerts(*, as_json: bool) -> int:
    """Lists what is overdue and not over, and the messages that wait, failed, or are in doubt."""
    with looking(load()) as app:
        settings, sla = _configured(app)
        with app.store.reading() as tx:
            episodes = tx.open_episodes()
            facts = tx.facts_of_episodes(episode.id for episode in episodes)
            waiting = [x for x in tx.letters(states=NOT_DONE, limit=LATEST, newest_first=True) if not x.carrier]
            counts = tx.outbox_counts()
        if as_json:
            firing = {
                number: [str(fact.key) for fact in found if fact.state is FactState.FIRING]
                for number, found in facts.items()
            }
            print_json(
                {
                    "episodes": [{**episode_json(e), "facts": firing.get(e.id, [])} for e in episodes],
                    "outbox": {"states": counts, "letters": [letter_json(letter) for letter in waiting]},
                }
            )
            return Exit.FINE
        _print_episodes(episodes, {number: _shown(found) for number, found in facts.items()}, sla)
        _print_letters(waiting, sla)
        dead = counts.get(Post.DEAD.value, 0)
        say(f"Sent so far: {counts.get(Post.SENT.value, 0)}; given up: {dead}; fallback: {settings.fallback}")
    return Exit.FINE


def _shown(facts: Iterable[AlertFact]) -> list[str]:
    """Of each clock the furthest point of what still holds."""
    return [str(key) for key in sorted(furthest(fact.key for fact in facts if fact.state is FactState.FIRING))]


def _print_episodes(episodes: Iterable[Episode], facts: dict[int, list[str]], sla: SlaSettings) -> None:
    rows = []
    for episode in episodes:
        chain = episode.chain
        ack = max((a.until for a in episode.acks), default=None)
        rows.append(
            (
                ", ".join(facts.get(episode.id, [])[:3]),
                chain.route,
                local_text(sla.reader, episode.opened_at),
                f"{episode.level} of {len(chain.levels)}",
                "" if episode.climbs_at is None else local_text(sla.reader, episode.climbs_at),
                "" if ack is None else local_text(sla.reader, ack),
            )
        )
    if not rows:
        say("Nothing is overdue or near it.")
    print_table(("what", "route", "since", "level", "climbs", "acknowledged until"), rows)


def _print_letters(letters: Iterable[Letter], sla: SlaSettings) -> None:
    rows = [
        (
            letter.id,
            letter.state.value,
            letter.receiver,
            letter.about,
            letter.tries,
            local_text(sla.reader, letter.not_before),
            letter.last_error,
        )
        for letter in letters
    ]
    if rows:
        say()
        print_table(("message", "state", "receiver", "what", "tries", "not before", "last error"), rows)


@alerts.command("ack")
@click.argument("ticket")
@click.option("--for", "span", metavar="SPAN", help="How long it holds, such as 4h (default: alerts.ack.holds).")
@click.option("--json", "as_json", is_flag=True, help="The outcome for machines.")
def ack(*, ticket: str, span: str | None, as_json: bool) -> int:
    """Says that a ticket is in hand: it stops climbing, and returns after a while: syncd alerts ack 4711 --for 2h"""
    loaded = load()
    seconds = 0
    if span is not None:
        try:
            seconds = int(parse_duration(span).total_seconds())
        except ValueError as error:
            raise CliError(str(error), Exit.USAGE) from None
        if not 60 <= seconds <= timedelta(days=30).total_seconds():
            raise CliError("Write a span between 1m and 30d.", Exit.USAGE)
    args: dict[str, Json] = {"ticket": ticket_number(ticket), "seconds": seconds, "by": getpass.getuser()}
    return told(do_or_ask(loaded, "alerts ack", args), as_json=as_json)


@alerts.command("test")
@click.option("--ticket", required=True, help="Whose alerts are rehearsed.")
@click.option("--at", "when", metavar="TIME", help="As of then, such as '2026-03-02 10:00' (default: now).")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def test_alerts(*, ticket: str, when: str | None, as_json: bool) -> int:
    """Shows what would be told about a ticket if nobody had been told yet: facts, routes, receivers, the message, and
    what rules would do.

    Everything is from the store; nothing is sent and nothing is kept.
    """
    number = ticket_number(ticket)
    with looking(load()) as app:
        settings, sla = _configured(app)
        try:
            at = app.engine.clocks.now() if when is None else parse_at(when, sla.reader)
        except ValueError:
            raise CliError("Write a time such as '2026-03-02 10:00'.", Exit.USAGE) from None
        with app.store.reading() as tx:
            found = app.engine.clocks.folded(tx, [number], at)
            if not found:
                raise CliError(f"syncd has not seen ticket #{number}: it is older than start_from, or no ticket.")
            case = case_of(tx, app.engine.clocks, found[0], sla.book)
            rules = app.rules.rehearse(tx, found[0])
        drafts = _rehearse(case, settings, at, [rule.said for rule in rules if rule.said is not None])
        if as_json:
            print_json({**_as_json(app, case, settings, drafts, at), "rules": rehearsed_json(rules)})
        else:
            _print(app, case, settings, sla, drafts, at)
            print_rehearsed(rules, sla)
    return Exit.FINE


def _rehearse(case: Case, settings: AlertSettings, at: int, stated: Sequence[RuleFact]) -> list[tuple[Episode, Draft]]:
    """What would be told at once, level by level, if nothing had been told and nobody acted; `stated`: the first words
    of rules."""
    whole = Case(replace(case.told, is_complete=True), case.life, case.tier)
    world = World(at, settings, Limits(), {case.ticket: whole}, stated=tuple(stated), fresh=None)
    found = []
    for turn in decide(world).turns:
        chain = turn.episode.chain
        if any(fact.key.is_rule for fact in turn.facts):
            found += [(turn.episode, draft) for draft in turn.drafts]
            continue
        for level in range(len(chain.levels) + 1):
            for name in dict.fromkeys(map(settings.name_of, chain.of_level(level))):
                keys = tuple(fact.key for fact in turn.facts)
                reason = Reason.LEVEL if level else Reason.FIRST
                draft = Draft(turn.episode.group, name, reason, keys, Told(name, at), None, level, why=chain.why)
                found.append((turn.episode, draft))
    return found


def _as_json(
    app: App, case: Case, settings: AlertSettings, drafts: list[tuple[Episode, Draft]], at: int
) -> dict[str, Any]:
    return {
        "ticket": case.ticket,
        "at": instant(at),
        "complete": case.told.is_complete,
        "clocks": [
            {
                "metric": clock.cycle.metric,
                "cycle": clock.cycle.number,
                "state": str(verdict.state),
                "passed": [{"threshold": point.name, "at": instant(point.at)} for point in verdict.passed],
                "next": instant(verdict.next_instant),
            }
            for clock, verdict in case.told.judged()
        ],
        "messages": [
            {
                "route": episode.chain.route,
                "group": draft.group,
                "receiver": draft.receiver,
                "level": draft.level,
                "reason": draft.reason.value,
                "facts": [str(key) for key in draft.keys],
                "text": _text(app, case, settings, draft, at),
            }
            for episode, draft in drafts
        ],
    }


def _print(
    app: App,
    case: Case,
    settings: AlertSettings,
    sla: SlaSettings,
    drafts: list[tuple[Episode, Draft]],
    at: int,
) -> None:
    say(clean(f"Ticket #{case.ticket} as of {local_text(sla.reader, at)}: {case.told.ticket.subject}"))
    if not case.told.is_complete:
        say("    Its history is not complete yet, so that nobody would be told now.")
    for clock, verdict in case.told.judged():
        passed = ", ".join(f"{point.name} {local_text(sla.reader, point.at)}" for point in verdict.passed) or "nothing"
        say(clean(f"    {clock.cycle.metric}, cycle {clock.cycle.number}: {verdict.state}; passed: {passed}"))
        if verdict.next_instant is not None:
            say(f"        changes next {local_text(sla.reader, verdict.next_instant)}")
    if not drafts:
        say("Nobody would be told anything.")
    for episode, draft in drafts:
        say()
        level = f", level {draft.level}" if draft.level else ""
        facts = ", ".join(f"its {key.threshold}" if key.is_rule else str(key) for key in draft.keys)
        is_rule = any(key.is_rule for key in draft.keys)
        by = f"rule {rule_name(draft.keys[0])}" if is_rule else f"route {episode.chain.route}"
        say(clean(f"{draft.receiver} would hear of {facts} ({draft.reason}{level}) by {by}:"))
        if draft.level and not is_rule:
            wait = span_text(episode.chain.levels[draft.level - 1].after)
            say(f"    {wait} after the level before, if nobody acknowledges")
        else:
            for line in _text(app, case, settings, draft, at).splitlines():
                say(clean(f"    {line}"))


def _text(app: App, case: Case, settings: AlertSettings, draft: Draft, at: int) -> str:
    """The message as the first of the receiver's places would get it."""
    receiver = settings.receivers.get(draft.receiver)
    target: Target | None = receiver.targets[0] if receiver is not None and receiver.targets else None
    channel = app.alerts.channels.get(target.channel) if target is not None else None
    if target is None or channel is None:
        return "no channel is configured for this receiver"
    notification = Notification(
        draft.reason,
        draft.receiver,
        draft.group,
        1,
        at,
        tuple(alert_of(case, key, settings, at, level=draft.level) for key in draft.keys),
        why=draft.why,
        asks=draft.asks,
        acknowledge=None if all(key.is_forecast for key in draft.keys) else acknowledge_of(settings, case.ticket),
    )
    content = channel.compose(notification, target.reader, f"<rehearsal@{settings.domain}>")
    if target.channel != "mail":
        return content.decode("utf-8", "replace")
    mail = email.message_from_bytes(content, policy=default)
    body = mail.get_body(("plain",))
    text = body.get_content() if body is not None else ""
    return f"Subject: {mail['Subject']}\n\n{text}"


def _configured(app: App) -> tuple[AlertSettings, SlaSettings]:
    settings, sla = app.alerts.settings, app.clocks.settings
    if settings is None:
        raise CliError("Nobody is told anything: config.yaml has no receivers:.", Exit.CONFIG)
    if sla is None:
        raise CliError("There are no clocks: config.yaml has no sla: that can be used; see: syncd check", Exit.CONFIG)
    return settings, sla
