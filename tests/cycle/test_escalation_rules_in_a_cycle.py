"""Escalation rules over a real store: told as lives of one ticket, asked at instants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.alerts.escalating import EscalationSettings
from syncd.core.actions import CommentOnBug
from syncd.core.alert_model import RuleFact
from syncd.core.conditions import Condition, Conditions, Operator
from syncd.core.escalation_actions import EscalateTicket, RaiseBug
from syncd.core.model import Link, Origin, TicketSnapshot, TicketState
from syncd.cycle.escalation import EscalationRules
from syncd.cycle.settings import CycleReport
from syncd.rules.escalation import (
    AddTags,
    AssignGroup,
    Chain,
    CommentBug,
    CreateBugFor,
    Do,
    Level,
    Notify,
    RaiseBugPriority,
    RaisePriority,
    Rule,
    Unassign,
    WriteNote,
)
from syncd.sla.business_time import BusinessTime
from syncd.sla.events import Event
from syncd.sla.folded import AsOf, TicketClocks
from syncd.sla.states import judge
from syncd.sources.errors import TransientError
from syncd.store import Store, Tx
from syncd.store.clocks import Judged
from tests.sla.kit import ALWAYS, Told, at, rules, week

BOOK = rules({"first_reply": {"calendar": "always", "goals": {"any": "1h"}}}, {"first_reply": {}}, {"always": ALWAYS})
REOPENED = Conditions(all=(Condition("reopened", Operator.GREATER_THAN, 0),))
SILENT = Conditions(all=(Condition("minutes_since.public_reply", Operator.GREATER_THAN, 59),))
LATE = Conditions(all=(Condition("clock.first_reply", Operator.IS, "breached"),))


def when(time: str) -> str:
    return f"2026-03-02 {time}"


def rule(*do: Do, conditions: Conditions = REOPENED, levels: tuple[Level, ...] = (), **more: str) -> Rule:
    return Rule("reopened", conditions, Chain((Level(0, do), *levels)), **more)  # type: ignore[arg-type]  # by name


class Desk:
    """Ticket 1 and its life; `ask` is what a cycle does at that time."""

    def __init__(self, store: Store, *book: Rule, kind_field: str = "") -> None:
        self.store = store
        self.settings = EscalationSettings(
            book, kind_field=kind_field, hours={"office": BusinessTime(week())}, instant_text=lambda at: f"@{at}"
        )
        self.told = Told().created(when("09:00"), group="10", assignee="21")
        self.links: tuple[Link, ...] = ()
        self.ticket = 1
        self.time = when("08:00")
        self.unread: list[Event] = []  # happened, and is not in the exact history yet
        self.read_again: list[int] = []
        self.stays_uncertain = self.is_away = False
        self.listed = self.bugs_listed = ""  # when the lists of what changed were last read, if not just now
        self.is_certain = self.is_complete = True
        self.part = EscalationRules(store, self, settings=lambda: self.settings, rules=BOOK.at)
        with store.transaction() as tx:
            tx.save_clocks([Judged(1, (), None)], datetime(2026, 3, 2, 8, tzinfo=UTC))
        self.ask("08:00")

    def now(self) -> int:
        return at(self.time)

    def folded(self, tx: Tx, ticket_ids: Iterable[int], now: int) -> list[TicketClocks]:
        del tx, ticket_ids, now
        return [self.clocks_at(self.time)]

    def events(self, tx: Tx, ticket_id: int) -> tuple[tuple[Event, ...], int]:
        del tx, ticket_id
        return tuple(self.told.events), 1 << 40

    def fresh(self, ticket_ids: Sequence[int], report: CycleReport) -> list[TicketClocks]:
        del report
        self.read_again += ticket_ids
        if self.is_away:
            raise TransientError("Zendesk does not answer")
        self.told.events += self.unread
        self.unread, self.is_certain = [], not self.stays_uncertain
        return [self.clocks_at(self.time)]

    def ask(self, time: str) -> tuple[RuleFact, ...]:
        self.time = when(time)
        stamp = datetime.fromtimestamp(at(self.time), UTC)
        return self.part.run([self.clocks_at(self.time)], stamp, CycleReport())

    def clocks_at(self, time: str) -> TicketClocks:
        now = at(time)
        clocks = self.told.clocks(BOOK, time)
        stamp = datetime.fromtimestamp(now, UTC)
        ticket = TicketSnapshot(
            self.ticket,
            TicketState("open"),
            stamp,
            datetime(2026, 3, 2, 9, tzinfo=UTC),
            priority="normal",
            fields={"7": "login"},
        )
        return TicketClocks(
            ticket,
            now,
            clocks,
            tuple(judge(clock) for clock in clocks),
            AsOf(at(self.listed) if self.listed else now, now - 60, at(self.bugs_listed) if self.bugs_listed else now),
            is_complete=self.is_complete,
            is_born=True,
            is_certain=self.is_certain,
            links=self.links,
        )

    def enqueued(self) -> list[object]:
        with self.store.reading() as tx:
            return [intent.action for intent in sorted(tx.intents(), key=lambda intent: type(intent.action).__name__)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'syncd.db'}") as opened:
        yield opened


def reopened(desk: Desk) -> None:
    desk.told.change(when("10:00"), status="solved").change(when("11:00"), status="open")


def test_a_rule_writes_its_acts_in_one_write_and_tells_its_receivers_once(store: Store) -> None:
    desk = Desk(
        store,
        rule(
            Notify(("lead",)),
            RaisePriority(1),
            AssignGroup(12, "L2"),
            AddTags(("escalated",)),
            WriteNote(ready="escalation_form"),
            CreateBugFor("nova", "to_nova"),
        ),
    )
    reopened(desk)
    told = desk.ask("11:00"), desk.ask("11:00"), desk.ask("12:00")
    assert [[(fact.receivers, fact.step) for fact in each] for each in told] == [[(("lead",), "level-1")], [], []]
    (action,) = desk.enqueued()
    assert isinstance(action, EscalateTicket)
    assert (action.raise_steps, action.group_id, action.tags, action.ready) == (
        1,
        12,
        ("escalated", "to_nova"),
        ("escalation_form",),
    )
    assert action.reason == "rule reopened: reopened greater than 0"
    assert action.told["history"] == [
        f"@{at(when('09:00'))} status new, priority normal, group 10, assignee 21",
        f"@{at(when('10:00'))} status solved",
        f"@{at(when('11:00'))} status open",
    ]


def test_what_is_to_be_told_is_kept_until_the_alerts_take_it(store: Store) -> None:
    desk = Desk(store, rule(Notify(("lead",))))
    reopened(desk)
    told = desk.ask("11:00")
    with store.reading() as tx:
        assert tx.stated_rule_facts(10) == list(told)


def test_what_a_rule_did_is_known_after_a_restart(store: Store) -> None:
    desk = Desk(store, rule(Notify(("lead",)), Unassign()))
    reopened(desk)
    desk.ask("11:00")
    again = Desk(store, *desk.settings.rules)
    again.told = desk.told
    assert again.ask("11:05") == ()
    assert len(again.enqueued()) == 1


def test_rules_are_in_force_from_the_first_cycle_on_though_no_ticket_is_looked_at_in_it(store: Store) -> None:
    desk = Desk(store)
    desk.settings = EscalationSettings((rule(Notify(("lead",))),))
    desk.part.run([], datetime(2026, 3, 2, 10, 30, tzinfo=UTC), CycleReport())
    reopened(desk)
    assert len(desk.ask("12:00")) == 1


def test_two_tickets_of_one_bug_each_comment_on_it_and_raise_it_once(store: Store) -> None:
    desk = Desk(store, rule(RaiseBugPriority(1), CommentBug("Ticket {{ ticket.id }} was reopened")))
    reopened(desk)
    day = datetime(2026, 3, 2, 9, tzinfo=UTC)
    for ticket in (1, 2):
        desk.ticket = ticket
        with store.transaction() as tx:
            desk.links = (tx.add_link(ticket, "10001", "NOVA-1", "nova", Origin.MANUAL, day),)
        desk.ask("11:00")
    kinds = [type(action).__name__ for action in desk.enqueued()]
    assert kinds == ["CommentOnBug", "CommentOnBug", "RaiseBug"]


def test_a_bug_is_raised_and_hears_of_it(store: Store) -> None:
    desk = Desk(store, rule(RaiseBugPriority(1), CommentBug("Ticket {{ ticket.id }} was reopened *again*")))
    with store.transaction() as tx:
        desk.links = (tx.add_link(1, "10001", "NOVA-1", "nova", Origin.MANUAL, datetime(2026, 3, 2, 9, tzinfo=UTC)),)
    reopened(desk)
    desk.ask("11:00")
    comment, raised = desk.enqueued()
    assert isinstance(raised, RaiseBug)
    assert isinstance(comment, CommentOnBug)
    assert comment.body == "Ticket 1 was reopened *again*"


def test_a_comment_that_does_not_work_says_so_instead_of_being_lost(store: Store) -> None:
    desk = Desk(store, rule(CommentBug("{{ nothing }}")))
    with store.transaction() as tx:
        desk.links = (tx.add_link(1, "10001", "NOVA-1", "nova", Origin.MANUAL, datetime(2026, 3, 2, 9, tzinfo=UTC)),)
    reopened(desk)
    desk.ask("11:00")
    (comment,) = desk.enqueued()
    assert isinstance(comment, CommentOnBug)
    assert "does not work" in comment.body


def test_what_was_so_before_the_rule_was_there_is_left_alone(store: Store) -> None:
    desk = Desk(store)
    reopened(desk)
    desk.settings = EscalationSettings((rule(Notify(("lead",))),))
    assert desk.ask("12:00") == ()
    desk.told.change(when("13:00"), status="solved").change(when("14:00"), status="open")
    assert desk.ask("14:00") == ()  # the same episode: it never ceased to be reopened


def test_a_rule_that_would_speak_reads_the_exact_history_and_speaks_at_once(store: Store) -> None:
    desk = Desk(store, rule(Notify(("lead",))))
    reopened(desk)
    desk.is_certain = False
    assert len(desk.ask("11:00")) == 1
    assert desk.read_again == [1]
    desk.is_certain = False
    assert desk.ask("11:01") == ()
    assert desk.read_again == [1]  # nothing to say: nothing is read


def test_a_rule_does_not_speak_in_vain_when_the_reply_was_not_read_yet(store: Store) -> None:
    desk = Desk(store, rule(Notify(("lead",)), conditions=SILENT))
    desk.told.says(when("10:00"))
    desk.ask("10:01")
    before = len(desk.told.events)
    desk.told.says(when("10:59"))
    desk.unread = desk.told.events[before:]
    del desk.told.events[before:]
    desk.is_certain = False
    assert desk.ask("11:00") == ()
    assert desk.read_again == [1]


@pytest.mark.parametrize("is_away", [False, True], ids=["the history lags all the same", "Zendesk does not answer"])
def test_a_rule_waits_for_the_exact_history_but_not_for_ever(store: Store, is_away: bool) -> None:
    desk = Desk(store, rule(Notify(("lead",))))
    reopened(desk)
    desk.is_certain, desk.stays_uncertain, desk.is_away = False, True, is_away
    assert desk.ask("11:00") == ()
    with store.reading() as tx:
        assert tx.next_due() is not None
    desk.is_certain = True
    assert len(desk.ask("11:01")) == 1


@pytest.mark.parametrize("listed", ["10:00:00", "10:00:01"], ids=["before its breach", "after it"])
def test_a_ticket_is_read_again_where_it_was_last_read(store: Store, listed: str) -> None:
    desk = Desk(store, rule(Notify(("lead",)), conditions=LATE))
    desk.listed = when(listed)
    assert len(desk.ask("10:00:30")) == 1
    assert desk.read_again == ([1] if listed == "10:00:00" else [])


def test_nothing_is_said_of_a_ticket_that_was_last_read_before_its_breach(store: Store) -> None:
    desk = Desk(store, rule(Notify(("lead",)), conditions=LATE))
    desk.listed, desk.is_away = when("09:59"), True
    assert [len(desk.ask(time)) for time in ("10:00:30", "10:30", "11:30")] == [0, 0, 0]
    with store.reading() as tx:
        assert tx.escalation_runs([1]) == {}
        assert tx.next_due() is not None
    desk.is_away = False
    desk.unread = Told().says(when("09:59:30")).events
    assert desk.ask("11:31") == ()


def test_a_level_that_is_due_later_waits_for_a_reading_of_its_own(store: Store) -> None:
    desk = Desk(store, rule(Notify(("lead",)), levels=(Level(1800, (Notify(("boss",)),)),)))
    reopened(desk)
    desk.listed = when("11:00")
    assert len(desk.ask("11:00")) == 1
    desk.is_away = True
    assert desk.ask("11:30") == ()
    desk.listed = when("11:31")
    assert [fact.receivers for fact in desk.ask("11:31")] == [("boss",)]


UNTOUCHED = Conditions(all=(Condition("minutes_since.bug_touched", Operator.GREATER_THAN, 59),))


@pytest.mark.parametrize(
    ("conditions", "is_linked", "spoken"),
    [(UNTOUCHED, True, 0), (LATE, True, 1), (LATE, False, 1)],
    ids=["about its bug", "about the ticket alone", "without a bug"],
)
def test_while_jira_cannot_be_read_a_rule_waits_that_goes_by_the_bug(
    store: Store, conditions: Conditions, is_linked: bool, spoken: int
) -> None:
    desk = Desk(store, rule(Notify(("lead",)), conditions=conditions))
    if is_linked:
        with store.transaction() as tx:
            desk.links = (tx.add_link(1, "10001", "NOVA-1", "nova", Origin.MANUAL, datetime(2026, 3, 2, tzinfo=UTC)),)
        desk.told.linked(when("09:01"))
    desk.bugs_listed = when("10:00")
    assert len(desk.ask("10:30")) == spoken
    assert desk.read_again == []
    desk.bugs_listed = ""
    assert len(desk.ask("10:31")) == 1 - spoken


def test_zendesk_is_not_asked_again_in_a_cycle_in_which_it_did_not_answer(store: Store) -> None:
    desk = Desk(store, rule(Notify(("lead",)), conditions=LATE))
    desk.listed = when("09:59")
    stamp = datetime.fromtimestamp(at(when("10:30")), UTC)
    desk.time = when("10:30")
    report = CycleReport()
    report.problems["zendesk"] = "Zendesk does not answer"
    assert desk.part.run([desk.clocks_at(desk.time)], stamp, report) == ()
    assert desk.read_again == []


def test_a_ticket_whose_history_is_not_read_yet_is_left_alone(store: Store) -> None:
    desk = Desk(store, rule(Notify(("lead",))))
    reopened(desk)
    desk.is_complete = False
    assert desk.ask("11:00") == ()
    assert desk.enqueued() == []


def test_the_index_knows_when_a_rule_is_next_worth_asking(store: Store) -> None:
    desk = Desk(store, rule(Notify(("lead",)), conditions=SILENT))
    desk.told.says(when("10:00"))
    desk.ask("10:01")
    with store.reading() as tx:
        due = tx.next_due()
    assert due is not None
    assert due <= datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
    assert [len(desk.ask(time)) for time in ("10:59", "11:00")] == [0, 1]


def test_a_rule_about_a_clock_speaks_when_the_clock_is_breached(store: Store) -> None:
    desk = Desk(store, rule(Notify(("lead",)), WriteNote(ready="root_cause"), conditions=LATE))
    assert [len(desk.ask(time)) for time in ("10:00", "10:00:01")] == [0, 1]
    (action,) = desk.enqueued()
    assert isinstance(action, EscalateTicket)
    assert action.told["breaches"] == ["first_reply: 1h 1s, nobody 1h 1s"]


def test_a_rule_acts_in_its_hours_only(store: Store) -> None:
    desk = Desk(store, rule(Notify(("lead",)), during="office"))
    desk.told.change(when("10:00"), status="solved").change(when("18:00"), status="open")
    assert [len(desk.ask(time)) for time in ("18:00", "23:00")] == [0, 0]


def test_tickets_of_a_kind_are_counted(store: Store) -> None:
    desk = Desk(
        store,
        rule(Notify(("lead",)), conditions=Conditions(all=(Condition("same_kind", Operator.GREATER_THAN, 1),))),
        kind_field="7",
    )
    assert desk.ask("10:00") == ()
    with store.transaction() as tx:
        tx.save_ticket_kinds({2: ("login", at(when("09:30")))})
    desk.told.change(when("11:00"), status="open")
    assert len(desk.ask("11:00")) == 1
