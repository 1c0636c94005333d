"""What a history with clocks is configured to: short promises, hours with breaks, ticket fields that show clocks,
rules, and who hears of what."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from tests.simulation.letters import DEAD_ADDRESS

SHARE = 0.2
"""So many of all histories have clocks."""

SHOWN_STATE, SHOWN_DUE = "SLA state", "SLA due"
"""Titles of ticket fields: the state of the resolution clock, and when the first reply is due."""
LATE_TAG, ESCALATED_TAG = "late_reply", "escalated"
LATE_NOTE, REOPENED_NOTE, OVERDUE_NOTE = "Nobody answered in time.", "It was opened again.", "It takes too long."
LEVEL_NOTE = "And it still waits."
SECRET_WORDS = (LATE_NOTE, REOPENED_NOTE, OVERDUE_NOTE, LEVEL_NOTE)

LEADS, SECOND, BOSS, FALLBACK = "lena@acme.example", "marco@acme.example", "omar@acme.example", "ops@acme.example"

_SLA = """
sla:
  zone: Europe/Berlin
  calendars:
    hours: {{zone: {zone}, week: {week}}}
  metrics: {{first_reply: {{}}, next_reply: {{}}, resolution: {{}}}}
  holders:
    - {{party: customer, when: {{all: [{{field: status, value: pending}}]}}}}
    - {{party: development, team_by: project, when: {{all: [{{field: bug.stage, value: [queued, in_progress]}}]}}}}
    - {{party: L1}}
  policies:
    - name: promised
      defaults: {{calendar: hours, warn: {{red: 70%}}}}
      targets:
        first_reply: {{goals: {{any: {first_reply}s}}, levels: [2m]}}
        next_reply: {{goals: {{any: {next_reply}s}}}}
        resolution: {{goals: {{any: {resolution}s}}, pause_in: [pending]}}
  fields:
    - {{field: {state}, metric: resolution, shows: state}}
    - {{field: {due}, metric: first_reply, shows: due}}
mail: {{host: 127.0.0.1, port: 25, tls: none, sender: syncd@acme.example}}
receivers:
  - {{name: leads, to: [{leads}], budget: {budget}, zone: Europe/Berlin}}
  - {{name: boss, to: [{boss}], language: zh-CN}}
  - {{name: operators, to: [{fallback}]}}
alerts:
  routes:
    - name: everything
      receivers: [leads]
      levels: [{{after: 2m, receivers: [boss]}}]
      group_by: [{group_by}]
      group_wait: {group_wait}s
      group_interval: 30s
      repeat: {repeat}
  fallback: operators
  operators: operators
  storm: {storm}
  overflow: 1m
  blind_after: 1m
  heartbeat: {heartbeat}
"""
_RULES = """
escalation:
  rules:
    - name: late
      when: {{all: [{{field: clock.first_reply, value: breached}}]}}
      stop_when_acknowledged: false
      then: [{{add_tags: {late}}}, {{note: "{late_note}"}}]
      levels: [{{after: 1m, then: [{{note: "{level_note}"}}, {{notify: boss}}]}}]
    - name: reopened
      when: {{all: [{{field: reopened, operator: greater_than, value: 0}}]}}
      per: reopened
      then: [{{raise_priority: 1}}, {{note: "{reopened_note}"}}, {{notify: leads}}]
    - name: overdue
      when: {{all: [{{field: clock.resolution, value: breached}}]}}
      stop_when_acknowledged: false
      then: [{{assign_group: L2}}, {{note: "{overdue_note}"}}, {{add_tags: {escalated}}}]
"""


@dataclass(frozen=True, slots=True)
class Hours:
    """When clocks run, by the wall of a zone: every day alike, in spans of minutes since midnight."""

    zone: str
    spans: tuple[tuple[int, int], ...]

    @property
    def written(self) -> str:
        """As config.yaml has it."""
        if self.spans == ((0, 1440),):
            return "always"
        listed = ", ".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in self.spans)
        return f"{{mon-sun: [{listed}]}}"

    def open_spans(self, begin: int, end: int) -> tuple[tuple[int, int], ...]:
        """The open seconds of all days that touch [begin, end). A time that the wall shows twice is meant the first
        time; one that it never shows is as much later as the wall jumps."""
        zone, found = ZoneInfo(self.zone), list[tuple[int, int]]()
        wall = datetime.fromtimestamp(begin - 86400, UTC).astimezone(zone)
        day = datetime.combine(wall.date(), time())
        while day.replace(tzinfo=UTC).timestamp() < end + 86400:
            for span in self.spans:
                start, stop = (int((day + timedelta(minutes=at)).replace(tzinfo=zone).timestamp()) for at in span)
                if found and found[-1][1] == start:
                    found[-1] = (found[-1][0], stop)
                elif stop > start:
                    found.append((start, stop))
            day += timedelta(days=1)
        return tuple(found)


ALWAYS = Hours("UTC", ((0, 1440),))
BREAKS = (
    ALWAYS,
    ALWAYS,
    ALWAYS,
    Hours("Europe/Berlin", ((0, 602), (604, 1440))),  # where most histories begin at 10:00
    Hours("Europe/Berlin", ((0, 119), (181, 1440))),  # around the hour that comes twice or never
    Hours("America/New_York", ((0, 59), (61, 119), (121, 1380))),
    Hours("Asia/Kolkata", ((0, 870), (873, 1435))),  # half an hour aside of all others
)


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks, rules and receivers of one history. Seconds."""

    hours: Hours
    first_reply: int
    next_reply: int
    resolution: int
    group_by: Literal["bug", "ticket"]
    group_wait: int
    repeat: str
    budget: int
    storm: int
    heartbeat: str
    rules: bool
    second_lead: str  # an address beside the lead's; "" for none

    @property
    def config(self) -> str:
        """What config.yaml says of them."""
        text = _SLA.format(
            zone=self.hours.zone,
            week=self.hours.written,
            first_reply=self.first_reply,
            next_reply=self.next_reply,
            resolution=self.resolution,
            state=SHOWN_STATE,
            due=SHOWN_DUE,
            leads=", ".join(address for address in (LEADS, self.second_lead) if address),
            boss=BOSS,
            fallback=FALLBACK,
            group_by=self.group_by,
            group_wait=self.group_wait,
            repeat=self.repeat,
            budget=self.budget,
            storm=self.storm,
            heartbeat=self.heartbeat,
        )
        if not self.rules:
            return text
        return text + _RULES.format(
            late=LATE_TAG,
            escalated=ESCALATED_TAG,
            late_note=LATE_NOTE,
            level_note=LEVEL_NOTE,
            reopened_note=REOPENED_NOTE,
            overdue_note=OVERDUE_NOTE,
        )


def draw_clocks(seed: int) -> Clocks | None:
    """The clocks of a seed, from numbers of their own; None for a history without."""
    rng = random.Random(f"{seed}:sla")
    if rng.random() >= SHARE:
        return None
    return Clocks(
        hours=rng.choice(BREAKS),
        first_reply=rng.choice((60, 90, 150)),
        next_reply=rng.choice((60, 100)),
        resolution=rng.choice((90, 180, 300, 600)),
        group_by=rng.choice(("bug", "ticket")),
        group_wait=rng.choice((0, 5, 30)),
        repeat=rng.choice(("never", "never", "5h")),
        budget=rng.choice((20, 20, 100, 3)),
        storm=rng.choice((10, 10, 3)),
        heartbeat=rng.choice(("never", "'08:00'")),
        rules=rng.random() < 0.7,
        second_lead=rng.choice(("", SECOND, DEAD_ADDRESS)),
    )
