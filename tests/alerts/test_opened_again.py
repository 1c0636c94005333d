"""Breaches that were over and fire again: they only remind those who were told of them; else they are news."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.alerts.settings import Route
from tests.alerts.stage import LEAD, chain, settings
from tests.alerts.timeline import Player

TOLD_AND_SOLVED = """
    at 09:00 ticket 1 opened
    at 10:05 expect mail to lead, reason first
    at 10:05 expect mail to lead, reason reminder
    at 10:05 expect mail to lead, reason breach
    at 10:10 1 becomes solved
    at 10:12 expect mail to lead, reason resolved
"""
WARNED = """
    at 09:00 ticket 1 opened
    at 09:56 expect mail to lead, reason first
    at 09:56 expect mail to lead, reason reminder
"""
TIMELINES = {
    "a breach that was met before anybody was told, of a ticket that is opened again, is told though an agent acts": (
        WARNED
        + """
        at 10:00:16 1 becomes solved
        at 10:00:40 1 becomes open
        at 10:00:40 an agent replies on 1
        at 10:02 expect mail to lead, reason breach: 1 resolution breach
        at 11:30 expect nothing
        """
    ),
    "a breach that was told is not told anew where its ticket is opened again for a minute": (
        TOLD_AND_SOLVED
        + """
        at 11:00 1 becomes open
        at 11:01 1 becomes solved
        at 12:00 expect nothing
        """
    ),
    "a breach that was told only reminds where its ticket is opened again twice": (
        TOLD_AND_SOLVED
        + """
        at 11:00 1 becomes open
        at 11:01 1 becomes solved
        at 11:02 1 becomes open
        at 11:10 expect mail to lead, reason reminder: 1 resolution breach
        """
    ),
}


@pytest.mark.parametrize("name", TIMELINES)
def test_a_day(name: str, tmp_path: Path) -> None:
    configured = settings(Route("leads", chain(LEAD, group_wait=60), group_by=("ticket",)))
    Player(tmp_path, configured).play(TIMELINES[name])
