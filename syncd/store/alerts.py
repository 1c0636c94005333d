"""Facts, episodes and the log of what was told: what makes an alert happen once, whatever restarts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, bindparam, delete, exists, func, or_, select, update

from syncd.core.alert_model import (
    Ack,
    AlertFact,
    AlertKey,
    Chain,
    Episode,
    EpisodeState,
    FactState,
    Post,
    RuleFact,
    Told,
)
from syncd.store.codec import decode, dumps, encode, loads
from syncd.store.prepared import Prepared, listed
from syncd.store.rows import ALL_ROWS, Repository, chunks, table_of
from syncd.store.schema import BigInt, clean
from syncd.store.schema_alerts import AlertFactRow, AlertToldRow, EpisodeRow, OutboxRow, RuleFactRow
from syncd.store.schema_clocks import ClockRow

_FACT, _EPISODE, _TOLD = table_of(AlertFactRow), table_of(EpisodeRow), table_of(AlertToldRow)
_STATED, _OUTBOX, _CLOCK = table_of(RuleFactRow), table_of(OutboxRow), table_of(ClockRow)
_MICRO: Final = 1_000_000


def micros(seconds: int) -> int:
    """As the tables keep an instant that is given in whole seconds."""
    return seconds * _MICRO


def maybe_micros(seconds: int | None) -> int | None:
    """As micros(), None for None."""
    return None if seconds is None else seconds * _MICRO


def seconds(stored: int) -> int:
    """Whole seconds again."""
    return stored // _MICRO


def maybe_seconds(stored: int | None) -> int | None:
    """As seconds(), None for None."""
    return None if stored is None else stored // _MICRO


def keys_text(keys: Iterable[AlertKey]) -> str:
    """Keys as JSON, in order."""
    return dumps([[key.ticket, key.metric, key.subject, key.cycle, key.threshold] for key in sorted(keys)])


def keys_of(text: str) -> tuple[AlertKey, ...]:
    """The keys again."""
    return tuple(AlertKey(*parts) for parts in loads(text))


@dataclass(frozen=True, slots=True)
class AlertWork:
    """What is due now."""

    rules: bool  # rules stated something
    episodes: bool
    digests: bool
    letters: bool


def _work() -> Select[bool, bool, bool, bool]:
    at = bindparam("at", type_=BigInt)
    waits = (_OUTBOX.c.state == Post.DIGEST.value) & _OUTBOX.c.carrier.is_(None)
    posts = _OUTBOX.c.state.in_([Post.NEW.value, Post.UNKNOWN.value]) & (_OUTBOX.c.not_before <= at)
    lost = (_OUTBOX.c.state == Post.SENDING.value) & (_OUTBOX.c.lease_until <= at)
    return select(
        exists().where(_STATED.c.ticket_id.is_not(None)),
        exists().where(_EPISODE.c.state == EpisodeState.OPEN.value, _EPISODE.c.next_at <= at),
        exists().where(waits, _OUTBOX.c.not_before <= at),
        exists().where(posts) | exists().where(lost),
    )


_WORK = Prepared(_work())
_FACTS = select(_FACT, _EPISODE.c.group_key).join(_EPISODE, _EPISODE.c.id == _FACT.c.episode_id)
_FACTS_OF_TICKETS = Prepared(_FACTS.where(listed(_FACT.c.ticket_id)))
_FACTS_OF_EPISODES = Prepared(_FACTS.where(listed(_FACT.c.episode_id)).order_by(_FACT.c.at))
_RULE_FACTS = Prepared(select(_STATED).order_by(_STATED.c.at, _STATED.c.ticket_id).limit(bindparam("most")))
_TAKE = Prepared(
    delete(_STATED).where(
        *(
            _STATED.c[name] == bindparam(name, type_=_STATED.c[name].type)
            for name in ("ticket_id", "rule", "run", "step")
        )
    )
)
_OPEN = select(_EPISODE).where(_EPISODE.c.state == EpisodeState.OPEN.value).order_by(_EPISODE.c.id)
_ALL_OPEN = Prepared(_OPEN.limit(bindparam("most")))
_OPEN_DUE = Prepared(_OPEN.where(_EPISODE.c.next_at <= bindparam("now")).limit(bindparam("most")))
_OPEN_OF = Prepared(_OPEN.where(listed(_EPISODE.c.group_key, "groups")))
_EPISODES = Prepared(select(_EPISODE).where(listed(_EPISODE.c.id)))
_TOLD_IN = Prepared(select(_TOLD).where(listed(_TOLD.c.episode_id)))


class Alerts(Repository):
    """Instants go in and come out in Unix seconds."""

    # ---- facts ----

    def alert_facts(self, tickets: Iterable[int]) -> dict[int, dict[AlertKey, AlertFact]]:
        """What is known of these tickets, by ticket and key; a ticket without facts has an empty entry."""
        found: dict[int, dict[AlertKey, AlertFact]] = {}
        for part in chunks(tickets):
            found |= {ticket: {} for ticket in part}
            for row in self._rows(_FACTS_OF_TICKETS, ids=part):
                fact = _fact(row)
                found[fact.key.ticket][fact.key] = fact
        return found

    def facts_of_episodes(self, episodes: Iterable[int]) -> dict[int, list[AlertFact]]:
        """The facts that belong to these episodes, in order of time."""
        found: dict[int, list[AlertFact]] = {}
        for part in chunks(episodes):
            for row in self._rows(_FACTS_OF_EPISODES, ids=part):
                found.setdefault(row["episode_id"], []).append(_fact(row))
        return found

    def save_alert_facts(self, facts: Iterable[AlertFact]) -> None:
        """Keeps them as they are now; each must have its episode."""
        rows = [
            {
                "ticket_id": fact.key.ticket,
                "metric": fact.key.metric,
                "subject": fact.key.subject,
                "cycle": fact.key.cycle,
                "threshold": fact.key.threshold,
                "at": micros(fact.at),
                "noticed_at": micros(fact.noticed),
                "state": fact.state.value,
                "episode_id": fact.episode,
                "occurrence": fact.occurrence,
                "over_at": maybe_micros(fact.over_at),
                "level": fact.level,
                "receivers": dumps(list(fact.receivers)),
                "why": fact.why,
                "asks": fact.asks,
                "back": int(fact.back),
            }
            for fact in facts
        ]
        self._upsert(AlertFactRow, rows)

    def facts_made_up_for(self, back_at: int, limit: int) -> list[AlertFact]:
        """What was passed by that instant and noticed from then on, in order of time."""
        query = select(_FACT, _EPISODE.c.group_key).join(_EPISODE, _EPISODE.c.id == _FACT.c.episode_id)
        query = query.where(_FACT.c.at <= micros(back_at), _FACT.c.noticed_at >= micros(back_at))
        return [_fact(row) for row in self._connection.execute(query.order_by(_FACT.c.at).limit(limit)).mappings()]

    # ---- what rules state ----

    def state_rule_facts(self, facts: Iterable[RuleFact]) -> None:
        """Leaves these for the alerts, in the transaction in which the rule took its step; each once."""
        rows = [
            {
                "ticket_id": fact.ticket,
                "rule": fact.rule,
                "run": fact.run,
                "step": fact.step,
                "receivers": dumps(list(fact.receivers)),
                "at": micros(fact.at),
                "why": fact.why,
                "asks": fact.asks,
            }
            for fact in facts
        ]
        self._upsert(RuleFactRow, rows, replace=False)

    def stated_rule_facts(self, limit: int) -> list[RuleFact]:
        """What waits to be taken over, oldest first."""
        return [
            RuleFact(
                row["ticket_id"],
                row["rule"],
                row["run"],
                row["step"],
                tuple(loads(row["receivers"])),
                seconds(row["at"]),
                row["why"],
                row["asks"],
            )
            for row in self._rows(_RULE_FACTS, most=limit)
        ]

    def take_rule_facts(self, facts: Iterable[RuleFact]) -> None:
        """These were taken over."""
        for fact in facts:
            self._alter(_TAKE, ticket_id=fact.ticket, rule=fact.rule, run=fact.run, step=fact.step)

    # ---- episodes ----

    def open_episodes(self, *, due_at: int | None = None, limit: int | None = None) -> list[Episode]:
        """Open episodes, oldest first: those whose next look is due, or all."""
        most = ALL_ROWS if limit is None else limit
        if due_at is None:
            return [_episode(row) for row in self._rows(_ALL_OPEN, most=most)]
        return [_episode(row) for row in self._rows(_OPEN_DUE, now=micros(due_at), most=most)]

    def episodes(self, ids: Iterable[int]) -> dict[int, Episode]:
        """These episodes, open or closed, by id."""
        found: dict[int, Episode] = {}
        for part in chunks(ids):
            found |= {row["id"]: _episode(row) for row in self._rows(_EPISODES, ids=part)}
        return found

    def open_episodes_of(self, groups: Iterable[str]) -> list[Episode]:
        """The open episodes of these groups; a group has one at most."""
        found: list[Episode] = []
        for part in chunks(clean(group) for group in groups):
            found += [_episode(row) for row in self._rows(_OPEN_OF, groups=part)]
        return found

    def save_episode(self, episode: Episode) -> int:
        """Keeps it as it is now; returns its id, which a new one gets here."""
        row = {
            "group_key": episode.group,
            "chain": encode(episode.chain),
            "opened_at": micros(episode.opened_at),
            "state": episode.state.value,
            "level": episode.level,
            "climbs_at": maybe_micros(episode.climbs_at),
            "flush_at": maybe_micros(episode.flush_at),
            "acks": dumps([[ack.ticket, ack.at, ack.until, ack.by, ack.how] for ack in episode.acks]),
            "returned_at": maybe_micros(episode.returned_at),
            "closed_at": maybe_micros(episode.closed_at),
            "next_at": maybe_micros(episode.next_at),
        }
        if episode.id == 0:
            return self._add(EpisodeRow, row)
        self._rewrite(EpisodeRow, {**row, "id": episode.id})
        return episode.id

    # ---- what was told ----

    def told_in(self, episodes: Iterable[int]) -> dict[int, dict[str, Told]]:
        """What each receiver has heard in these episodes, by episode and receiver."""
        found: dict[int, dict[str, Told]] = {}
        for part in chunks(episodes):
            for row in self._rows(_TOLD_IN, ids=part):
                found.setdefault(row["episode_id"], {})[row["receiver"]] = Told(
                    receiver=row["receiver"],
                    at=seconds(row["at"]),
                    level=row["level"],
                    firing=frozenset(keys_of(row["firing"])),
                    over=frozenset(keys_of(row["over"])),
                    corrected=frozenset(keys_of(row["corrected"])),
                )
        return found

    def save_told(self, episode: int, told: Told) -> None:
        """What the receiver has heard by now."""
        row: Mapping[str, Any] = {
            "episode_id": episode,
            "receiver": told.receiver,
            "at": micros(told.at),
            "level": told.level,
            "firing": keys_text(told.firing),
            "over": keys_text(told.over),
            "corrected": keys_text(told.corrected),
        }
        self._upsert(AlertToldRow, [row])

    # ---- what there is to do ----

    def alert_work(self, now: int) -> AlertWork:
        """What an otherwise idle cycle has to do, in one question."""
        return AlertWork(*(bool(answer) for answer in self._tuples(_WORK, at=micros(now))[0]))

    def unnoticed(self, since: int, judged: int, limit: int) -> list[int]:
        """Tickets with a clock that passed a point and may have no fact about it: those without any such fact, of what
        was passed after `since` as far as can be told; and whatever was judged after `judged`. Those that were judged
        last come first: some that never get a fact stay for good. Looks at every clock."""
        known = exists().where(
            _FACT.c.ticket_id == _CLOCK.c.ticket_id,
            _FACT.c.metric == _CLOCK.c.metric,
            _FACT.c.subject == _CLOCK.c.subject,
            _FACT.c.cycle == _CLOCK.c.cycle,
            or_(_FACT.c.threshold.like("breach%"), _CLOCK.c.breached_at.is_(None)),
        )
        near = _CLOCK.c.ended.is_(None) & _CLOCK.c.breached_at.is_(None)
        lost = or_(_CLOCK.c.breached_at >= since, near) & ~known
        query = select(_CLOCK.c.ticket_id).where(_CLOCK.c.color != "green", or_(lost, _CLOCK.c.at >= judged))
        newest_first = query.group_by(_CLOCK.c.ticket_id).order_by(func.max(_CLOCK.c.at).desc(), _CLOCK.c.ticket_id)
        return list(self._connection.execute(newest_first.limit(limit)).scalars())

    # ---- for lists ----

    def clocks_begun_before(self, before: int, limit: int) -> list[AlertKey]:
        """The open clocks that began before that instant, those due first (and those without a due instant last); the
        threshold of each key is empty."""
        query = select(ClockRow.ticket_id, ClockRow.metric, ClockRow.subject, ClockRow.cycle)
        query = query.where(ClockRow.ended.is_(None), ClockRow.started < before)
        query = query.order_by(ClockRow.due.is_(None), ClockRow.due, ClockRow.ticket_id).limit(limit)
        return [AlertKey(*row, "") for row in self._connection.execute(query)]

    def clock_counts(self) -> dict[str, int]:
        """`tickets` with running clocks, `clocks` that run, and those that are `breached` now."""
        is_open = ClockRow.ended.is_(None)
        query = select(func.count(), func.count(ClockRow.ticket_id.distinct()), func.count(ClockRow.breached_at))
        clocks, tickets, breached = self._connection.execute(query.where(is_open)).one()
        return {"tickets": int(tickets), "clocks": int(clocks), "breached": int(breached)}

    # ---- the wall clock ----

    def shift_alert_times(self, by: int) -> None:
        """The wall clock was set back by so many seconds: what waits for an instant waits for the same span as
        before. Facts keep their instants, which are the trackers'."""
        back = micros(by)
        episodes = _EPISODE.c
        values = {
            name: episodes[name] - back for name in ("opened_at", "climbs_at", "flush_at", "returned_at", "next_at")
        }
        open_ones = episodes.state == EpisodeState.OPEN.value
        for row in self._connection.execute(select(_EPISODE).where(open_ones)).mappings().all():
            acks = tuple(Ack(ack.ticket, ack.at - by, ack.until - by, ack.by, ack.how) for ack in _acks(row["acks"]))
            text = dumps([[ack.ticket, ack.at, ack.until, ack.by, ack.how] for ack in acks])
            self._connection.execute(update(_EPISODE).where(episodes.id == row["id"]).values(acks=text, **values))
            told = update(_TOLD).where(_TOLD.c.episode_id == row["id"])
            self._connection.execute(told.values(at=_TOLD.c.at - back))


def _acks(text: str) -> tuple[Ack, ...]:
    return tuple(Ack(*parts) for parts in loads(text))


def _episode(row: Mapping[Any, Any]) -> Episode:
    return Episode(
        id=row["id"],
        group=row["group_key"],
        chain=decode(Chain, row["chain"]),
        opened_at=seconds(row["opened_at"]),
        state=EpisodeState(row["state"]),
        level=row["level"],
        climbs_at=maybe_seconds(row["climbs_at"]),
        flush_at=maybe_seconds(row["flush_at"]),
        acks=_acks(row["acks"]),
        returned_at=maybe_seconds(row["returned_at"]),
        closed_at=maybe_seconds(row["closed_at"]),
        next_at=maybe_seconds(row["next_at"]),
    )


def _fact(row: Mapping[Any, Any]) -> AlertFact:
    return AlertFact(
        key=AlertKey(row["ticket_id"], row["metric"], row["subject"], row["cycle"], row["threshold"]),
        at=seconds(row["at"]),
        noticed=seconds(row["noticed_at"]),
        state=FactState(row["state"]),
        episode=row["episode_id"],
        group=row["group_key"],
        occurrence=row["occurrence"],
        over_at=maybe_seconds(row["over_at"]),
        level=row["level"],
        receivers=tuple(loads(row["receivers"])),
        why=row["why"],
        asks=row["asks"],
        back=bool(row["back"]),
    )
