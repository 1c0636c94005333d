"""Days as support leads live them: each line is what happened, or what had to arrive by then."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.alerts.settings import AlertSettings, Route
from syncd.sla.business_time import BusinessTime
from syncd.sla.calendar import Calendar
from tests.alerts.stage import BOSS, FALLBACK, LEAD, book, chain, receiver, settings
from tests.alerts.timeline import Player

OFFICE = BusinessTime(Calendar("awake", "UTC", (((8 * 3600, 20 * 3600),),) * 7))


def climbing(**more: object) -> AlertSettings:
    levels = [("30m", [BOSS]), ("1h", [FALLBACK])]
    return settings(Route("leads", chain(LEAD, levels=levels), group_by=("ticket",)), **more)  # type: ignore[arg-type]  # options of the record


TIMELINES: dict[str, tuple[AlertSettings | None, str]] = {
    "warnings come before the breach, and one mail when it is solved": (
        None,
        """
        at 09:00 ticket 1 opened, urgent
        at 09:31 expect mail to lead, reason first: 1 resolution yellow
        at 09:55 expect mail to lead, reason reminder: 1 resolution red
        at 10:01 expect mail to lead, reason breach: 1 resolution breach
        at 10:30 1 becomes solved
        at 10:32 expect mail to lead, reason resolved: 1 resolution breach
        """,
    ),
    "a ticket that is solved within its warnings is silent afterwards": (
        None,
        """
        at 09:00 ticket 1 opened
        at 09:31 expect mail to lead, reason first: 1 resolution yellow
        at 09:40 1 becomes solved
        at 12:00 expect nothing
        """,
    ),
    "a warning that is over within the group's wait is never sent": (
        None,
        """
        at 09:00 ticket 1 opened
        at 09:30:16 1 becomes solved
        at 12:00 expect nothing
        """,
    ),
    "nobody acts: the next levels hear of it, at last the fallback, and then everybody every four hours": (
        climbing(),
        """
        at 09:00 ticket 1 opened
        at 09:31 expect mail to lead, reason first: 1 resolution yellow
        at 09:55 expect mail to lead, reason reminder: 1 resolution red
        at 10:01 expect mail to lead, reason breach, level 0: 1 resolution breach
        at 10:31 expect mail to boss, reason level, level 1: 1 resolution breach
        at 11:32 expect mail to fallback, reason level, level 2: 1 resolution breach
        at 14:02 expect mail to lead, reason reminder: 1 resolution breach
        at 14:32 expect mail to boss, reason reminder
        at 15:32 expect mail to fallback, reason reminder
        """,
    ),
    "an acknowledgement stops the climb for four hours, then it returns and climbs on": (
        climbing(),
        """
        at 09:00 ticket 1 opened
        at 09:31 expect mail to lead, reason first
        at 09:55 expect mail to lead, reason reminder
        at 10:01 expect mail to lead, reason breach
        at 10:20 an agent replies on 1
        at 14:19 expect nothing
        at 14:21 expect mail to lead, reason reminder: 1 resolution breach
        at 14:51 expect mail to boss, reason level, level 1
        at 14:55 1 becomes solved
        at 14:57 expect mail to lead, reason resolved
        at 14:57 expect mail to boss, reason resolved
        """,
    ),
    "an assignment acknowledges": (
        climbing(),
        """
        at 09:00 ticket 1 opened
        at 10:01 expect mail to lead, reason first: 1 resolution yellow
        at 10:01 expect mail to lead, reason reminder
        at 10:01 expect mail to lead, reason breach
        at 10:05 1 is assigned to Bob
        at 13:00 expect nothing
        """,
    ),
    "a tag acknowledges": (
        climbing(),
        """
        at 09:00 ticket 1 opened
        at 10:01 expect mail to lead, reason first
        at 10:01 expect mail to lead, reason reminder
        at 10:01 expect mail to lead, reason breach
        at 10:05 1 is tagged sla_ack
        at 13:00 expect nothing
        """,
    ),
    "a note with the marker acknowledges, one without does not": (
        climbing(),
        """
        at 09:00 ticket 1 opened
        at 10:01 expect mail to lead, reason first
        at 10:01 expect mail to lead, reason reminder
        at 10:01 expect mail to lead, reason breach
        at 10:05 an agent notes on 1
        at 10:31 expect mail to boss, reason level
        at 10:35 an agent notes #ack on 1
        at 14:00 expect nothing
        """,
    ),
    "a reply to a warning is no acknowledgement of the breach": (
        climbing(),
        """
        at 09:00 ticket 1 opened
        at 09:31 expect mail to lead, reason first
        at 09:40 an agent replies on 1
        at 10:01 expect mail to lead, reason reminder: 1 resolution red
        at 10:01 expect mail to lead, reason breach
        at 10:31 expect mail to boss, reason level
        """,
    ),
    "a reply that was not read yet prevents the mail": (
        None,
        """
        at 09:00 ticket 1 opened
        at 09:56 expect mail to lead, reason first
        at 09:56 expect mail to lead, reason reminder
        at 09:59 1 was solved at 09:59:40, unread
        at 12:00 expect nothing
        """,
    ),
    "a breach that never was is corrected, and a real one afterwards is told": (
        None,
        """
        at 09:00 ticket 1 opened
        at 10:05 expect mail to lead, reason first
        at 10:05 expect mail to lead, reason reminder
        at 10:05 expect mail to lead, reason breach
        at 10:10 it turns out that 1 was solved at 09:58
        at 10:12 expect mail to lead, reason correction: 1 resolution breach
        at 11:00 1 becomes open
        at 11:05 expect mail to lead, reason first: 1 resolution breach
        """,
    ),
    "a breach that was met before anybody was told is told all the same": (
        None,
        """
        at 09:00 ticket 1 opened
        at 09:56 expect mail to lead, reason first
        at 09:56 expect mail to lead, reason reminder
        at 10:00:16 1 becomes solved
        at 10:05 expect mail to lead, reason breach: 1 resolution breach
        """,
    ),
    "a ticket that goes back and forth between pending and open is not told again": (
        None,
        """
        at 09:00 ticket 1 opened
        at 10:05 expect mail to lead, reason first
        at 10:05 expect mail to lead, reason reminder
        at 10:05 expect mail to lead, reason breach
        at 10:10 1 becomes pending
        at 10:11 1 becomes open
        at 10:12 1 becomes pending
        at 10:13 1 becomes open
        at 13:00 expect nothing
        """,
    ),
    "a solved ticket that is reopened overdue reminds, after a while": (
        None,
        """
        at 09:00 ticket 1 opened
        at 10:05 expect mail to lead, reason first
        at 10:05 expect mail to lead, reason reminder
        at 10:05 expect mail to lead, reason breach
        at 10:10 1 becomes solved
        at 10:12 expect mail to lead, reason resolved
        at 11:00 1 becomes open
        at 11:04 expect nothing
        at 11:06 expect mail to lead, reason reminder: 1 resolution breach
        """,
    ),
    "a merged ticket is over": (
        climbing(),
        """
        at 09:00 ticket 1 opened
        at 10:05 expect mail to lead, reason first
        at 10:05 expect mail to lead, reason reminder
        at 10:05 expect mail to lead, reason breach
        at 10:10 1 is merged away
        at 10:12 expect mail to lead, reason resolved
        at 14:00 expect nothing
        """,
    ),
    "a restart between any two steps changes nothing": (
        climbing(),
        """
        at 09:00 ticket 1 opened
        at 09:30 restart
        at 09:30:20 restart
        at 09:31 expect mail to lead, reason first
        at 09:31 restart
        at 09:55 expect mail to lead, reason reminder
        at 10:00:10 restart
        at 10:00:25 restart
        at 10:01 expect mail to lead, reason breach
        at 10:02 restart
        at 10:30 restart
        at 10:31 expect mail to boss, reason level
        at 10:32 restart
        at 10:40 1 becomes solved
        at 10:40:20 restart
        at 10:42 expect mail to lead, reason resolved
        at 10:42 expect mail to boss, reason resolved
        at 10:42 restart
        at 11:30 expect nothing
        """,
    ),
    "quiet hours carry over to the opening, an urgent breach breaks through": (
        settings(receivers=[receiver(LEAD, hours=(OFFICE,))]),
        """
        at 19:45 ticket 1 opened
        at 19:46 ticket 2 opened, urgent
        at 20:47 expect mail to lead, reason breach: 2 resolution breach
        at 2026-03-03 07:59 expect nothing
        at 2026-03-03 08:01 expect mail to lead, reason digest: 1 resolution breach, 2 resolution breach
        at 2026-03-03 08:10 1 becomes solved
        at 2026-03-03 08:12 expect mail to lead, reason resolved: 1 resolution breach
        """,
    ),
    "more breaches than one cycle takes are one digest all the same": (
        None,
        """
        at 09:00 one cycle takes 20 tickets
        at 09:00 70 tickets opened
        at 10:03 expect mail to lead, reason digest: 70 alerts
        at 11:00 expect nothing
        """,
    ),
    "a forecast is told once, waits for the end of the planning, and neither climbs nor ends with a mail": (
        climbing(),
        """
        at 09:00 ticket 1 opened
        at 09:01 the bug of 1 lies, and will be released on 2026-03-09
        at 09:05 expect nothing
        at 09:07 expect mail to lead, reason first, level 0: 1 resolution forecast
        at 09:08 restart
        at 09:09 the bug of 1 is in time
        at 09:15 the bug of 1 will be released on 2026-03-10
        at 09:29 expect nothing
        at 09:31 expect mail to lead, reason first: 1 resolution yellow
        """,
    ),
    "a date that is corrected within minutes is no forecast": (
        None,
        """
        at 09:00 ticket 1 opened
        at 09:01 the bug of 1 will be released on 2026-03-09
        at 09:04 the bug of 1 is in time
        at 09:29 expect nothing
        """,
    ),
    "a warning comes before the forecast of the same clock, and each is told": (
        None,
        """
        at 09:00 ticket 1 opened
        at 09:31 expect mail to lead, reason first: 1 resolution yellow
        at 09:35 the bug of 1 will be released on 2026-03-09
        at 09:41 expect mail to lead, reason first: 1 resolution forecast
        """,
    ),
    "forecasts that no route takes are in the morning list alone": (
        settings(Route("breaches", chain(LEAD), severity=frozenset({"breach"}))),
        """
        at 09:00 ticket 1 opened
        at 09:01 the bug of 1 will be released on 2026-03-09
        at 09:20 expect nothing
        """,
    ),
    "forecasts that are turned off are in the morning list alone": (
        settings(forecasts=False),
        """
        at 09:00 ticket 1 opened
        at 09:01 the bug of 1 will be released on 2026-03-09
        at 09:20 expect nothing
        """,
    ),
    "what joins an open group while nothing of it is due is told with it": (
        settings(Route("leads", chain(LEAD), group_by=("metric",))),
        """
        at 09:00 ticket 1 opened
        at 09:20 ticket 2 opened
        at 09:31 expect mail to lead, reason first: 1 resolution yellow
        at 09:49 expect mail to lead, reason reminder: 1 resolution red
        at 09:54 expect mail to lead, reason first: 1 resolution red, 2 resolution yellow
        at 10:01 expect mail to lead, reason breach: 1 resolution breach, 2 resolution yellow
        """,
    ),
    "the reports of a rule about an urgent ticket come at night, too; about others in the morning": (
        settings(receivers=[receiver(BOSS, hours=(OFFICE,))]),
        """
        at 20:45 ticket 1 opened, urgent
        at 20:45 ticket 2 opened, normal
        at 20:50 rule Emergency states repeat-1 of run 1 on 1 for boss
        at 20:50 rule Emergency states repeat-1 of run 1 on 2 for boss
        at 20:51 expect mail to boss, reason reminder: 1 Emergency
        at 20:55 1 becomes solved
        at 20:55 2 becomes solved
        at 2026-03-03 07:59 expect nothing
        at 2026-03-03 08:01 expect mail to boss, reason digest: 2 Emergency
        """,
    ),
    "500 breaches at once become a digest": (
        None,
        """
        at 09:00 500 tickets opened
        at 10:02 expect mail to lead, reason digest: 500 alerts
        at 11:00 expect nothing
        """,
    ),
    "after a day of outage there is one digest, of the furthest threshold of each clock": (
        None,
        """
        at 09:00 ticket 1 opened
        at 09:01 ticket 2 opened
        at 09:05 the daemon stops
        at 2026-03-03 09:05 the daemon starts
        at 2026-03-03 09:06 expect mail to lead, reason digest: 1 resolution breach, 2 resolution breach
        at 2026-03-03 10:00 expect nothing
        """,
    ),
    "a clock that is set back repeats nothing and loses nothing": (
        climbing(),
        """
        at 09:00 ticket 1 opened
        at 09:56 expect mail to lead, reason first
        at 09:56 expect mail to lead, reason reminder
        at 10:05 expect mail to lead, reason breach
        at 10:05 the clock is set back by 60 minutes
        at 09:29 expect nothing
        at 09:31 expect mail to boss, reason level, level 1
        at 10:25 expect nothing
        at 10:35 expect mail to fallback, reason level, level 2
        """,
    ),
    "another configuration does not disturb an episode that runs": (
        climbing(),
        """
        at 09:00 ticket 1 opened
        at 10:05 expect mail to lead, reason first
        at 10:05 expect mail to lead, reason reminder
        at 10:05 expect mail to lead, reason breach
        at 10:06 the configuration is other
        at 10:31 expect mail to boss, reason level
        at 11:32 expect mail to fallback, reason level
        """,
    ),
    "while Zendesk cannot be read alerts are held, one mail says so, and they come when it is back": (
        None,
        """
        at 09:00 ticket 1 opened
        at 09:20 zendesk is away
        at 09:23 expect mail to fallback, reason stale: zendesk
        at 10:10 expect nothing
        at 10:10 zendesk is back
        at 10:11 expect mail to lead, reason first: 1 resolution breach
        at 10:11 expect mail to fallback, reason seeing: 1 resolution breach
        """,
    ),
    "whoever heard that Zendesk cannot be read hears that it can, with all that was due meanwhile in one mail": (
        settings(Route("all", chain(FALLBACK), group_by=("ticket",))),
        """
        at 09:00 ticket 1 opened
        at 09:01 ticket 2 opened
        at 09:20 zendesk is away
        at 09:23 expect mail to fallback, reason stale: zendesk
        at 10:10 zendesk is back
        at 10:11 expect mail to fallback, reason seeing: 1 resolution breach, 2 resolution breach
        at 10:20 restart
        at 10:40 zendesk is away
        at 10:43 expect mail to fallback, reason stale: zendesk
        at 10:50 zendesk is back
        at 10:51 expect mail to fallback, reason seeing: zendesk
        """,
    ),
    "a source that goes away again before that was told is told of once": (
        None,
        """
        at 09:20 zendesk is away
        at 09:23 expect mail to fallback, reason stale: zendesk
        at 09:30 zendesk is back
        at 09:30 zendesk is away
        at 09:31 zendesk is back
        at 09:32 expect mail to fallback, reason seeing: zendesk
        at 09:40 expect nothing
        """,
    ),
    "while Jira cannot be read a ticket without a bug is alarmed all the same": (
        None,
        """
        at 09:00 ticket 1 opened
        at 09:20 jira is away
        at 09:23 expect mail to fallback, reason stale: jira
        at 09:31 expect mail to lead, reason first
        """,
    ),
    "a mail server that is away for an hour loses nothing and is not asked all the time": (
        None,
        """
        at 09:00 ticket 1 opened
        at 09:29 the mail server is away
        at 10:29 expect nothing
        at 10:29 the mail server is back
        at 10:31 expect mail to lead, reason breach: 1 resolution breach
        at 11:30 expect nothing
        """,
    ),
    "a lost answer makes one more try with the same bytes": (
        None,
        """
        at 09:00 ticket 1 opened
        at 09:30 the next answer of the mail server is lost
        at 09:40 expect mail to lead, reason first
        """,
    ),
    "a mailbox that does not exist: the fallback hears the alert, and that it did not arrive": (
        None,
        """
        at 09:00 ticket 1 opened
        at 09:01 the mail server refuses lead@example.org
        at 09:31 expect mail to fallback, reason notice: Messages to lead (lead@example.org) cannot be delivered
        at 09:32 expect mail to fallback, reason digest: 1 resolution yellow
        at 09:56 expect mail to fallback, reason digest: 1 resolution red
        at 10:05 expect mail to fallback, reason digest: 1 resolution breach
        """,
    ),
    "what rules state is told once, to those whom they name, also after a restart": (
        None,
        """
        at 09:00 ticket 1 opened
        at 09:05 rule Reopened states level-1 of run 1 on 1 for boss
        at 09:06 expect mail to boss, reason first, level 1: 1 Reopened
        at 09:06 rule Reopened states level-1 of run 1 on 1 for boss
        at 09:07 restart
        at 09:20 rule Reopened states level-2 of run 1 on 1 for boss,fallback
        at 09:21 expect mail to boss, reason level, level 2: 1 Reopened
        at 09:21 expect mail to fallback, reason level, level 2: 1 Reopened
        """,
    ),
}


BOOKS = {
    "500 breaches at once become a digest": book(warn={}),
    "more breaches than one cycle takes are one digest all the same": book(warn={}),
}


@pytest.mark.parametrize("name", TIMELINES)
def test_a_day(name: str, tmp_path: Path) -> None:
    configured, timeline = TIMELINES[name]
    player = Player(tmp_path, configured, BOOKS.get(name))
    player.others["other"] = settings(Route("new", chain(FALLBACK)))
    player.play(timeline)
