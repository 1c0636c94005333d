"""A ticket's alerts as `syncd explain` tells them: what was noticed, who was told why, and why something was not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from syncd.alerts.case import Case
from syncd.alerts.noticing import Limits, why_silent
from syncd.alerts.routing import forecast_chain, why_no_forecast
from syncd.alerts.settings import AlertSettings
from syncd.app.build import App
from syncd.cli.output import clean, say
from syncd.cli.sla_rows import instant
from syncd.core.alert_model import AlertFact, Attempt, Episode, Letter, Post
from syncd.cycle.alert_world import case_of
from syncd.cycle.alerting import ENFORCE_FROM
from syncd.cycle.sla_settings import TicketClocks
from syncd.sla.calendar import Calendar
from syncd.sla.explain import local_text
from syncd.sla.thresholds import facts
from syncd.store import Tx


@dataclass(frozen=True, slots=True)
class AlertStory:
    """What the store knows of one ticket's alerts. `silent`: what was passed and not told, and why not."""

    ticket: int
    facts: tuple[AlertFact, ...]
    episodes: tuple[Episode, ...]
    letters: tuple[Letter, ...]
    attempts: dict[int, list[Attempt]]
    silent: tuple[tuple[str, int, str], ...]


def alerts_of(app: App, told: Iterable[TicketClocks]) -> list[AlertStory]:
    """The alerts of these tickets, from the store; none where nobody is told."""
    settings = app.clocks.settings
    if app.alerts.settings is None or settings is None:
        return []
    with app.store.reading() as tx:
        since = tx.get_fact(ENFORCE_FROM)
        limits = Limits(since if isinstance(since, int) else 0, frozenset(settings.book.starts[1:]))
        found = []
        for ticket in told:
            case = case_of(tx, app.engine.clocks, ticket, settings.book)
            found.append(_story(tx, case, limits, app.alerts.settings))
        return found


def _story(tx: Tx, case: Case, limits: Limits, settings: AlertSettings) -> AlertStory:
    known = tx.alert_facts([case.ticket])[case.ticket]
    episodes = tx.episodes({fact.episode for fact in known.values()})
    letters = {letter.id: letter for letter in tx.letters(episodes=list(episodes))}
    carriers = {letter.carrier for letter in letters.values()} - {0}
    letters |= {letter.id: letter for letter in tx.letters(ids=carriers)}
    silent = [
        (f"{key.metric} {key.threshold}, cycle {key.cycle}", case.told.now, why_no_forecast(settings))
        for key in case.forecasts()
        if key not in known and forecast_chain(settings, case, key) is None
    ]
    for fact in facts(case.told.clocks):
        why = why_silent(case, fact, known, limits)
        if why is not None:
            silent.append((f"{fact.key.metric} {fact.key.threshold}, cycle {fact.key.cycle}", fact.at, why))
    return AlertStory(
        case.ticket,
        tuple(sorted(known.values(), key=lambda fact: (fact.at, fact.key))),
        tuple(episodes[number] for number in sorted(episodes)),
        tuple(letters[number] for number in sorted(letters)),
        tx.attempts(letters),
        tuple(silent),
    )


def lines(story: AlertStory, reader: Calendar) -> Iterator[str]:
    """The story of one ticket, for people; times in the reader's zone."""
    for fact in story.facts:
        over = f", over {local_text(reader, fact.over_at)}" if fact.over_at is not None else ""
        again = f", for the {fact.occurrence}th time" if fact.occurrence > 1 else ""
        what = f"{fact.key.metric} {fact.key.threshold}, cycle {fact.key.cycle}"
        yield f"{local_text(reader, fact.at)} {what}: {fact.state}{over}{again} (group {fact.group})"
    for episode in story.episodes:
        yield from _episode_lines(episode, reader)
    for letter in story.letters:
        yield from _letter_lines(letter, story.attempts.get(letter.id, []), reader)
    for what, at, why in story.silent:
        yield f"{local_text(reader, at)} {what}: nobody was told, because {why}"


def _episode_lines(episode: Episode, reader: Calendar) -> Iterator[str]:
    chain = episode.chain
    state = "open" if episode.closed_at is None else f"closed {local_text(reader, episode.closed_at)}"
    levels = f", level {episode.level} of {len(chain.levels)}" if chain.levels else ""
    yield f"episode {episode.id} by route {chain.route}: {state}{levels}"
    for ack in episode.acks:
        until = local_text(reader, ack.until)
        yield f"    acknowledged {local_text(reader, ack.at)} by {ack.by} ({ack.how}), until {until}"
    if episode.closed_at is None and episode.climbs_at is not None:
        names = ", ".join(chain.of_level(episode.level + 1))
        yield f"    {names} hears of it {local_text(reader, episode.climbs_at)}, if nobody acknowledges"


def _letter_lines(letter: Letter, attempts: Iterable[Attempt], reader: Calendar) -> Iterator[str]:
    to = f"{letter.receiver} ({letter.address})" if letter.address else letter.receiver
    yield f"{local_text(reader, letter.created)} to {to}, {letter.about}: {_state(letter, reader)}"
    for attempt in attempts:
        if attempt.fate != "sent":
            yield f"    {local_text(reader, attempt.started)} {attempt.fate}: {attempt.text}"


def _state(letter: Letter, reader: Calendar) -> str:
    if letter.state is Post.DIGEST:
        if letter.carrier:
            return f"told in digest {letter.carrier} ({letter.last_error})"
        return f"waits for a digest at {local_text(reader, letter.not_before)} ({letter.last_error})"
    if letter.state is Post.SENT and letter.done_at is not None:
        return f"sent {local_text(reader, letter.done_at)}"
    if letter.state in (Post.NEW, Post.UNKNOWN):
        why = f" ({letter.last_error})" if letter.last_error else ""
        return f"{letter.state}, tried {letter.tries} times, next {local_text(reader, letter.not_before)}{why}"
    return f"{letter.state} ({letter.last_error})" if letter.last_error else str(letter.state)


def print_alerts(app: App, stories: Iterable[AlertStory]) -> None:
    """For people, in the zone that the configuration names."""
    settings = app.clocks.settings
    if settings is None:
        return
    for story in stories:
        say()
        say(clean(f"Alerts of #{story.ticket} (times of {settings.reader.zone}):"))
        said = list(lines(story, settings.reader))
        for line in said or ["nothing was passed that anybody has to hear of"]:
            say(clean(f"    {line}"))


def alerts_json(stories: Iterable[AlertStory]) -> list[dict[str, Any]]:
    """For machines."""
    return [
        {
            "ticket": story.ticket,
            "facts": [fact_json(fact) for fact in story.facts],
            "episodes": [episode_json(episode) for episode in story.episodes],
            "letters": [letter_json(letter) for letter in story.letters],
            "silent": [{"what": what, "at": instant(at), "why": why} for what, at, why in story.silent],
        }
        for story in stories
    ]


def fact_json(fact: AlertFact) -> dict[str, Any]:
    """A fact for machines."""
    return {
        "fact": str(fact.key),
        "at": instant(fact.at),
        "noticed": instant(fact.noticed),
        "state": fact.state.value,
        "over_at": instant(fact.over_at),
        "episode": fact.episode,
    }


def episode_json(episode: Episode) -> dict[str, Any]:
    """An episode for machines."""
    return {
        "id": episode.id,
        "group": episode.group,
        "route": episode.chain.route,
        "state": episode.state.value,
        "opened_at": instant(episode.opened_at),
        "closed_at": instant(episode.closed_at),
        "level": episode.level,
        "levels": len(episode.chain.levels),
        "climbs_at": instant(episode.climbs_at),
        "acks": [
            {"ticket": ack.ticket, "at": instant(ack.at), "until": instant(ack.until), "by": ack.by, "how": ack.how}
            for ack in episode.acks
        ],
    }


def letter_json(letter: Letter) -> dict[str, Any]:
    """A row of the outbox for machines, without its content."""
    return {
        "id": letter.id,
        "group": letter.group,
        "receiver": letter.receiver,
        "seq": letter.seq,
        "address": letter.address,
        "channel": letter.channel,
        "reason": letter.reason,
        "message_id": letter.message_id,
        "about": letter.about,
        "created": instant(letter.created),
        "not_before": instant(letter.not_before),
        "state": letter.state.value,
        "tries": letter.tries,
        "last_error": letter.last_error or None,
        "done_at": instant(letter.done_at),
        "digest": letter.carrier or None,
    }


def parse_at(text: str, reader: Calendar) -> int:
    """The Unix second of `2026-03-02 10:00`, in the reader's zone unless it says another one; raises ValueError."""
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=reader.tz)
    return int(moment.timestamp())
