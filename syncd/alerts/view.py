"""A notification as the texts that templates arrange: cleaned, shortened, in the reader's language and zone. Pure.

Templates see nothing else, so that no template, ours or an operator's, can let anything through uncleaned. Every field
is a text that may be empty, a number, or a tuple of such records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from syncd.alerts.message import Acknowledge, Alert, BugLine, NextStep, Notification, Reader, Reason, Step
from syncd.alerts.page import BugView, Card, Page, SectionView, ShareView
from syncd.alerts.plain import block, one_line
from syncd.alerts.wording import Wording
from syncd.sla.holder import NOBODY, Holder, Party

NAME: Final = 80  # characters of a name, a version, a status
SUBJECT: Final = 200  # of a ticket's subject in the body
WORDS: Final = 280  # of what somebody wrote
MOST_CARDS: Final = 3  # alerts that are told in full; more become a table
MOST_ROWS: Final = 50  # of one table
MOST_BUGS: Final = 5
MOST_SHARES: Final = 6
_LEADS_WITH_DUE: Final = frozenset(
    {"lead.near", "lead.breach", "lead.forecast", "lead.resolved", "lead.resolved.by", "lead.correction"}
)
_LEADS_WITH_USED: Final = (_LEADS_WITH_DUE | {"lead.near.undated", "lead.breach.undated"}) - {"lead.forecast"}
_ASKED_BY_RULES: Final = (NextStep.CALL, NextStep.DECIDE, NextStep.ROOT_CAUSE)
_URL: Final = re.compile(r"https?://[!-~]{1,1000}")
_PARTIES: Final = tuple(Party)


class View:
    """Makes the page of one notification for one reader."""

    def __init__(self, notification: Notification, reader: Reader, labels: Wording) -> None:
        self._all = notification
        self._reader = reader
        self._say = labels.say
        self._words = labels

    def page(self, problem: str = "") -> Page:
        """The page; `problem` is told at its end."""
        told = self._all
        cards = tuple(self.card(alert) for alert in told.alerts)
        in_full = cards if self._in_full() else ()
        rows = () if in_full else cards[:MOST_ROWS]
        more = told.more + len(cards) - len(in_full) - len(rows)
        sections = tuple(self._section(each.key, each.alerts, each.more) for each in told.sections)
        lead = self._lead(cards)
        return Page(
            lang=self._say("lang"),
            reason=told.reason.value,
            tone=self._tone(cards),
            title=self.title(cards),
            lead=lead,
            preheader=one_line(self._preheader(cards, lead), 140),
            cards=in_full,
            rows=rows,
            more=self._say("more", count=more) if more > 0 else "",
            sections=sections,
            counts=tuple(
                (one_line(self._words.name("count", key), NAME), one_line(str(number), NAME))
                for key, number in told.counts[:MOST_ROWS]
            ),
            lines=tuple(block(line, WORDS * 4) for line in told.lines[:MOST_ROWS]),
            why=self._why(),
            acknowledge=self._acknowledge(told.acknowledge),
            as_of=self._as_of(),
            signature=self._say("signature"),
            problem=self._say("fallback", problem=one_line(problem, 300)) if problem else "",
        )

    def _in_full(self) -> bool:
        is_list = self._all.reason in (Reason.DIGEST, Reason.SEEING)
        return 0 < len(self._all.alerts) <= MOST_CARDS and not is_list and not self._all.more

    # ---- one alert -----------------------------------------------------------------------------------------------

    def card(self, alert: Alert) -> Card:
        """One alert as texts."""
        words = self._words
        lead = self._lead_key(alert)
        over = alert.is_breach or alert.state == "breached"
        customer, tier = one_line(alert.customer, NAME), one_line(alert.tier, NAME)
        who = words.holder(_short_team(alert.holder))
        return Card(
            number=one_line(alert.shown, 40),
            subject=one_line(alert.subject, SUBJECT),
            url=web_address(alert.url),
            what=self._what(alert),
            lead=self._card_lead(alert, lead),
            tone=self._card_tone(alert),
            due_label=self._say("label.was_due" if over else "label.due"),
            due=words.moment(alert.due) if alert.due is not None and lead not in _LEADS_WITH_DUE else "",
            due_brief=words.brief(alert.due) if alert.due is not None else "",
            used="" if lead in _LEADS_WITH_USED else self._used(alert),
            level=self._level(alert),
            holder="" if self._is_over() or _nobody_knows(alert) else self._since(who, alert.holder_since),
            holder_name=who,
            next="" if self._is_over() else self._next(alert),
            customer=self._say("customer", customer=customer, tier=tier) if customer and tier else customer or tier,
            priority=one_line(words.name("priority", alert.priority), NAME),
            status=one_line(words.name("status", alert.status), NAME),
            bugs=tuple(self._bug(each) for each in alert.bugs[:MOST_BUGS]),
            split=self._split(alert),
            public=self._step(alert.last_public),
            internal=self._step(alert.last_internal),
            forecast="" if alert.is_forecast else _capital(self._sign(alert)),
            remark=block(alert.remark, WORDS),
            fact=one_line(alert.fact, SUBJECT),
        )

    def _next(self, alert: Alert) -> str:
        """What to do: by the clock, or what the rule asks for in a word of ours or in the operator's own."""
        asked = one_line(self._all.asks, WORDS) if alert.rule and not alert.metric else ""
        if asked in _ASKED_BY_RULES:
            return self._say(f"next.{asked}")
        return asked or self._say(f"next.{NextStep(alert.next_step).value}")

    def _metric(self, alert: Alert) -> str:
        name = one_line(self._words.name("metric", alert.metric), NAME)
        return f"{name} ({one_line(alert.bug, NAME)})" if alert.bug else name

    def _is_over(self) -> bool:
        return self._all.reason in (Reason.RESOLVED, Reason.CORRECTION)

    def _what(self, alert: Alert) -> str:
        metric = self._metric(alert)
        if self._is_over() and not metric:
            key = "what.over" if self._all.reason is Reason.RESOLVED else "what.taken_back"
            return self._say(key, what=self._plain_what(alert, metric))
        if self._all.reason is Reason.RESOLVED:
            return self._say("what.resolved" if alert.is_breach else "what.resolved.near", metric=metric)
        if self._all.reason is Reason.CORRECTION:
            return self._say("what.correction", metric=metric)
        what = self._plain_what(alert, metric)
        if self._all.reason is Reason.REMINDER:
            return self._say("what.reminder", what=what)
        if self._all.reason is Reason.LEVEL and alert.level:
            return self._say("what.level", level=alert.level, what=what)
        return what

    def _plain_what(self, alert: Alert, metric: str) -> str:
        if alert.is_breach:
            return self._say("what.breach", metric=metric)
        if alert.is_forecast:
            return self._say("what.forecast", metric=metric)
        if alert.threshold:
            return self._say("what.near", metric=metric)
        if alert.rule:
            return self._say("what.rule", rule=one_line(alert.rule, NAME))
        return self._say("what.ticket")

    def _card_lead(self, alert: Alert, key: str) -> str:
        words = self._words
        blanks: dict[str, object] = {
            "metric": self._metric(alert),
            "number": one_line(alert.shown, 40),
            "due": words.moment(alert.due) if alert.due is not None else "",
            "elapsed": words.span(alert.elapsed),
            "target": words.span(alert.target or 0),
            "left": words.span(max((alert.target or 0) - alert.elapsed, 0)),
            "rule": one_line(alert.rule, NAME),
            "why": self._rule_says(),
            "ended": words.moment(alert.ended_at) if alert.ended_at is not None else "",
            "who": one_line(alert.ended_by, NAME),
            "sign": self._sign(alert),
        }
        return self._say(key, **blanks)

    def _lead_key(self, alert: Alert) -> str:
        if self._all.reason is Reason.CORRECTION:
            return "lead.correction" if alert.metric else "lead.taken_back"
        if self._all.reason is Reason.RESOLVED and not alert.metric:
            return "lead.over"
        if self._all.reason is Reason.RESOLVED:
            if alert.ended_at is None or alert.target is None:
                return "lead.resolved.undated"
            return "lead.resolved.by" if alert.ended_by else "lead.resolved"
        if alert.is_forecast and self._sign(alert):
            return "lead.forecast" if alert.due is not None else "lead.forecast.undated"
        if alert.is_breach or alert.threshold:
            kind = "breach" if alert.is_breach else "near"
            if alert.target is None:
                return f"lead.{kind}.bare"
            return f"lead.{kind}" if alert.due is not None else f"lead.{kind}.undated"
        if alert.rule:
            return "lead.rule.why" if self._rule_says() else "lead.rule"
        return "lead.ticket"

    def _rule_says(self) -> str:
        """Which of the rule's lines the ticket fulfils, where the message is about one rule."""
        rules = {alert.rule for alert in self._all.alerts}
        prefix = f"rule {min(rules, default='')}: "
        return one_line(self._all.why.removeprefix(prefix), WORDS) if self._is_of_a_rule(prefix) else ""

    def _is_of_a_rule(self, prefix: str) -> bool:
        alerts = self._all.alerts
        return len({alert.rule for alert in alerts}) == 1 and self._all.why.startswith(prefix)

    def _sign(self, alert: Alert) -> str:
        if alert.forecast not in ("due_date", "release", "untouched", "unassigned"):
            return ""
        return self._say(f"sign.{alert.forecast}", day=one_line(alert.forecast_day, 20))

    def _card_tone(self, alert: Alert) -> str:
        if self._is_over():
            return "done"
        if alert.is_breach:
            return "breach"
        return "near" if alert.threshold or alert.forecast else "note"

    def _used(self, alert: Alert) -> str:
        elapsed = self._words.span(alert.elapsed)
        if alert.target is None:
            return self._say("used.alone", elapsed=elapsed) if alert.elapsed else ""
        return self._say("used", elapsed=elapsed, target=self._words.span(alert.target))

    def _level(self, alert: Alert) -> str:
        if not alert.level:
            return ""
        key = "level" if alert.levels else "level.open"
        return self._say(key, level=alert.level, levels=alert.levels)

    def _since(self, who: str, since: int | None) -> str:
        if since is None:
            return self._say("since.alone", who=who)
        span = self._words.span(max(self._all.at - since, 0))
        return self._say("since", who=who, time=self._words.brief(since), span=span)

    def _bug(self, bug: BugLine) -> BugView:
        parts = [one_line(bug.status, NAME)]
        assignee = one_line(bug.assignee, NAME)
        parts.append(self._say("bug.assignee", assignee=assignee) if assignee else self._say("bug.nobody"))
        if bug.fix_version:
            parts.append(self._say("bug.version", version=one_line(bug.fix_version, NAME)))
        if bug.due:
            parts.append(self._say("bug.due", due=one_line(bug.due, 20)))
        return BugView(one_line(bug.key, NAME), web_address(bug.url), self._say("comma").join(filter(None, parts)))

    def _split(self, alert: Alert) -> tuple[ShareView, ...]:
        shares = sorted((share for share in alert.split if share.seconds > 0), key=lambda share: -share.seconds)
        shares = shares[:MOST_SHARES]
        whole = sum(share.seconds for share in shares)
        widths = [max(share.seconds * 100 // whole, 1) for share in shares]
        if widths:
            widths[0] += 100 - sum(widths)
        return tuple(
            ShareView(
                name=self._words.holder(_short_team(share.holder)),
                span=self._words.span(share.seconds),
                percent=f"{share.seconds * 100 // whole or '<1'} %",
                width=width,
                party=share.holder.party.value if share.holder.party in _PARTIES else Party.NOBODY.value,
                blocks="█" * max(width // 5, 1) + "░" * (20 - max(width // 5, 1)),
            )
            for share, width in zip(shares, widths, strict=True)
        )

    def _step(self, step: Step | None) -> str:
        if step is None:
            return ""
        author, text = one_line(step.author, NAME), one_line(step.text, WORDS)
        key = "step.text" if text else "step"
        return self._say(key, author=author, time=self._words.brief(step.at), text=text)

    # ---- the whole -----------------------------------------------------------------------------------------------

    def title(self, cards: tuple[Card, ...]) -> str:
        """What the message is about, without the ticket's subject."""
        told, words = self._all, self._words
        match told.reason:
            case Reason.DIGEST:
                return self._say("what.digest", count=len(cards) + told.more)
            case Reason.MORNING:
                counts = {section.key: len(section.alerts) + section.more for section in told.sections}
                blanks = {key: counts.get(key, 0) for key in ("overdue", "today", "open")}
                return self._say("what.morning", date=words.day(told.at), **blanks)
            case Reason.STALE:
                return self._say("what.stale", **self._blind())
            case Reason.SEEING:
                return self._say("what.seeing", **self._blind())
            case Reason.HEARTBEAT:
                return self._say("what.heartbeat", date=words.day(told.at))
            case Reason.NOTICE:
                return self._say("what.notice", headline=one_line(told.headline, SUBJECT))
            case _:
                return self._title_of(cards)

    def _title_of(self, cards: tuple[Card, ...]) -> str:
        if len(cards) == 1 and not self._all.more:
            return cards[0].what
        if len({card.number for card in cards}) == 1 and len(cards) <= MOST_CARDS and not self._all.more:
            return self._together(cards)
        count, whats = len(cards) + self._all.more, {card.what for card in cards}
        if len(whats) == 1 and len({card.number for card in cards}) == len(cards):
            return self._say("what.group", count=count, what=whats.pop())
        return self._say("what.many", count=count)

    def _together(self, cards: tuple[Card, ...]) -> str:
        """What several clocks of one ticket are about, in one line."""
        alerts, comma = self._all.alerts, self._say("comma")
        plain = comma.join(dict.fromkeys(self._plain_what(alert, self._metric(alert)) for alert in alerts))
        match self._all.reason:
            case Reason.REMINDER:
                return self._say("what.reminder", what=plain)
            case Reason.LEVEL if alerts[0].level:
                return self._say("what.level", level=alerts[0].level, what=plain)
            case _:
                return comma.join(dict.fromkeys(card.what for card in cards))

    def _lead(self, cards: tuple[Card, ...]) -> str:
        match self._all.reason:
            case Reason.MORNING:
                found = any(section.alerts or section.more for section in self._all.sections)
                return self._say("lead.morning" if found else "lead.morning.empty")
            case Reason.STALE:
                return self._say("lead.stale", **self._blind())
            case Reason.SEEING:
                count = len(cards) + self._all.more
                return self._say("lead.seeing" if count else "lead.seeing.none", **self._blind(), count=count)
            case Reason.HEARTBEAT | Reason.NOTICE:
                return self._say(f"lead.{self._all.reason.value}")
            case Reason.DIGEST:
                return self._say("lead.digest", count=len(cards) + self._all.more)
            case _ if self._in_full() and len(cards) == 1:
                return ""  # the card says it
            case _:
                return self._say("lead.group", count=len(cards) + self._all.more)

    def _preheader(self, cards: tuple[Card, ...], lead: str) -> str:
        if len(cards) == 1:
            card = cards[0]
            parts = (card.holder, card.next, card.customer)
            return self._say("comma").join(part.rstrip(".。") for part in parts if part)
        return lead

    def _tone(self, cards: tuple[Card, ...]) -> str:
        if self._all.reason is Reason.STALE:
            return "near"
        if self._all.reason is Reason.SEEING and not cards:
            return "done"
        if self._all.reason in (Reason.MORNING, Reason.HEARTBEAT, Reason.NOTICE):
            return "note"
        tones = {card.tone for card in cards}
        return next((tone for tone in ("breach", "near", "note", "done") if tone in tones), "note")

    def _blind(self) -> dict[str, object]:
        side = self._all.blind if self._all.blind in ("zendesk", "jira") else "zendesk"
        since = self._all.at if self._all.blind_since is None else self._all.blind_since
        until = self._all.at if self._all.blind_until is None else self._all.blind_until
        return {
            "side": self._say(f"side.{side}"),
            "time": self._words.moment(since),
            "until": self._words.moment(until),
            "span": self._words.span(max(until - since, 0)),
        }

    def _section(self, key: str, alerts: Iterable[Alert], more: int) -> SectionView:
        cards = tuple(self.card(alert) for alert in alerts)
        left = more + max(len(cards) - MOST_ROWS, 0)
        told = self._say("more", count=left) if left else ""
        return SectionView(self._say(f"section.{key}"), cards[:MOST_ROWS], told)

    def _why(self) -> str:
        told, say = self._all, self._say
        rules = dict.fromkeys(one_line(alert.rule, NAME) for alert in told.alerts if alert.rule)
        policies = dict.fromkeys(one_line(alert.policy, NAME) for alert in told.alerts if alert.policy)
        parts = [
            *(say("why.rule", rule=rule) for rule in list(rules)[:5]),
            *(say("why.policy", policy=policy) for policy in list(policies)[:5]),
            say("why.group", group=one_line(told.group, NAME)) if told.group else "",
            say("why.receiver", receiver=one_line(told.receiver, NAME)) if told.receiver else "",
            say("why.reason", reason=say(f"reason.{told.reason.value}")),
        ]
        line = _capital(say("comma").join(part for part in parts if part) + say("dot"))
        own = "" if self._rule_says() else one_line(told.why, WORDS)
        return f"{own} {line}" if own else line

    def _acknowledge(self, ways: Acknowledge | None) -> str:
        if ways is None:
            return ""
        say = self._say
        offered = [
            say("ack.reply") if ways.reply else "",
            say("ack.assign") if ways.assign else "",
            say("ack.tag", tag=one_line(ways.tag, NAME)) if ways.tag else "",
            say("ack.note", note=one_line(ways.note, NAME)) if ways.note else "",
            say("ack.command", command=one_line(ways.command, SUBJECT)) if ways.command else "",
        ]
        offered = [way for way in offered if way]
        if not offered:
            return ""
        ways_told = say("ack.or").join(filter(None, [say("comma").join(offered[:-1]), offered[-1]]))
        line = _capital(ways_told + say("dot"))
        held = say("ack.holds", span=self._words.span(ways.holds)) if ways.holds else ""
        return f"{line}{say('space')}{held}".strip()

    def _as_of(self) -> str:
        alerts = [*self._all.alerts, *(alert for section in self._all.sections for alert in section.alerts)]
        at = min((alert.as_of for alert in alerts), default=self._all.at)
        return self._say("as_of", time=self._words.brief(at), zone=self._words.zone(at))


def web_address(url: str) -> str:
    """The address when it is one of the web; anything else is not shown as a link."""
    return url if _URL.fullmatch(url) else ""


def labels_of(words: Wording, keys: Iterable[str]) -> Mapping[str, str]:
    """The labels under their names without `label.`."""
    return {key.removeprefix("label."): words.say(key) for key in keys if key.startswith("label.")}


def _nobody_knows(alert: Alert) -> bool:
    """A rule speaks of a ticket without a clock: who has it is not known, and not nobody."""
    return bool(alert.rule) and not alert.metric and alert.holder == NOBODY


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _short_team(holder: Holder) -> Holder:
    return Holder(holder.party, one_line(holder.team, NAME))
