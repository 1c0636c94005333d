"""Every rule that comes with a profile, in force as it is shipped: what it does, and that it does it once."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from syncd.config.load import packaged_mappings
from syncd.config.sla_profile import profile_names
from tests.scenarios.rule_timeline import Player

TIMELINES = {
    "quick-response": """
        at 09:01 A opened, urgent
        at 09:04 expect mail to engineer, supervisor about A: urgent
        at 09:05 A is given to an agent
        at 09:06 B opened, normal
        at 09:07 an agent takes B
        at 09:08 an agent notes on B
        at 09:34 expect no mail
        at 09:36 expect mail to supervisor about A: not acknowledged
        at 09:36 expect A has nobody
        at 09:36 expect A is tagged reassign
        at 09:40 an agent takes A
        at 09:42 an agent replies on A
        at 10:30 expect no mail
        at 10:31 B is solved
        at 10:35 the customer writes on B
        at 10:38 expect mail to supervisor about B: not solved
        at 10:38 expect B is high
        at 10:38 expect B is in group L2
        at 10:38 expect 1 note on B, the last: Why it is escalated: rule not solved
        at 10:40 an agent takes B
        at 10:41 an agent notes on B
        at 11:40 expect no mail
        at 11:43 expect mail to supervisor about A: silent
        at 11:50 an agent notes on A
        at 13:48 expect no mail
        at 13:51 expect mail to supervisor about A: silent
    """,
    "novabrain": """
        at 09:01 A opened, normal, kind login
        at 09:01 B opened, low, kind login
        at 09:01 C opened, low, kind login
        at 09:01 D opened, low, kind login
        at 09:01 E opened, low, kind login
        at 09:05 A goes to L1
        at 09:10 A goes to L2
        at 09:13 expect 1 note on A, the last: Why it is escalated: rule escalated: group is L2
        at 09:13 expect 1 note listing logs, steps to reproduce, environment on A
        at 09:14 A is tagged outage
        at 09:14 E is solved
        at 09:17 expect A is tagged priority_check
        at 09:17 expect A is normal
        at 09:17 expect 2 notes on A, the last: the priority should be urgent, but it is normal
        at 09:17 expect E is tagged article_wanted
        at 09:17 expect 1 note on E, the last: 5 tickets of the kind login
        at 09:18 the customer writes on E
        at 09:21 expect mail to lead about E: reopened
        at 09:21 expect E is normal
        at 09:21 expect E is tagged reopened
        at 09:22 E is solved
        at 09:25 the customer rates E bad
        at 09:28 expect mail to lead about E: bad rating
        at 09:28 expect E is tagged call_back
        at 09:30 F opened, urgent
        at 10:28 expect 0 notes on F
        at 10:32 expect 1 note on F, the last: A target was missed
        at 10:33 the daemon restarts
        at 2026-03-03 09:20 expect no mail
        at 2026-03-03 09:27 expect mail to management about E: bad rating
        at 2026-03-03 09:27 expect 1 note on F
    """,
    "timeliness": """
        at 09:01 A opened, urgent
        at 09:04 expect mail to lead about A: P1 and above
        at 09:05 an agent takes A
        at 09:06 an agent replies on A
        at 09:14 expect no mail
        at 09:17 expect mail to architect, product about A: P1 and above
        at 09:17 expect 1 note on A, the last: Why it is escalated: rule P1 and above
        at 09:29 expect no mail
        at 09:32 expect mail to lead about A: checkpoint missed
        at 09:32 expect mail to lead about A: overdue
        at 09:32 expect A has nobody
        at 09:32 expect 2 notes on A, the last: A target was missed
        at 09:34 an agent takes A
        at 10:59 expect no mail
        at 10:59 expect A has somebody
        at 11:02 expect mail to lead about A: draft missed
        at 11:02 expect A has nobody
        at 11:40 expect no mail
        at 11:40 B opened, low
        at 11:41 an agent replies on B
        at 11:42 B is solved
        at 11:45 the customer writes on B
        at 11:48 expect mail to lead about B: reopened
        at 11:48 expect B is normal
        at 11:49 B is solved
        at 11:52 the customer rates B bad
        at 11:55 expect mail to lead about B: bad rating
        at 11:55 expect B is tagged call_back
        at 13:05 expect mail to management about A: P1 and above
        at 13:33 expect no mail
        at 13:36 expect mail to management about A: overdue
        at 13:40 C opened, low
        at 13:40 D opened, low
        at 13:40 E opened, low
        at 13:40 F opened, low
        at 13:40 G opened, low
        at 13:41 C is linked to bug
        at 13:41 D is linked to bug
        at 13:41 E is linked to bug
        at 13:41 F is linked to bug
        at 13:45 expect C is low
        at 13:45 G is linked to bug
        at 13:47 expect C is high
        at 13:47 expect G is high
        at 13:49 expect bug bug is High
        at 13:51 expect mail to lead about C: P1 and above
        at 13:51 expect mail to lead about D: P1 and above
        at 13:51 expect mail to lead about E: P1 and above
        at 13:51 expect mail to lead about F: P1 and above
        at 13:51 expect mail to lead about G: P1 and above
    """,
    "guide": """
        at 09:01 A opened, urgent
        at 09:04 expect mail to lead, management about A: emergency
        at 09:05 an agent replies on A
        at 09:30 expect no mail
        at 09:35 expect mail to management about A: emergency
        at 10:06 expect mail to management about A: emergency
        at 10:07 B opened, low
        at 10:08 B is tagged vip
        at 10:11 expect mail to lead about B: special customer
        at 10:11 expect B is high
        at 10:12 B goes to L1
        at 10:13 B goes to L2
        at 10:16 expect 1 note on B, the last: Why it is escalated: rule escalated
        at 10:17 A is solved
        at 11:10 expect no mail
    """,
    "internet": """
        at 09:01 A opened, urgent
        at 09:04 expect mail to lead about A: P0
        at 09:17 expect mail to lead about A: overdue
        at 09:17 expect 1 note on A, the last: A target was missed
        at 09:32 expect mail to management about A: P0
        at 09:33 B opened, normal
        at 09:34 an agent replies on B
        at 09:40 the customer writes on B
        at 09:41 the customer writes on B
        at 10:41 expect no mail
        at 10:44 expect mail to lead about B: the customer waits
        at 10:45 an agent replies on B
        at 11:55 expect no mail
    """,
}


def test_every_profile_has_a_timeline() -> None:
    assert set(TIMELINES) == set(profile_names(packaged_mappings()))


@pytest.mark.parametrize("profile", TIMELINES)
def test_the_rules_of_a_profile_in_force(tmp_path: Path, profile: str) -> None:
    player = Player(tmp_path, profile)
    player.play(TIMELINES[profile])
    text = (packaged_mappings() / "escalation" / f"{profile}.yaml").read_text(encoding="utf-8")
    ready = {rule["name"] for rule in yaml.safe_load(text)["escalation"]["rules"]}
    with player.lab.app.store.reading() as tx:
        acted = {step.rule for step in tx.escalation_steps()}
    assert acted == ready
