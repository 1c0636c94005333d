"""What a rule says about a ticket is told with the ticket's own words, though none of its clocks is near its end."""

from __future__ import annotations

from pathlib import Path

from syncd.core.alert_model import RuleFact
from tests.alerts.stage import LEAD, Stage


def test_a_mail_of_a_rule_names_the_ticket_by_its_subject(tmp_path: Path) -> None:
    stage = Stage(f"sqlite:///{tmp_path / 's.db'}")
    stage.opened("08:30", 7)
    stage.run_to("08:40")
    with stage.store.transaction() as tx:  # in an earlier cycle: the ticket is not at hand any more
        tx.state_rule_facts([RuleFact(7, "emergency", "1", "level-1", (LEAD,), stage.now, "because")])
    stage.look_again()
    stage.run_to("08:45")
    assert [mail["subjects"] for mail in stage.mails] == [["Ticket 7"]]
